"""What each kind of event does to a customer's aggregate.

A new kind is a class in `placet.contracts.events.kinds` and one function here. A correction cannot be corrected: send
the event again under another id.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from placet.contracts.events.about import ChurnScored, Described
from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import (
    AppVisited,
    BalanceAdjusted,
    BalanceChecked,
    BillDisputed,
    BillIssued,
    BillPaid,
    Competitor,
    Consent,
    Contacted,
    Correction,
    DeviceSeen,
    Event,
    Household,
    KeyDeclared,
    Located,
    NetworkFault,
    PlanChanged,
    Recharged,
    Scored,
    Ticket,
    Used,
    WalletPaid,
)
from placet.contracts.identity.keys import KEY
from placet.contracts.money import Money
from placet.decisioning.state.aggregate import DESCRIBED, PREDICTED, SOURCES, Aggregate, Stamp, micros_of, stamp_of

Key = tuple[str, str]
"""Source and id: what an event is known by."""

KEYS: Final = "keys_"
"""Beginning of the topics of keys; the kind of key follows."""

_KEY: Final = re.compile(KEY, re.ASCII)


def key_of(event: Event) -> Key:
    """Return what an event is known by."""
    return event.source, event.id


def corrected_by(events: Iterable[Event]) -> frozenset[Key]:
    """Return what the corrections among `events` take back."""
    return frozenset((one.data.source, one.data.id) for one in events if isinstance(one, Correction))


def fold(
    events: Iterable[Event], onto: Aggregate | None = None, *, corrected_elsewhere: frozenset[Key] = frozenset()
) -> Aggregate:
    """Return the aggregate of `events`, each once, without those that a correction takes back.

    Args:
        events: What is folded, in any order.
        onto: Holds events that are none of these; it is changed. A correction of one of those is not seen here: whoever
            keeps the events folds them anew.
        corrected_elsewhere: What corrections that are not among `events` take back.
    """
    known = {key_of(event): event for event in events}
    corrected = corrected_by(known.values()) | corrected_elsewhere
    aggregate = Aggregate() if onto is None else onto
    for key, event in known.items():
        if key not in corrected or isinstance(event, Correction):
            take(aggregate, event)
    return aggregate


def take(aggregate: Aggregate, event: Event) -> None:
    """Add one event that was not added before."""
    at = stamp_of(event.time, event.source, event.id)
    aggregate.take(at, happened=not isinstance(event, Described | ChurnScored))
    aggregate.note(at, SOURCES, event.source, None, keep=SIMULATED)
    _TAKEN[type(event)](aggregate, at, event.data)


def _count_money(aggregate: Aggregate, at: Stamp, name: str, amount: Money) -> None:
    aggregate.count(at, f"{name}:{amount.currency}", amount.amount_minor)


def _bill_issued(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "bills_issued")
    _count_money(aggregate, at, "billed_minor", data.amount)


def _bill_disputed(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "bills_disputed")
    aggregate.note(at, "latest", "dispute", data.bill_id)


def _bill_paid(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "bills_paid")
    _count_money(aggregate, at, "paid_minor", data.amount)
    aggregate.recur(at, "payment")


def _recharged(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "recharges")
    _count_money(aggregate, at, "recharged_minor", data.amount)
    aggregate.recur(at, "recharge")


_ADJUSTED: Final = {"credit": ("credits", "credited_minor"), "debit": ("debits", "debited_minor")}


def _balance_adjusted(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    times, amount = _ADJUSTED[data.direction]
    aggregate.count(at, times)
    _count_money(aggregate, at, amount, data.amount)
    if data.remaining is not None:
        aggregate.note(at, "latest", "balance", data.remaining.model_dump())


_UNITS: Final = {"data": "data_mb", "voice": "voice_seconds", "sms": "messages"}


def _used(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, _UNITS[data.service], data.quantity)
    if data.roaming:
        aggregate.count(at, "roaming_uses")


def _balance_checked(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "balance_checks")
    if data.remaining is not None:
        aggregate.note(at, "latest", "balance", data.remaining.model_dump())


def _app_visited(aggregate: Aggregate, at: Stamp, _data: Any) -> None:
    aggregate.count(at, "app_visits")


def _wallet_paid(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "wallet_payments")
    _count_money(aggregate, at, "wallet_minor", data.amount)
    aggregate.note(at, "latest", "wallet", data.category)


def _ticket(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, f"tickets_{data.status}")
    aggregate.note(at, "tickets", data.ticket_id, {"status": data.status, "topic": data.topic})


def _network_fault(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "network_faults")
    aggregate.count(at, "network_fault_minutes", data.minutes)


def _competitor(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "competitor_signals")
    aggregate.note(at, "latest", "competitor", data.sign)


def _device_seen(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    said = {"kind": data.kind, "network": data.network, "has_line": data.has_line}
    aggregate.note(at, "devices", data.device_id, said)
    key = f"device:{data.device_id}"
    # At home it may be a guest's. On their own mobile line it is theirs.
    if data.network == "mobile" and _KEY.fullmatch(key):
        aggregate.note(at, f"{KEYS}device", key, {"held": True, "since": None, "by": "device"})


def _key_declared(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    since = None if data.since is None else micros_of(data.since)
    said = {"held": data.held, "since": since, "by": "link"}
    # A topic for each kind: many devices must not crowd out the number.
    aggregate.note(at, f"{KEYS}{data.key.partition(':')[0]}", data.key, said)


def _plan_changed(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "plan_changes")
    aggregate.note(at, "products", data.product_id, {"line": data.line, "offering_id": data.offering_id})


def _consent(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.note(at, "consent", f"{data.purpose}/{data.channel}", data.given)


def _located(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, f"at_{data.place}")
    aggregate.note(at, "latest", "place", data.place)


def _contacted(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, "contacts")
    if data.answer == "refused":
        aggregate.count(at, "refusals")
    said = {"channel": data.channel, "purpose": data.purpose, "answer": data.answer}
    aggregate.note(at, "latest", "contact", said)


def _scored(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.count(at, f"{data.survey}_answers")
    aggregate.note(at, "latest", data.survey, data.score)


def _household(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.note(at, "latest", "household", data.household_id)


def _described(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    for field, said in data.model_dump(mode="json", exclude_none=True).items():
        aggregate.note(at, DESCRIBED, field, said)


def _churn_scored(aggregate: Aggregate, at: Stamp, data: Any) -> None:
    aggregate.note(at, PREDICTED, "churn", {"basis_points": data.basis_points, "model": data.model})


def _correction(aggregate: Aggregate, at: Stamp, _data: Any) -> None:
    aggregate.count(at, "corrections")


_TAKEN: Final[Mapping[type, Callable[[Aggregate, Stamp, Any], None]]] = {
    AppVisited: _app_visited,
    BalanceAdjusted: _balance_adjusted,
    BalanceChecked: _balance_checked,
    BillDisputed: _bill_disputed,
    BillIssued: _bill_issued,
    BillPaid: _bill_paid,
    ChurnScored: _churn_scored,
    Competitor: _competitor,
    Consent: _consent,
    Contacted: _contacted,
    Correction: _correction,
    Described: _described,
    DeviceSeen: _device_seen,
    Household: _household,
    KeyDeclared: _key_declared,
    Located: _located,
    NetworkFault: _network_fault,
    PlanChanged: _plan_changed,
    Recharged: _recharged,
    Scored: _scored,
    Ticket: _ticket,
    Used: _used,
    WalletPaid: _wallet_paid,
}
