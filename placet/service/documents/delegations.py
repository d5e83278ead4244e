"""What every interface does with delegations: sign one, take it on the record, withdraw it."""

import secrets
from datetime import UTC, datetime, timedelta

from placet.contracts.money import parse_money
from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.times import moment
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.governance.authority.delegations import check_conferred, check_room, conferred_by
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document, verify_document
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import Said, take_document, vouched
from placet.storage.database import Database
from placet.storage.transaction import Transaction


def draft_delegation(
    *,
    tenant: str,
    delegator: str,
    delegate: str,
    roles: tuple[str, ...],
    limit: str,
    days: int,
    reason: str,
) -> Delegation:
    """Return what `delegator` signs, so that `delegate` may decide in their stead from now on, for `days`.

    Args:
        tenant: Whose approvers both are.
        delegator: Who signs, as enrolled.
        delegate: Who may decide, with their own key.
        roles: The roles conferred.
        limit: The largest cost conferred, like '200.00 USD'.
        days: Until when.
        reason: Kept on the record.

    Raises:
        UsageError: a value is malformed.
    """
    now = datetime.now(UTC)
    try:
        with checked():
            return Delegation(
                tenant=tenant,
                signer=delegator,
                signed_at=now,
                document_id=secrets.token_hex(16),
                reason=reason,
                delegate=delegate,
                roles=roles,
                limit=parse_money(limit),
                valid_from=now,
                valid_until=now + timedelta(days=days),
            )
    except (ValueError, OverflowError) as error:
        raise UsageError(str(error)) from error


def sign_delegation(
    *,
    tenant: str,
    delegator: str,
    delegate: str,
    roles: tuple[str, ...],
    limit: str,
    days: int,
    reason: str,
    key: SigningKey,
) -> str:
    """Sign what `draft_delegation` makes of the same values with the delegator's `key`; returns the envelope.

    Raises:
        UsageError: a value is malformed.
    """
    delegation = draft_delegation(
        tenant=tenant, delegator=delegator, delegate=delegate, roles=roles, limit=limit, days=days, reason=reason
    )
    return sign_document(delegation, key.private, key.key_id)


def check_may_delegate(database: Database, delegation: Delegation, key: EnrolledKey) -> None:
    """Say before anybody signs whether `delegation`, signed with `key`, would count now; `take_delegation` asks again.

    Raises:
        DecisionRefused: it would not.
    """
    now = datetime.now(UTC)
    check_conferred(delegation, key, now)
    with database.reading() as tx:
        _check_delegate(tx, delegation, now)
        check_room(delegation, tx.delegations.standing(delegation.tenant, delegation.delegate, now), now)


def take_delegation(database: Database, envelope: str, *, tenant: str) -> DelegationRecord:
    """Put a signed delegation in force. An attempt that does not count is on the record as well.

    Args:
        database: Where it is kept.
        envelope: The signed document, untrusted. The same one again changes nothing.
        tenant: Whose delegation it must be.

    Raises:
        DecisionRefused: the signature does not count, it confers nothing or what its signer does not hold, nobody of
            the delegate's name is enrolled, too many of the same two people stand already, or it was taken and
            withdrawn before.
    """
    return take_document(database, tenant, envelope, "delegation.refused", _take)


def revoke_delegation(
    database: Database, *, tenant: str, delegation_id: str, by: str, reason: str, voucher: Voucher | None = None
) -> DelegationRecord:
    """Withdraw a delegation, named by an unambiguous beginning of its id; from now on it confers nothing.

    What was decided under it and is not executed yet does not execute any more.

    Raises:
        UsageError: no delegation, or several, match; or a value is malformed.
    """
    Said.read(by, reason)
    with database.transaction() as tx:
        matches = [
            each for each in tx.delegations.list(tenant) if each.delegation.document_id.startswith(delegation_id)
        ]
        named = only_one(
            matches, delegation_id, "delegation", tenant, see="placet delegation list", code="unknown_delegation"
        )
        delegation, at = named.delegation, datetime.now(UTC)
        found = delegation.document_id
        record = tx.delegations.revoke(tenant, found, by=by, at=at, reason=reason)
        body = {"delegation_id": found, "signer": delegation.signer, "delegate": delegation.delegate, "reason": reason}
        tx.record_act(tenant, "delegation.revoked", by, at, found, vouched(body, voucher))
    return record


def fault_of(tx: Transaction, record: DelegationRecord, now: datetime) -> str:
    """Return why a delegation that has not ended and was not revoked confers nothing all the same; empty if it does."""
    if record.revoked_at is not None or now >= record.delegation.valid_until:
        return ""
    delegate = record.delegation.delegate
    try:
        conferred_by(record, tx.approvers.get, now)
        if not any(key.name == delegate and key.counts(now) for key in tx.approvers.list(record.delegation.tenant)):
            return f"no key of {delegate!r} counts"
    except (DecisionRefused, GovernanceError) as error:
        return str(error)
    return "" if tx.delegations.signed(record, now) else "the signed document is gone, or is not what the database says"


def _take(tx: Transaction, text: str, tenant: str, now: datetime) -> DelegationRecord:
    verified = verify_document(text, Delegation, tenant=tenant, now=now, find_key=tx.approvers.get)
    delegation = verified.document
    check_conferred(delegation, verified.key, now)
    _check_delegate(tx, delegation, now)
    record = DelegationRecord(delegation=delegation, document=verified.digest, key_id=verified.key.key_id)
    if not tx.delegations.add(record):
        return _taken_before(tx, record)
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    confers = delegation.model_dump(mode="json", exclude={"tenant", "document_id"})
    body = {"delegation_id": delegation.document_id, **confers, "key_id": record.key_id, "document": record.document}
    tx.record_act(tenant, "delegation.signed", delegation.signer, now, delegation.document_id, body)
    # Only now: whoever signs at the same time waited at the tenant's record, and what they took is seen here.
    check_room(delegation, tx.delegations.standing(tenant, delegation.delegate, now), now)
    return record


def _check_delegate(tx: Transaction, delegation: Delegation, now: datetime) -> None:
    keys = tx.approvers.list(delegation.tenant)
    if not any(key.name == delegation.delegate and key.counts(now) for key in keys):
        raise DecisionRefused(
            f"nobody is enrolled as {delegation.delegate!r}; see `placet keys list`", code="unknown_delegate"
        )


def _taken_before(tx: Transaction, record: DelegationRecord) -> DelegationRecord:
    stands = tx.delegations.get(record.delegation.tenant, record.delegation.document_id)
    if stands is None or stands.delegation != record.delegation:
        raise DecisionRefused("another delegation has this document id; sign a new one", code="duplicate")
    if stands.revoked_at is not None:
        raise DecisionRefused(
            f"it was revoked by {stands.revoked_by} at {moment(stands.revoked_at)}; sign a new one",
            code="revoked_delegation",
        )
    return stands
