"""`placet strategy`: check what a strategy says, see what it would do, compare two versions of it.

What is signed of them is in `published.py`.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from placet.contracts.base import CustomerId
from placet.contracts.events.kinds import Channel
from placet.contracts.text import counted, spoken
from placet.contracts.times import Day
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount
from placet.interfaces.cli.live import outcomes, published
from placet.interfaces.cli.live.asked_base import AsOfOption, BaseOption, ask_base
from placet.interfaces.cli.live.strategy_files import FileArgument, strategy_in, text_in
from placet.interfaces.cli.options import JsonFlag, time_gone
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.strategies.findings import CheckedStrategy
    from placet.contracts.strategies.preview import StrategyPreview

app = typer.Typer(no_args_is_help=True, help="Strategies: check, preview, compare and publish them.")
published.add_to(app)
outcomes.add_to(app)

FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="strategies in YAML")]
ChannelOption = Annotated[str, typer.Option("--channel", help="sms, push, email, agent and so on")]


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="strategy")


@app.command("check")
def check(
    context: typer.Context,
    file: FileArgument,
    as_json: JsonFlag = False,
) -> None:
    """Check a strategy or a catalogue, and say it in words.

    Every fault has its line and column. With an error nobody can sign it.
    """
    from placet.decisioning.strategies.catalogues import agent_of_catalogue
    from placet.decisioning.strategies.hints import Here
    from placet.service.strategies.checking import check_catalogue, check_text, in_one_line

    toolbox: Toolbox = context.obj
    text = text_in(file)
    agent = agent_of_catalogue(text)
    if agent is None:
        checked, without = check_text(text, Here(datetime.now(UTC), toolbox.agents)), "nobody can sign it"
    else:
        declared = toolbox.facts(agent) if agent in toolbox.agents else ()
        checked, without = check_catalogue(text, declared), "no run can be decided by it"
    if as_json:
        output.print_json(checked.model_dump(mode="json"))
    else:
        for finding in checked.findings:
            output.print_line(in_one_line(str(file), finding))
        output.print_grouped((line.group, line.heading, line.words) for line in checked.told)
        if checked.digest:
            output.print_field("digest", checked.digest)
    if not checked.sound:
        raise UsageError(f"{str(file)!r}: {_counted(checked)}; {without}", code="strategy_unsound")


@app.command("preview")
def preview(
    context: typer.Context,
    file: FileArgument,
    base: BaseOption = None,
    as_of: AsOfOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what a strategy would do to the base as it is now. Nothing is sent.

    It counts whom it has, the control group, each stage, who could get what and why others could not, and the money.
    """
    from placet.interfaces.telling.strategies import preview_lines
    from placet.service.strategies.previewing import preview as preview_of

    toolbox: Toolbox = context.obj
    strategy = strategy_in(file)
    asked = ask_base(
        toolbox,
        base,
        as_of,
        of_file=lambda path: toolbox.strategy_preview_of_file(path, text_in(file)),
        of_database=lambda database, tenant, at: preview_of(database, tenant, strategy, at),
    )

    def say(found: "StrategyPreview") -> None:
        output.print_grouped(preview_lines(found))
        output.print_field("digest", found.digest)

    asked.print(say, as_json=as_json)


