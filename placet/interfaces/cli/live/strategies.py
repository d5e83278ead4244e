"""`placet strategy`: check what a strategy says, see what it would do, compare two versions of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from placet.contracts.base import CustomerId
from placet.contracts.events.kinds import Channel
from placet.contracts.text import counted
from placet.errors import UsageError
from placet.files import read_given
from placet.interfaces.cli import output
from placet.interfaces.cli.live.cohorts import AsOfOption, BaseOption, file_in_words, refuse_time, told_of
from placet.interfaces.cli.options import JsonFlag, time_gone
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.strategies.findings import CheckedStrategy
    from placet.contracts.strategies.strategy import Strategy

app = typer.Typer(no_args_is_help=True, help="Strategies: check, preview and compare them.")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="a strategy in YAML")]
FilesArgument = Annotated[list[Path], typer.Argument(metavar="FILE...", help="strategies in YAML")]
ChannelOption = Annotated[str, typer.Option("--channel", help="sms, push, email, agent and so on")]

_LARGEST: Final = 1_000_000


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="strategy")


@app.command("check")
def check(
    context: typer.Context,  # noqa: ARG001 - every command has it
    file: FileArgument,
    as_json: JsonFlag = False,
) -> None:
    """Check a strategy, and say it in words.

    Every fault has its line and column. With an error nobody can sign it.
    """
    from placet.service.strategies.checking import check_text, in_one_line

    checked = check_text(_text(file))
    if as_json:
        output.print_json(checked.model_dump(mode="json"))
    else:
        for finding in checked.findings:
            output.print_line(in_one_line(str(file), finding))
        output.print_grouped((line.group, line.heading, line.words) for line in checked.told)
        if checked.digest:
            output.print_field("digest", checked.digest)
    if not checked.sound:
        raise UsageError(f"{str(file)!r}: {_counted(checked)}; nobody can sign it", code="strategy_unsound")


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
    from placet.service.cohorts import fold_all
    from placet.service.strategies.previewing import preview as preview_of

    toolbox: Toolbox = context.obj
    strategy, header = _strategy(file), None
    if base is not None:
        refuse_time(as_of)
        answer = toolbox.strategy_preview_of_file(base, _text(file))
        header, found = answer.header, answer.found
    else:
        at, database = time_gone(as_of, "--as-of"), toolbox.database()
        fold_all(database, toolbox.tenant)
        found = preview_of(database, toolbox.tenant, strategy, at)
    if as_json:
        output.print_json({**found.model_dump(mode="json"), **told_of(header)})
        return
    if header is not None:
        output.print_field("base", file_in_words(header))
    output.print_grouped(preview_lines(found))
    output.print_field("digest", found.digest)


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
    from placet.service.cohorts import fold_all
    from placet.service.strategies.planning import plan as plan_of

    toolbox: Toolbox = context.obj
    strategies, told, header = [_strategy(file) for file in files], _given(channel, Channel, "channel"), None
    if base is not None:
        refuse_time(as_of)
        answer = toolbox.plan_of_file(base, [_text(file) for file in files], told)
        header, found = answer.header, answer.found
    else:
        at, database = time_gone(as_of, "--as-of"), toolbox.database()
        fold_all(database, toolbox.tenant)
        found = plan_of(database, toolbox.tenant, strategies, told, at)
    if as_json:
        output.print_json({**found.model_dump(mode="json"), **told_of(header)})
        return
    if header is not None:
        output.print_field("base", file_in_words(header))
    output.print_grouped(plan_lines(found))


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
    strategies, moment = [_strategy(file) for file in files], time_gone(at, "--at")
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

    found = compare(_strategy(before), _strategy(after))
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


@app.command("schema")
def schema(
    context: typer.Context,  # noqa: ARG001 - every command has it
) -> None:
    """Print the JSON schema of a strategy, for editors."""
    from placet.contracts.strategies.schema import strategy_schema

    output.print_json(strategy_schema())


def _text(file: Path) -> str:
    return read_given(file, "the strategy", most=_LARGEST)


def _strategy(file: Path) -> "Strategy":
    from placet.service.strategies.checking import strategy_of

    return strategy_of(_text(file), str(file))


def _given(text: str, kind: Any, what: str) -> Any:
    from pydantic import TypeAdapter

    from placet.service.given import value_of

    return value_of(text, TypeAdapter(kind), what)


def _counted(checked: "CheckedStrategy") -> str:
    errors = sum(one.severity == "error" for one in checked.findings)
    warnings = len(checked.findings) - errors
    return counted(errors, "error") + (f" and {counted(warnings, 'warning')}" if warnings else "")
