"""What several strategies together would do to the base: who gets what, who is claimed twice, are budgets enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from placet.contracts.strategies.plan import PlannedStrategy, PlannedTreatment, StrategyPlan
from placet.contracts.text import counted, spoken
from placet.contracts.times import minute
from placet.decisioning.cohorts.wording import percent
from placet.interfaces.console.views.evidence import Chart, Point, Row
from placet.interfaces.telling.kpis import left_out_in_words
from placet.interfaces.telling.strategies import FELL, planned_budget

_MOST_BARS: Final = 12
"""Of a chart: those with most customers. The tables have all."""


@dataclass(frozen=True, slots=True)
class Falling:
    """How many customers do not get a treatment, and where it falls; `part` of the base, in per cent."""

    where: str
    customers: str
    part: float


@dataclass(frozen=True, slots=True)
class TreatmentPlanned:
    """A treatment: how many get it, what that costs and gains."""

    title: str
    customers: str
    cost: str
    value: str
    fallen: tuple[Falling, ...]


@dataclass(frozen=True, slots=True)
class StrategyPlanned:
    """A strategy beside the others; `closed` says why it says nothing, empty where it may."""

    title: str
    name: str
    customers: str
    money: str
    enough: bool
    closed: str
    treatments: tuple[TreatmentPlanned, ...]


@dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan for the whole base."""

    lead: str
    notes: tuple[str, ...]
    facts: tuple[Row, ...]
    chart: Chart | None
    strategies: tuple[StrategyPlanned, ...]
    stands_on: str


def plan_of(found: StrategyPlan, note: str = "") -> PlanShown:
    """Return how a plan is shown; `note` says what is to be known beforehand."""
    short = [one for one in found.strategies if not _enough(one)]
    notes = [note] if note else []
    if short:
        names = ", ".join(one.title for one in short)
        notes.append(f"The budget is not enough for everybody: {names}.")
    if found.simulated:
        notes.append(f"{found.simulated:,} of all customers have simulated events: nothing of them is real.")
    if found.left_out:
        notes.append(f"{left_out_in_words(found.left_out, found.unreadable)}.")
    claimed = f"{found.several:,}" + (f" ({percent(found.several, found.base)} %)" if found.base else "")
    return PlanShown(
        lead=f"{found.chosen:,} of {counted(found.base, 'customer')} would get something: "
        f"{percent(found.chosen, found.base)} %",
        notes=tuple(notes),
        facts=(
            Row("Customers with events", f"{found.base:,}"),
            Row("Get something", f"{found.chosen:,}"),
            Row("Get nothing", f"{found.base - found.chosen:,}"),
            Row("Claimed by more than one treatment", claimed),
        ),
        chart=_chart(found),
        strategies=tuple(_strategy(one, found.base) for one in found.strategies),
        stands_on=f"As of {minute(found.as_of)}, told by {spoken(found.channel)}, as if every strategy had reached "
        "everybody. Each customer gets the treatment that is worth most.",
    )


def _enough(one: PlannedStrategy) -> bool:
    return one.cost.amount_minor <= one.budget.amount_minor


def _chart(found: StrategyPlan) -> Chart | None:
    points = [
        Point(f"{treatment.title}, {one.name}", f"{treatment.chosen:,}", str(treatment.chosen), one.closed)
        for one in found.strategies
        for treatment in one.treatments
    ]
    if not found.base:
        return None
    if len(points) > _MOST_BARS:
        points = sorted(points, key=lambda point: -int(point.height))[:_MOST_BARS]
    title = "Who gets which treatment"
    return Chart(title, "customers", "Customers who would get it", tuple(points))


def _strategy(one: PlannedStrategy, base: int) -> StrategyPlanned:
    return StrategyPlanned(
        title=one.title,
        name=one.name,
        customers=counted(one.chosen, "customer"),
        money=planned_budget(one),
        enough=_enough(one),
        closed=one.closed,
        treatments=tuple(_treatment(treatment, base) for treatment in one.treatments),
    )


def _treatment(one: PlannedTreatment, base: int) -> TreatmentPlanned:
    return TreatmentPlanned(one.title, f"{one.chosen:,}", str(one.cost), str(one.value), tuple(_fallen(one, base)))


def _fallen(one: PlannedTreatment, base: int) -> Iterator[Falling]:
    for fell in one.fallen:
        yield Falling(FELL[fell.fell], f"{fell.customers:,}", percent(fell.customers, base))
