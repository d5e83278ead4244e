"""Money of a strategy: in one currency, within its bounds; and treatments that can be told apart."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from placet.contracts.money import Money
from placet.contracts.proposal import NOTHING
from placet.contracts.strategies.catalogue import Catalogue
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import CreditBalance, OrderOffering, Staying, StrategyTreatment
from placet.decisioning.strategies.problems import Path, Problem, error

MOST_MINOR: Final = 10**12
"""Of any amount: with it the arithmetic of values stays within 64 bits (`next_best_action.worth`)."""


def bound_problems(strategy: Strategy) -> Iterator[Problem]:
    """Yield what is wrong with what a strategy may give."""
    yield from _market(strategy)
    yield from _budget(strategy)
    yield from _codes(strategy.treatments)
    most = strategy.budget.per_customer
    for number, treatment in enumerate(strategy.treatments):
        at: Path = ("treatments", number)
        if _above(treatment.action.at_most, most):
            said = f"it may give {treatment.action.at_most}, and one customer may get {most} at most (budget)"
            yield error((*at, "action", "at_most"), said)
        yield from _treatment(treatment, at)


def catalogue_bounds(catalogue: Catalogue) -> Iterator[Problem]:
    """Yield what is wrong with what a catalogue may give."""
    yield from _in_currency(_of_treatments(catalogue.treatments), catalogue.currency, "the catalogue's")
    yield from _codes(catalogue.treatments)
    for number, treatment in enumerate(catalogue.treatments):
        yield from _treatment(treatment, ("treatments", number))


def _market(strategy: Strategy) -> Iterator[Problem]:
    try:
        ZoneInfo(strategy.market.time_zone)
    except (KeyError, OSError, ValueError):
        said = f"there is no time zone {strategy.market.time_zone!r}; write an IANA name, such as 'Africa/Nairobi'"
        yield error(("market", "time_zone"), said)


def _amounts(strategy: Strategy) -> Iterator[tuple[Path, Money]]:
    yield ("budget", "total"), strategy.budget.total
    yield ("budget", "per_customer"), strategy.budget.per_customer
    yield from _of_treatments(strategy.treatments)


def _of_treatments(treatments: Sequence[StrategyTreatment]) -> Iterator[tuple[Path, Money]]:
    for number, treatment in enumerate(treatments):
        at: Path = ("treatments", number)
        action, value = treatment.action, treatment.value
        yield (*at, "action", "at_most"), action.at_most
        if isinstance(action, CreditBalance):
            if action.in_steps_of is not None:
                yield (*at, "action", "in_steps_of"), action.in_steps_of
        else:
            for place, move in enumerate(action.moves):
                if move.costs is not None:
                    yield (*at, "action", "moves", place, "costs"), move.costs
        if not isinstance(value, Staying):
            yield (*at, "value", "worth"), value.worth


def _budget(strategy: Strategy) -> Iterator[Problem]:
    yield from _in_currency(_amounts(strategy), strategy.market.currency, "the market's")
    budget = strategy.budget
    if _above(budget.per_customer, budget.total):
        said = f"one customer may get {budget.per_customer}, which is more than the whole budget of {budget.total}"
        yield error(("budget", "per_customer"), said)


def _in_currency(amounts: Iterable[tuple[Path, Money]], currency: str, whose: str) -> Iterator[Problem]:
    for path, amount in amounts:
        if amount.currency != currency:
            yield error(path, f"{amount} is not in {whose} currency, {currency}")
        elif amount.amount_minor <= 0 and path[-1] != "costs":
            yield error(path, f"{amount} is nothing; write an amount above it")
        elif amount.amount_minor < 0:
            yield error(path, f"{amount} is below nothing")
        elif amount.amount_minor > MOST_MINOR:
            yield error(path, f"{amount} is more than a strategy can count with")


def _above(one: Money, other: Money) -> bool:
    return one.currency == other.currency and one.amount_minor > other.amount_minor


def _codes(treatments: Sequence[StrategyTreatment]) -> Iterator[Problem]:
    codes = [treatment.code for treatment in treatments]
    for number, code in enumerate(codes):
        path = ("treatments", number, "code")
        if code == NOTHING:
            yield error(path, f"{code!r} is always there, and means to leave the customer alone; choose another code")
        elif code in codes[:number]:
            yield error(path, f"treatment {code!r} is listed twice; give one of them another code")


def _treatment(treatment: StrategyTreatment, at: Path) -> Iterator[Problem]:
    action, most = treatment.action, treatment.action.at_most
    if isinstance(action, CreditBalance):
        if action.of_monthly == 0:
            yield error((*at, "action", "of_monthly"), "0 % of what a customer spends is no credit")
        if action.in_steps_of is not None and _above(action.in_steps_of, most):
            yield error((*at, "action", "in_steps_of"), f"steps of {action.in_steps_of} never reach {most}")
    else:
        yield from _moves(action, (*at, "action", "moves"))
    value = treatment.value
    share, name = (value.removes, "removes") if isinstance(value, Staying) else (value.chance, "chance")
    if share == 0:
        yield error((*at, "value", name), "with 0 % it is never worth anything, and would never be given")


def _moves(action: OrderOffering, at: Path) -> Iterator[Problem]:
    seen = set[tuple[str, str | None]]()
    for place, move in enumerate(action.moves):
        if move.costs is not None and _above(move.costs, action.at_most):
            said = f"it costs {move.costs}, more than the {action.at_most} that the treatment may cost at most"
            yield error((*at, place, "costs"), said)
        if move.offering == move.replaces:
            yield error((*at, place, "replaces"), f"{move.offering!r} cannot take its own place")
        if (move.offering, move.replaces) in seen:
            yield error((*at, place, "offering"), f"{move.offering!r} is listed twice")
        seen.add((move.offering, move.replaces))
