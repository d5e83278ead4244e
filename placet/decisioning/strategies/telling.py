"""A strategy in words: for who signs it, and for the comparison of two versions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from placet.contracts.strategies.catalogue import Catalogue
from placet.contracts.strategies.rollout import GuardRail, Then
from placet.contracts.strategies.steps import (
    BranchStep,
    ExitStep,
    Step,
    StepName,
    TreatStep,
    WaitForStep,
    WaitStep,
    goes_to,
    hours_in_words,
)
from placet.contracts.strategies.strategy import ContactRules, Strategy, ValueModel
from placet.contracts.strategies.treatment import CreditBalance, OrderOffering, Staying, StrategyTreatment
from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.contracts.text import counted, quoted, spoken, spoken_list
from placet.decisioning.strategies.measures import OUTCOMES

_THEN: Final[dict[Then, str]] = {
    "step_back": "back to the stage before",
    "stop": "nobody more is treated",
    "stop_and_reverse": "nobody more is treated, and taking back what was given is proposed",
}
_STAGES: Final = {"eligible": "only who may", "applicable": "only who can use it", "suitable": "only whom it suits"}


_CATALOGUE = "catalogue"
_WHOM, _CONTACT, _MONEY, _ROLLOUT, _STEPS = "whom", "contact", "money", "rollout", "steps"


@dataclass(frozen=True, slots=True)
class Told:
    """One line.

    Attributes:
        key: The same in all versions, whatever things are called in them.
        group: What it belongs to, for people: a treatment's title, or a part of the strategy.
        heading: For people.
        words: For people.
    """

    key: str
    group: str
    heading: str
    words: str


def told(strategy: Strategy) -> tuple[Told, ...]:
    """Return a sound strategy in words, in the order of its text."""
    return tuple(_told(strategy))


def told_catalogue(catalogue: Catalogue) -> tuple[Told, ...]:
    """Return a sound catalogue in words, in the order of its text."""
    return (
        Told("title", _CATALOGUE, "is", f"{catalogue.title}: {catalogue.about}"),
        Told("agent", _CATALOGUE, "weighed in", f"runs of {spoken(catalogue.agent)} that name no strategy"),
        Told("currency", _CATALOGUE, "amounts in", catalogue.currency),
        Told("signed", _CATALOGUE, "signed by", "nobody: what it proposes goes to the gate, each for itself"),
        Told("cohort", _WHOM, "for whom", catalogue.cohort),
        *(line for treatment in catalogue.treatments for line in _treatment(treatment)),
        Told("value", _MONEY, "value", _value(catalogue.value)),
    )


def _told(strategy: Strategy) -> Iterator[Told]:
    market, objective = strategy.market, strategy.objective
    yield Told("title", "strategy", "is", f"{strategy.title}: {strategy.about}")
    yield Told("agent", "strategy", "carried out by", f"runs of {spoken(strategy.agent)}")
    yield Told(
        "market", "strategy", "market", f"{market.code}, amounts in {market.currency}, time of {market.time_zone}"
    )
    yield Told(
        "objective",
        "strategy",
        "objective",
        f"{objective.direction} {OUTCOMES[objective.measure].title.lower()}, measured "
        f"{objective.within_days} days after each decision",
    )
    yield Told("cohort", _WHOM, "for whom", strategy.cohort)
    yield Told("holdout", _WHOM, "control group", _holdout(strategy.holdout))
    for treatment in strategy.treatments:
        yield from _treatment(treatment)
    for arm in strategy.arms:
        titles = [one.title for one in strategy.treatments if one.code in arm.treatments]
        words = f"{share_in_words(arm.share)} of the treated may get: {', '.join(titles)}"
        yield Told(f"arm {arm.name}", _WHOM, f"arm {spoken(arm.name)}", words)
    if strategy.explore:
        words = f"of {share_in_words(strategy.explore)} of the treated chance chooses among what they may get"
        yield Told("explore", _WHOM, "explores", words)
    yield from _steps(strategy)
    yield from _contact(strategy.contact, market.time_zone)
    yield Told("value", _MONEY, "value", _value(strategy.value))
    budget = strategy.budget
    words = f"{budget.total} in all, {budget.per_customer} to one customer in {counted(budget.period_days, 'day')}"
    yield Told("budget", _MONEY, "budget", words)
    yield from _rollout(strategy)
    days = (strategy.term.last - strategy.term.first).days + 1
    yield Told("term", _ROLLOUT, "runs", f"{strategy.term.first} to {strategy.term.last}, {counted(days, 'day')}")


def _steps(strategy: Strategy) -> Iterator[Told]:
    for number, one in enumerate(strategy.steps):
        words = step_in_words(strategy, one)
        yield Told(f"step {one.step}", _STEPS, f"{number + 1}. {spoken(one.step)}", words)


def step_in_words(strategy: Strategy, one: Step) -> str:
    """Say what a step does, and where it leads."""
    place = next(number for number, each in enumerate(strategy.steps) if each.step == one.step)
    ways = [_then(to) for _, to in goes_to(strategy.steps, place)]
    if isinstance(one, ExitStep):
        return f"ends: {one.exit}"
    if isinstance(one, TreatStep):
        titles = [each.title for each in strategy.treatments if each.code in one.treat]
        return f"gives the best of {', '.join(titles) if one.treat else 'all treatments'}, if any fits; {ways[0]}"
    if isinstance(one, WaitStep):
        return f"waits {hours_in_words(one.wait)}; {ways[0]}"
    if isinstance(one, WaitForStep):
        return (
            f"waits until {one.wait_for}; {ways[0]}; where it is not so after {hours_in_words(one.at_most)}, {ways[1]}"
        )
    return _branch(one, ways)


def _branch(one: BranchStep, ways: list[str]) -> str:
    told = [f"where {way.when}, {to}" for way, to in zip(one.branch, ways, strict=False)]
    return f"{'; else '.join(told)}; otherwise {ways[-1]}"


def _then(to: StepName | None) -> str:
    return "the journey ends" if to is None else f"then {spoken(to)}"


def _holdout(share: int) -> str:
    return f"{share_in_words(share)} of them are never treated" if share else "none: all of them may be treated"


def _treatment(one: StrategyTreatment) -> Iterator[Told]:
    action = one.action
    gives = _credit(action) if isinstance(action, CreditBalance) else _order(action)
    yield Told(f"{one.code} title", one.title, "is called", f"{one.title} [{one.code}]")
    yield Told(f"{one.code} gives", one.title, "gives", gives)
    for stage, _, rule in one.rules():
        key = f"{one.code} {stage} {rule.code}"
        yield Told(key, one.title, _STAGES[stage], f"{rule.when} (else: {rule.otherwise})")
    for because in one.because:
        yield Told(
            f"{one.code} because {because.code}", one.title, "say", f"{quoted(because.says)} where {because.when}"
        )
    value = one.value
    if isinstance(value, Staying):
        worth = f"assumed to remove {share_in_words(value.removes)} of the chance of leaving"
    else:
        worth = (
            f"assumed that {share_in_words(value.chance)} take it up and spend {value.worth} more a month for "
            f"{counted(value.months, 'month')}"
        )
    yield Told(f"{one.code} value", one.title, "worth", worth)


def _credit(action: CreditBalance) -> str:
    steps = f", in steps of {action.in_steps_of}" if action.in_steps_of else ""
    share = share_in_words(action.of_monthly)
    return f"puts {share} of what they spend in a month on their balance, at most {action.at_most}{steps}"


def _order(action: OrderOffering) -> str:
    moves = []
    for move in action.moves:
        instead = f" in place of {move.replaces}" if move.replaces else ""
        costs = f" ({move.costs})" if move.costs else ""
        moves.append(f"{move.title} [{move.offering}]{instead}{costs}")
    share = f", plus {share_in_words(action.of_monthly)} of what they spend in a month" if action.of_monthly else ""
    return f"orders the first that fits of {', '.join(moves)}{share}; nothing that costs more than {action.at_most}"


def _contact(contact: ContactRules, zone: str) -> Iterator[Told]:
    consent = "needs no consent" if contact.purpose == "service" else f"needs consent to {contact.purpose}"
    yield Told("purpose", _CONTACT, "purpose", f"{contact.purpose}; {consent}")
    yield Told("channels", _CONTACT, "channels", spoken_list(contact.channels))
    often = f"at most {contact.most_per_period} in {counted(contact.period_days, 'day')}"
    apart = f", sent {counted(contact.cool_down_days, 'day')} apart" if contact.cool_down_days else ""
    rest = f", none for {counted(contact.after_refusal_days, 'day')} after a refusal"
    often += apart + (rest if contact.after_refusal_days else "")
    free = "messages of service are not bound by"
    bound = contact.purpose != "service"
    yield Told("often", _CONTACT, "how often", often if bound else f"as often as needed: {free} “{often}”")
    quiet = "at any hour"
    if contact.quiet_hours and bound:
        quiet = f"nothing is sent from {contact.quiet_hours}, time of {zone}; where they come to us, at any hour"
    elif contact.quiet_hours:
        quiet += f": {free} the quiet hours from {contact.quiet_hours}"
    yield Told("hours", _CONTACT, "hours", quiet)


def _value(value: ValueModel) -> str:
    weight = "" if value.weight == WHOLE else f"; counts {share_in_words(value.weight)} beside other strategies"
    months = counted(value.horizon_months, "month")
    return f"a margin of {share_in_words(value.margin)}, who stays is counted {months}{weight}"


_ENTERS: Final = {
    "in_stages": "who is in the cohort when a stage begins",
    "as_they_come": "as they come: who is in the cohort when something has happened to them, at once and once",
}


def _rollout(strategy: Strategy) -> Iterator[Told]:
    rollout = strategy.rollout
    yield Told("enters", _ROLLOUT, "comes in", _ENTERS[rollout.enters])
    stages = ", ".join(map(share_in_words, rollout.stages))
    watched = f", each watched {counted(rollout.hold_days, 'day')} before the next" if len(rollout.stages) > 1 else ""
    yield Told("stages", _ROLLOUT, "stages", f"{stages} of those outside the control group{watched}")
    yield Told("rate", _ROLLOUT, "rate", f"at most {counted(rollout.per_hour, 'run')} an hour")
    for rail in rollout.guard_rails:
        yield Told(f"rail {rail.measure} {rail.must_not}", _ROLLOUT, "guard rail", _rail(rail))


def _rail(rail: GuardRail) -> str:
    measure = OUTCOMES[rail.measure].title.lower()
    return (
        f"{measure} may not {rail.must_not} by more than {rail.by_more_than} against the control group "
        f"({share_in_words(rail.confidence)} sure, from {rail.sample:,} customers of each); else: {_THEN[rail.then]}"
    )
