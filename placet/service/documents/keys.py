"""Enrolling and revoking the keys of named people: signed by an administrator, and on the record (docs/adr/0016)."""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from placet.contracts.money import parse_money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import ADMINISTRATOR, Enrolment, Revocation
from placet.contracts.people.passkey import Passkey
from placet.errors import ConfigurationError, UsageError
from placet.governance.authority.enrolment import enrolled_key, verify_enrolment, verify_revocation
from placet.governance.signing.keys import Signer, key_id_of, public_bytes
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import take_document
from placet.storage.database import Database
from placet.storage.governance.approvers import ListedKey
from placet.storage.governance.enrolment import ENROLLED, REVOKED, Trust
from placet.storage.transaction import Transaction


def bootstrap_administrator(database: Database, *, tenant: str, by: Signer) -> EnrolledKey:
    """Pin the first administrator of a tenant, who enrolls themselves, on the record.

    The key is pinned in the administrators file of this machine. Where the database knows it already, as on the second
    host of an installation, pinning is all that is left to do.

    Raises:
        UsageError: code `administrator_pinned`; another administrator is pinned here, who can enroll this one. Code
            `key_already_enrolled`; the key is another tenant's.
        ConfigurationError: the administrators file cannot be read or written.
        DecisionRefused: the enrolment does not verify.
    """
    trust, key_id = database.trust, by.key.key_id
    check_may_be_first(database, tenant=tenant, name=by.name, key_id=key_id)
    public_key = public_bytes(by.key.private.public_key())
    enrolment = draft_enrolment(
        name=by.name,
        tenant=tenant,
        roles=(ADMINISTRATOR,),
        limit=None,
        public_key=public_key,
        by=by.name,
        expires_at=None,
    )
    envelope = sign_document(enrolment, by.key.private, by.key.key_id)
    trust.administrators.add(tenant, by.name, public_key)
    with database.reading() as tx:
        known = tx.approvers.get(key_id)
    return known or take_enrolment(database, envelope, tenant=tenant)


def check_may_be_first(database: Database, *, tenant: str, name: str, key_id: str) -> None:
    """Check that nobody else is pinned for a tenant, and that the key is not another tenant's.

    Raises:
        UsageError: code `administrator_pinned` or `key_already_enrolled`.
    """
    others = sorted(set(database.trust.pinned(tenant)) - {key_id})
    if others:
        raise UsageError(
            f"key {others[0][:16]} is pinned as administrator of {tenant!r} already. Where it is a key file, let them "
            f"enroll {name!r} by `placet keys enroll {name} --role {ADMINISTRATOR}`; where it is a passkey, let them "
            f"invite {name!r} in the console (Approvers, Invite somebody), which enrolls a passkey and no key file",
            code="administrator_pinned",
        )
    with database.reading() as tx:
        of = tx.approvers.tenant_of(key_id)
    if of not in (None, tenant):
        raise UsageError(
            f"key {key_id[:16]} is enrolled for tenant {of!r}, and a key belongs to one tenant; "
            f"make another one for {tenant!r}: `placet keys new NAME`",
            code="key_already_enrolled",
        )


def enroll_key(
    database: Database,
    *,
    name: str,
    tenant: str,
    roles: tuple[str, ...],
    limit: str | None,
    public_key: bytes,
    by: Signer,
    expires_at: datetime | None,
    passkey: Passkey | None = None,
) -> EnrolledKey:
    """Sign that `public_key` is `name`'s, and what it entitles to, and take that on the record.

    `passkey` is the credential, where the key is one; `public_key` is then its COSE_Key.

    Raises:
        UsageError: a value is malformed, or the key is enrolled already.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: `by` is no administrator.
    """
    enrolment = draft_enrolment(
        name=name,
        tenant=tenant,
        roles=roles,
        limit=limit,
        public_key=public_key,
        by=by.name,
        expires_at=expires_at,
        passkey=passkey,
    )
    envelope = sign_document(enrolment, by.key.private, by.key.key_id)
    return take_enrolment(database, envelope, tenant=tenant)


def take_enrolment(
    database: Database, envelope: str, *, tenant: str, check: Callable[[Transaction, EnrolledKey], None] | None = None
) -> EnrolledKey:
    """Enroll the key that a signed document is about. An attempt that does not count is on the record as well.

    `check` may refuse the key at the end of the transaction; whoever recorded before is seen there.

    Raises:
        UsageError: the key is enrolled already.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: the document does not count.
    """
    check_administrators(database.trust, tenant)

    def take(tx: Transaction, text: str, tenant: str, now: datetime) -> EnrolledKey:
        key = _take_enrolment(tx, text, tenant, now)
        if check is not None:
            check(tx, key)
        return key

    return take_document(database, tenant, envelope, "key.refused", take)


