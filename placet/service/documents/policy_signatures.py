"""Signing policy sets: a person lets the policies in force begin stages of rollouts in their place, within bounds."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal

from pydantic import AwareDatetime

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.base import Digest, Frozen
from placet.contracts.people.access import Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.policy_signature import PolicySignature
from placet.errors import DecisionRefused, PlacetError, PolicyError, UsageError
from placet.gate.strategies.promoted import SIGNED, WITHDRAWN, signature_of
from placet.governance.authority.promotions import check_sense
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import (
    DOCUMENT_MEDIA_TYPE,
    sign_document,
    unverified_document,
    verify_document,
)
from placet.service.given import checked, only_one
from placet.service.keeping.tenant_record import Said, take_document, vouched
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_MOST: Final = 200
"""Signatures that are listed, the newest first."""
Policies = Callable[[str], PolicySet]
State = Literal["in_force", "other_policies", "over", "withdrawn", "does_not_count"]


class ShownSignature(Frozen):
    """A signature on a policy set, and where it stands.

    Attributes:
        state: `in_force`: the set that was signed is the one in place, and may begin stages. `other_policies`: another
            is. `does_not_count`: the signature fails now, and `detail` says why.
        withdrawn_by: Who withdrew it; None where nobody did.
    """

    signature: PolicySignature
    document: Digest
    signed_at: AwareDatetime
    state: State
    detail: str = ""
    withdrawn_by: str | None = None

    @property
    def signature_id(self) -> str:
        """What it is called."""
        return self.signature.document_id


def draft_signature(
    policies: PolicySet, *, tenant: str, agent: str, signer: str, most: str, days: int, reason: str
) -> PolicySignature:
    """Return what a person signs of the policy set in force. Each time it is another document.

    Args:
        policies: The set in force for the agent.
        tenant: Whose.
        agent: Whose strategies.
        signer: Who signs.
        most: The largest share to which policy may lead, as people write it: `50 %`.
        days: How long.
        reason: Why, for the record.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: code `nothing_promotes`; no permit of the set is for `promote`.
    """
    now = datetime.now(UTC)
    promoting = policies.promoting(agent)
    if not promoting:
        raise DecisionRefused(
            f"no policy of the set in force permits agent {agent!r} to promote, so that there is nothing to sign; "
            "docs/strategies.md has an example",
            code="nothing_promotes",
        )
    with checked():
        return PolicySignature.model_validate(
            {
                "tenant": tenant,
                "signer": signer,
                "signed_at": now,
                "document_id": secrets.token_hex(16),
                "reason": reason,
                "agent": agent,
                "policy_set": policies.digest,
                "policies": promoting,
                "most": most,
                "valid_until": now + timedelta(days=days),
            }
        )


def sign_policies(signature: PolicySignature, key: SigningKey) -> str:
    """Sign; returns the envelope, one line of JSON."""
    return sign_document(signature, key.private, key.key_id)


def check_may_sign_policies(signature: PolicySignature, key: EnrolledKey, policies: PolicySet) -> None:
    """Say before anybody signs whether it would count now, signed with `key`; `take_signature` asks again.

    Raises:
        DecisionRefused: it would not.
    """
    check_sense(signature, policies, key.roles, datetime.now(UTC))


def take_signature(database: Database, envelope: str, *, tenant: str, policies: Policies) -> ShownSignature:
    """Take a signature on a policy set. One that does not count is on the record as well.

    The same again changes nothing.

    Args:
        database: Where the record is.
        envelope: The signed document, untrusted.
        tenant: Whose it must be.
        policies: Reads the set in force for an agent: it must be the one that was signed.

    Raises:
        DecisionRefused: the signature does not count, or another set is in force.
    """
    take = partial(_take, policies=policies)
    taken = take_document(database, tenant, envelope, "policy.signature_refused", take)
    with database.reading() as tx:
        return _shown(tx, taken, policies, datetime.now(UTC))


def _take(tx: Transaction, text: str, tenant: str, now: datetime, *, policies: Policies) -> AuditEvent:
    verified = verify_document(text, PolicySignature, tenant=tenant, now=now, find_key=tx.approvers.get)
    signature = verified.document
    earlier = tx.audit.find(tenant_stream(tenant), f"{SIGNED}.{signature.document_id}")
    if earlier is not None and earlier.body.get("document") == verified.digest:
        return earlier  # the answer to its COMMIT was lost
    found = _in_force(signature.agent, policies)
    check_sense(signature, found, verified.key.roles, now)
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    tx.artifacts.put(tenant, POLICY_SET_MEDIA_TYPE, found.document)
    signed = {"agent", "policy_set", "policies", "most", "valid_until", "reason"}
    body = {
        **signature.model_dump(mode="json", include=signed),
        "document": verified.digest,
        "key_id": verified.key.key_id,
    }
    return tx.record_act(tenant, SIGNED, signature.signer, now, signature.document_id, body)


def _in_force(agent: str, policies: Policies) -> PolicySet:
    try:
        return policies(agent)
    except PolicyError as error:
        raise DecisionRefused(
            f"no policies are in force for agent {agent!r}: {error}", code="other_policies"
        ) from error


def list_signatures(database: Database, tenant: str, policies: Policies) -> tuple[ShownSignature, ...]:
    """Return the newest signatures on policy sets, those over or withdrawn included, and where each stands."""
    now = datetime.now(UTC)
    with database.reading() as tx:
        found = tx.audit.latest_of_kind(tenant_stream(tenant), SIGNED, limit=_MOST)
        return tuple(_shown(tx, entry, policies, now) for entry in found)


def withdraw_signature(
    database: Database,
    *,
    tenant: str,
    signature_id: str,
    by: str,
    reason: str,
    policies: Policies,
    voucher: Voucher | None = None,
) -> ShownSignature:
    """Withdraw a signature on a policy set: policy begins no more stages by it. Those that it began stay.

    Nobody signs for less.

    Raises:
        UsageError: code `unknown_signature`; code `already_withdrawn`.
    """
    said, now = Said.read(by, reason), datetime.now(UTC)
    with database.transaction() as tx:
        listed = tx.audit.latest_of_kind(tenant_stream(tenant), SIGNED, limit=_MOST)
        matching = [one for one in listed if one.step_key.removeprefix(f"{SIGNED}.").startswith(signature_id)]
        entry = only_one(
            matching,
            signature_id,
            "signature",
            tenant,
            see="placet policy signatures",
            code="unknown_signature",
        )
        name = entry.step_key.removeprefix(f"{SIGNED}.")
        body = vouched({"signature_id": name, "document": entry.body["document"], "reason": said.reason}, voucher)
        if not tx.record_once(tenant, WITHDRAWN, said.by, now, name, body).ours:
            raise UsageError(f"signature {name} is withdrawn already", code="already_withdrawn")
        return _shown(tx, entry, policies, now)


def _shown(tx: Transaction, entry: AuditEvent, policies: Policies, now: datetime) -> ShownSignature:
    tenant, document = entry.tenant, str(entry.body["document"])
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    claimed, _ = unverified_document(text, PolicySignature)
    withdrawn = tx.audit.find(tenant_stream(tenant), f"{WITHDRAWN}.{claimed.document_id}")
    state, detail = _state(tx, claimed, document, policies, now)
    return ShownSignature(
        signature=claimed,
        document=document,
        signed_at=entry.at,
        state="withdrawn" if withdrawn is not None else state,
        detail="" if withdrawn is not None else detail,
        withdrawn_by=None if withdrawn is None else withdrawn.actor,
    )


def _state(
    tx: Transaction, claimed: PolicySignature, document: str, policies: Policies, now: datetime
) -> tuple[State, str]:
    if now >= claimed.valid_until:
        return "over", ""
    try:
        signature_of(tx, claimed.tenant, document, now)
    except PlacetError as error:
        return "does_not_count", f"{error.code}: {error}"
    try:
        found = policies(claimed.agent)
    except PolicyError as error:
        return "other_policies", str(error)
    if found.digest != claimed.policy_set or found.kept_because:
        return "other_policies", found.kept_because
    return "in_force", ""
