"""What a changed strategy would have brought, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Final

from placet.contracts.outcomes.estimate import EstimatedMeasure, LeftOutWhy, StrategyEstimate
from placet.contracts.outcomes.figures import MILLION, Between, Millionths, Unknown
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.interfaces.telling.outcome_reports import (
    DID,
    amount_apart,
    amount_between,
    over,
    points_apart,
    points_between,
)

WHY: Final[Mapping[LeftOutWhy, str]] = {
    "altered": "what is kept does not make the decision that is on record",
    "gone": "what the decision was made of is not kept any more",
    "undecided": "no run asked the strategy for them, or none has decided yet",
}
HOW: Final[Mapping[Estimator, str]] = {
    "dr": "doubly robust",
    "snips": "self-normalised inverse propensity",
    "ips": "inverse propensity",
}
"""How an estimate is made, the one that sentences say first."""
_MONTH: Final = 30
_POINT: Final = MILLION // 100
_PERCENT: Final = 100


def told(found: StrategyEstimate) -> StrategyEstimate:
    """Return an estimate with its sentences."""
    measures = tuple(
        one.model_copy(update={"said": measure_in_words(one, found.days, found.currency)}) for one in found.measures
    )
    left_out = tuple(one.model_copy(update={"said": WHY[one.why]}) for one in found.not_decided)
    whole = found.model_copy(update={"measures": measures, "not_decided": left_out})
    return whole.model_copy(update={"said": in_one_sentence(whole)})


def in_one_sentence(found: StrategyEstimate) -> str:
    """Say by the objective what the change would bring, or why that cannot be said."""
    more = "" if found.more is None else f"; it takes roughly {found.more:,} customers more, if it stays so"
    if found.why_not is not None:
        return f"What it would bring cannot be said: {found.why_not.detail}"
    first = found.measures[0]
    if isinstance(first.dr, Unknown):
        return f"What it would bring cannot be said: {first.dr.detail}{more}"
    if found.alike == found.decisions:
        many = counted(found.decisions, "decision")
        return f"It chooses the same as the published version in all {many} that are known: nothing would change"
    return f"{measure_in_words(first, found.days, found.currency)}{_of_whom(found)}{_of_which_step(found)}{more}"


def summary(found: StrategyEstimate) -> Iterator[str]:
    """Yield what the figures stand on: whom they are of, and of whom nothing is known."""
    yield (
        f"of {counted(found.counted, 'treated customer')} it is known what became of them in {found.days} days; for "
        f"{found.decisions:,} the decision can be made again from what is kept"
    )
    for one in found.not_decided:
        yield f"{counted(one.customers, 'customer')} left out: {WHY[one.why]}"
    if found.decisions:
        yield f"both texts rank the same first in {_share(found.alike, found.decisions)}"
        differ = found.decisions - found.alike - found.never
        yield f"of {differ:,} that differ and can be compared, chance tried the changed choice in {found.tried:,}"
    if found.never:
        yield (
            f"in {_share(found.never, found.decisions)} the changed text chooses what was not possible then: of these "
            "customers nothing is said, and they count in no figure"
        )
    if found.simulated:
        yield f"of {found.simulated:,} of them there are SIMULATED events"
    if found.of_steps:
        yield (
            f"it is of the choice at step {' or '.join(found.of_steps)} alone, and of the customers who came to it: "
            "what the other steps give, and when, is taken as the published version has it"
        )
    yield (
        "both are taken by what they rank first, without what is tried by chance; whom the published version treats is "
        "asked, with its control group, its term and its stage; budgets are not"
    )


def measure_in_words(one: EstimatedMeasure, days: Days, currency: str) -> str:
    """Say one measure: how the changed text differs from the published one, and between what."""
    found = one.dr
    if isinstance(found, Unknown):
        return f"{one.title}: cannot be said: {found.detail}"
    return estimate_in_words(found, one.measure, days, currency, "By the changed text", "by the published one")


def estimate_in_words(
    found: OffPolicyEstimate, measure: Measure, days: Days, currency: str, first: str, second: str
) -> str:
    """Say an estimate: by the first choice so much more or less than by the second, in between what."""
    did = DID[measure].format(quiet=min(days, _MONTH))
    sure = share_in_words(found.confidence_bp)
    apart, ends = _apart(found, days, currency)
    if found.unit == "amount":
        scale, per = over(days)
        said = (
            f"{first} customers would have spent {amount_apart(found.difference, scale, currency)} {per} than {second}"
        )
    else:
        base = found.logged if found.rule is None else found.rule
        rates = f"{_percent(found.value)} against {_percent(base)}"
        said = f"{first} {apart} of the customers would be those who {did} than {second} ({rates})"
    chance = "" if found.certain else "; it may be chance"
    return f"{said}; with {sure} confidence {ends}{chance}"


def effective_in_words(found: OffPolicyEstimate | Unknown) -> str:
    """Say how many decisions of the changed text itself would tell as much."""
    return "" if isinstance(found, Unknown) else f"{found.effective:,} of {found.decisions:,}"


def figures(found: OffPolicyEstimate | Unknown, days: Days, currency: str) -> tuple[str, str, str]:
    """Return the value of the changed text, the difference and its interval, as a table has them."""
    if isinstance(found, Unknown):
        return "cannot be said", "", found.detail
    apart, ends = _apart(found, days, currency)
    return _value(found, days, currency), apart, ends


def _apart(found: OffPolicyEstimate, days: Days, currency: str) -> tuple[str, str]:
    ends: Between = found.difference_between
    if found.unit == "share":
        return points_apart(found.difference), points_between(ends)
    scale, _ = over(days)
    return amount_apart(found.difference, scale, currency), amount_between(ends, scale, currency)


def _value(found: OffPolicyEstimate, days: Days, currency: str) -> str:
    if found.unit == "share":
        return _percent(found.value)
    scale, per = over(days)
    return f"{amount_apart(abs(found.value), scale, currency).removesuffix(' more')} {per}"


def _of_whom(found: StrategyEstimate) -> str:
    if not found.never:
        return ""
    return (
        f"; that is of {found.decisions - found.never:,} of {found.decisions:,} customers: for the others it chooses "
        "what was never tried"
    )


def _of_which_step(found: StrategyEstimate) -> str:
    if not found.of_steps:
        return ""
    return f"; that is of the choice at step {' or '.join(found.of_steps)} alone"


def _share(some: int, whole: int) -> str:
    return f"{some:,} of {whole:,} decisions ({some * _PERCENT / whole:.0f} %)"


def _percent(value: Millionths) -> str:
    return f"{value / _POINT:.1f} %"
