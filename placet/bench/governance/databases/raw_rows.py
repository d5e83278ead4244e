"""The drivers doing a log's reading and storing by themselves: rows by key, rows in one commit, nothing else."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from placet.bench.governance.databases.built_log import BuiltLog
from placet.bench.governance.databases.synthetic import TENANT
from placet.bench.governance.sampling import wall_ms

_HASH = b"\x00" * 32


class Reader:
    """Reads what a proof is made of on one open connection."""

    def __init__(self, log: BuiltLog, connection: Any) -> None:
        self._log = log
        self._connection = connection
        self._mark = log.server.mark

    def read_ms(self, number: int) -> float:
        """Measure the milliseconds for the rows of the `number`th proof."""
        nodes = self._log.nodes(number)
        above = [node.number for node in nodes if node.level]
        leaves = [node.ordinal for node in nodes if not node.level]

        def read() -> None:
            self._rows("SELECT number, hash FROM log_node WHERE tenant", "number", above)
            self._rows("SELECT leaf_index, leaf_hash FROM log_entry WHERE tenant", "leaf_index", leaves)

        return wall_ms(read)

    def _rows(self, select: str, column: str, keys: list[int]) -> None:
        if self._mark == "?":
            places = ", ".join("?" * len(keys))
            self._connection.execute(f"{select} = ? AND {column} IN ({places})", (TENANT, *keys)).fetchall()
        else:
            self._connection.execute(f"{select} = %s AND {column} = ANY(%s)", (TENANT, keys)).fetchall()


@contextmanager
def connected(log: BuiltLog) -> Iterator[Reader]:
    """Open a reader of `log`."""
    with closing(log.server.raw(log.url)) as connection:
        yield Reader(log, connection)


def store_ms(log: BuiltLog, count: int) -> float:
    """Measure the milliseconds for `count` leaves and as many nodes, into new tables with the same keys."""
    sqlite, mark = log.server.mark == "?", log.server.mark
    blob, tail = ("BLOB", " WITHOUT ROWID") if sqlite else ("BYTEA", "")
    leaves = [(TENANT, number, number, number.to_bytes(8, "big") + _HASH[8:]) for number in range(count)]
    nodes = [(TENANT, number, _HASH) for number in range(count)]
    with closing(log.server.raw(log.url)) as connection, closing(connection.cursor()) as cursor:
        for table in ("bench_entry", "bench_node"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        cursor.execute(
            f"CREATE TABLE bench_entry (tenant TEXT, leaf_index BIGINT, position BIGINT UNIQUE, leaf_hash {blob}, "
            f"PRIMARY KEY (tenant, leaf_index)){tail}"
        )
        cursor.execute(
            f"CREATE TABLE bench_node (tenant TEXT, number BIGINT, hash {blob}, PRIMARY KEY (tenant, number)){tail}"
        )

        def store() -> None:
            cursor.execute("BEGIN")
            for table, rows in (("bench_entry", leaves), ("bench_node", nodes)):
                places = ", ".join([mark] * len(rows[0]))
                cursor.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - constants
            cursor.execute("COMMIT")

        return wall_ms(store)
