"""What a treatment costs and is worth for a customer: whole numbers, of one customer or of a column of them.

The arithmetic is written once. `Number` is an `int` or a polars expression of 64-bit integers; both round down when
they divide, so one customer gets the value that the base's pass gives them. Nothing leaves 64 bits: `MOST_MONTHLY`
bounds what is multiplied (`test_worth.py` holds the largest case). What a run reads is of one customer, and has no
such bound: there it is divided once, at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import Action, CreditBalance, Staying, StrategyTreatment
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.cohorts.columns import LIVE_STATE, Vocabulary
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.cohorts.run_columns import CHARGE, LEAVING

MOST_MONTHLY: Final = 5 * 10**10
"""Minor units in a month: who spends more is taken to spend this."""
BILLED: Final = "billed_minor_90d"
RECHARGED: Final = "recharged_minor_90d"
CHURN: Final = "churn_percent"

_MONTHS: Final = 3
_PERCENT: Final = 100

Number = Any
"""An `int`, or a polars expression."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How the two kinds of numbers find the smaller and the larger of two."""

    least: Callable[[Number, Number], Number]
    most: Callable[[Number, Number], Number]


ONE: Final = Kind(min, max)
MANY: Final = Kind(
    lambda one, other: pl.min_horizontal(one, pl.lit(other) if isinstance(other, int) else other),
    lambda one, other: pl.max_horizontal(one, pl.lit(other) if isinstance(other, int) else other),
)


def monthly(billed: Number, recharged: Number, kind: Kind) -> Number:
    """Return what a customer spends in a month: a third of 90 days, between 0 and `MOST_MONTHLY`."""
    return kind.least(kind.most((billed + recharged) // _MONTHS, 0), MOST_MONTHLY)


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What strategies are asked on: a customer's live state, or what a run read of them.

    Attributes:
        known: The columns that conditions may name.
        spends: Gives what the customer spends in a month, of their row.
        leaving: The column of how likely they leave.
        certain: What is certain in that column.
    """

    known: Vocabulary
    spends: Callable[[Row], int]
    leaving: str
    certain: int


STATE: Final = Ground(LIVE_STATE, lambda row: int(monthly(row[BILLED], row[RECHARGED], ONE)), CHURN, _PERCENT)
"""What published strategies are asked on, and the base."""


def ground_of_run(known: Vocabulary) -> Ground:
    """Return what catalogues are asked on; `known` are the columns of `columns_of_run`."""
    return Ground(known, lambda row: max(_whole(row[CHARGE]), 0), LEAVING, WHOLE)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def cost(action: Action, spends: Number, kind: Kind) -> Number:
    """Return what an action costs at most, in minor units.

    A credit is rounded down to its steps. An order costs its dearest move, for which of them fits is known only when
    the products are read; its share of a month is rounded up.
    """
    share = action.of_monthly
    if isinstance(action, CreditBalance):
        given = kind.least(spends * share // WHOLE, action.at_most.amount_minor)
        step = action.in_steps_of.amount_minor if action.in_steps_of else 1
        return given // step * step
    dearest = max((move.costs.amount_minor if move.costs else 0) for move in action.moves)
    return (spends * share + WHOLE - 1) // WHOLE + dearest


def value(
    strategy: Strategy,
    treatment: StrategyTreatment,
    spends: Number,
    churn: Number,
    costs: Number,
    certain: int = _PERCENT,
) -> Number:
    """Return what is expected to be left after the cost, times the weight, in minor units; None (NULL) without a score.

    staying: chance of leaving x share removed x margin of a month x months
    taking up: chance x margin of what is spent more in a month x months

    Where the chance of leaving is in basis points (`certain`), it is divided once: of what a run reads.
    """
    gain, margin = treatment.value, strategy.value.margin
    if isinstance(gain, Staying) and certain == WHOLE:
        kept = spends * margin * strategy.value.horizon_months
        expected = kept * churn * gain.removes // WHOLE**3
    elif isinstance(gain, Staying):
        kept = spends * margin // WHOLE * strategy.value.horizon_months
        expected = kept * churn * gain.removes // (_PERCENT * WHOLE)
    else:
        expected = gain.worth.amount_minor * margin * gain.months * gain.chance // WHOLE**2
    return (expected - costs) * strategy.value.weight // WHOLE