@app.command("plan")
def plan(
    context: typer.Context,
    files: FilesArgument,
    channel: ChannelOption = "sms",
    base: BaseOption = None,
    as_of: AsOfOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what several strategies together would do to the base.

    Each customer gets the treatment that is worth most. It counts who gets which, where the others fall, and the money.
    """
    from placet.interfaces.telling.strategies import plan_lines
    from placet.service.strategies.planning import plan as plan_of

    toolbox: Toolbox = context.obj
    strategies, told = [strategy_in(file) for file in files], _given(channel, Channel, "channel")
    asked = ask_base(
        toolbox,
        base,
        as_of,
        of_file=lambda path: toolbox.plan_of_file(path, [text_in(file) for file in files], told),
        of_database=lambda database, tenant, at: plan_of(database, tenant, strategies, told, at),
    )
    asked.print(lambda found: output.print_grouped(plan_lines(found)), as_json=as_json)


@app.command("decide")
def decide(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="for whom")],
    files: FilesArgument,
    channel: ChannelOption = "agent",
    at: Annotated[str | None, typer.Option("--at", help="as of then: 2026-03-01T09:30:00Z")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the next best action for a customer, and why no other.

    Every treatment says where it falls and why. Nothing is sent, and nothing is kept.
    """
    from placet.interfaces.telling.strategies import decision_lines
    from placet.service.strategies.deciding import decide_for

    toolbox: Toolbox = context.obj
    strategies, moment = [strategy_in(file) for file in files], time_gone(at, "--at")
    found = decide_for(
        toolbox.database(),
        toolbox.tenant,
        _given(customer, CustomerId, "customer"),
        strategies,
        channel=_given(channel, Channel, "channel"),
        at=moment,
    )
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    output.print_grouped(decision_lines(found))


@app.command("diff")
def diff(
    context: typer.Context,  # noqa: ARG001 - every command has it
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="the one version, in YAML")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="the other")],
    as_json: JsonFlag = False,
) -> None:
    """Compare two versions of a strategy, in words.

    It also says what the change means for customers who are in it already.
    """
    from placet.service.strategies.checking import compare

    found = compare(strategy_in(before), strategy_in(after))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    if found.before == found.after:
        output.print_line("both say the same: they are one version")
    for change in found.changes:
        was, now = change.before or "(not there)", change.after or "(not there)"
        name = f"{change.group}: {change.heading}"
        output.print_grouped([(name, "was", was), (name, "is", now)])
    for consequence in found.consequences:
        output.print_field("so", consequence)
    output.print_field("digests", f"{found.before[:16]}… {found.after[:16]}…")


@app.command("packages")
def list_packages(
    context: typer.Context,  # noqa: ARG001 - every command has it
    as_json: JsonFlag = False,
) -> None:
    """List the ready strategies, along a customer's life."""
    from placet.decisioning.strategies.packages import packages

    found = packages()
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        output.print_line(f"{one.name}: {one.about}")
        serves = f"; journey: {spoken(one.journey)}" if one.journey else ""
        measured = f"measured by {spoken(one.objective)}, runs {counted(one.least_days, 'day')} or more"
        output.print_line(f"  {spoken(one.lifecycle)}{serves}; {measured}")


@app.command("markets")
def list_markets(
    context: typer.Context,  # noqa: ARG001 - every command has it
    as_json: JsonFlag = False,
) -> None:
    """List the markets that ready strategies can be written for."""
    from placet.decisioning.strategies.packages import markets

    found = markets()
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        spends = f", {one.monthly} a month in the bundled sample" if one.monthly else ""
        output.print_line(f"{one.code}  {one.title}: {one.currency}, {one.time_zone}{spends}")


@app.command("new")
def new(
    context: typer.Context,  # noqa: ARG001 - every command has it
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="one of `placet strategy packages`")],
    market: Annotated[str, typer.Option("--market", metavar="CODE", help="one of `placet strategy markets`")] = "us",
    monthly: Annotated[
        str | None, typer.Option("--monthly", metavar="AMOUNT", help="what a customer spends in a month: '20.00 EUR'")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="what it is called; by default as the package")] = None,
    first: Annotated[
        str | None, typer.Option("--first", metavar="DAY", help="its first day; by default today in the market")
    ] = None,
    days: Annotated[int, typer.Option("--days", help="on how many days it runs")] = 90,
) -> None:
    """Write a ready strategy for a market, for you to change.

    It goes to standard output. Amounts are shares of what a customer spends in a month.
    """
    from placet.decisioning.strategies.packages import market_named, package_named, written

    found, where = package_named(package), market_named(market)
    text = written(
        found,
        where,
        name=found.name if name is None else name,
        monthly=amount(monthly, "--monthly"),
        first=datetime.now(ZoneInfo(where.time_zone)).date() if first is None else _given(first, Day, "--first"),
        days=days,
    )
    output.print_text(text.removesuffix("\n"))


@app.command("schema")
def schema(
    context: typer.Context,  # noqa: ARG001 - every command has it
) -> None:
    """Print the JSON schema of a strategy, for editors."""
    from placet.contracts.strategies.schema import strategy_schema

    output.print_json(strategy_schema())


def _given(text: str, kind: Any, what: str) -> Any:
    from pydantic import TypeAdapter

    from placet.service.given import value_of

    return value_of(text, TypeAdapter(kind), what)


def _counted(checked: "CheckedStrategy") -> str:
    errors = sum(one.severity == "error" for one in checked.findings)
    warnings = len(checked.findings) - errors
    return counted(errors, "error") + (f" and {counted(warnings, 'warning')}" if warnings else "")
