"""What became of some members at one horizon, from the events that are kept. It writes nothing.

Whoever counts the first time asks it, and whoever derives a figure again: the same events and the same moment give the
same answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pydantic import ValidationError

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.outcomes.windows import Days, InWindow, MemberOutcome, NotKnown
from placet.decisioning.state.aggregate import Aggregate, micros_of, time_of
from placet.decisioning.windows.counting import DAY_US, Customer, KeptEvent, Stamp, customer_of, in_window
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.plain_json import read_json
from placet.service.outcomes.entering import RolledOut
from placet.service.state.people import people_of
from placet.storage.transaction import Transaction

_PRODUCTS: Final = "products"


class Entered(NamedTuple):
    """A member who entered.

    Attributes:
        segments: None where nobody noted them.
        unknown: Why nothing may be said of them, where that is clear before any event is read.
    """

    customer_id: str
    at: datetime
    segments: tuple[str, ...] | None
    unknown: NotKnown | None


class _Kept(NamedTuple):
    """What is kept of one id: what retention left of older events, and until when those were."""

    last_us: int | None
    held: Mapping[str, tuple[Stamp, object]]


def outcomes_of(
    tx: Transaction, tenant: str, it: RolledOut, days: Days, members: Sequence[Entered], until_us: int
) -> list[MemberOutcome]:
    """Return what became of members, in their order, by the events that had arrived at a moment; not sealed yet."""
    if not members:
        return []
    ids = [one.customer_id for one in members]
    people = people_of(tx, tenant, ids)
    every = sorted({other for one in ids for other in people.get(one, (one,))})
    entered = [micros_of(one.at) for one in members]
    events: dict[str, list[KeptEvent]] = {}
    first, end = min(entered) - days * DAY_US, max(entered) + days * DAY_US
    for customer_id, event in tx.outcomes.events(tenant, every, first_us=first, end_us=end, until_us=until_us):
        events.setdefault(customer_id, []).append(event)
    aged = tx.outcomes.aged(tenant, every)
    given = _given(tx, tenant, it, days, members, until_us)
    found = []
    for member in members:
        theirs = people.get(member.customer_id, (member.customer_id,))
        kept = [event for one in theirs for event in events.get(one, ())]
        left = {one: aged[one] for one in theirs if one in aged}
        values = _one(member, days, kept, left, it.strategy.market.currency)
        if values.unknown is None:
            values = values.model_copy(update={"given": given.get(member.customer_id, 0)})
        found.append(values.model_copy(update={"counted_us": until_us}))
    return found


def _one(
    member: Entered, days: Days, events: Sequence[KeptEvent], aged: Mapping[str, str | None], currency: str
) -> MemberOutcome:
    entered_us = micros_of(member.at)
    nothing = MemberOutcome(
        customer_id=member.customer_id,
        days=days,
        batch=1,
        entered_us=entered_us,
        counted_us=0,
        segments=member.segments,
    )
    if member.unknown is not None:
        return nothing.model_copy(update={"unknown": member.unknown, "segments": None})
    if not aged:
        return nothing.model_copy(update={"unknown": "gone"})
    try:
        kept = [_kept(text) for text in aged.values()]
        removed_us = max((one.last_us for one in kept if one.last_us is not None), default=None)
        if removed_us is not None and removed_us >= entered_us:
            return nothing.model_copy(update={"unknown": "removed"})
        customer = customer_of(events, _held(kept), currency)
        after = in_window(customer, entered_us, days)
        before = None if _lost(removed_us, entered_us, days) else _before(customer, entered_us, days)
    except (ValidationError, ValueError):
        return nothing.model_copy(update={"unknown": "unreadable"})
    return nothing.model_copy(update={"after": after, "before": before})


def _before(customer: Customer, entered_us: int, days: Days) -> InWindow:
    return in_window(customer, entered_us - days * DAY_US, days)


def _lost(removed_us: int | None, entered_us: int, days: Days) -> bool:
    """Say whether retention may have taken away events from before somebody entered that are asked for."""
    return removed_us is not None and removed_us >= entered_us - days * DAY_US


def _kept(text: str | None) -> _Kept:
    if not text:
        return _Kept(None, {})
    aggregate = Aggregate.load(text)
    products = aggregate.topics.get(_PRODUCTS, {})
    held = {product: (at, said.get("offering_id")) for product, (at, said) in products.items()}
    return _Kept(None if aggregate.last is None else aggregate.last[0], held)


def _held(kept: Sequence[_Kept]) -> dict[str, tuple[Stamp, object]]:
    found: dict[str, tuple[Stamp, object]] = {}
    for one in kept:
        for product, (at, offering) in one.held.items():
            if product not in found or at > found[product][0]:
                found[product] = (at, offering)
    return found


def _given(
    tx: Transaction, tenant: str, it: RolledOut, days: Days, members: Sequence[Entered], until_us: int
) -> dict[str, int | None]:
    """Return what each member was given in their window, in minor units; None where that is not known any more."""
    entered = {one.customer_id: one.at for one in members}
    found: dict[str, int | None] = {}
    for one in tx.outcomes.given(tenant, it.version, list(entered), time_of(until_us)):
        began = entered[one.customer_id]
        if not began <= one.at < began + timedelta(days=days):
            continue
        cost, before = _cost(tx, tenant, one.proposal, it.strategy.market.currency), found.get(one.customer_id, 0)
        found[one.customer_id] = None if cost is None or before is None else min(before + cost, LARGEST_MINOR)
    return found


def _cost(tx: Transaction, tenant: str, proposal: str, currency: str) -> int | None:
    """Return what a proposal costs, by its own bytes; None where it was erased, altered, or has another currency."""
    try:
        cost = Money.model_validate(read_json(tx.artifacts.get(proposal, tenant=tenant))["cost"])
    except (UsageError, GovernanceError, ValueError, KeyError, TypeError):
        return None
    return cost.amount_minor if cost.currency == currency and cost.amount_minor >= 0 else None
