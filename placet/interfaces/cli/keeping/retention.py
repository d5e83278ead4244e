"""`placet retention show|run`: what is kept for how long, what would go now, and erasing it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from placet.contracts.text import counted
from placet.contracts.times import day, rfc3339
from placet.interfaces.cli import output
from placet.interfaces.cli.options import ByOption, JsonFlag, asking
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.retention import Periods
    from placet.service.keeping.retention import Outcome
    from placet.storage.retention.erasing import Size

app = typer.Typer(no_args_is_help=True, help="Erase customers' data that no run needs any more.")

_NAMES: Final = {"evidence": "prompts, answers and billing evidence", "proposal": "proposals"}
_SETTINGS: Final = {"evidence": "PLACET_RETAIN_EVIDENCE_DAYS", "proposal": "PLACET_RETAIN_PROPOSALS_DAYS"}
_NOTICES: Final = ("notifications", "PLACET_RETAIN_NOTICES_DAYS")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="retention")


@app.command("show")
def show(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Say how long data is kept, and what would be erased now.

    `placet retention run` erases it; this changes nothing.
    """
    from placet.service.keeping.retention import would_erase

    toolbox: Toolbox = context.obj
    periods = toolbox.periods()
    _print(toolbox, periods, would_erase(toolbox.database(), toolbox.tenant, periods, datetime.now(UTC)), as_json)


@app.command("run")
def run(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what would go")] = False,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Erase what is past its period and needed by no run.

    The record says what went, and still verifies.
    """
    from placet.service.keeping.retention import apply_retention

    if dry_run:
        show(context, as_json)
        return
    toolbox: Toolbox = context.obj
    periods = toolbox.periods()
    outcome = apply_retention(
        toolbox.database(), toolbox.tenant, periods, by=asking(toolbox, by), now=datetime.now(UTC)
    )
    if as_json:
        output.print_json(_document(periods, outcome))
        return
    for kind, size in outcome.documents.items():
        if size.count:
            output.print_line(f"erased {_counted(size)}: {_NAMES[kind]}{_since(size)}")
    if outcome.notices.count:
        output.print_line(f"erased {counted(outcome.notices.count, 'notification')}")
    output.print_line("nothing was due" if outcome.nothing else "the entries are in `placet audit log`")


def _print(toolbox: Toolbox, periods: "Periods", outcome: "Outcome", as_json: bool) -> None:
    if as_json:
        output.print_json(_document(periods, outcome))
        return
    for kind, size in outcome.documents.items():
        _line(_NAMES[kind], _SETTINGS[kind], periods.classes.get(kind), size)
    _line(*_NOTICES, periods.notices, outcome.notices)
    given = counted(periods.given, "day")
    output.print_line(f"what a customer was given stays for {given} in any case: so far the contact policies look back")
    if not outcome.nothing:
        output.print_line(f"erase it, for tenant {toolbox.tenant}: placet retention run")


def _line(name: str, setting: str, days: int | None, size: "Size") -> None:
    if days is None:
        output.print_line(f"{name}: kept for ever ({setting} is not set)")
        return
    due = f"{_counted(size)} would go{_since(size)}" if size.count else "nothing is due"
    output.print_line(f"{name}: kept for {counted(days, 'day')}; {due}")


def _counted(size: "Size") -> str:
    return f"{size.count} ({size.size / 1e6:.2f} MB)"


def _since(size: "Size") -> str:
    return f", the oldest from {day(size.oldest)}" if size.oldest is not None else ""


def _document(periods: "Periods", outcome: "Outcome") -> dict[str, Any]:
    kinds: dict[str, Any] = {kind: _sized(periods.classes.get(kind), size) for kind, size in outcome.documents.items()}
    return {"given_days": periods.given, "notices": _sized(periods.notices, outcome.notices), **kinds}


def _sized(days: int | None, size: "Size") -> dict[str, Any]:
    oldest = None if size.oldest is None else rfc3339(size.oldest)
    return {"days": days, "count": size.count, "bytes": size.size, "oldest": oldest}
