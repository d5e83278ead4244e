"""How a strategy reaches its customers: contact, control group, arms, stages, guard rails and time fit together."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.strategies.rollout import Rollout
from placet.contracts.strategies.strategy import Arm, Strategy
from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.contracts.text import counted
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.columns import MOVED_BY_EVENTS
from placet.decisioning.strategies.measures import OUTCOMES
from placet.decisioning.strategies.problems import Path, Problem, error, warning
from placet.errors import UsageError

_LEAST_CONFIDENCE: Final = 8_000
_MOST_CONFIDENCE: Final = 9_990


def plan_problems(strategy: Strategy) -> Iterator[Problem]:
    """Yield what is wrong with to how many a strategy comes, how often, how fast and how long."""
    yield from _contact(strategy)
    yield from _holdout(strategy)
    if strategy.arms:
        yield from _arms(strategy)
    yield from _explore(strategy)
    yield from _stages(strategy.rollout)
    yield from _coming(strategy)
    yield from _guard_rails(strategy)
    yield from _term(strategy)


def _contact(strategy: Strategy) -> Iterator[Problem]:
    contact = strategy.contact
    for place, channel in enumerate(contact.channels):
        if channel == "any":
            yield error(("contact", "channels", place), "'any' is no channel; name those that may be used")
        elif channel in contact.channels[:place]:
            yield error(("contact", "channels", place), f"channel {channel!r} is listed twice")
    if contact.cool_down_days:
        fit = contact.period_days // contact.cool_down_days + 1
        if contact.most_per_period > fit:
            said = (
                f"{contact.most_per_period} in {counted(contact.period_days, 'day')} can never happen: a cool-down of "
                f"{counted(contact.cool_down_days, 'day')} leaves room for {fit}"
            )
            yield warning(("contact", "most_per_period"), said)


def _holdout(strategy: Strategy) -> Iterator[Problem]:
    share = strategy.holdout
    if share == WHOLE:
        yield error(("holdout",), "with everybody in the control group nobody is treated")
    elif share == 0 and strategy.rollout.guard_rails:
        yield error(("holdout",), "guard rails compare with a control group, and 0 % leaves none; write a share above")
    elif share == 0:
        yield warning(("holdout",), "without a control group nobody can tell what the strategy was worth")
    elif share > WHOLE // 2:
        yield warning(("holdout",), f"{share_in_words(share)} of the cohort would never be treated")


def _explore(strategy: Strategy) -> Iterator[Problem]:
    share = strategy.explore
    if share > WHOLE // 2:
        yield error(("explore",), f"chance would choose for {share_in_words(share)} of the treated; write 50 % or less")
    elif share and len(strategy.treatments) == 1:
        yield warning(("explore",), "with one treatment there is nothing to explore: it is chosen in any case")


def _arms(strategy: Strategy) -> Iterator[Problem]:
    arms, known = strategy.arms, list(dict.fromkeys(one.code for one in strategy.treatments))
    for number, arm in enumerate(arms):
        if arm.name in [other.name for other in arms[:number]]:
            yield error(("arms", number, "name"), f"arm {arm.name!r} is listed twice")
        if arm.share == 0:
            yield error(("arms", number, "share"), "an arm of 0 % has nobody; leave it out")
        yield from _treatments_of(arm, ("arms", number, "treatments"), known)
    total = sum(arm.share for arm in arms)
    if total != WHOLE:
        said = f"the arms have {' + '.join(share_in_words(arm.share) for arm in arms)} = {share_in_words(total)}; "
        yield error(("arms",), f"{said}together they must have 100 %")
    for number, code in enumerate(known):
        if not any(code in arm.treatments for arm in arms):
            yield warning(("treatments", number, "code"), f"no arm has treatment {code!r}; it is never given")


def _treatments_of(arm: Arm, at: Path, known: list[str]) -> Iterator[Problem]:
    for place, code in enumerate(arm.treatments):
        if code not in known:
            yield error((*at, place), f"there is no treatment {code!r}; known: {', '.join(known)}")
        elif code in arm.treatments[:place]:
            yield error((*at, place), f"treatment {code!r} is listed twice")


def _stages(rollout: Rollout) -> Iterator[Problem]:
    stages = rollout.stages
    for place, stage in enumerate(stages):
        before = stages[place - 1] if place else 0
        if stage <= before:
            said = f"{share_in_words(stage)} is not more than {share_in_words(before)}; stages grow"
            yield error(("rollout", "stages", place), said)
    if stages[-1] != WHOLE:
        said = f"the last stage is {share_in_words(stages[-1])}; it must be 100 %, of those outside the control group"
        yield error(("rollout", "stages"), said)
    elif len(stages) == 1:
        yield warning(
            ("rollout", "stages"), "all customers are reached at once: nothing is seen before it is everywhere"
        )
    if not rollout.guard_rails:
        yield warning(("rollout",), "no guard rail: nothing stops it but a person")


def _coming(strategy: Strategy) -> Iterator[Problem]:
    if not strategy.rollout.coming:
        return
    with suppress(UsageError):  # a cohort that cannot be read has its own fault
        if not any(name in MOVED_BY_EVENTS for name in cohort_of(strategy.cohort).columns):
            said = (
                "customers come in as something happens to them, and the cohort asks only who they are: whoever is in "
                "it comes in with any event; name what happens, such as balance_checks_7d >= 3"
            )
            yield warning(("cohort",), said)


def _guard_rails(strategy: Strategy) -> Iterator[Problem]:
    rails, objective = strategy.rollout.guard_rails, strategy.objective
    twice = {key for key, many in Counter((rail.measure, rail.must_not) for rail in rails).items() if many > 1}
    for number, rail in enumerate(rails):
        at: Path = ("rollout", "guard_rails", number)
        unit = "points" if OUTCOMES[rail.measure].unit == "share" else "percent"
        if rail.by_more_than.unit != unit:
            wanted = "points, such as '0.5 points'" if unit == "points" else "per cent, such as '5 %'"
            said = f"{rail.by_more_than} of {rail.measure.replace('_', ' ')}: its margin is in {wanted}"
            yield error((*at, "by_more_than"), said)
        if not _LEAST_CONFIDENCE <= rail.confidence <= _MOST_CONFIDENCE:
            said = f"{share_in_words(rail.confidence)} is outside 80 % to 99.9 %; 95 % is usual"
            yield error((*at, "confidence"), said)
        wanted_way = {"higher": "rise", "lower": "fall"}[objective.direction]
        if rail.measure == objective.measure and rail.must_not == wanted_way:
            said = f"the objective wants {rail.measure} to {wanted_way}, and this stops the rollout when it does"
            yield error((*at, "must_not"), said)
        if (rail.measure, rail.must_not) in twice:
            yield error((*at, "measure"), f"{rail.measure!r} must not {rail.must_not} is said twice; keep one of them")


def _term(strategy: Strategy) -> Iterator[Problem]:
    term, rollout = strategy.term, strategy.rollout
    days = (term.last - term.first).days + 1
    if days < 1:
        yield error(("term", "last"), f"it ends on {term.last}, before it begins on {term.first}")
        return
    if days > MOST_DAYS:
        yield error(("term", "last"), f"it runs {days} days; nobody may sign for more than {MOST_DAYS}")
    held = rollout.hold_days * (len(rollout.stages) - 1)
    if held >= days:
        said = (
            f"the {counted(len(rollout.stages), 'stage')} are watched {counted(held, 'day')} before the last one, and "
            f"the strategy runs {counted(days, 'day')}; shorten hold_days or choose a later end"
        )
        yield error(("rollout", "hold_days"), said)
