"""Take events in: each is checked, inserted once, and folded later; what cannot be taken becomes a dead letter.

    (1) Read each event by its contract; whom it is about must be known by then.
    (2) Check its time: nothing from the future, nothing older than the retention of events.
    (3) Insert the batch in one transaction. An event that is there already with the same content is a repetition; one
        with other content is not taken: its source broke its own promise.
    (4) Keep what was not taken as dead letters, in the same transaction, so that nothing is lost between the two.

An answer to the sender means that the batch is durable. Whoever is killed before gets the batch again and counts
nothing twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import ValidationError

from placet.contracts.base import fault_of
from placet.contracts.events.envelope import MOST_EVENT_BYTES, Arrived, Unreadable
from placet.contracts.events.kinds import EVENT, EVENT_TYPES, Event
from placet.contracts.text import one_line
from placet.contracts.times import moment
from placet.decisioning.state.aggregate import micros_of
from placet.errors import UsageError
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
from placet.storage.state.events import EventRow
from placet.storage.transaction import Transaction

MOST_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a source may be ahead of ours."""

MOST_IN_A_BATCH: Final = 1000
"""Events of one transaction."""

_REASON: Final = 300
_CUSTOMER: Final = "customer:"

Outcome = Literal["accepted", "repeated"] | DeadLetter
"""What became of an event: it was new, it was there already, or it could not be taken."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events; `outcomes` are in the order in which they were given."""

    outcomes: tuple[Outcome, ...] = ()

    @property
    def accepted(self) -> int:
        """How many were new."""
        return self.outcomes.count("accepted")

    @property
    def repeated(self) -> int:
        """How many were there already."""
        return self.outcomes.count("repeated")

    @property
    def refused(self) -> tuple[DeadLetter, ...]:
        """Those that could not be taken."""
        return tuple(one for one in self.outcomes if isinstance(one, DeadLetter))


def take_events(database: Database, tenant: str, texts: Sequence[Arrived], *, now: datetime, oldest: datetime) -> Taken:
    """Take events in, in transactions of `MOST_IN_A_BATCH`.

    Args:
        database: Where they are kept.
        tenant: Whose customers they are about.
        texts: What arrived.
        now: When they were received.
        oldest: Events that happened before are not taken.

    Raises:
        StorageError: the database does not answer; the batches before are taken.
    """
    outcomes: list[Outcome] = []
    for first in range(0, len(texts), MOST_IN_A_BATCH):
        outcomes += _take(database, tenant, texts[first : first + MOST_IN_A_BATCH], now, oldest)
    return Taken(tuple(outcomes))


def _take(database: Database, tenant: str, texts: Sequence[Arrived], now: datetime, oldest: datetime) -> list[Outcome]:
    batch = Batch(tenant, texts, now, oldest)
    with database.transaction() as tx:
        outcomes = batch.insert(tx)
        # Letters are in one order everywhere as well, and after all events.
        for letter in sorted((one for one in outcomes if isinstance(one, DeadLetter)), key=lambda one: one.letter_id):
            tx.dead_letters.add(letter)
    return outcomes


class Batch:
    """Events that are read, and can be inserted together."""

    def __init__(self, tenant: str, texts: Sequence[Arrived], now: datetime, oldest: datetime) -> None:
        """Read and check events; the arguments are those of `take_events`."""
        self._tenant, self._texts, self._now = tenant, texts, now
        self._outcomes: list[Outcome] = ["repeated"] * len(texts)
        self._rows = dict[tuple[str, str], EventRow]()
        self._places = dict[tuple[str, str], list[int]]()
        """Where an event is in the batch; the same one may be there several times."""
        for place, arrived in enumerate(texts):
            try:
                row = _read(arrived, now, oldest)
                key = row.source, row.event_id
                _same(self._rows.setdefault(key, row).content, row)
                self._places.setdefault(key, []).append(place)
            except UsageError as refused:
                self._outcomes[place] = _letter(tenant, arrived, refused, now)

    def insert(self, tx: Transaction) -> list[Outcome]:
        """Insert the events, and return what becomes of each; letters are not kept yet."""
        outcomes = list(self._outcomes)
        # In one order everywhere: of two senders of the same events, one waits for the other, and no two deadlock.
        ordered = tuple(self._rows[key] for key in sorted(self._rows))
        added = tx.events.add(self._tenant, ordered, micros_of(self._now)) if ordered else set()
        for key, places in self._places.items():
            if key in added:
                outcomes[places[0]] = "accepted"
                continue
            try:
                _same(tx.events.content(self._tenant, *key), self._rows[key])
            except UsageError as refused:
                for place in places:
                    outcomes[place] = _letter(self._tenant, self._texts[place], refused, self._now)
        return outcomes


def _read(arrived: Arrived, now: datetime, oldest: datetime) -> EventRow:
    if isinstance(arrived, Unreadable):
        raise UsageError(arrived.reason, code=arrived.code)
    event = _event(arrived)
    if event.time > now + MOST_AHEAD:
        raise UsageError(f"it happened at {moment(event.time)}, which is still to come", code="from_the_future")
    if event.time < oldest:
        raise UsageError(
            f"it happened at {moment(event.time)}; events are kept back to {moment(oldest)}", code="too_old"
        )
    if not event.subject.startswith(_CUSTOMER):
        raise UsageError(
            f"nobody is known by {event.subject!r}; send it about `customer:` and the customer's id",
            code="unknown_subject",
        )
    return EventRow(
        source=event.source,
        event_id=event.id,
        customer_id=event.subject.removeprefix(_CUSTOMER),
        type=event.type,
        happened_us=micros_of(event.time),
        content=event.model_dump_json(),
    )


def _event(text: bytes) -> Event:
    if len(text) > MOST_EVENT_BYTES:
        raise UsageError(f"it has more than {MOST_EVENT_BYTES:,} bytes", code="too_large")
    try:
        return EVENT.validate_json(text)
    except ValidationError as error:
        kind = error.errors(include_url=False)[0]
        if kind["type"] == "union_tag_invalid":
            given = one_line(repr(kind["ctx"]["tag"]), 80)
            raise UsageError(
                f"no kind of event is called {given}; kinds: {', '.join(EVENT_TYPES)}", code="unknown_type"
            ) from None
        if kind["type"] == "union_tag_not_found":
            raise UsageError("it has no type", code="unknown_type") from None
        fault = fault_of(error)
        # The first part of the place is the type, which the reason need not repeat.
        place = fault.where.partition(".v1.")[2] or fault.where
        raise UsageError(replace(fault, where=place).line(), code="malformed") from None
    except RecursionError:
        raise UsageError("it nests too deep", code="malformed") from None


def _same(kept: str | None, row: EventRow) -> None:
    if kept is not None and kept != row.content:
        raise UsageError(
            f"event {row.event_id!r} of {row.source!r} is known with other content; a source gives an id once. To take "
            "an event back, send a correction",
            code="other_content",
        )


def _letter(tenant: str, arrived: Arrived, refused: UsageError, now: datetime) -> DeadLetter:
    text = arrived.text if isinstance(arrived, Unreadable) else arrived
    return DeadLetter(
        tenant=tenant,
        letter_id=hashlib.sha256(text).hexdigest()[:32],
        received_at=now,
        code=refused.code,
        reason=one_line(str(refused), _REASON),
        content=text[:MOST_EVENT_BYTES],
    )
