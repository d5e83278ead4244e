"""Differences between a cohort and the base as sentences that a business person reads."""

from typing import Final

from placet.contracts.money import Money
from placet.decisioning.cohorts.columns import Column

_PERCENT: Final = 100
_LARGE: Final = 10


def in_words(column: Column, cohort: float, base: float, currency: str) -> str:
    """Say what is typical of a cohort.

    Args:
        column: Which figure.
        cohort: Its mean there; of a flag, the share between 0 and 1.
        base: Its mean in the base.
        currency: Of amounts.
    """
    if column.kind == "boolean":
        about = column.about.removeprefix("whether they ")
        what = f"they {about}" if about != column.about else f"{column.about} is yes"
        return f"{_share(cohort)} ({what}), {_share(base)} of all customers"
    if "_minor" in column.name and currency:
        what = column.about.removeprefix("minor units of `currency` ")
        return f"{_money(cohort, currency)} {what} on average, {_money(base, currency)} of all customers"
    return f"{_figure(cohort)} {_unit(column)} on average{_against(cohort, base)}"


def percent(part: int, whole: int) -> float:
    """Return a share in per cent, to a tenth; 0 of nothing."""
    return round(part * _PERCENT / whole, 1) if whole else 0.0


def _share(share: float) -> str:
    return f"{share * _PERCENT:.0f} %"


def _unit(column: Column) -> str:
    return f"({column.about})" if "," in column.about or "per cent" in column.about else column.about


def _against(cohort: float, base: float) -> str:
    if base <= 0 or cohort < 0:
        return f", {_figure(base)} of all customers"
    change = (cohort - base) / base * _PERCENT
    how = "more" if change > 0 else "less"
    if change > _LARGE * _PERCENT:
        return f", {cohort / base:,.0f} times that of all customers ({_figure(base)})"
    return f", {abs(change):.0f} % {how} than all customers ({_figure(base)})"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.1f}"


def _money(minor: float, currency: str) -> str:
    return str(Money(amount_minor=round(minor), currency=currency))
