"""Whether a stage that policy began still counts: everything that it rests on is found on the record again, each time.

The rules are in `placet.governance.authority.promotions`; here is where what they ask for is read.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from placet.contracts.audit import AuditEvent, policy_stream, tenant_stream
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.strategies.promotion import PolicyPromotion
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.authority.mandates import entitle_signer
from placet.governance.authority.promotions import check_answer, check_bounds, check_look, read_promotion
from placet.governance.log.chain import entry_hash
from placet.governance.signing.signed import Verified, verify_document
from placet.storage.transaction import Transaction

if TYPE_CHECKING:
    from placet.gate.strategies.rollout import Authorised

BY_POLICY: Final = "policy"
"""What the entry of a move says, and who its actor is, where policy began the stage."""
LOOKED: Final = "rollout.looked"
SIGNED: Final = "policy.signed"
WITHDRAWN: Final = "policy.withdrawn"
IN_FORCE: Final = "policy.in_force"


def promoted_to(
    tx: Transaction, it: "Authorised", entry: AuditEvent, *, stage: int, number: int, began: AuditEvent | None
) -> int | None:
    """Return the stage that policy began by this entry; None where it does not count (any more)."""
    try:
        check_promotion(tx, it, entry, stage=stage, number=number, began=began)
    except (DecisionRefused, GovernanceError, UsageError):
        return None
    return stage + 1


def check_promotion(
    tx: Transaction, it: "Authorised", entry: AuditEvent, *, stage: int, number: int, began: AuditEvent | None
) -> PolicyPromotion:
    """Check all that a promotion by policy rests on.

    Args:
        tx: Where the record is.
        it: The strategy, and the policies in force now.
        entry: The entry of the move.
        stage: The stage that the rollout was in before it.
        number: Which move it is.
        began: The entry by which that stage began.

    Raises:
        DecisionRefused: it does not count; with the code of the first invariant that fails.
        GovernanceError: an entry or a document was altered.
        UsageError: a document is gone.
    """
    promotion = _vouched(tx, it, str(entry.body.get("document")))
    named = (promotion.tenant, promotion.strategy, promotion.version, promotion.agent, promotion.number)
    if named != (it.mandate.tenant, it.mandate.name, it.version, it.mandate.agent, number):
        raise DecisionRefused("it is of another strategy, version or move", code="wrong_strategy")
    if entry.body.get("stage") != stage + 1 or entry.body.get("by") != BY_POLICY:
        raise DecisionRefused("the entry says another stage than what it rests on", code="wrong_stage")
    rests_on(tx, it, promotion, stage=stage, began=began, before=entry)
    return promotion


def rests_on(
    tx: Transaction,
    it: "Authorised",
    promotion: PolicyPromotion,
    *,
    stage: int,
    began: AuditEvent | None,
    before: AuditEvent | None = None,
) -> None:
    """Check what a promotion rests on: the look, the policies in force, the person's signature. See `check_promotion`.

    `before` is its entry, which everything must precede; None while it is being made.
    """
    if began is None:
        raise DecisionRefused("nobody started this rollout", code="unknown_rollout")
    _check_look(tx, it, promotion, stage=stage, began=began, before=before)
    _check_in_force(tx, promotion)
    check_answer(tx.artifacts.get(promotion.policy_set, tenant=promotion.tenant), promotion)
    verified = signature_of(tx, promotion.tenant, promotion.signature, it.now, before=before)
    check_bounds(verified.document, promotion)
    entitle_signer(it.mandate, verified.key, it.policies)


def signature_of(
    tx: Transaction, tenant: str, document: str, now: datetime, *, before: AuditEvent | None = None
) -> Verified[PolicySignature]:
    """Return the signature on a policy set that counts now, and did at an entry.

    Raises:
        DecisionRefused: it does not verify, is not on the record, or was withdrawn.
    """
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    verified = verify_document(text, PolicySignature, tenant=tenant, now=now, find_key=tx.approvers.get)
    stream = tenant_stream(tenant)
    signed = tx.audit.find(stream, f"{SIGNED}.{verified.document.document_id}")
    if signed is None or signed.body.get("document") != document or (before is not None and signed.seq > before.seq):
        raise DecisionRefused("the signature on the policies is not on the record", code="unrecorded_signature")
    withdrawn = tx.audit.find(stream, f"{WITHDRAWN}.{verified.document.document_id}")
    if withdrawn is not None and (before is None or withdrawn.seq < before.seq):
        raise DecisionRefused(f"{withdrawn.actor} had withdrawn the signature on the policies", code="withdrawn")
    return verified


def _vouched(tx: Transaction, it: "Authorised", document: str) -> PolicyPromotion:
    log, tenant = tx.approvers.trust.log, it.mandate.tenant
    if log is None:
        raise DecisionRefused("no log key is known here, so that nobody vouches for it", code="bad_signature")
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    return read_promotion(text, log.keys(), log.origin(tenant))


def _check_look(
    tx: Transaction,
    it: "Authorised",
    promotion: PolicyPromotion,
    *,
    stage: int,
    began: AuditEvent,
    before: AuditEvent | None,
) -> None:
    tenant = promotion.tenant
    looked = tx.audit.find(tenant_stream(tenant), f"{LOOKED}.{it.version}.{promotion.look_number}")
    if looked is None or looked.body.get("look") != promotion.look or entry_hash(looked) != looked.hash:
        raise DecisionRefused("the look that it stands on is not on the record", code="wrong_look")
    if looked.seq < began.seq or (before is not None and looked.seq > before.seq):
        raise DecisionRefused("the look that it stands on is of another stage", code="wrong_look")
    look = tx.artifacts.get_model(promotion.look, RolloutLook, tenant=tenant)
    check_look(promotion, look, it.strategy, stage, began.at)


def _check_in_force(tx: Transaction, promotion: PolicyPromotion) -> None:
    """Check that the record says that the set was in force when it was asked."""
    stream = policy_stream(promotion.tenant, promotion.agent)
    found = tx.audit.page(stream, promotion.in_force - 1, 2)
    said = found[0] if found and found[0].seq == promotion.in_force else None
    if said is None or (said.kind, said.body.get("policy_set")) != (IN_FORCE, promotion.policy_set):
        raise DecisionRefused("the record does not say that these policies were in force", code="not_in_force")
    if entry_hash(said) != said.hash or said.at > promotion.at + CLOCK_SKEW:
        raise DecisionRefused("these policies came into force later, or their entry was altered", code="not_in_force")
    if len(found) > 1 and found[1].at < promotion.at - CLOCK_SKEW:
        raise DecisionRefused("other policies had come into force by then", code="not_in_force")
