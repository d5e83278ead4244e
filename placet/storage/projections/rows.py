"""Reads tables and entries side by side, a page at a time."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Integer, Select, String, Table, bindparam, exists, func, select, tuple_

from placet.contracts.audit import journey_stream
from placet.governance.log.body import read_body
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.plain_json import read_json
from placet.storage.governance.mandates import ACCOUNT
from placet.storage.sql.driver import Connection, Row
from placet.storage.tables import ARTIFACT, AUDIT, MANDATE, MANDATE_USE

PAGE = 200


# Each statement is made once: to compile one takes longer than to run it.
def _each(name: str) -> BindParameter[Any]:
    return bindparam(name, expanding=True)


_RUN_STREAMS = (
    select(AUDIT.c.id, AUDIT.c.stream)
    .where(
        AUDIT.c.tenant == bindparam("tenant"),
        AUDIT.c.seq == 1,
        AUDIT.c.run_id.is_not(None),
        AUDIT.c.id > bindparam("after"),
    )
    .order_by(AUDIT.c.id)
    .limit(PAGE)
)
_JOURNEY_STREAMS = (
    select(AUDIT.c.id, AUDIT.c.stream)
    .where(
        AUDIT.c.tenant == bindparam("tenant"),
        AUDIT.c.seq == 1,
        AUDIT.c.run_id.is_(None),
        AUDIT.c.stream.like(f"{journey_stream('')}%"),
        AUDIT.c.id > bindparam("after"),
    )
    .order_by(AUDIT.c.id)
    .limit(PAGE)
)
_ENTRIES = (
    select(AUDIT)
    .where(
        AUDIT.c.stream.in_(_each("streams")),
        tuple_(AUDIT.c.stream, AUDIT.c.seq)
        > tuple_(bindparam("stream", type_=String), bindparam("seq", type_=Integer)),
    )
    .order_by(AUDIT.c.stream, AUDIT.c.seq)
    .limit(PAGE)
)
_ENTRIES_OF_KINDS = _ENTRIES.where(AUDIT.c.kind.in_(_each("kinds")))
_OF_STEP = select(AUDIT).where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.step_key.in_(_each("step_keys")))
_STEPS_OF_KIND = (
    select(AUDIT.c.seq, AUDIT.c.step_key)
    .where(AUDIT.c.stream == bindparam("stream"), AUDIT.c.seq > bindparam("after"), AUDIT.c.kind == bindparam("kind"))
    .order_by(AUDIT.c.seq)
    .limit(PAGE)
)
_DOCUMENTS = select(ARTIFACT.c.digest, ARTIFACT.c.data).where(
    ARTIFACT.c.tenant == bindparam("tenant"), ARTIFACT.c.digest.in_(_each("digests"))
)
_SPENT = (
    select(MANDATE_USE.c.mandate_id, func.sum(MANDATE_USE.c.amount_minor))
    .where(
        MANDATE_USE.c.tenant == bindparam("tenant"),
        MANDATE_USE.c.mandate_id.in_(_each("mandate_ids")),
        MANDATE_USE.c.released_at.is_(None),
    )
    .group_by(MANDATE_USE.c.mandate_id)
)
_ACCOUNTS = select(MANDATE.c.mandate_id, ACCOUNT.scalar_subquery().label("account")).where(
    MANDATE.c.tenant == bindparam("tenant"), MANDATE.c.mandate_id.in_(_each("mandate_ids"))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry of the record says, unverified: its hash and place are for `verify_log` to check.

    Attributes:
        position: Its place over all streams.
        seq: Its place in its own stream.
    """

    stream: str
    kind: str
    step_key: str
    actor: str
    at: datetime
    body: dict[str, Any]
    position: int = 0
    seq: int = 0


