"""`placet rollout start|list|show|promote|pause|resume|abort`: a published strategy, stage by stage."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from placet.contracts.text import counted, spoken
from placet.contracts.times import minute, moment
from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.options import (
    AsOption,
    ByOption,
    CancelReasonOption,
    JsonFlag,
    KeyOption,
    ReasonOption,
    asking,
)
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.strategies.rolling import RolloutAsked
    from placet.service.rollouts.showing import ShownRollout

app = typer.Typer(no_args_is_help=True, help="Rollouts of published strategies, stage by stage.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="the strategy's name, or a version or the beginning of one")
]
_LOOKS: Final = 5


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="rollout")


@app.command("start")
def start(
    context: typer.Context,
    name: NameArgument,
    channel: Annotated[
        str | None, typer.Option("--channel", help="where customers are told; default: its first channel")
    ] = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Start the rollout of a published strategy, at its first stage.

    Runs are started for the members of its cohort whom the stage reaches. Whoever published it may not start it.
    """
    from placet.service.rollouts.ordering import start_rollout
    from placet.service.rollouts.showing import show_rollout

    toolbox: Toolbox = context.obj
    database, policies = toolbox.database(), policies_by_agent(toolbox)

    async def begin() -> "RolloutAsked":
        engine = await toolbox.engine()
        return await start_rollout(
            database,
            engine,
            tenant=toolbox.tenant,
            wanted=name,
            by=asking(toolbox, by),
            policies=policies,
            channel=channel,
        )

    asked = toolbox.run(begin())
    _print(show_rollout(database, toolbox.tenant, asked.version, policies), as_json=as_json)


