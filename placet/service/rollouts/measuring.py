"""What became of the members of a rollout, at a look: in one pass over the base, in bounded memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from placet.contracts.outcomes.figures import Unknown
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign_all
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.outcomes.groups import Group, amount_group, share_group
from placet.decisioning.strategies.measures import OUTCOMES
from placet.governance.membership import Membership
from placet.service.cohorts import LeftOut, base_frames, fold_all
from placet.storage.database import Database

_CUSTOMER: Final = "customer_id"


def taken_down(database: Database, tenant: str, version: str) -> dict[int, Membership]:
    """Return the members that there are now, by the drawing that their rows name; 0: those of none."""
    with database.reading() as tx:
        return tx.rollouts.taken_down(tenant, version)


class Measured(NamedTuple):
    """What was counted of both groups.

    Attributes:
        treated: By measure.
        control: The same of the control group.
        members: Of both groups, as counted: treated, control.
        counted: Those of them of whom a state is known.
    """

    treated: Mapping[Measure, Group | Unknown]
    control: Mapping[Measure, Group | Unknown]
    members: tuple[int, int]
    counted: int


class _Sums:
    """One measure of one group."""

    def __init__(self, measure: Measure) -> None:
        self._of = OUTCOMES[measure]
        self._customers = self._had = 0
        self._amounts: list[pl.Series] = []

    def add(self, frame: pl.DataFrame) -> None:
        self._customers += frame.height
        if self._of.unit == "share":
            self._had += int(cohort_of(self._of.of).members(frame).fill_null(value=False).sum())
            return
        summed = pl.sum_horizontal(pl.col(name.strip()) for name in self._of.of.split("+"))
        self._amounts.append(frame.select(summed.clip(lower_bound=0).alias("amount")).to_series())

    def group(self) -> Group | Unknown:
        if self._of.unit == "share":
            return share_group(self._customers, self._had)
        return amount_group(pl.concat(self._amounts) if self._amounts else np.array([], dtype=np.int64))


def measure(
    database: Database, tenant: str, strategy: Strategy, version: str, *, reached: int, at: datetime
) -> Measured:
    """Count the measures of a strategy's guard rails, of the treated members and of the control group, as of a time.

    Everybody counts whom the draw treats, whether or not they got something: so nothing that a treatment did can choose
    who is counted.
    """
    wanted: Sequence[Measure] = tuple(dict.fromkeys(rail.measure for rail in strategy.rollout.guard_rails))
    sums = {group: {one: _Sums(one) for one in wanted} for group in (True, False)}
    counted = 0
    fold_all(database, tenant)
    for frame in base_frames(database, tenant, at, LeftOut()):
        if frame.is_empty():
            continue
        first, last = str(frame[_CUSTOMER].min()), str(frame[_CUSTOMER].max())
        with database.reading() as tx:
            members = tx.rollouts.between(tenant, version, first, last)
        # Who is in which group is drawn again: a row that was altered moves nobody to the other side.
        drawn = assign_all(strategy.name, frame[_CUSTOMER], holdout_bp=strategy.holdout, weights={})
        held = dict(drawn.select(_CUSTOMER, "held_out").iter_rows())
        bucket = dict(drawn.select(_CUSTOMER, "rollout_bucket").iter_rows())
        coming = strategy.rollout.coming  # who comes in does so as their bucket is reached, in both groups
        known = {one.customer_id for one in members if one.drawing or coming} & held.keys()
        taking = {one: held[one] for one in known if (held[one] and not coming) or bucket[one] < reached}
        control = frame[_CUSTOMER].replace_strict(taking, default=None, return_dtype=pl.Boolean)
        for group, of_group in sums.items():
            theirs = frame.filter(control == group)
            counted += theirs.height
            for one in of_group.values():
                one.add(theirs)
    with database.reading() as tx:
        counts = tx.rollouts.counts(tenant, version, reached, coming=strategy.rollout.coming)
    return Measured(
        treated={name: one.group() for name, one in sums[False].items()},
        control={name: one.group() for name, one in sums[True].items()},
        members=(counts.treated, counts.control),
        counted=counted,
    )
