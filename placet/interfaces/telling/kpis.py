"""Figures that the trade steers by, in words."""

from placet.contracts.cohorts.kpis import KpiValue
from placet.contracts.money import Money


def kpi_in_words(one: KpiValue) -> str:
    """Say a figure with its unit and the sums that it stands on."""
    if one.value is None:
        return "not known: nobody to divide by"
    if one.over is None:
        return f"{one.of:,}"
    if one.unit == "money" and one.currency is not None:
        of = Money(amount_minor=one.of, currency=one.currency)
        return f"{Money(amount_minor=round(one.value), currency=one.currency)} ({of} over {one.over:,} customers)"
    value = f"{one.value} %" if one.unit == "percent" else f"{one.value}"
    return f"{value} ({one.of:,} over {one.over:,})"