@app.command("list")
def list_all(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List all rollouts, the newest first."""
    from placet.contracts.strategies.written import share_in_words
    from placet.service.rollouts.showing import list_rollouts
    from placet.storage.strategies.rollouts import AlteredRollout

    toolbox: Toolbox = context.obj
    found = list_rollouts(toolbox.database(), toolbox.tenant, policies_by_agent(toolbox))
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    lines = (
        f"{one.version[:16]}  ALTERED: {one.fault}"
        if isinstance(one, AlteredRollout)
        else f"{one.row.asked.strategy}  {one.version[:16]}  {share_in_words(one.reached)}, "
        f"{spoken(one.phase)}: {one.stands}, started {minute(one.row.started_at)} by {one.row.asked.requested_by}"
        for one in found
    )
    output.print_lines(lines, none="no rollout was started")


@app.command("show")
def show(context: typer.Context, name: NameArgument, as_json: JsonFlag = False) -> None:
    """Show a rollout: its stage, its guard rails, who decided what."""
    from placet.service.rollouts.showing import show_rollout

    toolbox: Toolbox = context.obj
    found = show_rollout(toolbox.database(), toolbox.tenant, name, policies_by_agent(toolbox))
    _print(found, as_json=as_json)


@app.command("promote")
def promote(
    context: typer.Context,
    name: NameArgument,
    signer: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign a rollout on to its next stage.

    What its guard rails said is shown first. Policy says who may: whoever may publish the strategy.
    """
    _order(context.obj, name, "promote", signer, key_file, reason)


@app.command("resume")
def resume(
    context: typer.Context,
    name: NameArgument,
    signer: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign that a rollout that was held may go on."""
    _order(context.obj, name, "resume", signer, key_file, reason)


@app.command("pause")
def pause(context: typer.Context, name: NameArgument, by: ByOption = None, reason: CancelReasonOption = "") -> None:
    """Hold a rollout: nobody is treated until somebody signs it on."""
    _stop(context.obj, name, "pause", by, reason)


@app.command("abort")
def abort(context: typer.Context, name: NameArgument, by: ByOption = None, reason: CancelReasonOption = "") -> None:
    """End a rollout for good: nobody more is treated by this version."""
    _stop(context.obj, name, "abort", by, reason)


def _stop(toolbox: Toolbox, name: str, how: Literal["pause", "abort"], by: str | None, reason: str) -> None:
    from placet.service.rollouts.ordering import stop_rollout

    found = stop_rollout(
        toolbox.database(),
        tenant=toolbox.tenant,
        wanted=name,
        how=how,
        by=asking(toolbox, by),
        reason=reason,
        policies=policies_by_agent(toolbox),
    )
    _tell(toolbox, found.row.asked)
    _print(found, as_json=False)


def _order(
    toolbox: Toolbox, name: str, action: Literal["promote", "resume"], signer: str, key_file: KeyOption, reason: str
) -> None:
    from placet.contracts.strategies.written import share_in_words
    from placet.interfaces.telling.rollouts import early_in_words
    from placet.service.rollouts.ordering import order_of, sign_order, take_order
    from placet.service.rollouts.showing import show_rollout

    check_signer(toolbox, signer, key_file)
    database, policies = toolbox.database(), policies_by_agent(toolbox)
    found = show_rollout(database, toolbox.tenant, name, policies)
    _print(found, as_json=False)
    order = order_of(
        database,
        tenant=toolbox.tenant,
        wanted=name,
        action=action,
        signer=signer,
        reason=reason,
        policies=policies,
    )
    if action == "promote" and found.asks is None:
        output.print_notice(f"{early_in_words(found, order.signed_at)}; you sign it on all the same")
    to = "" if order.to is None else f" to {share_in_words(order.to)} of its cohort"
    output.print_line(f"you sign: {action} {order.strategy}{to}")
    envelope = sign_order(order, load_signer(toolbox, signer, key_file).key)
    take_order(database, envelope, tenant=toolbox.tenant, policies=policies)
    _tell(toolbox, found.row.asked)
    output.print_line(f"{order.strategy}: {action} is signed by {signer}")


def _tell(toolbox: Toolbox, asked: "RolloutAsked") -> None:
    """Tell the workflow, where Temporal answers; it finds out by itself otherwise."""
    from placet.errors import PlacetError

    async def tell() -> None:
        await (await toolbox.engine()).tell_rollout(asked)

    try:
        toolbox.run(tell())
    except PlacetError as error:
        output.print_notice(f"it counts, and the rollout hears of it later: {error}")


def _print(found: "ShownRollout", *, as_json: bool) -> None:
    from placet.contracts.strategies.written import share_in_words
    from placet.interfaces.record_words import in_words, who
    from placet.interfaces.telling.outcomes import verdict_in_words
    from placet.interfaces.telling.rollouts import move_in_words, velocity_in_words

    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    row, counts = found.row, found.counts
    title = found.strategy.title or "(its text is gone)"
    output.print_field("rollout", f"“{title}” ({row.asked.strategy}), version {row.asked.version[:16]}")
    stages = " → ".join(
        f"[{share_in_words(one)}]" if number == found.stage else share_in_words(one)
        for number, one in enumerate(found.stages)
    )
    output.print_field("stage", f"{stages}; {found.stands}")
    output.print_field("does", f"{spoken(found.phase)}: {found.detail}")
    reached = f"{counts.started:,} of {counted(counts.treated, 'customer')} whom this stage reaches have a run"
    output.print_field("members", f"{counts.members:,}, {counts.control:,} of them in the control group; {reached}")
    if found.stalled:
        output.print_notice(
            f"it has not moved since {minute(row.next_at or row.started_at)}: its workflow may be gone; "
            f"`placet rollout start {row.asked.strategy}` starts it again"
        )
    if found.runs:
        output.print_field("runs", ", ".join(f"{many:,} {spoken(state)}" for state, many in found.runs.items()))
    if found.velocity is not None:
        output.print_field("how fast", velocity_in_words(found.velocity))
    if found.asks is not None:
        output.print_field("asks", f"for the next stage: `placet rollout promote {row.asked.strategy} --as NAME`")
    for move in found.moves:
        output.print_field("move", move_in_words(move))
    for look in found.looks[:_LOOKS]:
        output.print_field(
            "look", f"{look.number}, {minute(look.at)}, at {share_in_words(look.reached)}: {look.outcome}"
        )
        for verdict in look.verdicts:
            output.print_line(f"  {verdict_in_words(verdict)}")
    for event in found.acts:
        output.print_line(f"{moment(event.at)}  {who(event)}  {in_words(event)}")
