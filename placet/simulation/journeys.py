"""The six journeys of ecosystem CVM as simulated events: what is known of a customer, and what happens then.

Every event's source is `simulated`, which every page that shows a state names. Who a customer is to the BSS stays as it
is: a journey is played by a customer of the sample whom it fits.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.times import rfc3339

Row = Mapping[str, str]
"""A customer of the sample."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to the customer of a journey, or to another member of the household.

    Attributes:
        kind: The type of the event, without `placet.` and `.v1`.
        days: How long ago; 0: now.
        partner: Whether it happens to the other member.
    """

    kind: str
    data: Mapping[str, Any]
    days: float = 0
    partner: bool = False


@dataclass(frozen=True, slots=True)
class SimulatedJourney:
    """One journey.

    Attributes:
        name: As the packages call it.
        package: The ready package that serves it.
        signal: What happens, for people.
        fits: Says of a customer of the sample whether the BSS has what the journey changes.
        before: What is known of them beforehand.
        then: What happens to them, which brings them in.
    """

    name: str
    package: str
    title: str
    signal: str
    fits: Callable[[Row], bool]
    before: tuple[Happening, ...]
    then: Happening


def _money(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "USD"}


def _recharged(minor: int, days: float) -> Happening:
    return Happening("balance.recharged", {"amount": _money(minor), "channel": "app"}, days)


def _holds(line: str) -> Happening:
    offered = {"product_id": f"simulated-{line}", "line": line, "offering_id": f"simulated-{line}"}
    return Happening("plan.changed", offered, 100)


def _used(service: str, quantity: int, *days: float) -> tuple[Happening, ...]:
    return tuple(Happening("usage.recorded", {"service": service, "quantity": quantity}, one) for one in days)


def _device(kind: str, days: float) -> Happening:
    seen = {"device_id": f"simulated-{kind}", "kind": kind, "network": "home", "has_line": False}
    return Happening("device.seen", seen, days)


_CONSENTS: Final = tuple(
    Happening("consent.changed", {"purpose": purpose, "given": True}, 101) for purpose in ("marketing", "profiling")
)
_PAYS: Final = (_recharged(6_000, 70), _recharged(6_000, 40), _recharged(6_000, 10))
_KNOWN: Final = Happening("customer.described", {"birth_year": 1990, "customer_since": "2020-05-01"}, 101)


def _with_dsl(row: Row) -> bool:
    return row["internet_service"] == "DSL"


def _without_internet(row: Row) -> bool:
    return row["internet_service"] == "No"


JOURNEYS: Final = (
    SimulatedJourney(
        "wallet_activation",
        "wallet_activation",
        "Wallet activation",
        "a customer who holds the wallet and never paid by it arrives at an airport",
        lambda _row: True,
        (*_CONSENTS, *_PAYS, _holds("wallet")),
        Happening("location.class", {"place": "airport"}),
    ),
    SimulatedJourney(
        "unified_inbound_offer",
        "upsell",
        "Unified inbound offer",
        "a customer whose use grows opens the app, and talks to an agent a minute later",
        _with_dsl,
        (*_CONSENTS, *_PAYS, _KNOWN, _holds("internet"), *_used("data", 1_000, 85, 75, 65, 55, 45, 35, 20, 12, 5)),
        *_used("data", 3_000, 0),
    ),
    SimulatedJourney(
        "spend_triggered_offer",
        "spend_triggered",
        "Spend-triggered offer",
        "a customer recharges more than they used to",
        lambda _row: True,
        (*_CONSENTS, _KNOWN, _recharged(3_000, 80), _recharged(3_000, 60), _recharged(3_000, 35)),
        _recharged(8_000, 0),
    ),
    SimulatedJourney(
        "family_convergence",
        "family_convergence",
        "Convergence and family bundling",
        "a customer with one product joins a household of which another member is known",
        _without_internet,
        (
            *_CONSENTS,
            *_PAYS,
            _holds("mobile"),
            Happening("household.changed", {"household_id": "SIMULATED-HOME"}, 50, partner=True),
        ),
        Happening("household.changed", {"household_id": "SIMULATED-HOME"}),
    ),
    SimulatedJourney(
        "gaming_persona",
        "gaming_persona",
        "Persona-driven gaming bundle",
        "an adult with heavy use is seen with a second device at home",
        _with_dsl,
        (*_CONSENTS, *_PAYS, _KNOWN, _holds("internet"), _device("phone", 30), *_used("data", 8_000, 21, 14, 7)),
        _device("computer", 0),
    ),
    SimulatedJourney(
        "silent_churn_prevention",
        "second_product",
        "Silent-churn prevention by a second product",
        "a customer with one product, who calls less and less, asks a competitor's price",
        _without_internet,
        (*_CONSENTS, *_PAYS, _holds("mobile"), *_used("voice", 3_600, 85, 75, 65, 55, 45, 35, 15)),
        Happening("competitor.signal", {"sign": "price_asked"}),
    ),
)
"""All six, in the order in which they are told."""


def events_before(journey: SimulatedJourney, customer_id: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield what is known of a customer before the journey begins, as it would be sent."""
    for number, one in enumerate(journey.before):
        yield _event(journey, one, customer_id, now, number)


def event_then(journey: SimulatedJourney, customer_id: str, now: datetime) -> dict[str, Any]:
    """Return what happens to the customer now."""
    return _event(journey, journey.then, customer_id, now, len(journey.before))


def _event(journey: SimulatedJourney, one: Happening, customer_id: str, now: datetime, number: int) -> dict[str, Any]:
    at = rfc3339(now - timedelta(days=one.days))
    whom = f"{customer_id}-partner" if one.partner else customer_id
    return {
        "specversion": "1.0",
        "id": hashlib.sha256(f"{journey.name}/{whom}/{at}/{number}".encode()).hexdigest()[:24],
        "source": SIMULATED,
        "type": f"placet.{one.kind}.v1",
        "subject": f"customer:{whom}",
        "time": at,
        "data": dict(one.data),
    }
