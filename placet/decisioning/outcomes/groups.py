"""Groups of customers with what was counted of them, and what makes a group none."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from placet.contracts.money import LARGEST_MINOR
from placet.contracts.outcomes.figures import MILLION, GroupFigures, Unit, Unknown, UnknownCode
from placet.contracts.text import NAME, shortened

Values = Sequence[int] | NDArray[Any] | pl.Series
"""One figure of each customer: 0 or 1 of a share, minor units of an amount."""
Figures = NDArray[np.float64]

TREATED: Final = "treated customers"
CONTROL: Final = "control group"
FEWEST: Final = 20
"""Customers of each group, where a share is compared."""
FEWEST_AMOUNTS: Final = 100
"""Customers of each group, where an amount is: of fewer, one who spends much decides."""
MOST_AMOUNT: Final = 5 * 10**10
"""Minor units of one customer: as much as `next_best_action` takes anybody to spend."""
MOST_MEAN: Final = LARGEST_MINOR // MILLION // 10
"""Minor units, so that a mean and the ends of its interval fit into millionths."""
_AT_ONCE: Final = 10**8
"""Amounts of which the sum fits into 64 bits."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of customers, and the moments of their figures.

    Attributes:
        customers: How many they are.
        total: Customers on whom it is true, or the sum of amounts in minor units.
        variance: Of the figures (n - 1); of a share it follows from the counts.
        third: Third central moment, mean of the cubes of the distances from the mean.
    """

    unit: Unit
    customers: int
    total: int
    variance: float
    third: float

    @property
    def mean(self) -> float:
        """The mean, in the unit."""
        return self.total / self.customers

    def figures(self) -> GroupFigures:
        """Return what people are shown of it."""
        return GroupFigures(customers=self.customers, mean=round(self.total * MILLION / self.customers))


def share_group(customers: int, had: int) -> Group | Unknown:
    """Return a group of which `had` customers had it, or why it is none."""
    for name, count in (("customers", customers), ("who had it", had)):
        if not _whole(count):
            code: UnknownCode = "not_a_number" if _no_number(count) else "not_whole"
            return unknown(code, f"{name}: {_shown(count)} is no whole number of customers")
        if count < 0:
            return unknown("negative", f"{name}: {count} is below zero; nobody can be counted so")
    if customers == 0:
        return unknown("nobody", "the group has no customers: there is nothing to count")
    if had > customers:
        return unknown("more_than_all", f"{had} of {customers} customers had it: that is more than all")
    if customers > LARGEST_MINOR:
        return unknown("too_large", f"{customers} customers are more than can be")
    rate = had / customers
    spread = rate * (1 - rate)
    return Group("share", customers, had, spread * customers / max(customers - 1, 1), spread * (1 - 2 * rate))


def amount_group(values: Values) -> Group | Unknown:
    """Return a group of customers with these amounts in minor units, or why it is none."""
    read = read_values(values, "amount")
    if isinstance(read, Unknown):
        return read
    total = sum(int(read[start : start + _AT_ONCE].sum()) for start in range(0, len(read), _AT_ONCE))
    distance = read - total / len(read)
    return Group(
        unit="amount",
        customers=len(read),
        total=total,
        variance=float((distance**2).sum()) / max(len(read) - 1, 1),
        third=float((distance**3).mean()),
    )


def read_values(values: Values, unit: Unit) -> NDArray[np.int64] | Unknown:
    """Return one whole number of each customer, or why they are none: one that is none refuses all."""
    read = _array(values)
    if isinstance(read, Unknown):
        return read
    if read.size == 0:
        return unknown("nobody", "the group has no customers: there is nothing to count")
    if read.dtype.kind == "f":
        if not np.isfinite(read).all():
            row = int(np.argmin(np.isfinite(read)))
            return unknown("not_a_number", f"row {row + 1} has {_shown(read[row].item())}: a figure is missing")
        if (read != np.floor(read)).any():
            row = int(np.argmax(read != np.floor(read)))
            return unknown("not_whole", f"row {row + 1} has {_shown(read[row].item())}: write whole numbers")
    most = 1 if unit == "share" else MOST_AMOUNT
    bad: tuple[tuple[NDArray[np.bool_], UnknownCode, str], ...] = (
        (read < 0, "negative", "it is below zero"),
        (read > most, "too_large", f"the most is {most:,}"),
    )
    for wrong, code, said in bad:
        if wrong.any():
            row = int(np.argmax(wrong))
            return unknown(code, f"row {row + 1} has {_shown(read[row].item())}: {said}")
    return read.astype(np.int64)


def _array(values: Values) -> NDArray[Any] | Unknown:
    if isinstance(values, pl.Series):
        if values.null_count():
            row = int(values.is_null().arg_max() or 0)
            return unknown("not_a_number", f"row {row + 1} has no figure")
        values = values.to_numpy()
    try:
        read = np.asarray(values)
    except (ValueError, OverflowError):  # rows of unlike length
        return unknown("not_a_number", "it is no list of numbers")
    if read.ndim != 1 or (read.size and read.dtype.kind not in "buif"):
        return unknown("not_a_number", "it is no list of numbers, or some of them are missing or too large")
    return read


def unsound(group: Group) -> Unknown | None:
    """Say why a group cannot be judged, however it was made: nothing that it says is trusted."""
    if not _whole(group.total):
        return unknown("not_a_number", f"a sum of {_shown(group.total)} is no whole number")
    had = min(group.total, group.customers) if group.unit == "amount" else group.total
    checked = share_group(group.customers, had)
    if isinstance(checked, Unknown):
        return checked
    for name, moment in (("variance", group.variance), ("third moment", group.third)):
        if not math.isfinite(moment):
            return unknown("not_a_number", f"the {name} is {_shown(moment)}: a figure is missing")
    if group.variance < 0:
        return unknown("negative", f"a variance of {group.variance:g}: there is none below zero")
    if group.total > group.customers * MOST_MEAN:
        return unknown("too_large", f"a sum of {group.total} over {group.customers} customers is more than is judged")
    return None


def comparable(treated: Group | Unknown, control: Group | Unknown) -> tuple[Group, Group] | Unknown:
    """Return two groups that can be compared, or why they cannot."""
    sound = []
    for name, group in ((TREATED, treated), (CONTROL, control)):
        found = group if isinstance(group, Unknown) else unsound(group)
        if found is not None:
            return unknown(found.code, f"{name}: {found.detail}")
        if isinstance(group, Group):
            sound.append(group)
    ours, theirs = sound
    if ours.unit != theirs.unit:
        return unknown("unlike_units", f"the treated have a {ours.unit}, the control group has a {theirs.unit}")
    fewest = FEWEST if ours.unit == "share" else FEWEST_AMOUNTS
    for name, one in ((TREATED, ours), (CONTROL, theirs)):
        if one.customers < fewest:
            return unknown("too_few", f"{name}: {one.customers} customers, and it takes {fewest} of each group")
    return ours, theirs


def unknown(code: UnknownCode, detail: str) -> Unknown:
    """Return why nothing is known."""
    return Unknown(code=code, detail=shortened(detail, 400))


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _no_number(value: object) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def _shown(value: object) -> str:
    return shortened(repr(value), NAME)
