"""Signed merges of customer ids. The table is an index, by which the merges of an id are found.

What puts a merge in force is the record: an entry that it was taken, no entry that it was split, and the signed
document that both the entry and the row name. A row alone merges nobody, whatever stands in it; nor does it split
anybody.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Select, and_, bindparam, literal, or_, select, update

from placet.contracts.people.merge import Merge, MergeRecord
from placet.errors import GovernanceError, UsageError
from placet.governance.merges import MERGED, SPLIT
from placet.governance.signing.plain_json import read_json
from placet.governance.signing.signed import unverified_document, verify_document
from placet.storage.artifacts import ArtifactStore
from placet.storage.governance.approvers import ApproverRepository
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import AUDIT, CUSTOMER_MERGE

_TABLE = CUSTOMER_MERGE
_TAKEN, _UNDONE = AUDIT.alias("taken"), AUDIT.alias("undone")


_FOUND_BY: Final = {
    "tenant": "tenant",
    "merge_id": "document_id",
    "customer_id": "customer_id",
    "merged_id": "merged_id",
}
"""Columns of a row, and the fields of the signed merge that they are."""
_ROW: Final = (*_FOUND_BY, "merge", "document", "key_id")


def _with_record() -> Select[Any]:
    """Select each row beside the entries of the record that put it in force and took it out."""
    of_tenant = literal("tenant/").concat(_TABLE.c.tenant)
    taken = and_(_TAKEN.c.stream == of_tenant, _TAKEN.c.step_key == literal(f"{MERGED}.").concat(_TABLE.c.merge_id))
    undone = and_(_UNDONE.c.stream == of_tenant, _UNDONE.c.step_key == literal(f"{SPLIT}.").concat(_TABLE.c.merge_id))
    entries = {"taken_body": _TAKEN.c.body, "taken_at": _TAKEN.c.at, "undone_body": _UNDONE.c.body}
    entries |= {"undone_at": _UNDONE.c.at, "undone_by": _UNDONE.c.actor}
    columns = [column.label(name) for name, column in entries.items()]
    return select(*(_TABLE.c[name] for name in _ROW), *columns).select_from(
        _TABLE.join(_TAKEN, taken).outerjoin(_UNDONE, undone)
    )


_OF_TENANT = _with_record().where(_TABLE.c.tenant == bindparam("of_tenant"))
_GET = _OF_TENANT.where(_TABLE.c.merge_id == bindparam("id"))
_ALL = _OF_TENANT.order_by(_TAKEN.c.at, _TABLE.c.merge_id)
_STANDING = _OF_TENANT.where(_UNDONE.c.seq.is_(None))
_NAMING = _STANDING.where(
    or_(
        _TABLE.c.customer_id.in_(bindparam("kept", expanding=True)),
        _TABLE.c.merged_id.in_(bindparam("merged", expanding=True)),
    )
)
_SPLIT = update(_TABLE).where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.merge_id == bindparam("id"))
_MOST_SEEN: Final = 10_000


class MergeRepository:
    """Which ids are one person. Use it inside a transaction."""

    __slots__ = ("_approvers", "_connection")

    def __init__(self, connection: Connection, approvers: ApproverRepository) -> None:
        self._connection, self._approvers = connection, approvers

    def add(self, record: MergeRecord) -> bool:
        """Keep a signed merge; return False where one of this identity is there, which stands as it is."""
        merge = record.merge
        values: dict[str, object] = {
            "tenant": merge.tenant,
            "merge_id": merge.document_id,
            "customer_id": merge.customer_id,
            "merged_id": merge.merged_id,
            "merge": merge.model_dump_json(),
            "document": record.document,
            "key_id": record.key_id,
        }
        return insert_if_absent(self._connection, _TABLE, values)

    def get(self, tenant: str, merge_id: str) -> MergeRecord | None:
        """Return a merge that the record has, split or not; None if there is none."""
        return next(iter(self._read(_GET, of_tenant=tenant, id=merge_id)), None)

    def list(self, tenant: str) -> tuple[MergeRecord, ...]:
        """Return all merges that the record has, split ones included, oldest first."""
        return self._read(_ALL, of_tenant=tenant)

    def standing(self, tenant: str) -> tuple[MergeRecord, ...]:
        """Return the merges in force."""
        return self._read(_STANDING, of_tenant=tenant)

    def naming(self, tenant: str, ids: Sequence[str]) -> tuple[MergeRecord, ...]:
        """Return the merges in force that name one of some ids."""
        return self._read(_NAMING, of_tenant=tenant, kept=list(ids), merged=list(ids))

    def split(self, tenant: str, merge_id: str, *, by: str, at: datetime, document: str) -> None:
        """Note on the row that a merge was undone; what counts is the record."""
        values = {"split_by": by, "split_at": at, "split": document}
        self._connection.execute(_SPLIT, {"of_tenant": tenant, "id": merge_id, **values})

    def _read(self, query: Select[Any], **values: Any) -> tuple[MergeRecord, ...]:
        rows = self._connection.execute(query, values).mappings()
        return tuple(record for row in rows if (record := _record(row)) is not None and self._signed(record))

    def _signed(self, record: MergeRecord) -> bool:
        """Return whether the document is this very merge, signed with a key that counted then."""
        seen, this = self._approvers.trust.merged, (record.document, record.merge.model_dump_json())
        if this in seen:
            return True
        tenant = record.merge.tenant
        try:
            text = ArtifactStore(self._connection).get(record.document, tenant=tenant).decode(errors="replace")
            at = unverified_document(text, Merge)[0].signed_at
            found = verify_document(
                text, Merge, tenant=tenant, now=at, find_key=lambda key_id: self._approvers.get_at(key_id, at)
            )
        except (GovernanceError, UsageError):
            return False
        if (found.document, found.key.key_id) != (record.merge, record.key_id):
            return False
        if len(seen) < _MOST_SEEN:
            seen.add(this)
        return True


def _record(row: Row) -> MergeRecord | None:
    """Read a row with its entries; None where it is not what the record says."""
    try:
        said, undone = read_json(row["taken_body"]), row["undone_body"]
        if said["document"] != row["document"]:
            return None
        merge = Merge.model_validate_json(row["merge"])
        # By these the row was found: a merge must not be found by an id that nobody signed.
        if any(row[column] != getattr(merge, field) for column, field in _FOUND_BY.items()):
            return None
        return MergeRecord(
            merge=merge,
            document=row["document"],
            key_id=row["key_id"],
            taken_at=row["taken_at"],
            split_by=row["undone_by"],
            split_at=row["undone_at"],
            split=None if undone is None else read_json(undone)["document"],
        )
    except (ValidationError, ValueError, KeyError, TypeError):
        return None
