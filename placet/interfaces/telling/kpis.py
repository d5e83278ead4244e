"""Figures that the trade steers by, in words and as a table for other programs."""

import csv
import io
from collections.abc import Sequence
from decimal import Context, Decimal, Inexact
from typing import Final

from placet.contracts.cohorts.kpis import KpiReport, KpiValue
from placet.contracts.money import LARGEST_MINOR, Money, minor_digits
from placet.contracts.text import counted
from placet.contracts.times import rfc3339

_ANSWERED: Final = ("nps", "csat")
CSV_COLUMNS: Final = (
    "as_of", "segment", "name", "title", "unit", "currency", "value", "of", "over", "why",
)  # fmt: skip
_EXACT: Final = Context(prec=100, traps=[Inexact])


def kpi_in_words(one: KpiValue) -> str:
    """Say a figure with its unit and the sums that it stands on."""
    sums = sums_in_words(one)
    return f"{value_in_words(one)} ({sums})" if sums and one.value is not None else value_in_words(one)


def value_in_words(one: KpiValue) -> str:
    """Say a figure with its unit."""
    if one.value is None:
        return f"not known: {one.why or 'there is nobody to count'}"
    if one.unit == "money" and one.currency is not None:
        return _money(round(one.value), one.currency)
    if one.over is None and one.of is not None:
        return f"{one.of:,}"
    return f"{one.value} %" if one.unit == "percent" else f"{one.value}"


def sums_in_words(one: KpiValue) -> str:
    """Say the two sums behind a figure; empty where it is no ratio of sums."""
    if one.of is None or one.over is None:
        return ""
    if one.unit == "money" and one.currency is not None:
        return f"{_money(one.of, one.currency)} over {one.over:,} customers"
    answered = " who answered" if one.name in _ANSWERED else ""
    return f"{one.of:,} over {one.over:,}{answered}"


def kpis_as_csv(found: KpiReport) -> str:
    """Return figures as CSV (RFC 4180), to the digit as JSON has them, except that money is in whole units.

    JSON has minor units; whoever opens a table in a spreadsheet reads its figures as whole ones.
    """
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(CSV_COLUMNS)
    for one in found.kpis:
        head = (rfc3339(found.as_of), found.segment or "", one.name, one.title, one.unit, one.currency or "")
        figures = (_in_whole_units(one.value, one), _in_whole_units(one.of, one), one.over)
        rows.writerow((*head, *("" if figure is None else figure for figure in figures), one.why))
    return text.getvalue()


def _in_whole_units(figure: float | None, of: KpiValue) -> str | float | None:
    """Return an amount in minor units with its point shifted, nothing rounded; another figure as it is."""
    if figure is None or of.unit != "money" or of.currency is None:
        return figure
    minor = Decimal(str(figure).removesuffix(".0"))
    return f"{_EXACT.scaleb(minor, Decimal(-minor_digits(of.currency))):f}"


def _money(minor: int, currency: str) -> str:
    """Say an amount; a sum over a whole base may be larger than any that is paid."""
    if abs(minor) > LARGEST_MINOR:
        return f"{minor:,} minor units of {currency}"
    return str(Money(amount_minor=minor, currency=currency))


def left_out_in_words(many: int, first: Sequence[str]) -> str:
    """Say who is left out because their rows cannot be read."""
    names = ", ".join(map(repr, first)) + (" and others" if many > len(first) else "")
    rows = "row" if many == 1 else "rows"
    return f"{counted(many, 'customer')} {'is' if many == 1 else 'are'} left out: {rows} of {names} cannot be read"
