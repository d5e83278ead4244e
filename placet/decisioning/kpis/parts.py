"""What one customer adds to the sums: all that must be kept of them, to take it away again when they change."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import polars as pl

from placet.contracts.money import CURRENCIES
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.segments import asked
from placet.decisioning.kpis.adding import NO_CURRENCY, KpiSums
from placet.decisioning.kpis.definitions import KPIS, Households, Sum
from placet.decisioning.kpis.sealing import NotSealedError

EVERYBODY: Final = ""


@cache
def scopes() -> tuple[str, ...]:
    """Return whose sums are kept: all customers, and each named segment that can be asked."""
    return (EVERYBODY, *(segment.name for segment, _ in asked()))


class Part(NamedTuple):
    """What one customer adds.

    Attributes:
        scopes: Of which of `scopes` they are, by number.
        household: The household in which their products are added up; empty: one of their own.
        of: What they add to the sum above, of each figure in the order of `KPIS`; `over`: below.
    """

    simulated: int
    currency: str
    scopes: tuple[int, ...]
    household: str
    products: int
    of: tuple[int, ...]
    over: tuple[int, ...]


def parts_of(frame: pl.DataFrame) -> list[Part]:
    """Return the part of each row of a frame, in its order."""
    members = [[True] * frame.height] + [_members(cohort.members(frame)) for _, cohort in asked()]
    of = [_amounts(kpi.of, frame) for kpi in KPIS]
    over = [_amounts(kpi.over, frame) for kpi in KPIS]
    rows = frame.select("simulated", "currency", "household_id", "products").iter_rows()
    return [
        Part(
            int(simulated),
            NO_CURRENCY if currency is None else currency,
            tuple(number for number, one in enumerate(members) if one[at]),
            household or "",
            products,
            tuple(one[at] for one in of),
            tuple(one[at] for one in over),
        )
        for at, (simulated, currency, household, products) in enumerate(rows)
    ]


def add_part(sums: Sequence[KpiSums], part: Part, times: int = 1) -> None:
    """Add a customer's part to the sums of `scopes`, or take it away with `times` -1; without their household."""
    for number in part.scopes:
        one = sums[number]
        one.customers += times
        one.simulated += times * part.simulated
        one.currencies[part.currency] += times
        for kpi, of, over in zip(KPIS, part.of, part.over, strict=True):
            currency = part.currency if kpi.unit == "money" else NO_CURRENCY
            one.of[kpi.name, currency] += times * of
            one.over[kpi.name, currency] += times * over
        if not part.household:
            one.add_household(part.products, times)


class HouseholdPart(Counter[int]):
    """Products that the members of a household hold together, for each of `scopes` by number."""

    def change(self, sums: Sequence[KpiSums], part: Part, times: int) -> None:
        """Add a member, or take one away, and have the sums follow."""
        for number in part.scopes:
            sums[number].add_household(self[number], -1)
            self[number] += times * part.products
            if self[number] < 0:
                raise NotSealedError(f"a household holds {self[number]} products")
            sums[number].add_household(self[number])

    def told(self) -> object:
        """Return it as JSON has it."""
        return sorted((number, many) for number, many in self.items() if many)

    @classmethod
    def read(cls, value: Any) -> "HouseholdPart":
        """Return what `told` gave.

        Raises:
            NotSealedError: it gave none like it.
        """
        try:
            return cls({int(number): int(many) for number, many in value})
        except (TypeError, ValueError, OverflowError) as error:
            raise NotSealedError("it has no household") from error


def _members(answers: pl.Series) -> list[bool]:
    return answers.fill_null(value=False).to_list()


def _amounts(part: Sum | Households | None, frame: pl.DataFrame) -> list[int]:
    if not isinstance(part, Sum):
        return [0] * frame.height
    counted = pl.Series([1] * frame.height, dtype=pl.Int64)
    if part.adds:
        counted = sum((frame[name].fill_null(0) for name in part.adds[1:]), frame[part.adds[0]].fill_null(0))
    if part.where:
        counted = counted * cohort_of(part.where).members(frame).fill_null(value=False).cast(pl.Int64)
    if part.less:
        counted = counted - cohort_of(part.less).members(frame).fill_null(value=False).cast(pl.Int64)
    return counted.to_list()


def sums_told(sums: KpiSums) -> object:
    """Return sums as JSON has them."""
    return [
        sums.customers,
        sums.simulated,
        sums.left_out,
        sorted((name, many) for name, many in sums.currencies.items() if many),
        sorted((name, currency, many) for (name, currency), many in sums.of.items() if many),
        sorted((name, currency, many) for (name, currency), many in sums.over.items() if many),
    ]


def sums_read(value: Any) -> KpiSums:
    """Return the sums that `sums_told` gave.

    Raises:
        NotSealedError: it gave none like them.
    """
    try:
        customers, simulated, left_out, currencies, of, over = value
        return KpiSums(
            _whole(customers, least=0),
            _whole(simulated, least=0),
            _whole(left_out, least=0),
            Counter({_currency(name): _whole(many) for name, many in currencies}),
            Counter({(str(name), _currency(currency)): _whole(many) for name, currency, many in of}),
            Counter({(str(name), _currency(currency)): _whole(many) for name, currency, many in over}),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise NotSealedError("it has no sums") from error


def _whole(value: object, least: int | None = None) -> int:
    if type(value) is not int or (least is not None and value < least):
        raise ValueError(f"{value!r} is no such number")
    return value


def _currency(value: object) -> str:
    if value != NO_CURRENCY and value not in CURRENCIES:
        raise ValueError(f"{value!r} is no currency")
    return str(value)


def part_told(part: Part) -> object:
    """Return a part as JSON has it."""
    return [*part]


def part_read(value: Any) -> Part:
    """Return the part that `part_told` gave.

    Raises:
        NotSealedError: it gave none like it.
    """
    try:
        simulated, currency, numbers, household, products, of, over = value
        part = Part(
            int(simulated),
            str(currency),
            tuple(map(int, numbers)),
            str(household),
            int(products),
            tuple(map(int, of)),
            tuple(map(int, over)),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise NotSealedError("it has no part") from error
    if len(part.of) != len(KPIS) or len(part.over) != len(KPIS) or not all(0 <= n < len(scopes()) for n in part.scopes):
        raise NotSealedError("its part is of other figures")
    return part