class ProjectionRows:
    """Rows of tables and the entries that should have led to them. Use it inside a snapshot."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run_streams(self, tenant: str, after: int) -> list[tuple[int, str]]:
        """Return a page of the runs that have a record: position and run id, oldest first."""
        found = self._connection.execute(_RUN_STREAMS, {"tenant": tenant, "after": after})
        return [(position, stream) for position, stream in found]

    def entries(self, streams: Sequence[str], kinds: Sequence[str] | None = None) -> Iterator[Entry]:
        """Yield the entries of some streams, of some `kinds` or all, stream by stream, in order; a batch at a time."""
        query = _ENTRIES if kinds is None else _ENTRIES_OF_KINDS
        given: Row = {"streams": streams, **({} if kinds is None else {"kinds": kinds})}
        stream, seq = "", 0
        while True:
            rows = self._connection.execute(query, {**given, "stream": stream, "seq": seq}).mappings()
            for row in rows:
                yield _entry(row)
            if len(rows) < PAGE:
                return
            stream, seq = rows[-1]["stream"], rows[-1]["seq"]

    def of_step(self, stream: str, step_keys: Sequence[str]) -> dict[str, Entry]:
        """Return the entries of a stream with these step keys."""
        rows = self._connection.execute(_OF_STEP, {"stream": stream, "step_keys": step_keys}).mappings()
        return {row["step_key"]: _entry(row) for row in rows}

    def journey_streams(self, tenant: str, after: int) -> list[tuple[int, str]]:
        """Return a page of the journeys that have a record: position and stream, oldest first."""
        found = self._connection.execute(_JOURNEY_STREAMS, {"tenant": tenant, "after": after})
        return [(position, stream) for position, stream in found]

    def steps_of_kind(self, stream: str, kind: str) -> Iterator[list[str]]:
        """Yield pages of the step keys that entries of one kind have in a stream."""
        after = 0
        while True:
            rows = self._connection.execute(_STEPS_OF_KIND, {"stream": stream, "after": after, "kind": kind}).all()
            if not rows:
                return
            yield [step_key for _, step_key in rows]
            after = rows[-1][0]

    def of_runs(self, table: Table, run_ids: Sequence[str]) -> dict[str, list[Row]]:
        """Return the rows of `table` by run, of whatever tenant they say they are."""
        found: dict[str, list[Row]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(_of_runs(table), {"run_ids": run_ids}).mappings():
            found[row["run_id"]].append(row)
        return found

    def strays(self, table: Table, tenant: str) -> list[str]:
        """Return runs of `tenant` that have rows in `table` and nothing on its record; a page of them at most."""
        return list(self._connection.scalars(_strays(table), {"tenant": tenant}))

    def pages(self, table: Table, name: str, tenant: str) -> Iterator[Sequence[Row]]:
        """Yield pages of the rows of `tenant`, in the order of the column `name`."""
        after = ""
        while True:
            rows = self._connection.execute(_page(table, name), {"tenant": tenant, "after": after}).mappings()
            if not rows:
                return
            yield rows
            after = rows[-1][name]

    def present(self, table: Table, name: str, tenant: str, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that `tenant` has rows for."""
        return set(self._connection.scalars(_present(table, name), {"tenant": tenant, "ids": ids}))

    def documents(self, tenant: str, digests: Collection[str]) -> dict[str, dict[str, Any]]:
        """Return those of the JSON documents under `digests` that `tenant` holds; an altered one is empty."""
        rows = self._connection.execute(_DOCUMENTS, {"tenant": tenant, "digests": list(digests)})
        found = {digest: _bytes(data) for digest, data in rows}
        return {digest: _object(data) if sha256_hex(data) == digest else {} for digest, data in found.items()}

    def spent(self, tenant: str, mandate_ids: Sequence[str]) -> dict[str, int]:
        """Return what the unreleased uses of each mandate add up to."""
        rows = self._connection.execute(_SPENT, {"tenant": tenant, "mandate_ids": mandate_ids})
        return {mandate_id: int(amount) for mandate_id, amount in rows}

    def accounts(self, tenant: str, mandate_ids: Sequence[str]) -> dict[str, Any]:
        """Return the body of the last entry of each mandate's account, where it has one."""
        rows = self._connection.execute(_ACCOUNTS, {"tenant": tenant, "mandate_ids": mandate_ids})
        return {mandate_id: _readable(body) for mandate_id, body in rows if body is not None}


def _readable(body: str) -> dict[str, Any]:
    try:
        return read_body(body)
    except ValueError:
        return {}


@cache
def _of_runs(table: Table) -> Select[Any]:
    return select(table).where(table.c.run_id.in_(_each("run_ids")))


@cache
def _strays(table: Table) -> Select[Any]:
    recorded = exists().where(AUDIT.c.stream == table.c.run_id, AUDIT.c.tenant == bindparam("tenant"))
    return select(table.c.run_id).distinct().where(table.c.tenant == bindparam("tenant"), ~recorded).limit(PAGE)


@cache
def _page(table: Table, name: str) -> Select[Any]:
    column = table.c[name]
    here = (table.c.tenant == bindparam("tenant"), column > bindparam("after"))
    return select(table).where(*here).order_by(column).limit(PAGE)


@cache
def _present(table: Table, name: str) -> Select[Any]:
    column = table.c[name]
    return select(column).where(table.c.tenant == bindparam("tenant"), column.in_(_each("ids")))


def document(text: str | None) -> object:
    """Return the JSON in a column; its text where it is none, so that it equals nothing that was recorded."""
    if text is None:
        return None
    try:
        found: object = read_json(text)
    except ValueError:
        return text
    return found


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = read_json(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(data: bytes | str) -> bytes:
    """Return the content of a column of bytes; SQLite also keeps text in it if somebody writes that."""
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
        seq=row["seq"],
    )
