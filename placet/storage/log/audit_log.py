"""The record: append, read, follow and verify hash-linked streams."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Select, bindparam

from placet.contracts.audit import AFTER_THE_END, GENESIS, AuditEvent, RecordKind
from placet.errors import GovernanceError, StorageError, UsageError
from placet.governance.log.body import read_body, write_body
from placet.governance.log.chain import BROKEN, link, verify_chain
from placet.storage.log import statements
from placet.storage.log.stream_end import insert_entry, last_place
from placet.storage.sql.driver import Connection, Row, Rows
from placet.storage.tables import AUDIT

_BATCH = 500
_MOST_LOST_RACES = 1000
_BEYOND = 2**63 - 1
_HASH = re.compile(r"[0-9a-f]{64}")


class Appended(NamedTuple):
    """The entry of a step, and whether this call put it there; where not, another attempt's answer stands."""

    event: AuditEvent
    ours: bool


class AuditLog:
    """Append-only streams; the database refuses UPDATE, DELETE and TRUNCATE. Use it inside a transaction."""

    __slots__ = ("_connection", "_foreseen")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._foreseen: dict[tuple[str, str], AuditEvent | None] = {}

    def append(
        self,
        *,
        stream: str,
        tenant: str,
        run_id: str | None,
        kind: RecordKind,
        actor: str,
        step_key: str,
        at: datetime,
        body: dict[str, Any],
    ) -> AuditEvent:
        """Add one entry at the end of `stream`; for a `step_key` already there return its entry, unchanged.

        See `add`, which says as well whose entry it is.
        """
        return self.add(
            stream=stream, tenant=tenant, run_id=run_id, kind=kind, actor=actor, step_key=step_key, at=at, body=body
        ).event

    def add(
        self,
        *,
        stream: str,
        tenant: str,
        run_id: str | None,
        kind: RecordKind,
        actor: str,
        step_key: str,
        at: datetime,
        body: dict[str, Any],
    ) -> Appended:
        """Add one entry at the end of `stream`; for a `step_key` already there return its entry, unchanged.

        Writers to one stream take turns, in whatever process they run; other streams do not wait.

        Raises:
            UsageError: code `audit_entry_invalid`; a field is malformed or `body` is not exact JSON.
            GovernanceError: code `run_over`; the run has ended, and nothing of this kind follows an end.
            StorageError: other writers won the end of this stream again and again.
        """
        entry = {
            "stream": stream,
            "tenant": tenant,
            "run_id": run_id,
            "kind": kind,
            "actor": actor,
            "step_key": step_key,
            "at": at,
        }
        try:
            written, body = write_body(body)
            return self._append(stream, step_key, {**entry, "body": body}, written)
        except ValueError as error:
            said = " ".join(str(error).split())
            raise UsageError(
                f"audit entry {kind!r} of {stream!r} is malformed: {said}", code="audit_entry_invalid"
            ) from error

    def _append(self, stream: str, step_key: str, entry: dict[str, Any], written: str) -> Appended:
        for _ in range(_MOST_LOST_RACES):
            seq, prev_hash, ended = last_place(self._connection, stream) or (0, GENESIS, False)
            closed = ended and entry["kind"] not in AFTER_THE_END
            event = link(seq=seq + 1, prev_hash=prev_hash, written=written, **entry)
            if not closed and insert_entry(self._connection, event, written):
                self._foreseen.pop((stream, step_key), None)
                return Appended(event, ours=True)
            # Either this step is on the record already, or another writer took this place in the stream.
            recorded = self._find(stream, step_key)
            if recorded is not None:
                return Appended(recorded, ours=False)
            if closed:
                raise GovernanceError(
                    f"run {stream!r} is over; {entry['kind']!r} cannot follow its end", code="run_over"
                )
        raise StorageError(f"stream {stream!r} is too busy: lost {_MOST_LOST_RACES} races; try again")

    def find(self, stream: str, step_key: str) -> AuditEvent | None:
        """Return the entry that a step left in `stream`; None if it left none.

        Raises:
            GovernanceError: code `audit_broken`; the stored entry cannot be read.
        """
        if (stream, step_key) in self._foreseen:
            return self._foreseen[stream, step_key]
        return self._find(stream, step_key)

    def foresee(self, stream: str, *step_keys: str) -> None:
        """Read what some steps left in `stream` by one statement; `find` answers from that in this transaction.

        For whoever asks for several of one moment: an entry never changes, and one that another transaction adds later
        counts as one that came too late to be seen.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        at_once = statements.AT_ONCE
        unknown = [key for key in step_keys if (stream, key) not in self._foreseen]
        for first in range(0, len(unknown), at_once):
            wanted = unknown[first : first + at_once]
            places = {f"step_key_{number}": wanted[min(number, len(wanted) - 1)] for number in range(at_once)}
            found: dict[tuple[str, str], AuditEvent | None] = {(stream, key): None for key in wanted}
            for row in self._connection.execute(statements.STEPS, {"stream": stream, **places}).mappings():
                found[stream, row["step_key"]] = _event(row)
            self._foreseen.update(found)  # only now: an entry that cannot be read must not count as none

    def _find(self, stream: str, step_key: str) -> AuditEvent | None:
        same = {"stream": stream, "step_key": step_key}
        row = self._connection.execute(statements.STEP, same).mappings().one_or_none()
        return None if row is None else _event(row)

    def read(self, stream: str) -> list[AuditEvent]:
        """Return every entry of `stream` in order; empty when there is no such stream.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        return list(self._entries(stream))

    def page(self, stream: str, after: int = 0, limit: int = 100) -> list[AuditEvent]:
        """Return entries of `stream` in order, from the one after number `after` on.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        rows = self._connection.execute(statements.PAGE, {"stream": stream, "after": after, "limit": limit}).mappings()
        return [_event(row) for row in rows]

    def steps(self, stream: str, limit: int) -> list[AuditEvent]:
        """Return the first `limit` entries of a run's own steps, in order: without looks, refused decisions and links.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        rows = self._connection.execute(statements.OWN_STEPS, {"stream": stream, "after": 0, "limit": limit}).mappings()
        return [_event(row) for row in rows]

    def of_kind(self, stream: str, kind: RecordKind, *, after: int = 0, limit: int = 100) -> list[AuditEvent]:
        """Return entries of one kind of `stream` in order, from the one after number `after` on.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        values = {"stream": stream, "kind": kind, "after": after, "limit": limit}
        return [_event(row) for row in self._connection.execute(statements.OF_KIND, values).mappings()]

    def latest_of_kind(
        self, stream: str, kind: RecordKind, *, before: int | None = None, limit: int = 100
    ) -> list[AuditEvent]:
        """Return entries of one kind of `stream`, newest first, from the one before number `before` on.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        values = {"stream": stream, "kind": kind, "limit": limit}
        # The first page has no bound: an entry whose number is none, on SQLite, lies beyond each.
        query = statements.LATEST_OF_KIND if before is None else statements.EARLIER_OF_KIND
        bound = {} if before is None else {"before": before}
        return [_event(row) for row in self._connection.execute(query, {**values, **bound}).mappings()]

    def positions(self, stream: str) -> list[int]:
        """Return where the entries of `stream` stand in the whole record, in their order."""
        return list(self._connection.scalars(statements.PLACES, {"stream": stream}))

    def last(self, stream: str) -> AuditEvent | None:
        """Return the last entry of `stream`; None when there is no such stream.

        Raises:
            GovernanceError: code `audit_broken`; the stored entry cannot be read.
        """
        row = self._connection.execute(statements.LAST, {"stream": stream}).mappings().one_or_none()
        return None if row is None else _event(row)

    def streams(self, tenant: str) -> list[str]:
        """Return the streams of `tenant`, oldest first."""
        return list(self._connection.scalars(statements.STREAMS, {"tenant": tenant}))

    def tail(self, tenant: str, after_id: int = 0, limit: int = 100, *, skip: int = 0) -> list[tuple[int, AuditEvent]]:
        """List entries of all streams of `tenant` after position `after_id`, each with its position; leave out `skip`.

        A reader that goes on from the last position it got misses nothing: entries whose predecessors are
        still being committed are held back for the next call.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        values: dict[str, object] = {"tenant": tenant, "after": after_id, "limit": limit}
        rows = self._settled(
            *((statements.TAIL_LATER, {**values, "skip": skip}) if skip else (statements.TAIL, values))
        ).mappings()
        return [(row["position"], _event(row)) for row in rows]

    def tail_hashes(self, tenant: str, after_id: int = 0, limit: int = 100) -> list[tuple[int, str]]:
        """Return positions and hashes as `tail` orders them, without reading the entries.

        Raises:
            GovernanceError: code `audit_broken`; an entry has none.
        """
        rows = self._settled(statements.HASHES, {"tenant": tenant, "after": after_id, "limit": limit}).all()
        for position, digest in rows:
            if not _HASH.fullmatch(str(digest)):
                raise GovernanceError(
                    f"the record of tenant {tenant!r} is broken at position {position}: {str(digest)!r:.80} is no hash",
                    code=BROKEN,
                )
        return [(position, digest) for position, digest in rows]

    def settled(self, tenant: str) -> int:
        """Return the position up to which every entry of `tenant` is there for all to see; 0 where there is none."""
        return next((position for (position,) in self._settled(statements.LAST_OF_ALL, {"tenant": tenant})), 0)

    def _settled(self, query: Select[*tuple[Any, ...]], values: dict[str, object]) -> Rows:
        if self._connection.dialect.name == "postgresql":
            horizon = self._connection.scalar(statements.SETTLED_BEFORE)
            settled = None if horizon is None else self._connection.scalar(statements.SETTLED_ID, {"horizon": horizon})
            values["settled"] = settled or 0
            query = query.where(AUDIT.c.id <= bindparam("settled"))
        return self._connection.execute(query, values)

    def position_before(self, tenant: str, since: datetime) -> int:
        """Return the position of the last entry of `tenant` that the database recorded before `since`; 0 if none.

        It looks from the newest entry backwards: what it costs is what was recorded since.
        """
        return self._connection.scalar(statements.BEFORE, {"tenant": tenant, "since": since}) or 0

    def newest(
        self, tenant: str, kinds: Sequence[str], *, after_id: int, before_id: int | None = None, limit: int = 100
    ) -> list[tuple[int, AuditEvent]]:
        """Return entries of some kinds over all streams of `tenant`, newest first, each with its position.

        Args:
            tenant: Whose entries.
            kinds: Only these.
            after_id: Position at which to stop: that entry and all before it are left out, and not looked at.
            before_id: Position that ended the previous page; None begins at the newest entry.
            limit: Most entries returned; fewer are the last page.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read.
        """
        before = _BEYOND if before_id is None else before_id
        values = {"tenant": tenant, "kinds": kinds, "after": after_id, "before": before, "limit": limit}
        return [
            (row["position"], _event(row)) for row in self._connection.execute(statements.NEWEST, values).mappings()
        ]

    def at(self, tenant: str, positions: Sequence[int]) -> dict[int, AuditEvent]:
        """Return the entries of `tenant` at these positions, as `tail` numbers them; leave out those that do not exist.

        Raises:
            GovernanceError: code `audit_broken`; a stored entry cannot be read, or two of them are at one position.
        """
        found: dict[int, AuditEvent] = {}
        for row in self._connection.execute(statements.AT, {"tenant": tenant, "positions": positions}).mappings():
            if row["position"] in found:
                raise GovernanceError(f"two entries of the record are at position {row['position']}", code=BROKEN)
            found[row["position"]] = _event(row)
        return found

    def verify(self, stream: str) -> int:
        """Verify the whole of `stream`, reading it in batches; return how many entries it has.

        Raises:
            GovernanceError: code `audit_broken`, naming the first entry that does not fit.
            UsageError: code `unknown_stream`; no such stream, so there is nothing to vouch for.
        """
        verified = verify_chain(self._entries(stream))
        if verified == 0:
            raise UsageError(f"audit stream {stream!r} does not exist", code="unknown_stream")
        return verified

    def _entries(self, stream: str) -> Iterator[AuditEvent]:
        after = 0
        while True:
            events = self.page(stream, after, _BATCH)
            yield from events
            if len(events) < _BATCH:
                return
            after = events[-1].seq


def _event(row: Row) -> AuditEvent:
    try:
        fields = {name: row[name] for name in AuditEvent.model_fields}
        return AuditEvent(**{**fields, "body": read_body(fields["body"])})
    except (ValidationError, ValueError) as error:
        said = " ".join(str(error).split())
        raise GovernanceError(
            f"audit stream {row['stream']!r} is broken at entry {row['seq']}: it cannot be read: {said}",
            code=BROKEN,
        ) from error
