"""`placet journey start|list|show`: customers in strategies of several steps."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from placet.contracts.text import counted, spoken
from placet.contracts.times import minute, moment
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.options import ByOption, JsonFlag, asking
from placet.interfaces.cli.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, help="Customers in strategies of several steps.")

_Strategy = Annotated[str | None, typer.Option("--strategy", help="the strategy's name")]


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="journey")


@app.command("start")
def start(
    context: typer.Context,
    customer: Annotated[str, typer.Option("--customer", help="customer id")],
    strategy: Annotated[str, typer.Option("--strategy", help="a published strategy of several steps")],
    channel: Annotated[
        str | None, typer.Option("--channel", help="where they are told; default: its first channel")
    ] = None,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let one customer enter a strategy of several steps.

    A rollout does so for each customer whom its stage reaches. Who is outside the cohort, or in the control group,
    leaves at once, and the record says why.
    """
    from placet.service.journeys.ordering import start_by_hand

    toolbox: Toolbox = context.obj
    database, policies = toolbox.database(), policies_by_agent(toolbox)

    async def begin() -> bool:
        engine = await toolbox.engine()
        return await start_by_hand(
            database,
            engine,
            tenant=toolbox.tenant,
            customer_id=customer,
            wanted=strategy,
            channel=channel,
            by=asking(toolbox, by),
            policies=policies,
        )

    new = toolbox.run(begin())
    if not as_json:
        output.print_line(f"{customer} {'enters' if new else 'is already in'} strategy {strategy}")
    _show(toolbox, strategy, customer, as_json=as_json)


@app.command("list")
def list_all(
    context: typer.Context,
    strategy: _Strategy = None,
    step: Annotated[str | None, typer.Option("--step", help="only those in this step")] = None,
    inside: Annotated[bool, typer.Option("--inside", help="only those that are not over")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="most that are listed")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List who is in which step, who entered last first."""
    from placet.service.journeys.showing import list_journeys
    from placet.storage.strategies.journeys import AlteredJourney

    toolbox: Toolbox = context.obj
    found = list_journeys(toolbox.database(), toolbox.tenant, strategy=strategy, step=step, inside=inside, limit=limit)
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    lines = (
        f"{one.customer_id}  {one.strategy}  ALTERED: {one.fault}"
        if isinstance(one, AlteredJourney)
        else f"{one.customer_id}  {one.strategy}  "
        f"{spoken(one.step) if one.ended_at is None else f'left at {spoken(one.step)}'}: {one.detail}, "
        f"entered {minute(one.entered_at)}"
        for one in found
    )
    output.print_lines(lines, none="nobody is in a strategy of several steps")


@app.command("show")
def show(
    context: typer.Context,
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY", help="the strategy's name")],
    customer: Annotated[str | None, typer.Option("--customer", help="one customer's journey, by the record")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show who is in which step of a strategy, and how fast they went.

    Each step is told with how many left the journey there, and why.
    """
    from placet.interfaces.telling.journey_words import leg_in_words
    from placet.service.journeys.showing import show_strategy

    toolbox: Toolbox = context.obj
    if customer is not None:
        _show(toolbox, strategy, customer, as_json=as_json)
        return
    found = show_strategy(toolbox.database(), toolbox.tenant, strategy, policies_by_agent(toolbox))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    output.print_field("strategy", f"“{found.title or '(its text is gone)'}” ({found.strategy})")
    output.print_field("inside", f"{counted(found.inside, 'customer')} of {found.ever:,} who ever entered")
    for step in found.steps:
        output.print_field(spoken(step.step), f"{step.inside:,} in it; {step.words}")
        for one in step.ended:
            output.print_line(f"  {one.customers:,} left here ({spoken(one.code)}): {one.reason}")
    for leg in found.velocity:
        output.print_field(leg.leg, leg_in_words(leg))


def _show(toolbox: Toolbox, strategy: str, customer: str, *, as_json: bool) -> None:
    from placet.interfaces.record_words import in_words, who
    from placet.service.journeys.showing import show_journey

    found = show_journey(toolbox.database(), toolbox.tenant, strategy, customer)
    row = found.row
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_field("journey", f"{row.customer_id} in {row.strategy}, version {row.version[:16]}")
        output.print_field("step", f"{spoken(found.step)}, since {minute(row.step_since)}")
        output.print_field("does", f"{spoken(row.phase)}: {row.detail}")
        if found.stalled:
            output.print_notice(
                f"it should have been looked at {minute(row.next_at or datetime.now(UTC))}: its workflow may be gone; "
                f"`placet journey start --customer {customer} --strategy {strategy}` starts it again"
            )
        for event in found.acts:
            output.print_line(f"{moment(event.at)}  {who(event)}  {in_words(event)}")
    if found.fault:
        raise UsageError(found.fault, code="row_contradicts_record")
