"""Whether a stage that policy began still counts: everything that it rests on is found on the record again, each time.

The rules are in `placet.governance.authority.promotions`; here is where what they ask for is read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from placet.contracts.audit import AuditEvent, policy_stream, tenant_stream
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.strategies.promotion import PolicyPromotion
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.authority.mandates import entitle_signer
from placet.governance.authority.promotions import check_answer, check_bounds, check_look, read_promotion
from placet.governance.log.chain import entry_hash
from placet.governance.signing.signed import Verified, verify_document
from placet.storage.governance.enrolment import REVOKED
from placet.storage.transaction import Transaction

if TYPE_CHECKING:
    from placet.gate.strategies.rollout import Authorised

BY_POLICY: Final = "policy"
"""What the entry of a move says, and who its actor is, where policy began the stage."""
LOOKED: Final = "rollout.looked"
SIGNED: Final = "policy.signed"
WITHDRAWN: Final = "policy.withdrawn"
IN_FORCE: Final = "policy.in_force"


class Stage(NamedTuple):
    """The stage that a rollout was in before policy began the next one, by the record.

    Attributes:
        tenant: Whose rollout.
        agent: Who carries the strategy out.
        version: Of the strategy.
        number: Which stage it was, from 0.
        began: The entry by which that stage began; None where nobody started the rollout.
        move: Which move led from it, from 1.
    """

    tenant: str
    agent: str
    strategy: Strategy
    version: str
    number: int
    began: AuditEvent | None
    move: int


def stage_of(it: "Authorised", number: int, began: AuditEvent | None, move: int) -> Stage:
    """Return the stage of a rollout."""
    return Stage(it.mandate.tenant, it.mandate.agent, it.strategy, it.version, number, began, move)


def promoted_to(tx: Transaction, it: "Authorised", entry: AuditEvent, stage: Stage) -> int | None:
    """Return the stage that policy began by this entry; None where it does not count (any more)."""
    try:
        check_counts(tx, it, check_made(tx, entry, stage))
    except (DecisionRefused, GovernanceError, UsageError):
        return None
    return stage.number + 1


def check_made(
    tx: Transaction, entry: AuditEvent, stage: Stage, keys: Sequence[bytes] | None = None
) -> PolicyPromotion:
    """Check that policy began the stage as it may, when it did: nothing of this changes any more.

    Args:
        tx: Where the record is.
        entry: The entry of the move.
        stage: The stage before it.
        keys: The log keys whose signature counts; None: those that this installation trusts.

    Raises:
        DecisionRefused: it was not; with the code of the first invariant that fails.
        GovernanceError: an entry or a document was altered.
        UsageError: a document is gone.
    """
    promotion = _vouched(tx, stage.tenant, str(entry.body.get("document")), keys)
    named = (promotion.tenant, promotion.strategy, promotion.version, promotion.agent, promotion.number)
    if named != (stage.tenant, stage.strategy.name, stage.version, stage.agent, stage.move):
        raise DecisionRefused("it is of another strategy, version or move", code="wrong_strategy")
    if (entry.body.get("stage"), entry.body.get("by")) != (stage.number + 1, BY_POLICY):
        raise DecisionRefused("its entry says another stage than what it rests on", code="wrong_stage")
    check_rests(tx, promotion, stage, before=entry)
    return promotion


def check_rests(tx: Transaction, promotion: PolicyPromotion, stage: Stage, *, before: AuditEvent | None = None) -> None:
    """Check what a promotion rests on: the look, the policies in force, the person's signature then.

    `before` is its entry, which everything must precede; None while it is being made. Raises as `check_made`.
    """
    _check_look(tx, promotion, stage, before)
    _check_in_force(tx, promotion)
    check_answer(tx.artifacts.get(promotion.policy_set, tenant=promotion.tenant), promotion)
    signed = _signed(tx, promotion.tenant, promotion.signature, promotion.at, before=before)
    check_bounds(signed.document, promotion)


def check_counts(tx: Transaction, it: "Authorised", promotion: PolicyPromotion) -> None:
    """Check that the person who signed the policies could sign the stage themselves now.

    Raises:
        DecisionRefused: their key is good no more, or policy does not entitle them to publish the strategy.
    """
    text = tx.artifacts.get(promotion.signature, tenant=promotion.tenant).decode(errors="replace")
    verified = verify_document(text, PolicySignature, tenant=promotion.tenant, now=it.now, find_key=tx.approvers.get)
    entitle_signer(it.mandate, verified.key, it.policies)


def signature_of(tx: Transaction, tenant: str, document: str, now: datetime) -> PolicySignature:
    """Return a signature on a policy set that counts now.

    Raises:
        DecisionRefused: it does not verify, is not on the record, or was withdrawn.
    """
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    verify_document(text, PolicySignature, tenant=tenant, now=now, find_key=tx.approvers.get)
    return _signed(tx, tenant, document, now).document


def _signed(
    tx: Transaction, tenant: str, document: str, at: datetime, *, before: AuditEvent | None = None
) -> Verified[PolicySignature]:
    """Return a signature on a policy set that counted at a time, and that stands on the record before an entry."""
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    stream = tenant_stream(tenant)

    def find_key(key_id: str) -> EnrolledKey | None:
        """Return a key as it was before the entry, by the order of the record."""
        key = tx.approvers.get(key_id)
        if key is None or key.revoked_at is None or before is None:
            return key
        revoked = tx.audit.find(stream, f"{REVOKED}.{key_id}")
        if revoked is None or revoked.seq < before.seq:
            return key
        return key.model_copy(update={"revoked_by": None, "revoked_at": None, "revoked_reason": None})

    verified = verify_document(text, PolicySignature, tenant=tenant, now=at, find_key=find_key)
    signed = tx.audit.find(stream, f"{SIGNED}.{verified.document.document_id}")
    if signed is None or signed.body.get("document") != document or (before is not None and signed.seq > before.seq):
        raise DecisionRefused("the signature on the policies is not on the record", code="unrecorded_signature")
    withdrawn = tx.audit.find(stream, f"{WITHDRAWN}.{verified.document.document_id}")
    if withdrawn is not None and (before is None or withdrawn.seq < before.seq):
        raise DecisionRefused(f"{withdrawn.actor} had withdrawn the signature on the policies", code="withdrawn")
    return verified


def _vouched(tx: Transaction, tenant: str, document: str, keys: Sequence[bytes] | None) -> PolicyPromotion:
    log = tx.approvers.trust.log
    if log is None:
        raise DecisionRefused("no log key is known here, so that nobody vouches for it", code="bad_signature")
    text = tx.artifacts.get(document, tenant=tenant).decode(errors="replace")
    return read_promotion(text, log.trusted() if keys is None else keys, log.origin(tenant))


def _check_look(tx: Transaction, promotion: PolicyPromotion, stage: Stage, before: AuditEvent | None) -> None:
    tenant, began = promotion.tenant, stage.began
    if began is None:
        raise DecisionRefused("nobody started this rollout", code="unknown_rollout")
    looked = tx.audit.find(tenant_stream(tenant), f"{LOOKED}.{stage.version}.{promotion.look_number}")
    if looked is None or looked.body.get("look") != promotion.look or entry_hash(looked) != looked.hash:
        raise DecisionRefused("the look that it stands on is not on the record", code="wrong_look")
    if looked.seq < began.seq or (before is not None and looked.seq > before.seq):
        raise DecisionRefused("the look that it stands on is of another stage", code="wrong_look")
    look = tx.artifacts.get_model(promotion.look, RolloutLook, tenant=tenant)
    check_look(promotion, look, stage.strategy, stage.number, began.at)


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
