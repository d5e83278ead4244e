"""Outcomes of a strategy: what changed, between what, and whether it may be chance; intervals as drawings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from placet.contracts.money import minor_digits
from placet.contracts.outcomes.figures import MILLION, Millionths
from placet.contracts.outcomes.report import MeasuredOutcome, OutcomeGroup, OutcomesReport
from placet.contracts.outcomes.uplift import Uplift
from placet.contracts.strategies.rollout import Measure
from placet.contracts.text import NAME, one_line
from placet.interfaces.console.views.common import Badge
from placet.interfaces.telling.outcome_reports import summary

_POINT: Final = MILLION // 100
_LEFT: Final = 8.0
_WIDE: Final = 304.0
"""Of the drawing of one interval, in its own units: 320 with its margins."""
_LEAST: Final = 1e-9


class Interval(NamedTuple):
    """One interval of a chart: its words, and its places in the drawing; None where nothing is known.

    Attributes:
        places: Low end, high end, the difference, and no difference.
    """

    name: str
    shown: str
    low: str
    high: str
    plain: str
    groups: str
    badge: Badge
    places: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class Intervals:
    """A chart of intervals over one axis, and the table behind it.

    Attributes:
        first: Figure at the left end of the axis; empty where nothing is known.
        last: Figure at its right end.
    """

    title: str
    unit: str
    first: str
    last: str
    rows: tuple[Interval, ...]


class Said(NamedTuple):
    """One sentence of a group, and what it is."""

    title: str
    said: str
    badge: Badge
    primary: bool


@dataclass(frozen=True, slots=True)
class GroupShown:
    """A group in full."""

    title: str
    groups: str
    fault: str
    said: tuple[Said, ...]
    value: str


@dataclass(frozen=True, slots=True)
class OutcomesShown:
    """The outcomes of a strategy at one horizon.

    Attributes:
        notes: What is to be known before any figure is read.
        whole: All customers; None where nobody was counted.
        arms: A chart for each measure that arms were compared by.
        segments: The same of segments.
    """

    name: str
    version: str
    title: str
    days: int
    notes: tuple[str, ...]
    whole: GroupShown | None
    charts: tuple[Intervals, ...]
    arms: tuple[Intervals, ...]
    segments: tuple[Intervals, ...]
    batches: int


def outcomes_of(report: OutcomesReport) -> OutcomesShown:
    """Return how a report with its sentences is shown."""
    whole = next((one for one in report.groups if one.kind == "all"), None)
    return OutcomesShown(
        name=report.strategy,
        version=report.version,
        title=one_line(report.title, NAME),
        days=report.days,
        notes=tuple(summary(report)),
        whole=None if whole is None else _group(whole),
        charts=() if whole is None else tuple(_of_whole(whole, report)),
        arms=tuple(_by_measure("By arm", [one for one in report.groups if one.kind == "arm"], report)),
        segments=tuple(_by_measure("By segment", [one for one in report.groups if one.kind == "segment"], report)),
        batches=len(report.batches),
    )


def _group(one: OutcomeGroup) -> GroupShown:
    fault = "" if one.sample.kind == "sample_ratio" and one.sample.verdict == "as_planned" else one.sample.detail
    said = tuple(Said(each.title, each.said, _badge(each), each.primary) for each in one.measures)
    return GroupShown(one.title, _sizes(one), fault, said, one.value_said)


def _badge(one: MeasuredOutcome) -> Badge:
    if not isinstance(one.found, Uplift):
        return Badge("Not known", "quiet")
    if not one.clear:
        return Badge("May be chance", "waits")
    return Badge("Clear", "good")


def _of_whole(whole: OutcomeGroup, report: OutcomesReport) -> Iterator[Intervals]:
    shares = [(one.title, one, whole) for one in whole.measures if one.unit == "share"]
    yield _chart("Shares of customers, treated less control group", "points", shares, report)
    amounts = [(one.title, one, whole) for one in whole.measures if one.unit == "amount"]
    title = f"Spend in {report.days} days, treated less control group"
    yield _chart(title, f"{report.currency} a customer", amounts, report)


def _by_measure(how: str, groups: Sequence[OutcomeGroup], report: OutcomesReport) -> Iterator[Intervals]:
    """Yield a chart for what the strategy is for and one for spend."""
    wanted: tuple[Measure, ...] = tuple(dict.fromkeys((report.objective.measure, "spend")))
    for name in wanted:
        rows = [(one.title, each, one) for one in groups for each in one.measures if each.measure == name]
        if rows:
            unit = "points" if rows[0][1].unit == "share" else f"{report.currency} a customer"
            yield _chart(f"{how}: {rows[0][1].title.lower()}, treated less control group", unit, rows, report)


def _chart(
    title: str, unit: str, rows: Sequence[tuple[str, MeasuredOutcome, OutcomeGroup]], report: OutcomesReport
) -> Intervals:
    found = [one.found for _, one, _ in rows if isinstance(one.found, Uplift)]
    ends = [0, *(end for one in found for end in (one.between.low, one.between.high))]
    first, last = min(ends), max(ends)
    shown = tuple(_row(name, one, group, report, first, last) for name, one, group in rows)
    left, right = (_figure(rows[0][1], report.currency, end) if found else "" for end in (first, last))
    return Intervals(title, unit, left, right, shown)


def _row(
    name: str, one: MeasuredOutcome, group: OutcomeGroup, report: OutcomesReport, first: int, last: int
) -> Interval:
    found = one.found
    if not isinstance(found, Uplift):
        return Interval(name, "not known", "", "", "", _sizes(group), _badge(one), None)

    def place(figure: int) -> float:
        return round(_LEFT + _WIDE * (figure - first) / max(last - first, _LEAST), 1)

    def figure(value: Millionths) -> str:
        return _figure(one, report.currency, value)

    plain = found.narrowing.plain_between if found.narrowing is not None and found.narrowing.used else None
    return Interval(
        name=name,
        shown=figure(found.difference),
        low=figure(found.between.low),
        high=figure(found.between.high),
        plain="" if plain is None else f"{figure(plain.low)} to {figure(plain.high)}",
        groups=_sizes(group),
        badge=_badge(one),
        places=(place(found.between.low), place(found.between.high), place(found.difference), place(0)),
    )


def _figure(one: MeasuredOutcome, currency: str, value: Millionths) -> str:
    if one.unit == "share":
        return f"{value / _POINT:+.2f}"
    digits = minor_digits(currency)
    return f"{value / MILLION / 10**digits:+,.{digits}f}"


def _sizes(one: OutcomeGroup) -> str:
    return f"{one.treated:,} treated, {one.control:,} of the control group"
