"""What several strategies together would do to the base, in one pass: who gets what, and who is claimed twice."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, get_args

import polars as pl

from placet.contracts.events.kinds import Channel
from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.strategies.decision import Fell
from placet.contracts.strategies.plan import Fallen, PlannedStrategy, PlannedTreatment, StrategyPlan
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.next_best_action.candidates import Live, Prepared, Ready, prepare
from placet.decisioning.next_best_action.sweeping import sweep
from placet.governance.signing.canonical import digest
from placet.service.cohorts import LeftOut, base_frames
from placet.storage.database import Database

_FELL: Final[tuple[Fell, ...]] = get_args(Fell)


def plan(
    database: Database, tenant: str, strategies: Sequence[Strategy], channel: Channel, as_of: datetime
) -> StrategyPlan:
    """Return what strategies would do together, in one pass over the base.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention. Code `strategy_twice`; one
            is given in two versions.
    """
    left_out = LeftOut()
    ready = ready_for(strategies, channel, as_of)
    frames = base_frames(database, tenant, as_of, left_out)
    return plan_of(frames, ready, channel=channel, as_of=as_of, at=as_of, left_out=left_out)


def ready_for(strategies: Sequence[Strategy], channel: Channel, at: datetime) -> tuple[Ready, ...]:
    """Return strategies ready to be asked, as if each had reached everybody.

    Raises:
        UsageError: code `strategy_twice`; one is given in two versions.
    """
    return prepare([Live(one, digest(one)) for one in strategies], channel, at)


def plan_of(
    frames: Iterable[pl.DataFrame],
    ready: Sequence[Ready],
    *,
    channel: Channel,
    as_of: datetime,
    at: datetime,
    left_out: LeftOut,
) -> StrategyPlan:
    """Return what strategies would do, of a base in frames; how it is cut into them does not matter.

    Args:
        frames: Each customer in one row of one of them, with the columns of `asked_columns`, or all.
        ready: The strategies.
        channel: Where customers would be told.
        as_of: The time that all rows are of.
        at: The time that quiet hours were asked of.
        left_out: Who is in no frame; complete when the frames are at their end.
    """
    base = simulated = several = 0
    fell: Counter[tuple[int, Fell]] = Counter()
    chosen: Counter[int] = Counter()
    cost: Counter[int] = Counter()
    value: Counter[int] = Counter()
    for frame in frames:
        base += frame.height
        simulated += int(frame["simulated"].sum())
        swept = sweep(ready, frame)
        fell.update(swept.fell)
        several += swept.several
        sums = swept.chosen.group_by("candidate").agg(pl.len(), pl.col("cost").sum(), pl.col("value").sum())
        for number, many, costs, worth in sums.iter_rows():
            chosen[number] += many
            cost[number] += costs
            value[number] += worth
    planned = _Planned(chosen, cost, value, fell)
    strategies = tuple(map(planned.strategy, ready))
    return StrategyPlan(
        as_of=as_of,
        at=at,
        channel=channel,
        base=base,
        chosen=sum(one.chosen for one in strategies),
        several=several,
        simulated=simulated,
        left_out=left_out.many,
        unreadable=tuple(left_out.first),
        strategies=strategies,
    )


class _Planned:
    """What was counted, by the candidates' numbers."""

    def __init__(
        self, chosen: Counter[int], cost: Counter[int], value: Counter[int], fell: Counter[tuple[int, Fell]]
    ) -> None:
        self._chosen, self._cost, self._value, self._fell = chosen, cost, value, fell

    def strategy(self, one: Ready) -> PlannedStrategy:
        """Return what becomes of a strategy."""
        strategy, numbers = one.live.strategy, [candidate.number for candidate in one.candidates]
        return PlannedStrategy(
            name=strategy.name,
            version=one.live.version,
            title=strategy.title,
            chosen=sum(self._chosen[number] for number in numbers),
            cost=_money(sum(self._cost[number] for number in numbers), strategy),
            budget=strategy.budget.total,
            closed="" if one.closed is None else one.closed.said,
            treatments=tuple(map(self._treatment, one.candidates)),
        )

    def _treatment(self, candidate: Prepared) -> PlannedTreatment:
        number, strategy = candidate.number, candidate.live.strategy
        return PlannedTreatment(
            treatment=candidate.treatment.code,
            title=candidate.treatment.title,
            chosen=self._chosen[number],
            cost=_money(self._cost[number], strategy),
            value=_money(self._value[number], strategy),
            fallen=tuple(self._fallen(number)),
        )

    def _fallen(self, number: int) -> Iterator[Fallen]:
        for fell in _FELL:
            if self._fell[number, fell]:
                yield Fallen(fell=fell, customers=self._fell[number, fell])


def _money(minor: int, strategy: Strategy) -> Money:
    """Return a sum; one that JSON could not carry exactly is told as the largest that it can."""
    return Money(amount_minor=min(minor, LARGEST_MINOR), currency=strategy.market.currency)
