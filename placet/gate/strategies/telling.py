"""Telling people what a rollout needs of them: with the entry that causes it, once for each occurrence.

Who is told is whoever policy entitles to publish the strategy: they sign its stages, and lift its holds. What lasts is
told again, less and less often; each reminder is on the record, so that none comes twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from placet.contracts.audit import AuditEvent, RecordKind, tenant_stream
from placet.contracts.notification import StrategyOccasion
from placet.contracts.outcomes.looks import RolloutLook
from placet.gate.strategies.rollout import HELD, Authorised, RolloutStanding, body_of, numbered
from placet.governance.authority.mandates import roles_that_may_sign
from placet.notify.address_book import AddressBook
from placet.notify.strategy_notices import StrategyTold, subject_of, text_of
from placet.storage.transaction import Transaction

WAITS: Final[RecordKind] = "rollout.waits"
REMINDED: Final[RecordKind] = "rollout.reminded"
REMINDERS: Final = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
"""After how long people are reminded; then every seven days."""
_WORKER: Final = "worker"
_ASKING: Final = frozenset({"strategy_asked", "stage_asked", "rollout_waits", "rollout_held", "rollout_reminded"})
_STILL_NEW: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that people are told of a rollout.

    Attributes:
        occasion: What it is.
        occurrence: Which one: `move.2`, `hold.1`, `wait.3`.
        since: Since when it is so.
        more: What is said of it beside what is said of each rollout.
    """

    occasion: StrategyOccasion
    occurrence: str
    since: datetime
    more: dict[str, Any]


def tell(
    tx: Transaction,
    book: AddressBook,
    it: Authorised,
    stands: RolloutStanding,
    told: Told,
    *,
    look: RolloutLook | None = None,
    occasion: StrategyOccasion | None = None,
    occurrence: str = "",
) -> None:
    """Tell whoever may publish the strategy, over every channel that the address book names, each of them once.

    Args:
        tx: The transaction of the entry that causes it: both are committed, or neither.
        book: Who is told over which channel.
        it: The strategy, and the policies in force.
        stands: Where its rollout stands.
        told: What happened.
        look: The newest look at it; None where there is none.
        occasion: Another than that of what happened: a reminder of it.
        occurrence: Which one that is.
    """
    tenant, mandate = it.mandate.tenant, it.mandate
    counts = tx.rollouts.counts(tenant, it.version, stands.share, coming=it.strategy.rollout.coming)
    said = StrategyTold(
        tenant=tenant,
        name=mandate.name,
        version=it.version,
        until=mandate.valid_until,
        reached=stands.share,
        treated=counts.treated,
        started=counts.started,
    )
    if look is not None:
        seen = tuple((one.rail.measure, one.verdict) for one in look.verdicts)
        said = replace(said, look=look.number, seen=seen)
    said = replace(said, **told.more)
    if occasion == "rollout_reminded":
        said = replace(said, since=told.since, again=told.occasion)
    roles = roles_that_may_sign(mandate, it.policies)
    send(tx, book, said, roles, occasion or told.occasion, occurrence or told.occurrence, it.now)


def send(
    tx: Transaction,
    book: AddressBook,
    said: StrategyTold,
    roles: Sequence[str],
    occasion: StrategyOccasion,
    occurrence: str,
    at: datetime,
) -> None:
    """Put one message for each recipient into the outbox, where it is not there yet."""
    for recipient in book.recipients(said.tenant, roles, occasion):
        role = recipient.role if occasion in _ASKING else ""
        tx.outbox.add(
            tenant=said.tenant,
            about=said.version,
            matter=occurrence,
            strategy=said.name,
            occasion=occasion,
            channel=recipient.channel,
            recipient=recipient.name,
            role=role,
            subject=subject_of(said, occasion),
            text=text_of(said, occasion, role, book.console_url),
            at=at,
        )


def record_wait(
    tx: Transaction, it: Authorised, stands: RolloutStanding, codes: Sequence[str], look: RolloutLook | None
) -> Told | None:
    """Put on the record why a rollout cannot go on by itself, once in each stage; None where that is there already."""
    waits = list(numbered(tx, it, WAITS))
    if any((one.body.get("moves"), one.body.get("codes")) == (stands.moves, list(codes)) for one in waits):
        return None
    number = len(waits) + 1
    body = body_of(it, moves=stands.moves, codes=list(codes), look=None if look is None else look.number)
    entry = tx.record_act(it.mandate.tenant, WAITS, _WORKER, it.now, f"{it.version}.{number}", body)
    return wait_of(entry, number)


def wait_of(entry: AuditEvent, number: int) -> Told:
    """Return what is told of an entry that says why a rollout waits."""
    why = tuple(str(one) for one in entry.body.get("codes", ()))
    return Told("rollout_waits", f"wait.{number}", entry.at, {"why": why})


def open_wait(tx: Transaction, it: Authorised, stands: RolloutStanding, codes: Sequence[str]) -> Told | None:
    """Return the wait on the record that is for these reasons, in this stage."""
    for number, one in enumerate(numbered(tx, it, WAITS), start=1):
        if (one.body.get("moves"), one.body.get("codes")) == (stands.moves, list(codes)):
            return wait_of(one, number)
    return None


def hold_of_entry(entry: AuditEvent, number: int) -> Told:
    """Return what is told of an entry that holds a rollout."""
    by = "" if entry.actor == _WORKER else entry.actor
    failed = tuple(str(one) for one in entry.body.get("failed", ()))
    more = {"by": by, "why": failed, "back": bool(entry.body.get("back"))}
    return Told("rollout_held", f"hold.{number}", entry.at, more)


def open_hold(tx: Transaction, it: Authorised, stands: RolloutStanding) -> Told | None:
    """Return the hold that is in force."""
    if stands.held is None:
        return None
    entry = tx.audit.find(tenant_stream(it.mandate.tenant), f"{HELD}.{it.version}.{stands.holds}")
    return None if entry is None else hold_of_entry(entry, stands.holds)


def remind(
    tx: Transaction,
    book: AddressBook,
    it: Authorised,
    stands: RolloutStanding,
    told: Told,
    look: RolloutLook | None,
) -> timedelta:
    """Remind people of what is still open, where that is due; returns after how long it is due again.

    What has just begun is told here as well: whoever paused it may have known no address book.
    """
    lasted = it.now - told.since
    if lasted < _STILL_NEW:
        tell(tx, book, it, stands, told, look=look)
    number = due(lasted)
    if number:
        about = f"{it.version}.{told.occurrence}.{number}"
        body = body_of(it, of=told.occasion, occurrence=told.occurrence, number=number, since=told.since.isoformat())
        entry = tx.record_once(it.mandate.tenant, REMINDED, _WORKER, it.now, about, body)
        if entry.ours:
            again = f"{told.occurrence}.{number}"
            tell(tx, book, it, stands, told, look=look, occasion="rollout_reminded", occurrence=again)
    return max(_after(number + 1) - lasted, timedelta(seconds=1))


def due(lasted: timedelta) -> int:
    """Return how many reminders are due of what has lasted so long."""
    number = 0
    while _after(number + 1) <= lasted:
        number += 1
    return number


def _after(number: int) -> timedelta:
    """Return after how long the reminder of a number is due, from 1."""
    last = len(REMINDERS)
    return REMINDERS[number - 1] if number <= last else REMINDERS[-1] * (number - last + 1)
