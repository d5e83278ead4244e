"""What every interface does with merges of customers: sign one, take it on the record, undo it by a signed split."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.merge import Change, Merge, MergeRecord, Split
from placet.errors import DecisionRefused
from placet.governance.merges import MERGED, SPLIT, check_merge, check_split
from placet.governance.policy.facts import IdentityFacts
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, sign_document, verify_document
from placet.service.documents.entitling import entitle, keep_entitling
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import take_document
from placet.storage.database import Database
from placet.storage.transaction import Transaction

Policies = Mapping[str, PolicySet]


def sign_merge(
    *, tenant: str, name: str, customer_id: str, merged_id: str, drafted_by: str, reason: str, key: SigningKey
) -> str:
    """Sign that two ids are one person; returns the envelope, one line of JSON.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        merge = Merge(
            tenant=tenant,
            signer=name,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            customer_id=customer_id,
            merged_id=merged_id,
            drafted_by=drafted_by,
        )
    return sign_document(merge, key.private, key.key_id)


def sign_split(record: MergeRecord, *, name: str, drafted_by: str, reason: str, key: SigningKey) -> str:
    """Sign that a merge is undone; returns the envelope.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        split = Split(
            tenant=record.merge.tenant,
            signer=name,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            merge_id=record.merge.document_id,
            drafted_by=drafted_by,
        )
    return sign_document(split, key.private, key.key_id)


def take_merge(database: Database, envelope: str, *, tenant: str, policies: Policies) -> MergeRecord:
    """Put a signed merge in force. An attempt that does not count is on the record as well.

    Args:
        database: Where it is kept.
        envelope: The signed document, untrusted. The same one again changes nothing.
        tenant: Whose customers they must be.
        policies: The policy set in force for each agent of the tenant; each must permit it.

    Raises:
        DecisionRefused: the signature does not count, its signer is not entitled, or one of the ids is merged already.
    """
    return take_document(database, tenant, envelope, "customer.merge_refused", partial(_merge, policies=policies))


def take_split(database: Database, envelope: str, *, tenant: str, policies: Policies) -> MergeRecord:
    """Undo a merge on a signed document: from now on both ids are read as if there had been none.

    Raises:
        DecisionRefused: the signature does not count, its signer is not entitled, or there is no such merge in force.
    """
    return take_document(database, tenant, envelope, "customer.split_refused", partial(_split, policies=policies))


def find_merge(database: Database, tenant: str, merge_id: str) -> MergeRecord:
    """Find a merge by an unambiguous beginning of its id.

    Raises:
        UsageError: none, or several, match.
    """
    with database.reading() as tx:
        matches = [one for one in tx.merges.list(tenant) if one.merge.document_id.startswith(merge_id)]
    return only_one(matches, merge_id, "merge", tenant, see="placet profile merges", code="unknown_merge")


def list_merges(database: Database, tenant: str) -> tuple[MergeRecord, ...]:
    """Return all merges, split ones included, oldest first."""
    with database.reading() as tx:
        return tx.merges.list(tenant)


def _merge(tx: Transaction, text: str, tenant: str, now: datetime, *, policies: Policies) -> MergeRecord:
    verified = verify_document(text, Merge, tenant=tenant, now=now, find_key=tx.approvers.get)
    merge, key = verified.document, verified.key
    stands = tx.merges.get(tenant, merge.document_id)
    if stands is not None and stands.document == verified.digest:
        return stands  # this very document: the answer to an earlier COMMIT was lost
    ids = (merge.customer_id, merge.merged_id)
    check_merge(merge, tx.merges.naming(tenant, ids), now)
    entitling = _entitle(tx, key, merge.document_id, tenant, "merge", merge.drafted_by, policies)
    record = MergeRecord(merge=merge, document=verified.digest, key_id=key.key_id, taken_at=now)
    if not tx.merges.add(record):
        raise DecisionRefused("another merge has this document id; sign a new one", code="duplicate")
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    said = merge.model_dump(mode="json", include={"customer_id", "merged_id", "drafted_by", "reason", "signed_at"})
    body = {"merge_id": merge.document_id, **said, "key_id": key.key_id, "document": verified.digest}
    tx.record_act(tenant, MERGED, merge.signer, now, merge.document_id, {**body, "policies": entitling})
    # Only now: whoever signs at the same time waited at the tenant's record, and what they took is seen here.
    check_merge(merge, tx.merges.naming(tenant, ids), now)
    return record


def _split(tx: Transaction, text: str, tenant: str, now: datetime, *, policies: Policies) -> MergeRecord:
    verified = verify_document(text, Split, tenant=tenant, now=now, find_key=tx.approvers.get)
    split, key = verified.document, verified.key
    found = tx.merges.get(tenant, split.merge_id)
    if found is not None and found.split == verified.digest:
        return found
    record = check_split(split, found, now)
    entitling = _entitle(tx, key, split.merge_id, tenant, "split", split.drafted_by, policies)
    merge = record.merge
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    body = {
        "merge_id": merge.document_id,
        "customer_id": merge.customer_id,
        "merged_id": merge.merged_id,
        "drafted_by": split.drafted_by,
        "reason": split.reason,
        "key_id": key.key_id,
        "document": verified.digest,
        "policies": entitling,
    }
    tx.merges.split(tenant, merge.document_id, by=split.signer, at=now, document=verified.digest)
    tx.record_act(tenant, SPLIT, split.signer, now, merge.document_id, body)
    return record.model_copy(update={"split_by": split.signer, "split_at": now, "split": verified.digest})


def _entitle(
    tx: Transaction,
    key: EnrolledKey,
    merge_id: str,
    tenant: str,
    change: Change,
    drafted_by: str,
    policies: Policies,
) -> dict[str, list[str]]:
    """Return the policies that permit the holder of `key` to do this, as the record says them."""
    facts = IdentityFacts(merge_id=merge_id, tenant=tenant, change=change, drafted_by=drafted_by)
    ask = partial(PolicySet.may_merge, person=key, identity=facts)
    permitting = entitle(key, policies.values(), ask, action="merge", to=f"{change} customers")
    return keep_entitling(tx, tenant, permitting)
