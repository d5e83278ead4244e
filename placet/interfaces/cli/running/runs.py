"""`placet run start|list|show|wait|cancel`."""

import asyncio
import re
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from placet.contracts.run import END_STATES, RUN_ID_BEGINNING, RUN_STATES, RunState
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.options import (
    ApplicationOption,
    ByOption,
    CancelReasonOption,
    JsonFlag,
    RunArgument,
    SinceOption,
    UntilOption,
    application,
    asking,
    time_of,
)
from placet.interfaces.cli.run_output import print_run, print_runs
from placet.interfaces.cli.running.in_hand import documents, print_in_hand
from placet.interfaces.cli.running.shown_run import print_shown, read_shown
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.service.runs import Carries
    from placet.storage.runs import Found

UNFINISHED = 3
"""Exit code of a command that waited for a run, in vain: neither done nor failed."""

app = typer.Typer(no_args_is_help=True, help="Start and look at runs.")


def say_unfinished(run_id: str, state: str, seconds: float) -> int:
    """Say on stderr where a run stands for which nobody waits any longer; returns the exit code that says so."""
    output.print_notice(f"{run_id} is still {state!r} after {seconds:g} s and goes on; see `placet run wait {run_id}`")
    return UNFINISHED


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="run")


@app.command("start")
def start(
    context: typer.Context,
    customer: Annotated[str, typer.Option("--customer", help="customer id, e.g. C00042")],
    agent: ApplicationOption = None,
    key: Annotated[str | None, typer.Option("--key", help="idempotency key: the same key is the same run")] = None,
    by: ByOption = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="NAME", help="the published strategy that decides")
    ] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", help="where the customer is told; default: its first channel")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", help="seconds to wait for a decision or an end; 3 when none came")
    ] = 0,
    as_json: JsonFlag = False,
) -> int:
    """Start a governed run for a customer."""
    from placet.service.runs import build_request, find_run, start_run

    toolbox: Toolbox = context.obj
    carries = None if strategy is None else _carried(toolbox, strategy, channel)
    if carries is None and channel is not None:
        raise UsageError("--channel is of a strategy; give --strategy as well")
    request = build_request(
        tenant=toolbox.tenant,
        customer_id=customer,
        agent=application(toolbox, agent) if carries is None else carries.agent(agent),
        requested_by=asking(toolbox, by),
        key=key,
        agents=toolbox.agents,
        carries=carries,
    )
    database = toolbox.database()

    async def begin() -> tuple[bool, str | None]:
        engine = await toolbox.engine()
        new = (await start_run(database, engine, request)).new
        return new, (await engine.meeting()).warning

    new, warning = toolbox.run(begin())
    if warning is not None:
        output.print_warning(warning)
    if not as_json:  # before the wait: whoever interrupts that must know which run goes on
        output.print_line(f"{request.run_id}  {'started' if new else 'exists already: same key, same run'}")
    in_time = True
    if wait and warning is None:
        in_time = toolbox.run(settled(toolbox, request.run_id, wait))
    record = find_run(database, request.run_id, toolbox.tenant)
    if as_json:
        output.print_json({"new": new, **record.model_dump(mode="json")})
    else:
        if wait or not new:
            print_run(record)
        if record.state == "awaiting_decision":
            output.print_line(f"it waits for a person: `placet run show {record.run_id}`, then approve or reject it")
    if not in_time:
        return say_unfinished(record.run_id, record.state, wait)
    return 1 if record.state == "failed" or (wait and warning is not None) else 0


def _carried(toolbox: Toolbox, wanted: str, channel: str | None) -> "Carries":
    from datetime import UTC, datetime

    from placet.interfaces.cli.live.published import policies_by_agent
    from placet.service.strategies.publishing import carried

    return carried(toolbox.database(), toolbox.tenant, wanted, channel, policies_by_agent(toolbox), datetime.now(UTC))


async def settled(toolbox: Toolbox, run_id: str, seconds: float) -> bool:
    """Wait until a run needs a person or has ended; False when nothing came within `seconds`."""
    from placet.service.runs import find_run

    deadline = asyncio.get_running_loop().time() + seconds
    waiting = END_STATES | {"awaiting_decision", "unknown_outcome"}
    while find_run(toolbox.database(), run_id, toolbox.tenant).state not in waiting:
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