def revoke_key(database: Database, *, tenant: str, key_id: str, by: Signer, reason: str) -> ListedKey:
    """Sign that a key is withdrawn; from now on it decides nothing.

    `key_id` is an unambiguous beginning of its id, or the name of a person who has one key that counts.

    Raises:
        UsageError: no key, or several, match; or the reason is malformed.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: `by` is neither an administrator nor the key's holder.
    """
    with database.reading() as tx:
        listed = tx.approvers.listed(tenant)
    now = datetime.now(UTC)
    matches = [one for one in listed if one.key_id.startswith(key_id) or (one.name == key_id and _in_force(one, now))]
    see, also = "placet keys list", " or are theirs"
    found = only_one(matches, key_id, "key", tenant, see=see, code="unknown_key", also=also)
    revocation = draft_revocation(tenant=tenant, key_id=found.key_id, by=by.name, reason=reason)
    take_revocation(database, sign_document(revocation, by.key.private, by.key.key_id), tenant=tenant)
    return found


def _in_force(listed: ListedKey, now: datetime) -> bool:
    """Return whether the key counts, and it is signed that it is its holder's.

    A row's name alone must not lead to another person's key.
    """
    return listed.key is not None and listed.fault is None and listed.key.counts(now)


def take_revocation(database: Database, envelope: str, *, tenant: str) -> None:
    """Revoke the key that a signed document is about. An attempt that does not count is on the record as well.

    Raises:
        UsageError: there is no such key.
        ConfigurationError: no administrator is pinned here.
        DecisionRefused: the document does not count.
    """
    check_administrators(database.trust, tenant)
    take_document(database, tenant, envelope, "key.refused", _take_revocation)


def draft_revocation(*, tenant: str, key_id: str, by: str, reason: str) -> Revocation:
    """Return what `by` is to sign so that a key is withdrawn.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return Revocation(
            tenant=tenant,
            signer=by,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            key_id=key_id,
        )


def check_administrators(trust: Trust, tenant: str) -> None:
    """Check that somebody is pinned who may enroll.

    Raises:
        ConfigurationError: nobody is, and what to do.
    """
    if trust.pinned(tenant):
        return
    fault, path = trust.administrators.pins().fault, trust.administrators.path
    if fault is not None and path is not None and path.exists():
        raise ConfigurationError(fault)
    raise ConfigurationError(
        f"no administrator of tenant {tenant!r} is pinned in {str(path)!r}, so that no key counts; make a key with "
        "`placet keys new root` and run `placet keys bootstrap root`"
    )


def draft_enrolment(
    *,
    name: str,
    tenant: str,
    roles: tuple[str, ...],
    limit: str | None,
    public_key: bytes,
    by: str,
    expires_at: datetime | None,
    passkey: Passkey | None = None,
) -> Enrolment:
    """Return what the administrator `by` is to sign of somebody's key.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: the key is not an acceptable one.
    """
    try:
        with checked():
            enrolment = Enrolment(
                tenant=tenant,
                signer=by,
                signed_at=datetime.now(UTC),
                document_id=secrets.token_hex(16),
                name=name,
                roles=roles,
                limit=parse_money(limit) if limit else None,
                key_id=key_id_of(public_key),
                public_key=base64.b64encode(public_key).decode(),
                expires_at=expires_at,
                passkey=passkey,
            )
            enrolled_key(enrolment)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return enrolment


def _take_enrolment(tx: Transaction, text: str, tenant: str, now: datetime) -> EnrolledKey:
    pinned = tx.approvers.trust.pinned(tenant)
    verified = verify_enrolment(text, tenant=tenant, pinned=pinned, find_key=tx.approvers.get, now=now)
    key = enrolled_key(verified.document)
    if not tx.approvers.enroll(key, verified.digest):
        return key
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    terms = {"name", "roles", "limit", "key_id", "public_key", "expires_at", "passkey"}
    body = {
        **key.model_dump(mode="json", include=terms),
        "document": verified.digest,
        "signed_with": verified.key.key_id,
        "signed_at": verified.document.signed_at.isoformat(),
    }
    tx.record_act(tenant, ENROLLED, key.enrolled_by, now, key.key_id, body)
    return key


def _take_revocation(tx: Transaction, text: str, tenant: str, now: datetime) -> None:
    verified = verify_revocation(text, tenant=tenant, find_key=tx.approvers.get, now=now)
    revocation = verified.document
    rows = [one for one in tx.approvers.listed(tenant) if one.key_id == revocation.key_id]
    if not rows:
        raise UsageError(f"key {revocation.key_id!r} is not enrolled", code="unknown_key")
    tx.approvers.revoke(
        revocation.key_id, by=revocation.signer, at=now, reason=revocation.reason, document=verified.digest
    )
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    body = {
        "name": rows[0].name,
        "key_id": revocation.key_id,
        "reason": revocation.reason,
        "document": verified.digest,
        "signed_with": verified.key.key_id,
    }
    tx.record_act(tenant, REVOKED, revocation.signer, now, revocation.key_id, body)
