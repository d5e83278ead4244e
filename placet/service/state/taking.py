"""Take events in: each is checked, inserted once, and folded later; what cannot be taken becomes a dead letter.

    (1) Read each event by its contract.
    (2) Check its time: nothing from the future, nothing older than the retention of events.
    (3) Insert those that name their customer, in one transaction. An event that is there already with the same content
        is a repetition; one with other content is not taken: its source broke its own promise.
    (4) Find whose the keys are that the others name, which the events before may have said, and insert these.
    (5) Keep what was not taken as dead letters, in the same transactions, so that nothing is lost between the two.

An answer to the sender means that the batch is durable. Whoever is killed before gets the batch again and counts
nothing twice.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, NamedTuple

from pydantic import ValidationError

from placet.contracts.base import fault_of
from placet.contracts.events.envelope import MOST_EVENT_BYTES, Arrived, Unreadable
from placet.contracts.events.kinds import EVENT, EVENT_TYPES, Event
from placet.contracts.text import one_line
from placet.contracts.times import moment
from placet.decisioning.identity.resolving import resolve
from placet.decisioning.state.aggregate import micros_of, time_of
from placet.errors import UsageError
from placet.service.given import MOST_AHEAD
from placet.service.state.identifying import words_on
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
from placet.storage.state.events import EventRow
from placet.storage.transaction import Transaction

MOST_IN_A_BATCH: Final = 1000
"""Events of one transaction."""

_REASON: Final = 300

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


EventKey = tuple[str, str]
"""Source and id of an event."""


class Part(NamedTuple):
    """What is inserted in one transaction: events, and the places of those of which it is known already what became."""

    events: Sequence[EventKey]
    refused: Sequence[int]


def _take(database: Database, tenant: str, texts: Sequence[Arrived], now: datetime, oldest: datetime) -> list[Outcome]:
    batch = Batch(tenant, texts, now, oldest)
    for part in batch.parts(database):
        with database.transaction() as tx:
            letters = [one for _, one in batch.insert(tx, part) if isinstance(one, DeadLetter)]
            # Letters are in one order everywhere as well, and after all events.
            for letter in sorted(letters, key=lambda one: one.letter_id):
                tx.dead_letters.add(letter)
    return batch.outcomes


class Batch:
    """Events that are read, and inserted in two parts: those that name their customer, and those that name a key.

    Attributes:
        outcomes: What became of each, once its part is inserted.
    """

    def __init__(self, tenant: str, texts: Sequence[Arrived], now: datetime, oldest: datetime) -> None:
        """Read and check events; the arguments are those of `take_events`."""
        self._tenant, self._texts, self._now = tenant, texts, now
        self.outcomes: list[Outcome] = ["repeated"] * len(texts)
        self._rows = dict[EventKey, EventRow]()
        self._places = dict[EventKey, list[int]]()
        """Where an event is in the batch; the same one may be there several times."""
        self._subjects = dict[EventKey, str]()
        """The key by which an event names its customer."""
        self._unread = list[int]()
        for place, arrived in enumerate(texts):
            try:
                row, subject = _read(arrived, now, oldest)
                key = row.source, row.event_id
                _same(self._rows.setdefault(key, row).content, row)
                self._places.setdefault(key, []).append(place)
                if subject is not None:
                    self._subjects[key] = subject
            except UsageError as refused:
                self._unread.append(place)
                self._refuse([place], refused)

    def parts(self, database: Database) -> Iterator[Part]:
        """Yield what is to be inserted together; whose the keys are is found out once the first part is durable."""
        by_id = [key for key in self._rows if key not in self._subjects]
        if by_id or self._unread:
            yield Part(by_id, self._unread)
        if self._subjects:
            yield self._identified(database)

    def insert(self, tx: Transaction, part: Part) -> list[tuple[int, Outcome]]:
        """Insert a part, and return what became of each of it, by its place; letters are not kept yet."""
        # In one order everywhere: of two senders of the same events, one waits for the other, and no two deadlock.
        ordered = tuple(self._rows[key] for key in sorted(part.events))
        added = tx.events.add(self._tenant, ordered, micros_of(self._now)) if ordered else set()
        for key in part.events:
            places = self._places[key]
            if key in added:
                self.outcomes[places[0]] = "accepted"
                continue
            try:
                _same(tx.events.content(self._tenant, *key), self._rows[key])
            except UsageError as refused:
                self._refuse(places, refused)
        places = [*part.refused, *(place for key in part.events for place in self._places[key])]
        return [(place, self.outcomes[place]) for place in places]

    def _identified(self, database: Database) -> Part:
        """Find the customers of events that name keys. Those whose key is nobody's become dead letters."""
        known = words_on(database, self._tenant, sorted(set(self._subjects.values())))
        found, refused = list[EventKey](), list[int]()
        for key, subject in self._subjects.items():
            row = self._rows[key]
            whose = resolve(subject, known[subject], time_of(row.happened_us))
            if whose.customer_id is not None:
                self._rows[key] = row.model_copy(update={"customer_id": whose.customer_id})
                found.append(key)
                continue
            # Also one that was taken before: of a letter that says it again, nothing is left to do.
            refused += self._places[key]
            if not _taken_before(database, self._tenant, row):
                self._refuse(self._places[key], UsageError(whose.reason, code=whose.code or ""), subject)
        return Part(found, refused)

    def _refuse(self, places: Sequence[int], refused: UsageError, subject: str | None = None) -> None:
        for place in places:
            self.outcomes[place] = _letter(self._tenant, self._texts[place], refused, self._now, subject)


def _taken_before(database: Database, tenant: str, row: EventRow) -> bool:
    """Return whether an event was taken when its key still led to somebody."""
    with database.reading() as tx:
        return tx.events.content(tenant, row.source, row.event_id) == row.content


def _read(arrived: Arrived, now: datetime, oldest: datetime) -> tuple[EventRow, str | None]:
    """Return an event, and the key that it names instead of its customer."""
    if isinstance(arrived, Unreadable):
        raise UsageError(arrived.reason, code=arrived.code)
    event = _event(arrived)
    if event.time > now + MOST_AHEAD:
        raise UsageError(f"it happened at {moment(event.time)}, which is still to come", code="from_the_future")
    if event.time < oldest:
        raise UsageError(
            f"it happened at {moment(event.time)}; events are kept back to {moment(oldest)}", code="too_old"
        )
    kind, _, named = event.subject.partition(":")
    if kind == "household":
        raise UsageError(
            f"it is about a household, {event.subject!r}; send it about the customer to whom it happened",
            code="unknown_subject",
        )
    row = EventRow(
        source=event.source,
        event_id=event.id,
        customer_id=named if kind == "customer" else "",
        type=event.type,
        happened_us=micros_of(event.time),
        content=event.model_dump_json(),
    )
    return row, None if kind == "customer" else event.subject


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


def _letter(tenant: str, arrived: Arrived, refused: UsageError, now: datetime, subject: str | None) -> DeadLetter:
    text = arrived.text if isinstance(arrived, Unreadable) else arrived
    return DeadLetter(
        tenant=tenant,
        letter_id=hashlib.sha256(text).hexdigest()[:32],
        received_at=now,
        code=refused.code,
        reason=one_line(str(refused), _REASON),
        content=text[:MOST_EVENT_BYTES],
        subject=subject,
    )
