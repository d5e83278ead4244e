"""`placet kpi`: churn, ARPU and other figures, as they are kept, or computed in one pass."""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.cli.live.asked_base import AsOfOption, BaseOption, file_in_words, refuse_time, told_of
from placet.interfaces.cli.live.cohorts import SegmentOption, given_cohort
from placet.interfaces.cli.options import JsonFlag, time_gone
from placet.interfaces.cli.toolbox import Toolbox
from placet.interfaces.state_words import only_said_in_words
from placet.interfaces.telling.kpis import kpi_in_words, kpis_as_csv, left_out_in_words

if TYPE_CHECKING:
    from placet.contracts.cohorts.base_file import BaseHeader
    from placet.contracts.cohorts.kpis import KpiReport
    from placet.service.kpis.kept import Difference

_DIFFERS = 1


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("kpi")(kpi)


def kpi(
    context: typer.Context,
    cohort: Annotated[str | None, typer.Option("--cohort", metavar="EXPRESSION", help="of this cohort alone")] = None,
    segment: SegmentOption = None,
    base: BaseOption = None,
    day: Annotated[str | None, typer.Option("--day", metavar="DAY", help="a day that is kept: 2026-03-01")] = None,
    as_of: AsOfOption = None,
    anew: Annotated[bool, typer.Option("--anew", help="compute today's, and compare with what is kept")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="as a table for other programs; money in whole units")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show churn, ARPU and other figures of the last 30 days.

    They are kept for all customers and for each segment, and brought up to date. Of a cohort, a file or another time,
    they are computed in one pass. docs/metrics.md has the formulas.
    """
    toolbox: Toolbox = context.obj
    _check_one_of(cohort=cohort is not None or as_of is not None, day=day is not None, anew=anew)
    _check_one_of(cohort=cohort is not None, segment=segment is not None)
    _check_one_of(csv=as_csv, json=as_json)
    header: BaseHeader | None = None
    differing: tuple[Difference, ...] = ()
    if base is not None:
        refuse_time(as_of)
        if day is not None or anew:
            raise typer.BadParameter("a file has no kept figures: leave out --day and --anew", param_hint="--base")
        header, found = _found_in_file(toolbox, base, cohort, segment)
    else:
        at = None if as_of is None else time_gone(as_of, "--as-of")
        found, differing = _found(toolbox, cohort, segment, _day(day), at, anew)
    if as_json:
        output.print_json({**found.model_dump(mode="json"), **told_of(header)})
    elif as_csv:
        output.print_text(kpis_as_csv(found).replace("\r\n", "\n").removesuffix("\n"))
    else:
        _print(found, header)
        if base is None and day is None and as_of is None and cohort is None and segment is None:
            _say_of_whom_only_words_are_known(toolbox, found)
    for one in differing:
        currency = f" in {one.currency}" if one.currency else ""
        sys.stderr.write(f"{one.title}{currency}: kept as {one.kept}, anew {one.anew}\n")
    if anew and not differing and not (as_json or as_csv):
        output.print_line("What is kept is the same.")
    if differing:
        raise typer.Exit(_DIFFERS)


def _check_one_of(**given: bool) -> None:
    """Refuse options that exclude each other."""
    named = [f"--{name}" for name, there in given.items() if there]
    if len(named) > 1:
        every = ", ".join(
            "--cohort or --as-of" if name == "cohort" and "day" in given else f"--{name}" for name in given
        )
        raise typer.BadParameter(f"give one of: {every}", param_hint=named[-1])


def _found(
    toolbox: Toolbox, cohort: str | None, segment: str | None, day: date | None, as_of: datetime | None, anew: bool
) -> "tuple[KpiReport, tuple[Difference, ...]]":
    from placet.service.cohorts import fold_all
    from placet.service.kpis.kept import anew_report, day_report, differences, told
    from placet.service.kpis.once import kpi_report

    now, tenant, economics = datetime.now(UTC), toolbox.tenant, toolbox.economics()
    chosen = None if cohort is None and segment is None else given_cohort(cohort, None, segment)
    database = toolbox.database()
    fold_all(database, tenant)
    if cohort is not None or as_of is not None:
        return told(kpi_report(database, tenant, chosen, as_of or now), segment, economics), ()
    kept = day_report(database, tenant, segment, day, now, economics=economics)
    if not anew:
        return kept, ()
    found = anew_report(database, tenant, segment, now, economics=economics)
    return found, differences(kept, found)


def _found_in_file(
    toolbox: Toolbox, base: Path, cohort: str | None, segment: str | None
) -> "tuple[BaseHeader, KpiReport]":
    from placet.service.kpis.kept import told

    chosen = None if cohort is None and segment is None else given_cohort(cohort, None, segment)
    answer = toolbox.kpis_of_file(base, None if chosen is None else chosen.written)
    return answer.header, told(answer.found, segment, toolbox.economics())


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no day; write it like 2026-03-01", param_hint="--day") from error


def _say_of_whom_only_words_are_known(toolbox: Toolbox, found: "KpiReport") -> None:
    """Say why nobody is counted, although a score of somebody was taken."""
    from placet.service.cohorts import count_base

    if not found.customers and (many := count_base(toolbox.database(), toolbox.tenant) - found.left_out) > 0:
        output.print_field("no events", only_said_in_words(many))


def _print(found: "KpiReport", header: "BaseHeader | None") -> None:
    if header is not None:
        output.print_field("base", file_in_words(header))
    if found.cohort is not None:
        output.print_field("of", found.cohort.expression)
    output.print_field("as of", f"{minute(found.as_of)}, the last {found.days} days")
    if found.counted_at is not None:
        output.print_field("counted", minute(found.counted_at))
    output.print_field("customers", f"{found.customers:,}, {found.simulated:,} of them with simulated events")
    if found.left_out:
        output.print_field("left out", left_out_in_words(found.left_out, found.unreadable))
    for one in found.kpis:
        output.print_line(f"{one.title}: {kpi_in_words(one)}")
