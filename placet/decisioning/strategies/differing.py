"""Two versions of a strategy, in words: what changed, and what that means for customers who are in it already."""

from collections.abc import Iterator

from placet.contracts.strategies.findings import StrategyChange
from placet.contracts.strategies.strategy import Strategy
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
    if before.cohort != after.cohort:
        yield "the cohort differs: customers may come in and fall out; nobody is drawn anew"
    if before.market.currency != after.market.currency:
        yield "the currency differs: amounts of the two versions cannot be added up"
