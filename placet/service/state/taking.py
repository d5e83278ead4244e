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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pydantic import ValidationError

from placet.contracts.base import fault_of
from placet.contracts.events.envelope import MOST_EVENT_BYTES, Unreadable
from placet.contracts.events.kinds import EVENT, EVENT_TYPES, Event
from placet.contracts.text import one_line
from placet.contracts.times import moment
from placet.decisioning.identity.resolving import resolve
from placet.decisioning.state.aggregate import micros_of, time_of
from placet.errors import UsageError
from placet.service.state.identifying import words_on
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
from placet.storage.state.events import EventRow

MOST_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a source may be ahead of ours."""

MOST_IN_A_BATCH: Final = 1000
"""Events of one transaction."""

_REASON: Final = 300

Arrived = bytes | Unreadable
"""One event in CloudEvents' JSON format, or what could not be brought into it."""


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


class _Batch(NamedTuple):
    """A batch under way: who sent what, and what became of it so far, by place."""

    database: Database
    tenant: str
    texts: Sequence[Arrived]
    now: datetime
    outcomes: list[Outcome]

    def refuse(self, place: int, refused: UsageError, subject: str | None = None) -> DeadLetter:
        letter = _letter(self.tenant, self.texts[place], refused, self.now, subject)
        self.outcomes[place] = letter
        return letter


def _take(database: Database, tenant: str, texts: Sequence[Arrived], now: datetime, oldest: datetime) -> list[Outcome]:
    batch = _Batch(database, tenant, texts, now, ["repeated"] * len(texts))
    rows, places = dict[tuple[str, str], EventRow](), dict[tuple[str, str], int]()
    named, again = dict[tuple[str, str], str](), dict[int, tuple[str, str]]()
    for place, arrived in enumerate(texts):
        try:
            row, subject = _read(arrived, now, oldest)
            key = row.source, row.event_id
            if key in rows:
                _same(rows[key].content, row)
                again[place] = key
                continue
            rows[key], places[key] = row, place
            if subject is not None:
                named[key] = subject
        except UsageError as refused:
            batch.refuse(place, refused)
    by_id = {place: rows[key] for key, place in places.items() if key not in named}
    letters = [one for one in batch.outcomes if isinstance(one, DeadLetter)]
    if by_id or letters:
        _insert(batch, by_id, letters)
    if named:
        _take_named(batch, {places[key]: (rows[key], subject) for key, subject in named.items()})
    for place, key in again.items():
        first = batch.outcomes[places[key]]
        batch.outcomes[place] = first if isinstance(first, DeadLetter) else "repeated"
    return batch.outcomes


def _insert(batch: _Batch, rows: Mapping[int, EventRow], letters: Sequence[DeadLetter]) -> None:
    """Insert events, by their places, and keep letters, all in one transaction."""
    with batch.database.transaction() as tx:
        # In one order everywhere: of two senders of the same events, one waits for the other, and no two deadlock.
        ordered = sorted(rows.values(), key=lambda row: (row.source, row.event_id))
        added = tx.events.add(batch.tenant, ordered, micros_of(batch.now)) if rows else set()
        for letter in letters:
            tx.dead_letters.add(letter)
        for place, row in rows.items():
            if (row.source, row.event_id) in added:
                batch.outcomes[place] = "accepted"
                continue
            try:
                _same(tx.events.content(batch.tenant, row.source, row.event_id), row)
            except UsageError as refused:
                tx.dead_letters.add(batch.refuse(place, refused))


def _take_named(batch: _Batch, named: Mapping[int, tuple[EventRow, str]]) -> None:
    """Take the events that name their customer by a key; those whose key is nobody's become dead letters."""
    known = words_on(batch.database, batch.tenant, sorted({subject for _, subject in named.values()}))
    rows, letters = dict[int, EventRow](), list[DeadLetter]()
    for place, (row, subject) in named.items():
        found = resolve(subject, known[subject], time_of(row.happened_us))
        if found.customer_id is not None:
            rows[place] = row.model_copy(update={"customer_id": found.customer_id})
        elif not _taken_before(batch, row):
            letters.append(batch.refuse(place, UsageError(found.reason, code=found.code or ""), subject))
    if rows or letters:
        _insert(batch, rows, letters)


def _taken_before(batch: _Batch, row: EventRow) -> bool:
    """Return whether an event was taken when its key still led to somebody."""
    with batch.database.reading() as tx:
        return tx.events.content(batch.tenant, row.source, row.event_id) == row.content


def _read(arrived: Arrived, now: datetime, oldest: datetime) -> tuple[EventRow, str | None]:
    """Return an event, and the key that it names instead of its customer."""
    if isinstance(arrived, Unreadable):
        code = "malformed" if len(arrived.text) <= MOST_EVENT_BYTES else "too_large"
        raise UsageError(arrived.reason, code=code)
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
