"""What a strategy would do to the base: whom it has, who falls where, what it could cost. One pass, in frames."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.strategies.preview import (
    PreviewedArm,
    PreviewedStage,
    PreviewedTreatment,
    Removed,
    StrategyPreview,
)
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import Rule, Stage, StrategyTreatment
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.cohorts.cohort import Cohort, cohort_of
from placet.decisioning.next_best_action.hurdles import other_currency
from placet.decisioning.next_best_action.worth import BILLED, MANY, RECHARGED, cost, monthly
from placet.decisioning.strategies.hints import day_there
from placet.governance.signing.canonical import digest
from placet.service.cohorts import LeftOut, base_frames
from placet.storage.database import Database


def preview(database: Database, tenant: str, strategy: Strategy, as_of: datetime) -> StrategyPreview:
    """Return what a strategy would do, in one pass over the base.

    Raises:
        StorageError: the database does not answer. Whose row is unreadable is left out, and told.
        UsageError: code `too_old`; events from after `as_of` were taken away by retention.
    """
    left_out = LeftOut()
    return preview_of(base_frames(database, tenant, as_of, left_out), strategy, as_of, left_out)


def preview_columns(strategy: Strategy) -> frozenset[str]:
    """Return the columns of a frame that `preview_of` reads."""
    rules = (rule.when for treatment in strategy.treatments for _, _, rule in treatment.rules())
    asked = (name for text in (strategy.cohort, *rules) for name in cohort_of(text).needs)
    return frozenset(asked) | {"customer_id", "simulated", "currency", BILLED, RECHARGED}


def preview_of(
    frames: Iterable[pl.DataFrame], strategy: Strategy, as_of: datetime, left_out: LeftOut
) -> StrategyPreview:
    """Return what a strategy would do, of a base in frames of all columns; how it is cut into them does not matter.

    Args:
        frames: Each customer in one row of one of them, with the columns of `preview_columns`, or all.
        strategy: A sound one.
        as_of: The time that all rows are of.
        left_out: Who is in no frame; complete when the frames are at their end.
    """
    tally = _Tally(strategy)
    for frame in frames:
        tally.add(frame)
    return tally.preview(as_of, left_out)


@dataclass(slots=True)
class _Asked:
    """A treatment with its rules compiled, and what was counted of it."""

    treatment: StrategyTreatment
    rules: tuple[tuple[Stage, Rule, Cohort], ...]
    could_get: int = 0
    other_arm: int = 0
    cost_minor: int = 0
    removed: Counter[int] = field(default_factory=Counter)

    def ask(self, frame: pl.DataFrame, treated: pl.Series) -> pl.Series:
        """Return who of `treated` could get it, and count where the others fall."""
        left = treated
        for number, (_, _, cohort) in enumerate(self.rules):
            held = left & cohort.members(frame).fill_null(value=False)
            self.removed[number] += int(left.sum()) - int(held.sum())
            left = held
        self.could_get += int(left.sum())
        self.cost_minor += self._cost(frame.filter(left))
        return left

    def _cost(self, frame: pl.DataFrame) -> int:
        action = self.treatment.action
        costs = cost(action, monthly(pl.col(BILLED), pl.col(RECHARGED), MANY), MANY).cast(pl.Int64)
        each = frame.select(BILLED, RECHARGED).select(costs.alias("cost"))["cost"]
        return int(each.filter(each <= action.at_most.amount_minor).sum())


class _Tally:
    """What was counted so far."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._cohort = cohort_of(strategy.cohort)
        self._asked = [
            _Asked(one, tuple((stage, rule, cohort_of(rule.when)) for stage, _, rule in one.rules()))
            for one in strategy.treatments
        ]
        # Who could get several gets the dearest in the dearest case.
        self._dearest_first = sorted(self._asked, key=lambda one: -one.treatment.action.at_most.amount_minor)
        self._currency = cohort_of(other_currency(strategy.market.currency))
        self._base = self._members = self._unknown = self._other_currency = self._control = self._simulated = 0
        self._none = self._most_minor = 0
        self._stages: Counter[int] = Counter()
        self._arms: Counter[str] = Counter()

    def add(self, frame: pl.DataFrame) -> None:
        """Count the customers of a frame."""
        answers = self._cohort.members(frame)
        self._base += frame.height
        self._unknown += answers.null_count()
        self._simulated += int(frame["simulated"].sum())
        member = frame.filter(answers.fill_null(value=False))
        self._members += member.height
        same = member.filter(self._currency.members(member).fill_null(value=False))
        self._other_currency += member.height - same.height
        member = same
        if not member.height:
            return
        strategy = self._strategy
        weights = {arm.name: arm.share for arm in strategy.arms}
        drawn = assign_all(strategy.name, member["customer_id"], holdout_bp=strategy.holdout, weights=weights)
        treated = ~drawn["held_out"]
        self._control += member.height - int(treated.sum())
        for share in strategy.rollout.stages:
            self._stages[share] += int((treated & (drawn["rollout_bucket"] < share)).sum())
        for arm in strategy.arms:
            self._arms[arm.name] += int((drawn["arm"] == arm.name).sum())
        self._ask(member, treated, drawn["arm"])

    def _ask(self, member: pl.DataFrame, treated: pl.Series, arms: pl.Series) -> None:
        without = treated
        for asked in self._dearest_first:
            theirs = treated
            if self._strategy.arms:
                code = asked.treatment.code
                names = [arm.name for arm in self._strategy.arms if code in arm.treatments]
                theirs = treated & arms.is_in(names).fill_null(value=False)
                asked.other_arm += int(treated.sum()) - int(theirs.sum())
            could = asked.ask(member, theirs)
            self._most_minor += int((could & without).sum()) * asked.treatment.action.at_most.amount_minor
            without = without & ~could
        self._none += int(without.sum())

    def preview(self, as_of: datetime, left_out: LeftOut) -> StrategyPreview:
        """Return it all."""
        strategy = self._strategy
        dearest = self._dearest_first[0].treatment.action.at_most
        return StrategyPreview(
            name=strategy.name,
            digest=digest(strategy),
            as_of=as_of,
            base=self._base,
            members=self._members,
            unknown=self._unknown,
            other_currency=self._other_currency,
            control=self._control,
            could_get_none=self._none,
            ended=_ended(strategy, as_of),
            simulated=self._simulated,
            left_out=left_out.many,
            unreadable=tuple(left_out.first),
            stages=tuple(self._stage(share) for share in strategy.rollout.stages),
            arms=tuple(
                PreviewedArm(name=arm.name, share=arm.share, treated=self._arms[arm.name]) for arm in strategy.arms
            ),
            treatments=tuple(map(_previewed, self._asked)),
            budget=strategy.budget.total,
            most_cost=Money(amount_minor=self._most_minor, currency=strategy.market.currency),
            budget_reaches=strategy.budget.total.amount_minor // dearest.amount_minor,
        )

    def _stage(self, share: int) -> PreviewedStage:
        smaller = min(self._stages[share], self._control)
        rails = self._strategy.rollout.guard_rails
        return PreviewedStage(
            share=share,
            treated=self._stages[share],
            too_few=tuple((rail.measure, rail.sample) for rail in rails if smaller < rail.sample),
        )


def _ended(strategy: Strategy, as_of: datetime) -> date | None:
    """Return its last day where it is over, by the calendar of the market."""
    last = strategy.term.last
    return last if last < day_there(as_of, strategy.market) else None


def _previewed(asked: _Asked) -> PreviewedTreatment:
    most = asked.treatment.action.at_most
    return PreviewedTreatment(
        code=asked.treatment.code,
        title=asked.treatment.title,
        could_get=asked.could_get,
        other_arm=asked.other_arm,
        removed=tuple(_removed(asked)),
        would_cost=most.model_copy(update={"amount_minor": min(asked.cost_minor, LARGEST_MINOR)}),
        at_most=most,
        in_all_at_most=most.model_copy(update={"amount_minor": most.amount_minor * asked.could_get}),
    )


def _removed(asked: _Asked) -> Iterator[Removed]:
    for number, (stage, rule, _) in enumerate(asked.rules):
        if asked.removed[number]:
            yield Removed(stage=stage, code=rule.code, otherwise=rule.otherwise, customers=asked.removed[number])
