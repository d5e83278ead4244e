"""Figures over the base, a frame at a time: whole sums that do not grow with it, so that pages do not matter."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from placet.contracts.cohorts.kpis import KpiValue
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.kpis.definitions import KPIS, Kpi, Sum

_HUNDRED: Final = 100
_PLACES: Final = 2
NO_CURRENCY: Final = ""

Key = tuple[str, str]
"""A figure, and the currency of its customers where it is one of money."""


def asked_columns() -> frozenset[str]:
    """Return the columns that the figures are made of, the day that the state is as of among them where one asks."""
    sums = [part for kpi in KPIS for part in (kpi.of, kpi.over) if part is not None]
    asked = {name for part in sums for text in (part.where, part.less) if text for name in cohort_of(text).needs}
    return frozenset({"currency", *asked, *(name for part in sums for name in part.adds)})


@dataclass(slots=True)
class KpiSums:
    """The two sums of each figure; of money, for each currency."""

    customers: int = 0
    of: Counter[Key] = field(default_factory=Counter)
    over: Counter[Key] = field(default_factory=Counter)

    def add(self, frame: pl.DataFrame) -> None:
        """Add the rows of a frame."""
        self.customers += frame.height
        for kpi in KPIS:
            if kpi.unit == "money":
                for (currency,), part in frame.group_by("currency", maintain_order=True):
                    self._add(kpi, part, NO_CURRENCY if currency is None else str(currency))
            else:
                self._add(kpi, frame, NO_CURRENCY)

    def values(self) -> tuple[KpiValue, ...]:
        """Return the figures; one that divides by nobody has no value."""
        found = []
        for kpi in KPIS:
            of, over = _by_currency(self.of, kpi), _by_currency(self.over, kpi)
            if len(over) > 1 and NO_CURRENCY in over:
                # Of whom no amount is known is a customer as well: they count with the currency of most.
                main = max(over.keys() - {NO_CURRENCY}, key=lambda one: (over[one], one))
                over[main] += over.pop(NO_CURRENCY)
                of[main] += of.pop(NO_CURRENCY)
            found += [_value(kpi, currency, of[currency], over[currency]) for currency in sorted(of or {NO_CURRENCY})]
        return tuple(found)

    def _add(self, kpi: Kpi, frame: pl.DataFrame, currency: str) -> None:
        key = kpi.name, currency
        self.of[key] += _sum(kpi.of, frame)
        self.over[key] += _sum(kpi.over, frame) if kpi.over is not None else 0


def _by_currency(sums: Counter[Key], kpi: Kpi) -> Counter[str]:
    return Counter({currency: many for (name, currency), many in sums.items() if name == kpi.name})


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
    )


def _sum(part: Sum, frame: pl.DataFrame) -> int:
    chosen = frame.filter(cohort_of(part.where).condition) if part.where else frame
    if part.adds:
        return sum(int(chosen[name].sum()) for name in part.adds)
    less = int(cohort_of(part.less).members(frame).sum()) if part.less else 0
    return chosen.height - less
