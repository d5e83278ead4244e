"""What the schema itself refuses, triggers and unique keys, compared with what this version of Placet makes.

Whoever owns the database can take them away, and a dump that is loaded without them works all the same. Nothing of
what Placet promises rests on them alone; without them a slip of ours, or of a hand, is found later than it could be.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import Table, UniqueConstraint

from placet.contracts.text import NAME, quoted
from placet.storage.tables import metadata

_SQLITE: Final = text("SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger'")
# A trigger is what it does and whether it is on; a rule rewrites a statement before any trigger sees it.
_POSTGRESQL: Final = text(
    "SELECT c.relname, t.tgname, t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid, true) || ' ' || p.prosrc "
    "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace "
    "UNION ALL SELECT c.relname, r.rulename, r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid) "
    "FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class "
    "WHERE c.relkind <> 'v' AND c.relnamespace = current_schema()::regnamespace"
)
_ROLE: Final = text("SHOW session_replication_role")

_MADE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "approver_key": ("d3075806307c85da", "cbc4e316533437e2"),
        "artifact": ("572e56e86e59435b", "6da877ef8f94252b"),
        "audit_event": ("cad6d83529539659", "3dc56d088ea953f3"),
        "control_run": ("46121d0ff5e85a59", "483c4bc6d2a379d6"),
        "decision_use": ("108f823f444cb393", "fdbe5ece0147d980"),
        "delegation": ("8ada09f7f4604345", "3917b8441b33009d"),
        "effect": ("97b33931bd89f7bb", "fa426ed94e9030ac"),
        "halt": ("d62aad33a6a48e42", "f46d63a17e823861"),
        "log_checkpoint": ("812102e42648e0cf", "2ec12bb038de02b9"),
        "log_entry": ("4c25a7b5ff47c9f2", "722b8d7c52cb605b"),
        "log_node": ("026c7ce6aabb6a41", "9bc53d4f67f80d27"),
        "mandate": ("88d5aca6a4f7b0e3", "6901c82af9f5d2cb"),
        "mandate_use": ("addcc511952eb4d2", "c2ad050375184625"),
    }
)
"""By table: the fingerprint of the triggers that the migrations make there, on SQLite and on PostgreSQL."""


def weakened(connection: Connection) -> Iterator[str]:
    """Say what the schema would not refuse as this version makes it, one table a line; nothing where all is there."""
    postgresql, found = connection.dialect.name == "postgresql", fingerprints(connection)
    for table in sorted({*_MADE, *found}):
        if table not in found:
            yield f"table {table!r} has lost its triggers"
        elif table not in _MADE or found[table] != _MADE[table][postgresql]:
            yield f"the triggers of table {quoted(table, NAME)} are not those of this version"
    if postgresql and (role := connection.execute(_ROLE).scalar_one()) != "origin":
        yield f"session_replication_role is {role!r}, so that no trigger fires"
    yield from _lost_keys(connection)


def fingerprints(connection: Connection) -> dict[str, str]:
    """Return by table 16 hexadecimal digits of the SHA-256 of its triggers and rules.

    A table without any is left out.
    """
    query = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for table, name, definition in connection.execute(query):
        rows[table].append((name, definition))
    return {
        table: hashlib.sha256(json.dumps(sorted(triggers)).encode()).hexdigest()[:16]
        for table, triggers in rows.items()
    }


def _lost_keys(connection: Connection) -> Iterator[str]:
    there = inspect(connection)
    primary = there.get_multi_pk_constraint()
    unique = there.get_multi_unique_constraints()
    indexes = there.get_multi_indexes()
    for table in metadata.sorted_tables:
        place = (None, table.name)
        kept = {tuple(sorted(primary[place]["constrained_columns"]))} if place in primary else set()
        kept |= {tuple(sorted(one["column_names"])) for one in unique.get(place, [])}
        kept |= {
            tuple(sorted(str(name) for name in one["column_names"])) for one in indexes.get(place, []) if one["unique"]
        }
        for columns in sorted(_keys(table) - kept):
            yield f"table {table.name!r} has lost its unique key on {', '.join(columns)}"


def _keys(table: Table) -> set[tuple[str, ...]]:
    unique = [constraint.columns for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
    unique += [index.columns for index in table.indexes if index.unique]
    return {tuple(sorted(column.name for column in columns)) for columns in (table.primary_key.columns, *unique)}
