"""From a TMF688 notification to CloudEvents of our own kinds.

    (1) Open the envelope: an `EventCreateEvent` holds the `Event`; the notifications that other TM Forum APIs define
        (`AdjustBalanceCreateEvent` of TMF654) are one themselves, and are understood as well.
    (2) Find what kind of resource it is about, and whose: a customer named in `relatedParty`.
    (3) Say in our words what happened. Nothing is said of what has not happened yet, such as an order under way.

What cannot be mapped is `Unreadable` with the notification's text: a dead letter, which is mapped again when it is
tried again. No attribute of a notification decides about tenants, sources or rights.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from placet.contracts.events.envelope import MOST_EVENT_BYTES, SIMULATED, Unreadable
from placet.contracts.text import is_text
from placet.tmf688.fields import Record, UnmappableError, money, object_of, part, parts, shown, word

SOURCE: Final = "tmf688:bss"
"""The source of what the BSS tells. What it marks as derived (`@type` is `Simulated…`) is from `simulated` instead."""

LISTENER: Final = "/tmf-api/event/v4/listener/eventCreateEvent"
"""Where notifications are posted to, under the address of our API."""

UNMAPPED: Final = "unmapped"
"""Code of what came as a notification and could not be mapped."""
_LONGEST_ID: Final = 128
_WRAPPED: Final = "EventCreateEvent"
_DONE: Final = frozenset({"completed", "confirmed"})
_DIRECTIONS: Final[Mapping[str, str]] = {
    "oneTimeChargeCredit": "credit",
    "goodWillCredit": "credit",
    "oneTimeChargeDebit": "debit",
    "generalDebit": "debit",
}
_SERVICES: Final[Mapping[tuple[str, str], tuple[str, int]]] = {
    ("data", "MB"): ("data", 1),
    ("data", "GB"): ("data", 1000),
    ("voice", "s"): ("voice", 1),
    ("voice", "min"): ("voice", 60),
    ("sms", "SMS"): ("sms", 1),
}
"""Kinds and units of usage, and what one of it is in our unit."""
_LINES: Final = {"internet": "internet", "tv": "tv", "voice": "mobile", "mobile": "mobile", "wallet": "wallet"}
"""What the id of an offering or product speaks of, and the line that is."""

Said = Iterator[tuple[str, str, Record]]
"""What happened: a suffix that tells events of one notification apart, the kind of event, its data."""


def events_of(text: bytes) -> list[bytes | Unreadable]:
    """Return the events of a notification in CloudEvents' JSON format; none where nothing has happened yet."""
    try:
        return [_written(event) for event in _events(object_of(text))]
    except UnmappableError as fault:
        code = UNMAPPED if len(text) <= MOST_EVENT_BYTES else "too_large"
        return [Unreadable(text, f"a notification of the BSS: {fault}", code)]


def notification_id(text: bytes) -> str:
    """Return the id of a notification; empty where it has none that could be an event's.

    Raises:
        UnmappableError: it is no JSON object, and so no notification of any kind.
    """
    found = object_of(text).get("eventId")
    return found if isinstance(found, str) and len(found) <= _LONGEST_ID and is_text(found) else ""


def _events(notification: Record) -> Iterator[Record]:
    inner = notification
    if word(notification, "eventType") == _WRAPPED:
        inner = part(part(notification, "event"), "event")
    kind = word(inner, "eventType")
    if kind not in _KINDS:
        raise UnmappableError(f"{shown(kind)} is no kind that is understood; kinds: {', '.join(EVENT_TYPES)}")
    name, said = _KINDS[kind]
    resource = part(part(inner, "event"), name)
    event_id = word(inner, "eventId")
    at = inner.get("timeOccurred") or inner.get("timeOcurred") or word(inner, "eventTime")
    customer = _customer(name, resource, inner)
    simulated = str(resource.get("@type", "")).startswith("Simulated")
    for suffix, event_type, data in said(resource):
        yield {
            "specversion": "1.0",
            # Simulated events have other senders too: an id of the BSS must be none of theirs.
            "id": f"bss/{event_id}{suffix}" if simulated else f"{event_id}{suffix}",
            "source": SIMULATED if simulated else SOURCE,
            "subject": f"customer:{customer}",
            "time": at,
            "type": event_type,
            "data": data,
        }


def _customer(name: str, resource: Record, inner: Record) -> str:
    """Return whom it is about: exactly one customer.

    Raises:
        UnmappableError: nobody is named, or several are.
    """
    parties = [*_parties(resource), *_parties(inner)]
    found = {word(one, "id") for one in parties if _is_customer(one)}
    if name == "customer":  # the parties that TMF629 has beside a customer are their contacts
        found = {word(resource, "id")}
    if len(found) != 1:
        raise UnmappableError(f"relatedParty names {len(found) or 'no'} customers; it must name one")
    return found.pop()


def _parties(record: Record) -> list[Record]:
    return parts(record, "relatedParty") if record.get("relatedParty") else []


