"""Figures over the base, a frame at a time: whole sums, so that pages do not matter."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from placet.contracts.cohorts.kpis import KpiValue
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.kpis.definitions import KPIS, Households, Kpi, Sum

_HUNDRED: Final = 100
_PLACES: Final = 2
NO_CURRENCY: Final = ""
_FEW: Final = 10_000

Key = tuple[str, str]
"""A figure, and the currency of its customers where it is one of money."""


def asked_columns() -> frozenset[str]:
    """Return the columns that the figures are made of, the day that the state is as of among them where one asks."""
    sums = [part for kpi in KPIS for part in (kpi.of, kpi.over) if isinstance(part, Sum)]
    asked = {name for part in sums for text in (part.where, part.less) if text for name in cohort_of(text).needs}
    always = ("currency", "simulated", "household_id", "products")
    return frozenset({*always, *asked, *(name for part in sums for name in part.adds)})


@dataclass(slots=True)
class KpiSums:
    """The two sums of each figure; of money, for each currency.

    Attributes:
        simulated: Customers with simulated events.
        left_out: Customers whose rows cannot be read.
        currencies: Customers by their currency.
    """

    customers: int = 0
    simulated: int = 0
    left_out: int = 0
    currencies: Counter[str] = field(default_factory=Counter)
    of: Counter[Key] = field(default_factory=Counter)
    over: Counter[Key] = field(default_factory=Counter)

    def add_household(self, products: int, times: int = 1) -> None:
        """Add a household whose members hold so many products together, or take it away with `times` -1."""
        if products <= 0:
            return
        for kpi in KPIS:
            for sums, part in ((self.of, kpi.of), (self.over, kpi.over)):
                if isinstance(part, Households):
                    sums[kpi.name, NO_CURRENCY] += times * (products >= part.least)

    def values(self) -> tuple[KpiValue, ...]:
        """Return the figures; one that divides by nobody has no value."""
        found = []
        for kpi in KPIS:
            known = sorted(one for one, many in self.currencies.items() if many) if kpi.unit == "money" else []
            of = {currency: self.of[kpi.name, currency] for currency in known or [NO_CURRENCY]}
            over = {currency: self.over[kpi.name, currency] for currency in of}
            if len(over) > 1 and NO_CURRENCY in over:
                # Of whom no amount is known is a customer as well: they count with the currency of most.
                main = max(over.keys() - {NO_CURRENCY}, key=lambda one: (over[one], one))
                over[main] += over.pop(NO_CURRENCY)
                of[main] += of.pop(NO_CURRENCY)
            found += [_value(kpi, currency, of[currency], over[currency]) for currency in of]
        return tuple(found)


class Pass:
    """One pass over the base: frames are added one after the other.

    What the members of a household hold is kept for each household until the end, some dozens of bytes of each.
    """

    def __init__(self) -> None:
        self._sums = KpiSums()
        self._held = [pl.DataFrame(schema={"household_id": pl.String, "products": pl.Int64})]

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a frame."""
        sums = self._sums
        sums.customers += frame.height
        sums.simulated += int(frame["simulated"].sum())
        by_currency = [
            (NO_CURRENCY if currency is None else str(currency), part)
            for (currency,), part in frame.group_by("currency", maintain_order=True)
        ]
        for currency, part in by_currency:
            sums.currencies[currency] += part.height
        for kpi in KPIS:
            for currency, part in by_currency if kpi.unit == "money" else [(NO_CURRENCY, frame)]:
                for counter, one in ((sums.of, kpi.of), (sums.over, kpi.over)):
                    if isinstance(one, Sum):
                        counter[kpi.name, currency] += _sum(one, part)
        households = pl.col("household_id").is_not_null()
        self._count(frame.filter(~households)["products"])
        self._held.append(_together(frame.filter(households)))
        first, *others = self._held
        if sum(one.height for one in others) > max(_FEW, first.height):  # so that each is summed up a few times only
            self._held = [_together(pl.concat(self._held))]

    def sums(self) -> KpiSums:
        """Return the sums; nothing is added after that."""
        self._count(_together(pl.concat(self._held))["products"])
        self._held.clear()
        return self._sums

    def _count(self, products: pl.Series) -> None:
        """Count households by what each holds."""
        for many, times in products.value_counts().iter_rows():
            self._sums.add_household(many, times)


def _together(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what the members of each household hold together."""
    return frame.group_by("household_id").agg(pl.col("products").cast(pl.Int64).sum())


def _value(kpi: Kpi, currency: str, of: int, over: int) -> KpiValue:
    value: float | None = of
    if kpi.over is not None:
        scale = _HUNDRED if kpi.unit in ("percent", "score") else 1
        value = round(of * scale / over, _PLACES) if over else None
    return KpiValue(
        name=kpi.name,
        title=kpi.title,
        unit=kpi.unit,
        currency=currency or None,
        value=value,
        of=of,
        over=None if kpi.over is None else over,
        about=kpi.about,
    )


def _sum(part: Sum, frame: pl.DataFrame) -> int:
    chosen = frame.filter(cohort_of(part.where).condition) if part.where else frame
    if part.adds:
        return sum(int(chosen[name].sum()) for name in part.adds)
    less = int(cohort_of(part.less).members(frame).sum()) if part.less else 0
    return chosen.height - less
