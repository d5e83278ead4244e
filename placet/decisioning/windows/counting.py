"""Counting what one customer did in a window, from their events.

A window begins when a customer enters, and has its first moment in it and its last one not: [entered, entered + days).
Each measure asks the events of the window alone, except `products`, which asks what is held at its end. What a
correction takes back did not happen.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import EVENT, BillIssued, Contacted, Correction, Event, PlanChanged, Recharged, Used
from placet.contracts.outcomes.windows import InWindow
from placet.contracts.strategies.rollout import Measure
from placet.decisioning.state.aggregate import micros_of

DAY_US: Final = 86_400_000_000
MOST_QUIET_DAYS: Final = 30
"""Whoever does nothing for so long at the end of a window has left, for `churn`."""
MANY_PRODUCTS: Final = 3

CORRECTED: Final = "placet.event.corrected.v1"
PLAN: Final = "placet.plan.changed.v1"
_BILLED: Final = "placet.bill.issued.v1"
_PAID: Final = "placet.bill.paid.v1"
_RECHARGED: Final = "placet.balance.recharged.v1"
_WALLET: Final = "placet.wallet.paid.v1"
_VISITED: Final = "placet.app.visited.v1"
_USED: Final = "placet.usage.recorded.v1"
_TICKET: Final = "placet.support.ticket.v1"
_DISPUTED: Final = "placet.bill.disputed.v1"
_CONTACTED: Final = "placet.customer.contacted.v1"

ASKED: Final = (_BILLED, _PAID, _RECHARGED, _WALLET, _VISITED, _USED, _TICKET, _DISPUTED, _CONTACTED)
"""Kinds of event of which those of a window are read."""
ALWAYS: Final = (CORRECTED, PLAN)
"""Kinds of which all are read: they say what others mean, and what is held."""
_ALIVE: Final = frozenset({_BILLED, _PAID, _RECHARGED, _WALLET, _VISITED, _USED})


@dataclass(frozen=True, slots=True)
class WindowMeasure:
    """One measure of a window.

    Attributes:
        title: For people.
        unit: `share`: of customers on whom it is true; `amount`: minor units of each.
        mark: Its bit; 0 of an amount.
        about: What it means, in one sentence.
    """

    title: str
    unit: Literal["share", "amount"]
    mark: int
    about: str


MEASURES: Final[Mapping[Measure, WindowMeasure]] = MappingProxyType(
    {
        "churn": WindowMeasure(
            "Churn", "share", 1, "They did nothing in the last 30 days of the window, or in all of a shorter one."
        ),
        "conversion": WindowMeasure("Conversion", "share", 2, "They accepted an offer."),
        "spend": WindowMeasure("Spend", "amount", 0, "What they were billed and recharged."),
        "complaints": WindowMeasure("Complaints", "share", 4, "They disputed a bill or opened a support ticket."),
        "refusals": WindowMeasure("Refusals", "share", 8, "They refused an offer."),
        "products": WindowMeasure("Three products", "share", 16, "They hold three products or more at its end."),
        "wallet_use": WindowMeasure("Wallet use", "share", 32, "They paid by the wallet."),
    }
)
"""What is asked of each window."""
OF_SIMULATION: Final = 64
"""The mark of whoever has an event that is not real."""


class KeptEvent(NamedTuple):
    """An event as it is kept."""

    type: str
    source: str
    event_id: str
    happened_us: int
    content: str


Stamp = tuple[int, str, str]
Held = Mapping[str, tuple[Stamp, Any]]
"""What is known of each product from events that are kept no more: its place, and the offering it then had."""


class Customer(NamedTuple):
    """What is kept of one customer: events without those that were taken back, and products of older ones."""

    events: Sequence[Event]
    held: Held
    currency: str


def customer_of(kept: Iterable[KeptEvent], held: Held, currency: str) -> Customer:
    """Return a customer's events, read and without what was taken back.

    Raises:
        ValidationError: a row holds no event.
    """
    read = [(one, EVENT.validate_json(one.content)) for one in kept]
    back = {(event.data.source, event.data.id) for _, event in read if isinstance(event, Correction)}
    stay = [event for one, event in read if (one.source, one.event_id) not in back]
    events = [event for event in stay if not isinstance(event, Correction)]
    return Customer(events, held, currency)


def in_window(customer: Customer, first_us: int, days: int) -> InWindow:
    """Return what a customer did in the `days` from a moment on."""
    end_us = first_us + days * DAY_US
    quiet_us = end_us - min(days, MOST_QUIET_DAYS) * DAY_US
    spend, marks, alive = 0, 0, False
    for event in customer.events:
        at = micros_of(event.time)
        if not first_us <= at < end_us:
            continue
        spend += _spent(event, customer.currency)
        marks |= _mark(event)
        alive = alive or (at >= quiet_us and _is_alive(event))
    if not alive:
        marks |= MEASURES["churn"].mark
    if _held_at(customer, end_us) >= MANY_PRODUCTS:
        marks |= MEASURES["products"].mark
    return InWindow(spend=spend, marks=marks)


def _spent(event: Event, currency: str) -> int:
    if not isinstance(event, BillIssued | Recharged) or event.data.amount.currency != currency:
        return 0
    return event.data.amount.amount_minor


def _mark(event: Event) -> int:
    found = OF_SIMULATION if event.source == SIMULATED else 0
    if isinstance(event, Contacted):
        if event.data.answer == "accepted":
            found |= MEASURES["conversion"].mark
        if event.data.answer == "refused":
            found |= MEASURES["refusals"].mark
    elif event.type == _DISPUTED or (event.type == _TICKET and event.data.status == "opened"):
        found |= MEASURES["complaints"].mark
    elif event.type == _WALLET:
        found |= MEASURES["wallet_use"].mark
    return found


def _is_alive(event: Event) -> bool:
    return event.type in _ALIVE and (not isinstance(event, Used) or event.data.quantity > 0)


def _held_at(customer: Customer, end_us: int) -> int:
    """Return how many products a customer holds just before a moment."""
    known = dict(customer.held)
    for event in customer.events:
        if not isinstance(event, PlanChanged):
            continue
        stamp = (micros_of(event.time), event.source, event.id)
        before = known.get(event.data.product_id)
        if stamp[0] < end_us and (before is None or stamp > before[0]):
            known[event.data.product_id] = (stamp, event.data.offering_id)
    return sum(offering is not None for stamp, offering in known.values() if stamp[0] < end_us)


def docs_table() -> str:
    """Return the table of measures in docs/outcomes.md."""
    lines = ["| measure | of a window | of |", "|---|---|---|"]
    lines += [f"| `{name}` | {one.about} | {one.unit} |" for name, one in MEASURES.items()]
    return "\n".join(lines)
