"""The decision for everybody in a frame: who gets what, and how many fell where. The same as `decide` for each.

Each strategy is asked of its cohort's members alone; draws and rules go with their number and not with the base.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from placet.contracts.strategies.decision import Fell
from placet.contracts.strategies.treatment import CreditBalance
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.assignment.drawing import buckets
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.next_best_action.candidates import Prepared, Ready
from placet.decisioning.next_best_action.worth import BILLED, CHURN, MANY, RECHARGED, cost, monthly, value

NOBODY: Final = -1
"""Of `candidate`: nothing is done."""
_AT: Final = "at"
"""The frame's own column: the place of a row."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What is decided for the customers of a frame.

    Attributes:
        chosen: One row for each of them, in their order: `candidate` (its number, or `NOBODY`), `cost`, `value`.
        fell: How many fell where, by the candidate's number.
        several: For how many customers more than one candidate was worth something.
    """

    chosen: pl.DataFrame
    fell: Mapping[tuple[int, Fell], int]
    several: int


def sweep(ready: Sequence[Ready], frame: pl.DataFrame) -> Swept:
    """Return the decision for each customer of a frame of all columns."""
    first = _true_of(frame, dict.fromkeys(text for one in ready for text in one.first))
    rows = frame.with_row_index(_AT)
    fell: Counter[tuple[int, Fell]] = Counter()
    found = [_of_strategy(one, rows, first, fell) for one in ready]
    chosen, several = _best(found, frame.height, fell)
    return Swept(chosen, fell, several)


def asked_columns(ready: Sequence[Ready]) -> frozenset[str]:
    """Return the columns of a frame that `sweep` reads."""
    first = (name for one in ready for text in one.first for name in cohort_of(text).needs)
    return frozenset(first) | {name for one in ready for name in _needed(one) if name != _AT}


def _of_strategy(
    one: Ready, rows: pl.DataFrame, first: Mapping[str, pl.Series], fell: Counter[tuple[int, Fell]]
) -> pl.DataFrame:
    """Return the candidates of a strategy that are worth something: row, candidate, cost, value."""
    strategy = one.live.strategy

    def fall(where: Fell, many: int) -> None:
        if many:
            for candidate in one.candidates:
                fell[candidate.number, where] += many

    member, same = first[strategy.cohort], first[one.currency]
    fall("cohort", rows.height - int(member.sum()))
    fall("currency", int((member & ~same).sum()))
    # A row has some 150 columns, and a strategy asks for a few of them: only those are copied.
    left = rows.select(_needed(one)).filter(member & same)
    drawn = assign_all(strategy.name, left["customer_id"], holdout_bp=strategy.holdout, weights=one.live.weights)
    held, reached = drawn["held_out"], drawn["rollout_bucket"] < one.live.reached
    fall("control_group", int(held.sum()))
    fall("rollout", int((~held & ~reached).sum()))
    treated = ~held & reached
    left, arms = left.filter(treated), drawn["arm"].filter(treated)
    if one.closed is not None:
        fall("contact", left.height)
        return _nothing()
    holds = _true_of(left, dict.fromkeys(hurdle.condition for each in one.candidates for hurdle in each.hurdles))
    gains = pl.concat([_of_candidate(candidate, left, arms, holds, fell) for candidate in one.candidates])
    return _sent(one, gains, left)


def _sent(one: Ready, gains: pl.DataFrame, left: pl.DataFrame) -> pl.DataFrame:
    """Return what a strategy may do with `sent`: whether it is the one that the strategy chooses, as `choose` does."""
    strategy = one.live.strategy
    if not strategy.explore or gains.is_empty():
        return gains.with_columns(sent=pl.lit(value=True))  # the one worth most is taken of all
    ids = left["customer_id"]
    drawn = pl.DataFrame(
        {
            _AT: left[_AT],
            "explores": buckets("explore", strategy.name, ids) < strategy.explore,
            "drawn": buckets("explored", strategy.name, ids).cast(pl.Int64),
        }
    )
    order = gains.sort(["value", "candidate"], descending=[True, False]).join(drawn, on=_AT, how="left")
    place, many = pl.int_range(pl.len()).over(_AT), pl.len().over(_AT)
    explored = pl.col("drawn") * many.cast(pl.Int64) // WHOLE
    return order.with_columns(sent=place == pl.when("explores").then(explored).otherwise(0)).drop("explores", "drawn")


def _needed(one: Ready) -> list[str]:
    asked = [cohort_of(hurdle.condition) for candidate in one.candidates for hurdle in candidate.hurdles]
    names = (name for cohort in asked for name in cohort.needs)
    return list(dict.fromkeys((_AT, "customer_id", CHURN, BILLED, RECHARGED, *names)))


def _true_of(frame: pl.DataFrame, conditions: Iterable[str]) -> Mapping[str, pl.Series]:
    """Return for each row whether each condition is true; all are asked at once."""
    asked = {text: cohort_of(text).condition.fill_null(value=False) for text in conditions}
    answers = frame.select(condition.alias(str(number)) for number, condition in enumerate(asked.values()))
    # Where all rows are alike the engine may answer once for all of them.
    return {
        text: told if len(told) == frame.height else told.new_from_index(0, frame.height)
        for text, told in zip(asked, answers.iter_columns(), strict=True)
    }


def _of_candidate(
    candidate: Prepared,
    left: pl.DataFrame,
    arms: pl.Series,
    holds: Mapping[str, pl.Series],
    fell: Counter[tuple[int, Fell]],
) -> pl.DataFrame:
    stands, many = pl.repeat(value=True, n=left.height, eager=True, dtype=pl.Boolean), left.height

    def ask(passed: pl.Series, where: Fell) -> None:
        nonlocal stands, many
        stands = stands & passed
        still = int(stands.sum())
        if still < many:
            fell[candidate.number, where] += many - still
        many = still

    if candidate.arms:
        ask(arms.is_in(list(candidate.arms)).fill_null(value=False), "arm")
    for hurdle in candidate.hurdles:
        ask(holds[hurdle.condition], hurdle.fell)
    valued = _valued(candidate, left.select(_AT, CHURN, BILLED, RECHARGED).filter(stands))
    gains = valued.filter(_gains(candidate, valued))
    if gains.height < many:
        fell[candidate.number, "value"] += many - gains.height
    return gains


def _valued(candidate: Prepared, left: pl.DataFrame) -> pl.DataFrame:
    spends = monthly(pl.col(BILLED), pl.col(RECHARGED), MANY)
    costs = cost(candidate.treatment.action, spends, MANY)
    worth = value(candidate.live.strategy, candidate.treatment, spends, pl.col(CHURN), pl.col("cost"))
    return left.select(
        pl.col(_AT),
        pl.lit(candidate.number, pl.Int32).alias("candidate"),
        costs.cast(pl.Int64).alias("cost"),
        *(pl.col(name) for name in (CHURN, BILLED, RECHARGED)),
    ).select(_AT, "candidate", "cost", worth.cast(pl.Int64).alias("value"))


def _gains(candidate: Prepared, valued: pl.DataFrame) -> pl.Series:
    action = candidate.treatment.action
    gains = (pl.col("value") > 0) & (pl.col("cost") <= action.at_most.amount_minor)
    if isinstance(action, CreditBalance):
        gains &= pl.col("cost") > 0
    return valued.select(gains.fill_null(value=False)).to_series()


def _best(found: Sequence[pl.DataFrame], height: int, fell: Counter[tuple[int, Fell]]) -> tuple[pl.DataFrame, int]:
    """Return for each row what is worth most of what strategies choose; and how many rows had several."""
    all_ = pl.concat([_nothing(), *found]).sort([_AT, "value", "candidate"], descending=[False, True, False])
    best = all_.filter("sent").unique(_AT, keep="first", maintain_order=True)
    for number, many in all_.join(best, on=[_AT, "candidate"], how="anti")["candidate"].value_counts().iter_rows():
        fell[number, "outranked"] += many
    everybody = pl.DataFrame({_AT: pl.int_range(height, dtype=pl.UInt32, eager=True)})
    chosen = everybody.join(best, on=_AT, how="left", maintain_order="left")
    several = int((all_[_AT].value_counts()["count"] > 1).sum())
    return chosen.select(pl.col("candidate").fill_null(NOBODY), "cost", "value"), several


def _nothing() -> pl.DataFrame:
    columns = {_AT: pl.UInt32, "candidate": pl.Int32, "cost": pl.Int64, "value": pl.Int64, "sent": pl.Boolean}
    return pl.DataFrame(schema=columns)