@app.command("list")
def list_runs(
    context: typer.Context,
    state: Annotated[str | None, typer.Option("--state", help="only runs in this state")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="only this customer's runs")] = None,
    by: Annotated[str | None, typer.Option("--by", help="only runs that this person asked for")] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="only this application's")] = None,
    key: Annotated[str | None, typer.Option("--key", help="only what was asked for under this idempotency key")] = None,
    begins: Annotated[str | None, typer.Option("--id", help="only ids that begin so: run-3f2a")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    after: Annotated[str | None, typer.Option("--after", help="go on after this run of the list")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List runs, newest first.

    Standard error says how to go on where there are more.
    """
    from placet.service.runs import find_run

    toolbox: Toolbox = context.obj
    wanted = None if state is None else _state(state)
    more: Found = {
        "agent": agent,
        "key": key,
        "begins": _beginning(begins),
        "since": time_of(since, "--since"),
        "until": time_of(until, "--until"),
    }
    if after is not None:
        find_run(toolbox.database(), after, toolbox.tenant)
    with toolbox.database().reading() as tx:
        found = tx.runs.list(toolbox.tenant, wanted, customer, by, limit + 1, after, **more)
    records = found[:limit]
    if len(found) > limit:
        output.print_notice(f"there are older ones: add `--after {records[-1].run_id}`")
    if as_json:
        output.print_json([record.model_dump(mode="json") for record in records])
    elif records:
        print_runs(records)
    else:
        narrowed = any((wanted, customer, by, after, *more.values()))
        output.print_line(f"no runs of tenant {toolbox.tenant!r}{' like that' if narrowed else ''}")


def _beginning(text: str | None) -> str | None:
    if text is not None and not re.match(RUN_ID_BEGINNING, text):
        raise typer.BadParameter(
            f"{text!r} begins no run's id; write four digits of it or more, such as run-3f2a", param_hint="--id"
        )
    return text


def _state(name: str) -> RunState:
    try:
        return TypeAdapter(RunState).validate_python(name)
    except ValidationError as error:
        known = ", ".join(RUN_STATES)
        raise typer.BadParameter(f"{name!r} is no state of a run; states: {known}", param_hint="--state") from error


@app.command("show")
def show(
    context: typer.Context,
    run_id: RunArgument,
    name: Annotated[
        str | None, typer.Option("--as", help="your name, to note on the record that you saw a waiting proposal")
    ] = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="what billing answered")] = False,
    prompts: Annotated[bool, typer.Option("--prompts", help="what the models were shown")] = False,
    answers: Annotated[bool, typer.Option("--answers", help="what the models said")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one run: its state, its proposal and its record.

    The proposal is shown with the candidates that it beat. Exits with 1 where the run's row and its record disagree.
    """
    from placet.service.oversight import record_seen
    from placet.service.runs import find_run

    toolbox: Toolbox = context.obj
    database = toolbox.database()
    record = find_run(database, run_id, toolbox.tenant)
    if name is not None and record.proposal is not None and not record_seen(database, record, record.proposal, name):
        raise UsageError(f"nobody is enrolled as {name!r}; see `placet keys list`", code="unknown_person")
    if evidence or prompts or answers:
        wanted = {"evidence": evidence, "prompts": prompts, "answers": answers}
        if as_json:
            output.print_json({"run_id": run_id, **documents(database, run_id, toolbox.tenant, **wanted)})
        else:
            print_in_hand(database, run_id, toolbox.tenant, **wanted)
        return
    shown = read_shown(toolbox, record)
    if as_json:
        output.print_json(shown.document())
    else:
        print_shown(toolbox, shown)
    if shown.row_fault:
        output.print_error(f"do not rely on this: {shown.row_fault}")
        raise typer.Exit(1)


@app.command("wait")
def wait_for(
    context: typer.Context,
    run_id: RunArgument,
    seconds: Annotated[float, typer.Option("--seconds", help="give up after this long")] = 60,
    as_json: JsonFlag = False,
) -> int:
    """Wait until a run needs a person or has ended.

    Exits with 1 when it ended failed, 3 when nothing came in time.
    """
    from placet.service.runs import find_run

    toolbox: Toolbox = context.obj
    in_time = toolbox.run(settled(toolbox, run_id, seconds))
    record = find_run(toolbox.database(), run_id, toolbox.tenant)
    if as_json:
        output.print_json(record.model_dump(mode="json"))
    else:
        print_run(record)
    if not in_time:
        return say_unfinished(run_id, record.state, seconds)
    return 1 if record.state == "failed" else 0


@app.command("cancel")
def cancel(context: typer.Context, run_id: RunArgument, by: ByOption = None, reason: CancelReasonOption = "") -> None:
    """End a run without an effect. One whose effect is under way is settled first."""
    from placet.service.runs import find_run, record_cancellation

    toolbox: Toolbox = context.obj
    record = find_run(toolbox.database(), run_id, toolbox.tenant)
    record_cancellation(toolbox.database(), record, asking(toolbox, by), reason)

    async def ask() -> None:
        await (await toolbox.engine()).cancel(run_id)

    toolbox.run(ask())
    output.print_line(f"{run_id}  cancellation requested; what became of it: `placet run wait {run_id}`")
