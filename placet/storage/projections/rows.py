"""Reads tables and entries side by side, a page at a time."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, exists, func, select, tuple_

from placet.governance.log.body import read_body
from placet.governance.signing.canonical import sha256_hex
from placet.storage.sql.driver import Connection, Row
from placet.storage.tables import ARTIFACT, AUDIT, MANDATE_USE

PAGE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry of the record says, unverified: its hash and place are for `verify_log` to check.

    Attributes:
        position: Its place over all streams.
    """

    stream: str
    kind: str
    step_key: str
    actor: str
    at: datetime
    body: dict[str, Any]
    position: int = 0


class ProjectionRows:
    """Rows of tables and the entries that should have led to them. Use it inside a snapshot."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run_streams(self, tenant: str, after: int) -> list[tuple[int, str]]:
        """Return a page of the runs that have a record: position and run id, oldest first."""
        query = (
            select(AUDIT.c.id, AUDIT.c.stream)
            .where(AUDIT.c.tenant == tenant, AUDIT.c.seq == 1, AUDIT.c.run_id.is_not(None), AUDIT.c.id > after)
            .order_by(AUDIT.c.id)
            .limit(PAGE)
        )
        return [(position, stream) for position, stream in self._connection.execute(query)]

    def entries(self, streams: Sequence[str], kinds: Sequence[str] | None = None) -> Iterator[Entry]:
        """Yield the entries of some streams, of some `kinds` or all, stream by stream, in order; a batch at a time."""
        after: tuple[str, int] = ("", 0)
        wanted = [AUDIT.c.stream.in_(streams), *([] if kinds is None else [AUDIT.c.kind.in_(kinds)])]
        while True:
            place = (AUDIT.c.stream, AUDIT.c.seq)
            query = select(AUDIT).where(*wanted, tuple_(*place) > after).order_by(*place).limit(PAGE)
            rows = self._connection.execute(query).mappings()
            for row in rows:
                yield _entry(row)
            if len(rows) < PAGE:
                return
            after = (rows[-1]["stream"], rows[-1]["seq"])

    def of_step(self, stream: str, step_keys: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of a stream with these step keys."""
        query = select(AUDIT).where(AUDIT.c.stream == stream, AUDIT.c.step_key.in_(step_keys))
        return {row["step_key"]: _entry(row) for row in self._connection.execute(query).mappings()}

    def steps_of_kind(self, stream: str, kind: str) -> Iterator[list[str]]:
        """Yield pages of the step keys that entries of one kind have in a stream."""
        after = 0
        while True:
            query = (
                select(AUDIT.c.seq, AUDIT.c.step_key)
                .where(AUDIT.c.stream == stream, AUDIT.c.seq > after, AUDIT.c.kind == kind)
                .order_by(AUDIT.c.seq)
                .limit(PAGE)
            )
            rows = self._connection.execute(query).all()
            if not rows:
                return
            yield [step_key for _, step_key in rows]
            after = rows[-1][0]

    def of_runs(self, table: Table, run_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Return the rows of `table` by run, of whatever tenant they say they are."""
        found: dict[str, list[Row]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(select(table).where(table.c.run_id.in_(run_ids))).mappings():
            found[row["run_id"]].append(row)
        return found

    def strays(self, table: Table, tenant: str) -> list[str]:
        """Return runs of `tenant` that have rows in `table` and nothing on its record; a page of them at most."""
        recorded = exists().where(AUDIT.c.stream == table.c.run_id, AUDIT.c.tenant == tenant)
        query = select(table.c.run_id).distinct().where(table.c.tenant == tenant, ~recorded).limit(PAGE)
        return list(self._connection.scalars(query))

    def pages(self, table: Table, name: str, tenant: str) -> Iterator[Sequence[Row]]:
        """Yield pages of the rows of `tenant`, in the order of the column `name`."""
        column, after = table.c[name], ""
        while True:
            query = select(table).where(table.c.tenant == tenant, column > after).order_by(column).limit(PAGE)
            rows: list[Row] = list(self._connection.execute(query).mappings())
            if not rows:
                return
            yield rows
            after = rows[-1][name]

    def present(self, table: Table, name: str, tenant: str, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that `tenant` has rows for."""
        column = table.c[name]
        return set(self._connection.scalars(select(column).where(table.c.tenant == tenant, column.in_(ids))))

    def documents(self, tenant: str, digests: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return those of the JSON documents under `digests` that `tenant` holds; an altered one is empty."""
        query = select(ARTIFACT.c.digest, ARTIFACT.c.data).where(
            ARTIFACT.c.tenant == tenant, ARTIFACT.c.digest.in_(digests)
        )
        found = {digest: _bytes(data) for digest, data in self._connection.execute(query)}
        return {digest: json.loads(data) if sha256_hex(data) == digest else {} for digest, data in found.items()}

    def spent(self, tenant: str, mandate_ids: Sequence[str]) -> dict[str, int]:
        """Return what the unreleased uses of each mandate add up to."""
        use = MANDATE_USE.c
        query = (
            select(use.mandate_id, func.sum(use.amount_minor))
            .where(use.tenant == tenant, use.mandate_id.in_(mandate_ids), use.released_at.is_(None))
            .group_by(use.mandate_id)
        )
        return {mandate_id: int(amount) for mandate_id, amount in self._connection.execute(query)}


def document(text: str | None) -> object:
    """Return the JSON in a column; its text where it is none, so that it equals nothing that was recorded."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _bytes(data: bytes | str) -> bytes:
    """What a column of bytes holds; SQLite also keeps text in it, where somebody wrote that."""
    return data.encode() if isinstance(data, str) else bytes(data)


def _entry(row: Row) -> Entry:
    try:
        body = read_body(row["body"])
    except ValueError:
        body = {}  # whoever needs something of it says that it cannot be read
    return Entry(
        stream=row["stream"],
        kind=row["kind"],
        step_key=row["step_key"],
        actor=row["actor"],
        at=row["at"],
        body=body,
        position=row["id"],
    )
