"""The oversight report as figures, charts and the tables behind them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.text import NAME, counted, one_line
from placet.governance.oversight.report import QUICK_SECONDS, ApproverFigures, OversightReport
from placet.interfaces.console.views.evidence import Chart, Point, Row

MOST_IN_CHART: Final = 12
MOST_IN_TABLE: Final = 100
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class ApproverShown:
    """One approver's figures in words."""

    name: str
    decided: str
    said_no: str
    amended: str
    looked: str
    unseen: str
    quick: str
    controls: str


@dataclass(frozen=True, slots=True)
class ReportShown:
    """The report.

    Attributes:
        left_out: How many approvers the table has no room for; JSON output has all.
    """

    since: datetime
    until: datetime
    gates: tuple[Row, ...]
    controls: tuple[Row, ...]
    charts: tuple[Chart, ...]
    approvers: tuple[ApproverShown, ...]
    left_out: int
    notes: tuple[str, ...]


def report_of(report: OversightReport) -> ReportShown:
    """Return how a report is shown."""
    overall, controls = report.overall, report.controls
    most = sorted(report.approvers, key=lambda one: (-one.decided, one.approver))
    median = overall.median_seconds_to_decision
    return ReportShown(
        since=report.since,
        until=report.until,
        gates=(
            Row("Gates that asked people", str(overall.asked)),
            Row("Looked at before", f"{overall.seen} of {overall.asked}"),
            Row("Half were decided within", "nothing was decided" if median is None else _seconds(median)),
            Row("Decisions that were refused", str(overall.refused_attempts)),
            Row("Notifications delivered", f"{overall.delivered} of {overall.delivered + overall.undelivered}"),
        ),
        controls=(
            Row("Planted in the period", str(controls.seeded)),
            Row("Caught: rejected", str(controls.caught)),
            Row("Missed: approved or amended", str(controls.missed)),
            Row("Ended undecided", str(controls.undecided)),
            Row("Still open", str(controls.open)),
            Row("Never planted: nobody was asked", str(controls.never_planted)),
        ),
        charts=tuple(_charts(report, most[:MOST_IN_CHART])),
        approvers=tuple(_approver(one) for one in most[:MOST_IN_TABLE]),
        left_out=max(0, len(most) - MOST_IN_TABLE),
        notes=tuple(one_line(note) for note in report.notes[:MOST_IN_TABLE]),
    )


def _charts(report: OversightReport, most: list[ApproverFigures]) -> list[Chart]:
    overall = report.overall
    ends = (
        ("Decided", overall.decided),
        ("Expired", overall.expired_undecided),
        ("Other", overall.ended_otherwise),
        ("Waiting", overall.waiting),
    )
    charts = []
    if overall.asked:
        points = tuple(Point(name, str(number), str(number)) for name, number in ends)
        charts.append(Chart("What became of the gates", "number", "Gates", points))
    charts += _by_person("Decisions made", "number", "Decisions", most, lambda one: one.decided, str)
    charts += _by_person("How often they said no", "per cent", "Share", most, _share_of_no, lambda value: f"{value} %")
    charts += _by_person(
        "How long they looked", "seconds", "Median", most, lambda one: one.median_seconds_open, _seconds
    )
    return charts


def _by_person(
    title: str,
    unit: str,
    what: str,
    most: list[ApproverFigures],
    value: Callable[[ApproverFigures], int | None],
    shown: Callable[[int], str],
) -> list[Chart]:
    figures = [(one_line(one.approver, NAME), value(one)) for one in most]
    points = tuple(Point(name, shown(number), str(number)) for name, number in figures if number is not None)
    return [Chart(title, unit, what, points)] if points else []


def _share_of_no(one: ApproverFigures) -> int | None:
    return None if not one.decided else one.declined * _PERCENT // one.decided


def _approver(one: ApproverFigures) -> ApproverShown:
    controls = f"{one.controls_caught} of {one.controls_shown} caught" if one.controls_shown else "none met"
    if one.controls_missed:
        controls += f", {one.controls_missed} missed"
    return ApproverShown(
        name=one.approver,
        decided=str(one.decided),
        said_no=f"{one.declined} of {one.decided}",
        amended=str(one.amended),
        looked="no look before" if one.median_seconds_open is None else _seconds(one.median_seconds_open),
        unseen=str(one.decided_unseen),
        quick=f"{one.quick} of {one.timed} within {QUICK_SECONDS} s",
        controls=controls,
    )


def _seconds(seconds: int) -> str:
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return counted(round(seconds / size), unit)
    return counted(seconds, "second")
