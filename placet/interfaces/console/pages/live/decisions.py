"""The next best action of a customer by all published strategies; and what if. Nothing that is supposed is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from starlette.responses import Response

from placet.contracts.base import CustomerId
from placet.contracts.events.kinds import Channel
from placet.contracts.times import Moment
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.next_best_action.supposing import fact_of, supposed_of, within_bounds
from placet.errors import StorageError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.live.strategies import CHANNELS
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.decisions import (
    USUAL,
    asks_of,
    assist_of,
    published_of,
    silent_of,
    what_if_of,
)
from placet.service.given import value_of
from placet.service.strategies.deciding import Case, decide_by_published, live_customer
from placet.service.strategies.supposing import what_if

_USUAL: Final = "agent"
_MINUTES: Final = len("2026-03-01T09:30")
"""How long a time is that a browser sends of a field for one."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody supposes, to be shown again as it was."""

    channel: str = ""
    at: str = ""
    facts: str = ""
    usual: Mapping[str, str] = field(default_factory=dict)


def show(asked: Asked) -> Response:
    """Show the next best action of the customer whom the address names; without one, ask for whom."""
    return _page(asked, Typed(), {}, 200)


def suppose(asked: Asked, form: Form) -> Response:
    """Show both decisions side by side: as it is, and as it would be."""
    usual = {name: form.text(f"fact.{name}") for name in USUAL}
    typed = Typed(form.text("channel"), form.text("at"), form.fields.get("facts", ""), usual)
    served = asked.parts.served
    try:
        customer_id, as_is = _customer(asked), Case(_channel(asked.query("channel") or _USUAL), asked.now)
        supposed = _supposed(as_is, typed)
        found = what_if(served.database, served.tenant, customer_id, served.policies_of, as_is, supposed, asked.now)
    except UsageError as error:
        return _page(asked, typed, {"fault": _first_upper(str(error))}, 422)
    return _page(asked, typed, {"what_if": what_if_of(found)}, 200)


def _supposed(as_is: Case, typed: Typed) -> Case:
    """Return the case that was filled in.

    Raises:
        UsageError: code `malformed`; a value cannot be, or one is there twice.
    """
    lines = [line for line in typed.facts.splitlines() if line.strip()]
    facts = supposed_of(lines)
    for name, value in typed.usual.items():
        if not value:
            continue
        if name in facts:
            raise UsageError(f"{name} is supposed twice; leave one of them out", code="malformed")
        facts[name] = fact_of(name, value)
    channel = _channel(typed.channel) if typed.channel else as_is.channel
    return Case(channel, _time(typed.at) if typed.at else as_is.at, within_bounds(facts))


def _page(asked: Asked, typed: Typed, found: dict[str, Any], status: int) -> Response:
    given, values = asked.query("customer_id"), dict.fromkeys(("decision", "assist", "what_if"))
    more: dict[str, Any] = {"fault": "", "silent": (), "asks": (), "simulated": False, "customer_id": given or ""}
    channel = asked.query("channel") or _USUAL
    if given:
        try:
            more |= _decision(asked, channel, typed)
        except UsageError as error:
            more["fault"], status = _first_upper(str(error)), 422
        except StorageError as error:
            more["fault"], status = f"The customer cannot be asked: {error}", 503
    return asked.page(
        "customers/decision.html",
        status,
        channels=CHANNELS,
        channel=channel,
        typed=typed,
        **{**values, **more, **found},
    )


def _decision(asked: Asked, channel: str, typed: Typed) -> dict[str, Any]:
    served, customer_id = asked.parts.served, _customer(asked)
    found = decide_by_published(
        served.database,
        served.tenant,
        customer_id,
        served.policies_of,
        channel=_channel(channel),
        at=asked.now,
        now=asked.now,
    )
    known = live_customer(served.database, served.tenant, customer_id, asked.now)
    return {
        "customer_id": customer_id,
        "decision": published_of(found),
        "assist": assist_of(found.assist),
        "silent": silent_of(found),
        "any": bool(found.strategies),
        "simulated": found.decision.simulated,
        "asks": asks_of(row_of(known.state, known.household_members), typed.usual),
    }


def _customer(asked: Asked) -> str:
    return str(value_of(asked.query("customer_id") or "", TypeAdapter(CustomerId), "Customer"))


def _channel(given: str) -> Channel:
    return value_of(given, TypeAdapter[Channel](Channel), "Channel")


def _time(given: str) -> datetime:
    """Return the time that a field says, in UTC."""
    written = f"{given}:00Z" if len(given) == _MINUTES else given
    return value_of(written, TypeAdapter[datetime](Moment), "When")


def _first_upper(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
