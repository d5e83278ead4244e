"""Figures that the trade steers by, in words."""

from collections.abc import Sequence

from placet.contracts.cohorts.kpis import KpiValue
from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.text import counted


def kpi_in_words(one: KpiValue) -> str:
    """Say a figure with its unit and the sums that it stands on."""
    if one.value is None:
        return "not known: nobody to divide by"
    if one.over is None:
        return f"{one.of:,}"
    if one.unit == "money" and one.currency is not None:
        of = _money(one.of, one.currency)
        return f"{_money(round(one.value), one.currency)} ({of} over {one.over:,} customers)"
    value = f"{one.value} %" if one.unit == "percent" else f"{one.value}"
    return f"{value} ({one.of:,} over {one.over:,})"


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
