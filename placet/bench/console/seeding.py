"""Many runs out of two real ones: rows as a worker left them, under other ids, of other customers, at other times.

Digests, chains and gates of each copy are its own: pages that check them accept it. What two runs share, they share
here too: prompts, answers, the assessment and the approver's envelope are kept once.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import psycopg
from sqlalchemy import Table, create_engine, insert, select

from placet.bench.governance.databases.databases import Server, sqlite_path
from placet.contracts.audit import GENESIS, AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.times import rfc3339
from placet.governance.log.body import read_body, write_body
from placet.governance.log.chain import link
from placet.governance.signing.canonical import sha256_hex
from placet.storage.database import Database
from placet.storage.tables import ARTIFACT, AUDIT, DECISION, EFFECT, NOTIFICATION, RUN

_CUSTOMERS: Final = 20_000
_APART: Final = timedelta(minutes=7)
"""Between two runs: 50,000 of them are eight months."""

_BATCH: Final = 1_000
_OF_A_RUN: Final = {EFFECT: "run_id", DECISION: "run_id", NOTIFICATION: "about"}
"""Tables, each with its column that names the run."""
_COUNTED: Final = "notification_id"

Rows = dict[Table, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Template:
    """A real run: its row, its entries, the documents that name it, and rows of other tables about it."""

    run: Mapping[str, Any]
    events: tuple[AuditEvent, ...]
    evidence: Mapping[str, Any]
    proposal: Mapping[str, Any]
    others: Mapping[Table, tuple[Mapping[str, Any], ...]]
    read_at: datetime

    @classmethod
    def of(cls, database: Database, run_id: str) -> "Template":
        """Read the run and all that belongs to it."""
        with database.snapshot() as tx:

            def rows(table: Table, name: str, value: object) -> tuple[Mapping[str, Any], ...]:
                found = tx.connection.execute(select(table).where(table.c[name] == value)).mappings().all()
                return tuple(dict(row) for row in found)

            (run,) = rows(RUN, "run_id", run_id)
            (evidence,) = rows(ARTIFACT, "digest", run["evidence"])
            (proposal,) = rows(ARTIFACT, "digest", run["proposal"])
            others = {table: rows(table, column, run_id) for table, column in _OF_A_RUN.items()}
            read_at = Evidence.model_validate_json(evidence["data"]).read_at
            return cls(run, tuple(tx.audit.read(run_id)), evidence, proposal, others, read_at)


def copies(template: Template, numbers: Iterable[int]) -> Iterator[Rows]:
    """Yield the rows of copies, a batch at a time; number 0 is the newest."""
    batch: Rows = {}
    for index, number in enumerate(numbers, 1):
        _copy(template, number, batch)
        if index % _BATCH == 0:
            yield batch
            batch = {}
    if batch:
        yield batch


def run_id_of(number: int) -> str:
    """Return the id of a copy."""
    return "run-" + sha256(b"bench console %d" % number).hexdigest()[:20]


def put(server: Server, url: str, batches: Iterable[Rows]) -> None:
    """Insert rows. Guards against rewriting cost most of the time of a bulk insert, and are put back afterwards."""
    triggers = _without_guards(url) if server.name == "SQLite" else []
    engine = create_engine(url)
    try:
        for batch in batches:
            with engine.begin() as connection:
                for table, rows in batch.items():
                    connection.execute(insert(table), rows)
    finally:
        engine.dispose()
    if server.name == "SQLite":
        _with_guards(url, triggers)
    else:
        with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")


def _copy(template: Template, number: int, rows: Rows) -> None:
    old, waits = template.run, template.run["state"] == "awaiting_decision"
    run_id, customer = run_id_of(number), f"B{number % _CUSTOMERS:05d}"
    back = timedelta(seconds=number % 3_600) if waits else _APART * (number + 1)
    named = {str(old["run_id"]): run_id, str(old["customer_id"]): customer}
    read_at = {rfc3339(template.read_at): rfc3339(template.read_at - back)}
    evidence, digest = _document(template.evidence, {**named, **read_at})
    named[str(old["evidence"])] = digest
    proposal, digest = _document(template.proposal, named)
    named[str(old["proposal"])] = digest
    for effect in template.others[EFFECT]:
        named[str(effect["effect_key"])] = sha256_hex(f"{run_id}{digest}".encode())

    # Gates of those that wait close one after the other; the row and the entry must say the same.
    later = -timedelta(seconds=number) if waits else back
    for name in ("waits_until", "escalate_at"):
        named[rfc3339(old[name])] = rfc3339(old[name] - later)

    def told(row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _shifted(_renamed(value, named), back) for name, value in row.items()}

    closes = {name: old[name] - later for name in ("waits_until", "escalate_at")}
    made = {**told(old), **closes, "key": f"bench-copy-{number}"}
    for table, added in ((ARTIFACT, [evidence, proposal]), (RUN, [made]), (AUDIT, _entries(template, named, back))):
        rows.setdefault(table, []).extend(added)
    for table, found in template.others.items():
        # Ids of decisions are unique in a tenant; numbers of notifications are counted.
        own = [{**told(row), **({"decision_id": f"{number:032x}"} if table is DECISION else {})} for row in found]
        rows.setdefault(table, []).extend(
            {name: value for name, value in row.items() if name != _COUNTED} for row in own
        )
        if not rows[table]:
            del rows[table]


def _document(row: Mapping[str, Any], named: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    data = _renamed(bytes(row["data"]).decode(), named).encode()
    digest = sha256_hex(data)
    return {**row, "digest": digest, "data": data}, digest


def _entries(template: Template, named: Mapping[str, str], back: timedelta) -> list[dict[str, Any]]:
    entries, previous = [], GENESIS
    for event in template.events:
        body = read_body(_renamed(write_body(event.body)[0], named))
        made = link(
            stream=named[event.stream],
            seq=event.seq,
            prev_hash=previous,
            tenant=event.tenant,
            run_id=named[event.stream],
            kind=event.kind,
            actor=event.actor,
            at=event.at - back,
            step_key=event.step_key,
            body=body,
        )
        previous = made.hash
        entries.append({**dict(made), "body": write_body(body)[0]})
    return entries


def _renamed(value: Any, named: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return value
    for old, new in named.items():
        value = value.replace(old, new)
    return value


def _shifted(value: Any, back: timedelta) -> Any:
    return value - back if isinstance(value, datetime) else value


def _without_guards(url: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as file:
        found: list[tuple[str, str]] = file.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_no_replace'"
        ).fetchall()
        for name, _ in found:
            file.execute(f"DROP TRIGGER {name}")
    return found


def _with_guards(url: str, triggers: list[tuple[str, str]]) -> None:
    with closing(sqlite3.connect(sqlite_path(url), isolation_level=None)) as file:
        for _, definition in triggers:
            file.execute(definition)
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
