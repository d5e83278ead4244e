"""Two versions of a strategy, in words: what changed, and what that means for customers who are in it already."""

from collections.abc import Iterator

from placet.contracts.strategies.findings import StrategyChange
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.decisioning.strategies.telling import Told, told


def changes(before: Strategy, after: Strategy) -> tuple[StrategyChange, ...]:
    """Return each line that changed: those of `after` in their order, then those that it has no longer."""
    old = {line.key: line for line in told(before)}
    new = {line.key: line for line in told(after)}
    found = []
    for key, line in new.items():
        was = old.get(key)
        if was is None or was.words != line.words:
            before_words = None if was is None else was.words
            found.append(StrategyChange(group=line.group, heading=line.heading, before=before_words, after=line.words))
    gone = [line for key, line in old.items() if key not in new]
    return *found, *(_gone(line) for line in gone)


def _gone(line: Told) -> StrategyChange:
    return StrategyChange(group=line.group, heading=line.heading, before=line.words, after=None)


def consequences(before: Strategy, after: Strategy) -> Iterator[str]:
    """Yield what a new version means for who is where, beside what it says."""
    if before.name != after.name:
        yield (
            f"{before.name!r} and {after.name!r} are two strategies: who is in the control group and in which stage is "
            "drawn for each of them"
        )
        return
    if after.holdout > before.holdout:
        yield "the control group grows: some in it were treated under the version before, and compare badly"
    elif after.holdout < before.holdout:
        yield "the control group shrinks: some who were never treated may be treated now; the others stay in it"
    if [(arm.name, arm.share) for arm in before.arms] != [(arm.name, arm.share) for arm in after.arms]:
        yield "the arms' shares differ: some customers change from one arm to another"
    if before.explore != after.explore:
        yield "the share that explores differs: some get another treatment than before, by chance or no longer by it"
    if before.cohort != after.cohort:
        yield "the cohort differs: customers may come in and fall out; nobody is drawn anew"
    if before.rollout.enters != after.rollout.enters:
        yield (
            "customers come in as something happens to them: who is in the cohort now comes in with their next event"
            if after.rollout.coming
            else "customers come in when a stage begins, and no longer as something happens to them"
        )
    yield from _steps(before, after)
    yield from _reached(before, after)
    yield from _money(before, after)
    if before.market.time_zone != after.market.time_zone:
        yield "the time zone differs: quiet hours, and the first and the last day, begin and end at other times"
    if before.market.currency != after.market.currency:
        yield "the currency differs: amounts of the two versions cannot be added up"


def _steps(before: Strategy, after: Strategy) -> Iterator[str]:
    if before.steps == after.steps:
        return
    if not after.steps:
        yield "it has no steps any more: each customer is offered the best of all treatments at once"
    elif not before.steps:
        yield "it has steps now: customers are taken through them one by one, over time"
    else:
        yield "the steps differ"
    if before.steps:
        yield "who is under way by the version before leaves it where they are, and may begin anew by this one"


def _reached(before: Strategy, after: Strategy) -> Iterator[str]:
    was, now = before.rollout.stages[0], after.rollout.stages[0]
    if was == now:
        return
    change = f"from {share_in_words(was)} to {share_in_words(now)}"
    if now < was:
        yield (
            f"the first stage shrinks, {change}: some whom it had are reached by a later stage only; what they were "
            "given stays theirs"
        )
    else:
        yield f"the first stage grows, {change}: more customers are reached before anything is known of how it goes"


def _money(before: Strategy, after: Strategy) -> Iterator[str]:
    old, new = before.budget, after.budget
    if before.market.currency != after.market.currency:
        return
    if new.total.amount_minor < old.total.amount_minor:
        yield f"the budget shrinks, from {old.total} to {new.total}: it is enough for fewer customers"
    elif new.total.amount_minor > old.total.amount_minor:
        yield f"the budget grows, from {old.total} to {new.total}: whoever signs the new version signs for all of it"
    if new.per_customer.amount_minor < old.per_customer.amount_minor:
        yield f"one customer may get less, {new.per_customer} and no longer {old.per_customer}"
    if new.period_days < old.period_days:
        yield (
            f"what one customer may get counts {counted(new.period_days, 'day')} and no longer {old.period_days}: who "
            "got something may get more sooner"
        )
