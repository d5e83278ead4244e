"""Key figures as a table, what changed in 30 days, and a chart of the days that are kept."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from placet.contracts.cohorts.kpis import KpiDay, KpiDays, KpiReport, KpiValue
from placet.contracts.money import Money, minor_digits
from placet.decisioning.kpis.definitions import KPIS, Sum
from placet.interfaces.console.views.evidence import Chart, Point
from placet.interfaces.telling.kpis import left_out_in_words, sums_in_words, value_in_words

_BACK: Final = timedelta(days=30)
_FEWEST: Final = 2
_COUNTED: Final = {
    one.name: part.where for one in KPIS for part in (one.over or one.of,) if isinstance(part, Sum) and part.where
}
"""Who is counted below a figure, as a condition; who counts by households has none."""
_UNITS: Final = {"percent": "%", "times": "times in 30 days", "products": "products", "score": "points"}


@dataclass(frozen=True, slots=True)
class FigureShown:
    """One figure.

    Attributes:
        change: Against 30 days before; empty where that day is not kept.
        counted: A condition on who is counted; empty where none says it.
    """

    title: str
    value: str
    sums: str
    about: str
    change: str
    counted: str


@dataclass(frozen=True, slots=True)
class FiguresShown:
    """The page's figures; `notes` must be known beside them."""

    notes: tuple[str, ...]
    figures: tuple[FigureShown, ...]
    charts: tuple[Chart, ...]
    days: int


def figures_of(report: KpiReport, days: KpiDays) -> FiguresShown:
    """Return how figures are shown, with the days that are kept."""
    notes = []
    if report.simulated:
        notes.append(f"{report.simulated:,} of {report.customers:,} customers have simulated events: not real.")
    if report.left_out:
        notes.append(f"{left_out_in_words(report.left_out, report.unreadable)}.")
    if days.unreadable:
        notes.append(f"Days that cannot be shown, altered or of other definitions: {', '.join(days.unreadable)}.")
    before = next((one for one in days.days if one.day == _before(report)), None)
    return FiguresShown(
        notes=tuple(notes),
        figures=tuple(_figure(one, before, report.cohort.expression if report.cohort else "") for one in report.kpis),
        charts=tuple(_charts(report, days.days)) if len(days.days) >= _FEWEST else (),
        days=len(days.days),
    )


def _before(report: KpiReport) -> str:
    return (report.as_of.date() - _BACK).isoformat()


def _figure(one: KpiValue, before: KpiDay | None, of: str) -> FigureShown:
    counted = _COUNTED.get(one.name, "")
    return FigureShown(
        title=f"{one.title} ({one.currency})" if one.currency else one.title,
        value=value_in_words(one),
        sums=sums_in_words(one),
        about=one.about,
        change=_change(one, before),
        counted=f"({of}) AND ({counted})" if of and counted else counted,
    )


def _change(one: KpiValue, before: KpiDay | None) -> str:
    if before is None or one.value is None:
        return ""
    old = _same(one, before)
    if old is None or old.value is None:
        return ""
    by = one.value - old.value
    sign = "+" if by > 0 else ""
    if one.unit == "money" and one.currency is not None:
        return f"{sign}{Money(amount_minor=round(by), currency=one.currency)}"
    if one.unit == "customers":
        return f"{sign}{round(by):,}"
    return f"{sign}{by:.2f}{' percentage points' if one.unit == 'percent' else ''}"


def _charts(report: KpiReport, days: tuple[KpiDay, ...]) -> list[Chart]:
    charts = []
    for kpi in report.kpis:
        series = [(day, _same(kpi, day)) for day in days]
        points = tuple(
            Point(day.day, value_in_words(one), _height(one.value, one), "" if day.closed else "still changes")
            for day, one in series
            if one is not None and one.value is not None
        )
        if len(points) >= _FEWEST:
            charts.append(Chart(kpi.title, kpi.currency or _UNITS.get(kpi.unit, kpi.unit), kpi.title, points))
    return charts


def _same(kpi: KpiValue, day: KpiDay) -> KpiValue | None:
    return next((one for one in day.kpis if (one.name, one.currency) == (kpi.name, kpi.currency)), None)


def _height(value: float, one: KpiValue) -> str:
    digits = minor_digits(one.currency) if one.unit == "money" and one.currency is not None else 0
    return f"{value / 10**digits:.{digits or 2}f}"
