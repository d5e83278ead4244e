"""Withdrawals, read from the record: a row that forgets its own does not bring back what was withdrawn."""

from typing import Any, Final

from sqlalchemy import Select, Table, and_, literal, select

from placet.contracts.audit import RecordKind
from placet.governance.signing.plain_json import read_json
from placet.storage.sql.driver import Row
from placet.storage.tables import AUDIT

_ENTRY: Final = {name: AUDIT.c[name].label(f"entry_{name}") for name in ("seq", "at", "actor", "body")}
NOT_WITHDRAWN: Final = AUDIT.c.seq.is_(None)
"""Condition: the record has no withdrawal of the row."""


def with_withdrawal(table: Table, name: str, kind: RecordKind) -> Select[Any]:
    """Select the rows of `table`, each beside the entry of this `kind` about it; `name` is the column of its id."""
    about = literal(f"{kind}.").concat(table.c[name])
    of_tenant = literal("tenant/").concat(table.c.tenant)
    entry = and_(AUDIT.c.stream == of_tenant, AUDIT.c.step_key == about)
    return select(table, *_ENTRY.values()).select_from(table.outerjoin(AUDIT, entry))


def withdrawal(row: Row) -> dict[str, Any]:
    """Return who withdrew the row, when and why, by the row or by the record: whichever has the earlier time."""
    stated = row["revoked_at"]
    if row["entry_seq"] is None or (stated is not None and stated <= row["entry_at"]):
        return {name: row[name] for name in ("revoked_by", "revoked_at", "revoked_reason")}
    return {
        "revoked_by": row["entry_actor"],
        "revoked_at": row["entry_at"],
        "revoked_reason": _reason(row["entry_body"]),
    }


def _reason(body: str) -> str:
    try:
        return str(read_json(body)["reason"])[:500]
    except (ValueError, KeyError, TypeError):
        return ""
