"""Uplift, verdicts of guard rails and estimates of changed strategies, each in one sentence for people."""

from collections.abc import Mapping
from typing import Final

from placet.contracts.money import Money
from placet.contracts.outcomes.figures import MILLION, Between, Millionths, Unit, Unknown
from placet.contracts.outcomes.guard import Bounds, GuardVerdict
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import share_in_words

DID: Final[Mapping[Measure, str]] = {
    "churn": "did nothing for 30 days",
    "conversion": "accepted the last offer",
    "spend": "spent",
    "complaints": "complained",
    "refusals": "refused an offer",
    "products": "hold three products or more",
    "wallet_use": "paid by the wallet",
}
"""What customers did, by what is measured."""

SAID: Final[Mapping[str, str]] = {
    "pass": "passes",
    "fail": "FAILS",
    "inconclusive": "cannot say yet",
    "no_data": "has no data",
}
"""Of a guard rail."""

ESTIMATED: Final[Mapping[Estimator, str]] = {
    "ips": "by choices that agree, weighted",
    "snips": "by choices that agree, weighted and normalised",
    "dr": "doubly robust",
}

_POINT: Final = MILLION // 100
_ONE: Final = 1.0


def uplift_in_words(found: Uplift | Unknown, measure: Measure, currency: str) -> str:
    """Say an uplift: what both groups did, how far they are apart, between what, and whether that may be chance."""
    if isinstance(found, Unknown):
        return f"not known: {found.detail}"
    ours, theirs = (_plain(one.mean, found.unit, currency) for one in (found.treated, found.control))
    did = DID[measure]
    both = (
        f"{ours} of treated customers {did}, {theirs} of the control group"
        if found.unit == "share"
        else f"treated customers {did} {ours} each, the control group {theirs}"
    )
    apart = _apart(found.difference, found.unit, currency)
    chance = "" if found.certain else "; it may be chance"
    how = ", with what they had before" if found.narrowing is not None and found.narrowing.used else ""
    held = _between(found.between, found.unit, currency)
    return f"{both}: {apart} ({held}), {share_in_words(found.confidence_bp)} interval{how}{chance}"


def uplift_value_in_words(found: UpliftValue | Unknown) -> str:
    """Say what an uplift is worth."""
    if isinstance(found, Unknown):
        return f"not known: {found.detail}"
    return (
        f"{found.gained} gained with {found.customers:,} treated customers, less {found.cost} for what they were "
        f"given: {found.value} (between {found.low} and {found.high}), {share_in_words(found.confidence_bp)} interval"
    )


def verdict_in_words(found: GuardVerdict) -> str:
    """Say what a guard rail says, what it saw, and what it takes until it can say more."""
    rail = found.rail
    name = f"{rail.measure.replace('_', ' ')} may not {rail.must_not} by more than {rail.by_more_than}"
    said = f"{name}: {SAID[found.verdict]}"
    if found.bounds is None or found.treated is None or found.control is None:
        return f"{said}: {found.unknown.detail}" if found.unknown is not None else said
    in_points = rail.by_more_than.unit == "points"
    groups = f"{found.treated.customers:,} treated, {found.control.customers:,} of the control group"
    seen = f"{_moved(found.bounds.estimate, in_points=in_points)} than the control group"
    return f"{said}: {seen} ({_bounds(found.bounds, in_points=in_points)}, at every look; {groups}){_more(found)}"


def estimate_in_words(found: OffPolicyEstimate | Unknown, currency: str) -> str:
    """Say what a changed strategy would have brought."""
    if isinstance(found, Unknown):
        return f"not known: {found.detail}"
    value = _plain(found.value, found.unit, currency)
    was = _plain(found.logged, found.unit, currency)
    apart = _apart(found.difference, found.unit, currency)
    chance = "" if found.difference_between.low > 0 or found.difference_between.high < 0 else "; it may be chance"
    return (
        f"the changed strategy would have brought {value} a decision, and {was} were brought: {apart} "
        f"({_between(found.difference_between, found.unit, currency)}), {share_in_words(found.confidence_bp)} "
        f"interval, {ESTIMATED[found.estimator]}, as sure as {found.effective:,} decisions of its own{chance}"
    )


def _more(found: GuardVerdict) -> str:
    if found.verdict != "inconclusive":
        return ""
    if found.more_to_pass is not None:
        return f"; it would pass after roughly {found.more_to_pass:,} customers more, if it stays so"
    if found.more_to_fail is not None:
        return f"; it would fail after roughly {found.more_to_fail:,} customers more, if it stays so"
    return "; it is too close to the margin to tell with any number of customers that can be had"


def _plain(figure: Millionths, unit: Unit, currency: str) -> str:
    return f"{_decimals(figure / _POINT)} %" if unit == "share" else _money(figure, currency)


def _money(figure: Millionths, currency: str) -> str:
    return str(Money(amount_minor=round(figure / MILLION), currency=currency))


def _apart(figure: Millionths, unit: Unit, currency: str) -> str:
    way = "fewer" if figure < 0 else "more"
    if unit == "amount":
        return f"{_money(abs(figure), currency)} {'less' if figure < 0 else 'more'}"
    return f"{_decimals(abs(figure) / _POINT)} points {way}"


def _between(ends: Between, unit: Unit, currency: str) -> str:
    """Say an interval; without directions where both ends have that of the difference."""
    if ends.low * ends.high > 0:
        small, large = sorted((abs(ends.low), abs(ends.high)))
        one, other = (_money(end, currency) if unit == "amount" else _decimals(end / _POINT) for end in (small, large))
        return f"between {one} and {other}"
    return f"between {_apart(ends.low, unit, currency)} and {_apart(ends.high, unit, currency)}"


def _moved(figure: Millionths, *, in_points: bool) -> str:
    return f"{_decimals(abs(figure) / _POINT)} {'points' if in_points else '%'} {'less' if figure < 0 else 'more'}"


def _bounds(bounds: Bounds, *, in_points: bool) -> str:
    low = _moved(bounds.lower, in_points=in_points)
    if bounds.upper is None:
        return f"at least {low}"
    return f"between {low} and {_moved(bounds.upper, in_points=in_points)}"


def _decimals(number: float) -> str:
    """Write a figure with one decimal, and with two where it is less than one."""
    return f"{number:.2f}" if 0 < abs(number) < _ONE else f"{number:.1f}"
