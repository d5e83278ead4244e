"""Enrolling and revoking the keys of named people, on the record."""

import base64
from datetime import UTC, datetime

from pydantic import ValidationError

from placet.contracts.approver import EnrolledKey
from placet.contracts.base import first_fault
from placet.contracts.money import parse_money
from placet.errors import UsageError
from placet.governance.signing.keys import key_id_of
from placet.storage.database import Database


def enroll_key(
    database: Database,
    *,
    name: str,
    tenant: str,
    roles: tuple[str, ...],
    limit: str | None,
    public_key: bytes,
    enrolled_by: str,
    expires_at: datetime | None,
) -> EnrolledKey:
    """Enroll one key of one named person, on the record.

    Raises:
        UsageError: a value is malformed, or the key is enrolled already.
    """
    try:
        key = EnrolledKey(
            name=name,
            tenant=tenant,
            roles=roles,
            limit=parse_money(limit) if limit else None,
            key_id=key_id_of(public_key),
            public_key=base64.b64encode(public_key).decode(),
            enrolled_by=enrolled_by,
            enrolled_at=datetime.now(UTC),
            expires_at=expires_at,
        )
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    with database.transaction() as tx:
        tx.approvers.enroll(key)
        tx.audit.append(
            stream=f"tenant/{tenant}",
            tenant=tenant,
            run_id=None,
            kind="key.enrolled",
            actor=enrolled_by,
            step_key=f"key.enrolled.{key.key_id}",
            at=key.enrolled_at,
            body=key.model_dump(mode="json", include={"name", "roles", "limit", "key_id", "public_key", "expires_at"}),
        )
    return key


def revoke_key(database: Database, *, tenant: str, key_id: str, by: str, reason: str) -> EnrolledKey:
    """Revoke a key, named by its id or an unambiguous beginning of it; from now on it decides nothing.

    Raises:
        UsageError: no key, or several, match.
    """
    with database.transaction() as tx:
        matches = [key for key in tx.approvers.list(tenant) if key.key_id.startswith(key_id)]
        if len(matches) != 1:
            raise UsageError(f"{len(matches)} keys of tenant {tenant!r} begin with {key_id!r}; see `placet keys list`")
        key = matches[0]
        at = datetime.now(UTC)
        tx.approvers.revoke(key.key_id, by=by, at=at, reason=reason)
        tx.audit.append(
            stream=f"tenant/{tenant}",
            tenant=tenant,
            run_id=None,
            kind="key.revoked",
            actor=by,
            step_key=f"key.revoked.{key.key_id}",
            at=at,
            body={"name": key.name, "key_id": key.key_id, "reason": reason},
        )
    return key