def _is_customer(party: Record) -> bool:
    return "customer" in (str(party.get("@referredType", "")).lower(), str(party.get("role", "")).lower())


def _adjusted(resource: Record) -> Said:
    if word(resource, "status") not in _DONE:
        return
    kind = word(resource, "adjustType")
    if kind not in _DIRECTIONS:
        raise UnmappableError(f"adjustType {shown(kind)} is neither a credit nor a debit")
    amount = part(resource, "amount")
    data = {"direction": _DIRECTIONS[kind], "amount": money(amount.get("amount"), amount.get("units"))}
    impacted = parts(resource, "impactedBucket") if resource.get("impactedBucket") else []
    if len(impacted) == 1 and isinstance(after := impacted[0].get("amountAfter"), dict):
        data["remaining"] = money(after.get("amount"), after.get("units"))
    yield "", "placet.balance.adjusted.v1", data


def _topped_up(resource: Record) -> Said:
    if word(resource, "status") in _DONE:
        amount = part(resource, "amount")
        yield "", "placet.balance.recharged.v1", {"amount": money(amount.get("amount"), amount.get("units"))}


def _billed(resource: Record) -> Said:
    amount = part(resource, "taxIncludedAmount")
    data = {"bill_id": word(resource, "id"), "amount": money(amount.get("value"), amount.get("unit"))}
    yield "", "placet.bill.issued.v1", data


def _used(resource: Record) -> Said:
    facts = {str(one.get("name")): one.get("value") for one in parts(resource, "usageCharacteristic")}
    kind, unit, quantity = word(resource, "usageType"), str(facts.get("unit")), facts.get("quantity")
    if (kind, unit) not in _SERVICES:
        raise UnmappableError(f"usage of {shown(kind)} in {shown(unit)} is not understood")
    if isinstance(quantity, bool) or not isinstance(quantity, int):
        raise UnmappableError("the quantity of usage is missing, or no whole number")
    service, units = _SERVICES[kind, unit]
    yield "", "placet.usage.recorded.v1", {"service": service, "quantity": quantity * units}


def _ordered(resource: Record) -> Said:
    if word(resource, "state") != "completed":
        return
    for item in parts(resource, "productOrderItem"):
        product, ended = part(item, "product"), word(item, "action") == "delete"
        holder = item if "productOffering" in item else product
        offering = part(holder, "productOffering").get("id") if "productOffering" in holder else None
        if not ended and not isinstance(offering, str):
            raise UnmappableError("productOffering.id is missing, or no text")
        data = {
            "product_id": word(product, "id"),
            "line": _line(f"{offering or ''} {product.get('id')}"),
            "offering_id": None if ended else offering,
        }
        yield f"/{word(item, 'id')}", "placet.plan.changed.v1", data


_DESCRIBES: Final = {"birthYear": "birth_year", "areaType": "area", "areaCode": "area_code"}


def _customer_said(resource: Record) -> Said:
    given = parts(resource, "characteristic") if resource.get("characteristic") else []
    # What a value must be, the contract of the event says.
    told = {_DESCRIBES[name]: one.get("value") for one in given if (name := str(one.get("name"))) in _DESCRIBES}
    data = {name: value for name, value in told.items() if value is not None}
    if isinstance(year := data.get("birth_year"), str) and year.isascii() and year.isdigit():
        data["birth_year"] = int(year)
    valid = part(resource, "validFor") if resource.get("validFor") else {}
    if valid.get("startDateTime") is not None:
        data["customer_since"] = word(valid, "startDateTime").partition("T")[0]
    if data:
        yield "", "placet.customer.described.v1", data


def _line(spoken_of: str) -> str:
    words = spoken_of.lower().replace("_", "-").replace(" ", "-").split("-")
    return next((line for name, line in _LINES.items() if name in words), "other")


def _written(event: Record) -> bytes:
    return json.dumps(event, ensure_ascii=False, default=_exactly).encode("utf-8", "surrogatepass")


def _exactly(value: Any) -> str:
    """Write a number with a fraction where none belongs as text: the contract of the event refuses it by name."""
    return str(value)


_KINDS: Final[Mapping[str, tuple[str, Callable[[Record], Said]]]] = {
    "AdjustBalanceCreateEvent": ("adjustBalance", _adjusted),
    "TopupBalanceCreateEvent": ("topupBalance", _topped_up),
    "CustomerBillCreateEvent": ("customerBill", _billed),
    "UsageCreateEvent": ("usage", _used),
    "ProductOrderStateChangeEvent": ("productOrder", _ordered),
    "CustomerCreateEvent": ("customer", _customer_said),
    "CustomerAttributeValueChangeEvent": ("customer", _customer_said),
}
"""The kinds that are understood: the resource's name in them, and what is said of it."""

EVENT_TYPES: Final = tuple(_KINDS)

QUERY: Final = f"eventType={','.join(EVENT_TYPES)}"
"""What is asked of the hub: these kinds alone (TMF630: a comma means or)."""
