"""Very many events that are stored already: written by the database itself, as rows that taking events in would leave.

They are of customers of their own, each with a state's worth of them, and folded. Ids lie in no order, as those that
sources draw: an event that is taken in afterwards belongs anywhere among them. Indexes are made anew behind the rows,
which takes a fraction of the time.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from placet.bench.governance.databases.databases import Server
from placet.bench.state.sample import NOW, TENANT
from placet.contracts.events.kinds import EVENT
from placet.decisioning.state.aggregate import micros_of
from placet.errors import PlacetError

EACH: Final = 200
"""Events of one customer."""

_SOURCE: Final = "simulated/bench"
_KIND: Final = "placet.app.visited.v1"
_SPREAD, _SPACE = 2_654_435_761, 2**32
"""An odd factor goes through all numbers of 32 bits, each once, in no order that anybody sees."""

_SECONDS: Final = 90 * 86_400
_FIRST: Final = NOW - timedelta(seconds=_SECONDS)
_INDEXES: Final = {
    "SQLite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'customer_event' "
    "AND sql IS NOT NULL",
    "PostgreSQL": "SELECT i.relname, pg_get_indexdef(i.oid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
    "WHERE x.indrelid = 'customer_event'::regclass AND NOT x.indisprimary",
}
_NUMBERS: Final = {
    "SQLite": "(WITH RECURSIVE one(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM one WHERE n < {last}) "
    "SELECT n FROM one)",
    "PostgreSQL": "(SELECT generate_series(CAST({first} AS bigint), {last}) AS n)",
}
_PARTS: Final = {
    "SQLite": {
        "id": "printf('%08x-%012d', n * {spread} % {space}, n)",
        "customer": "printf('S%08d', n * {spread} % {space} % {customers})",
        "seconds": "({first_second} + n * {spread} % {space} % {seconds})",
        "time": "strftime('%Y-%m-%dT%H:%M:%SZ', {first_second} + n * {spread} % {space} % {seconds}, 'unixepoch')",
    },
    "PostgreSQL": {
        "id": "lpad(to_hex(n * {spread} % {space}), 8, '0') || '-' || lpad(n::text, 12, '0')",
        "customer": "'S' || lpad((n * {spread} % {space} % {customers})::text, 8, '0')",
        "seconds": "({first_second} + n * {spread} % {space} % {seconds})",
        "time": "to_char(to_timestamp({first_second} + n * {spread} % {space} % {seconds}) AT TIME ZONE 'UTC', "
        '\'YYYY-MM-DD"T"HH24:MI:SS"Z"\')',
    },
}


def event_of(number: int, customers: int) -> bytes:
    """Return an event of a number as a source sends it: the one that `fill` writes of that number."""
    spread = number * _SPREAD % _SPACE
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{spread:08x}-{number:012d}",
            "source": _SOURCE,
            "type": _KIND,
            "subject": f"customer:S{spread % customers:08d}",
            "time": (_FIRST + timedelta(seconds=spread % _SECONDS)).isoformat(),
            "data": {"screen": "home"},
        }
    ).encode()


def fill(connection: Any, server: Server, first: int, count: int, customers: int) -> None:
    """Write the events of consecutive numbers.

    Args:
        connection: The driver's own, in autocommit.
        server: The kind of database.
        first: The number of the first.
        count: How many.
        customers: Of how many customers they are.

    Raises:
        PlacetError: a row is none that taking its event in would leave.
    """
    values = {"spread": _SPREAD, "space": _SPACE, "customers": customers, "seconds": _SECONDS}
    parts = {
        name: part.format(**values, first_second=int(_FIRST.timestamp())) for name, part in _PARTS[server.name].items()
    }
    numbers = _NUMBERS[server.name].format(first=first, last=first + count - 1)
    # In the order of the primary key: rows and their key are written at the end, and not all over the file.
    ordered = f"(SELECT n FROM {numbers} AS numbers ORDER BY n * {_SPREAD} % {_SPACE})"  # noqa: S608 - our own numbers
    written = _content(parts)
    with _without_indexes(connection, server):
        connection.execute(
            "INSERT INTO customer_event (tenant, source, event_id, customer_id, type, happened_us, received_us, "  # noqa: S608
            f"content, folded) SELECT '{TENANT}', '{_SOURCE}', {parts['id']}, {parts['customer']}, '{_KIND}', "
            f"{parts['seconds']} * 1000000, {micros_of(NOW)}, {written}, 1 FROM {ordered} AS ordered"
        )
    connection.execute("ANALYZE customer_event")
    for number in (first, first + count // 2, first + count - 1):
        _check(connection, server, number, customers)


def _content(parts: dict[str, str]) -> str:
    """Return the SQL of an event's JSON as its contract writes it."""
    marked = EVENT.validate_json(event_of(0, 1)).model_copy(update={"id": "\x01", "subject": "customer:\x02"})
    text = json.dumps(json.loads(marked.model_dump_json()), separators=(",", ":"), ensure_ascii=False)
    time = json.loads(text)["time"]
    for name, mark in (("id", "\\u0001"), ("customer", "\\u0002"), ("time", time)):
        text = text.replace(mark, f"' || {parts[name]} || '")
    return f"'{text}'"


@contextmanager
def _without_indexes(connection: Any, server: Server) -> Iterator[None]:
    indexes = connection.execute(_INDEXES[server.name]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, made in indexes:
        connection.execute(made)


def _check(connection: Any, server: Server, number: int, customers: int) -> None:
    event = EVENT.validate_json(event_of(number, customers))
    found = connection.execute(
        "SELECT customer_id, type, happened_us, content FROM customer_event "  # noqa: S608 - the mark is the driver's
        f"WHERE tenant = {server.mark} AND source = {server.mark} AND event_id = {server.mark}",
        (TENANT, event.source, event.id),
    ).fetchone()
    wanted = (event.subject.partition(":")[2], event.type, micros_of(event.time), event.model_dump_json())
    if found is None or tuple(found) != wanted:
        raise PlacetError(f"the row of event {event.id!r} is {found!r}, not {wanted!r}", code="bench")
