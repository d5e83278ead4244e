"""Under which entry of the record a document was erased, if under any.

An entry `retention.applied` on the tenant's stream names a list, and the list, an artifact that is never erased, names
the digests. The table only says where to look: a row that entry and list do not bear out says nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import bindparam, insert, select

from placet.contracts.audit import tenant_stream
from placet.contracts.base import Digest
from placet.contracts.times import day
from placet.governance.log.body import read_body
from placet.governance.retention import APPLIED, COMPLETED
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.governance.signing.plain_json import read_json
from placet.storage.sql.driver import Connection
from placet.storage.tables import ARTIFACT, AUDIT, ERASURE

LIST_MEDIA_TYPE: Final = "application/vnd.placet.erased+json"

_MOST_LISTS: Final = 64
"""Kept in memory at a time; documents that went together are asked for together."""

_ADD = insert(ERASURE)
_ROWS = (
    select(ERASURE.c.digest, ERASURE.c.entry)
    .where(ERASURE.c.tenant == bindparam("of_tenant"), ERASURE.c.digest.in_(bindparam("digests", expanding=True)))
    .order_by(ERASURE.c.entry)
)
_ENTRY = select(AUDIT.c.id, AUDIT.c.kind, AUDIT.c.at, AUDIT.c.body).where(
    AUDIT.c.stream == bindparam("of_stream"), AUDIT.c.seq == bindparam("number")
)
_LAST_RUN = (
    select(AUDIT.c.at)
    .where(AUDIT.c.stream == bindparam("of_stream"), AUDIT.c.kind == COMPLETED)
    .order_by(AUDIT.c.seq.desc())
    .limit(1)
)
_LIST = select(ARTIFACT.c.data).where(
    ARTIFACT.c.tenant == bindparam("of_tenant"), ARTIFACT.c.digest == bindparam("of_digest")
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """An entry that says which documents were erased.

    Attributes:
        number: Of the entry, in the tenant's stream.
        position: Of the entry, over all streams.
        at: When.
    """

    number: int
    position: int
    at: datetime

    def __str__(self) -> str:
        return f"erased on {day(self.at)} under retention (entry {self.number} of `placet audit log`)"


class _Said(NamedTuple):
    erasure: Erasure
    digests: frozenset[str]


def list_of(digests: Iterable[Digest]) -> bytes:
    """Return the list that an entry names, in its RFC 8785 form."""
    return canonical_bytes(sorted(digests))


class Erasures:
    """What was erased under retention. Use it inside a transaction; it remembers the lists it has read."""

    __slots__ = ("_connection", "_known")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, int], _Said | None] = {}

    def add(self, tenant: str, number: int, digests: Iterable[Digest]) -> None:
        """Note that entry `number` of the tenant's stream names `digests`."""
        rows = [{"tenant": tenant, "digest": digest, "entry": number} for digest in digests]
        self._connection.execute(_ADD, rows)

    def of(self, tenant: str, digests: Sequence[Digest]) -> dict[Digest, Erasure]:
        """Return the newest erasure of each digest that was erased, by digest."""
        found: dict[Digest, Erasure] = {}
        if digests:
            rows = self._connection.execute(_ROWS, {"of_tenant": tenant, "digests": list(digests)})
            for digest, number in rows:
                said = self._said(tenant, number)
                if said is not None and digest in said.digests:
                    found[digest] = said.erasure
        return found

    def last_run(self, tenant: str) -> datetime | None:
        """Return when retention was last applied to its end; None where it never was."""
        at: datetime | None = self._connection.scalar(_LAST_RUN, {"of_stream": tenant_stream(tenant)})
        return at

    def _said(self, tenant: str, number: int) -> _Said | None:
        key = (tenant, number)
        if key not in self._known:
            if len(self._known) >= _MOST_LISTS:
                self._known.clear()
            self._known[key] = self._read(tenant, number)
        return self._known[key]

    def _read(self, tenant: str, number: int) -> _Said | None:
        values = {"of_stream": tenant_stream(tenant), "number": number}
        entry = self._connection.execute(_ENTRY, values).one_or_none()
        if entry is None or entry[1] != APPLIED:
            return None
        position, _, at, body = entry
        try:
            address = str(read_body(body)["list"])
        except (ValueError, KeyError):
            return None
        data: object = self._connection.scalar(_LIST, {"of_tenant": tenant, "of_digest": address})
        if not isinstance(data, bytes) or sha256_hex(data) != address:
            return None  # taken away, or altered
        digests = _read_list(data)
        return None if digests is None else _Said(Erasure(number, position, at), digests)


def _read_list(data: bytes) -> frozenset[str] | None:
    """Read what `list_of` wrote; return None for anything else, whoever stored it."""
    try:
        digests = read_json(data)
        sound = isinstance(digests, list) and list_of(digests) == data
    except (ValueError, TypeError):
        return None
    return frozenset(digests) if sound else None
