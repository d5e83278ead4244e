"""Asking policy whether the next stage of a rollout may begin without a signature on it: after a look that passed.

Whatever fails means no: then a person is asked, as always.
"""

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from placet.contracts.audit import policy_stream, tenant_stream
from placet.contracts.money import Money
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.strategies.promotion import PolicyPromotion
from placet.contracts.strategies.written import share_in_words
from placet.errors import DecisionRefused, PlacetError
from placet.gate.strategies.promoted import (
    BY_POLICY,
    IN_FORCE,
    SIGNED,
    check_counts,
    check_rests,
    signature_of,
    stage_of,
)
from placet.gate.strategies.rollout import MOVED, Authorised, RolloutStanding, body_of, write_step
from placet.gate.strategies.telling import Told
from placet.governance.authority.promotions import sign_promotion
from placet.governance.log.key import LogIdentity
from placet.governance.policy.facts import StageFacts
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE
from placet.storage.transaction import Transaction

_log = logging.getLogger(__name__)

_MOST_SIGNATURES: Final = 50
"""Signatures on policy sets that are looked through, the newest first."""


class Asking(NamedTuple):
    """A rollout whose look passed, and what is known of it.

    Attributes:
        look: The look.
        digest: Of the look.
        budget_left: What of the budget is not spent.
    """

    it: Authorised
    stands: RolloutStanding
    look: RolloutLook
    digest: str
    budget_left: Money


def promote_by_policy(tx: Transaction, asking: Asking, identity: Callable[[], LogIdentity]) -> Told | None:
    """Begin the next stage, where policy permits it and a person signed that it may; None: a person is to be asked.

    Args:
        tx: The transaction of the look.
        asking: What policy is asked about.
        identity: Returns the installation's log key, which vouches for it.
    """
    it, stands = asking.it, asking.stands
    policies = it.policies
    try:
        if policies.kept_because or not policies.promoting(it.mandate.agent):
            return None
        stage = facts_of(tx, asking)
        answer = policies.may_promote(stage)
        if not answer.allowed or not answer.policies:
            return None
        _check_no_halt(tx, it)
        ours = identity()
        promotion = _promotion(tx, asking, stage, answer.policies, ours)
        with tx.savepoint():
            tx.artifacts.put(promotion.tenant, POLICY_SET_MEDIA_TYPE, policies.document)
            check_rests(tx, promotion, stage_of(it, stands.stage, stands.began, promotion.number))
            check_counts(tx, it, promotion)
    except PlacetError as error:
        _log.info("policy begins no stage of strategy %r: %s", it.mandate.name, error)
        return None
    return _record(tx, asking, promotion, ours)


def facts_of(tx: Transaction, asking: Asking) -> StageFacts:
    """Return what policy is told of the next stage."""
    it, stands, look = asking.it, asking.stands, asking.look
    rollout, tenant = it.strategy.rollout, it.mandate.tenant
    to = rollout.stages[stands.stage + 1]
    reached = tx.rollouts.counts(tenant, it.version, stands.share, coming=rollout.coming).treated
    if rollout.coming:  # who will come in is not known: as many as came in at the present share
        added = -(-reached * (to - stands.share) // stands.share)
    else:
        added = tx.rollouts.counts(tenant, it.version, to).treated - reached
    began = stands.moved_at or it.now
    return StageFacts(
        tenant=tenant,
        agent=it.mandate.agent,
        strategy=it.mandate.name,
        market=it.strategy.market.code,
        reached=stands.share,
        to=to,
        customers_added=max(added, 0),
        budget=it.strategy.budget.total,
        budget_left=asking.budget_left,
        passed=tuple(sorted({one.rail.measure for one in look.verdicts})),
        version=it.version,
        stage=stands.stage + 2,
        stages=len(rollout.stages),
        customers_reached=reached,
        rails=len(look.verdicts),
        looks=look.number,
        days_watched=max((it.now - began).days, 0),
        holds=stands.holds,
        published_by=it.mandate.signer,
        started_by="" if stands.started is None else stands.started.actor,
    )


def _promotion(
    tx: Transaction, asking: Asking, stage: StageFacts, policies: tuple[str, ...], identity: LogIdentity
) -> PolicyPromotion:
    it, stands = asking.it, asking.stands
    tenant, agent, digest = it.mandate.tenant, it.mandate.agent, it.policies.digest
    log = tx.approvers.trust.log
    if log is None or identity.trusted[0] not in log.trusted() or identity.origin(tenant) != log.origin(tenant):
        raise DecisionRefused("the log key of this process is not the one that counts here", code="bad_signature")
    last = tx.audit.last(policy_stream(tenant, agent))
    if last is None or (last.kind, last.body.get("policy_set")) != (IN_FORCE, digest):
        raise DecisionRefused("the record does not say yet that these policies are in force", code="not_in_force")
    document, signer = _signature(tx, it, stage.to)
    attributes = stage.attributes()
    return PolicyPromotion(
        tenant=tenant,
        log=identity.origin(tenant),
        strategy=it.mandate.name,
        version=it.version,
        number=stands.moves + 1,
        to=stage.to,
        look=asking.digest,
        look_number=asking.look.number,
        agent=agent,
        policy_set=digest,
        policies=policies,
        in_force=last.seq,
        signature=document,
        signer=signer,
        at=it.now,
        asked={name: tuple(value) if isinstance(value, list) else value for name, value in attributes.items()},
    )


def _signature(tx: Transaction, it: Authorised, to: int) -> tuple[str, str]:
    """Return the newest signature on the set in force that counts now, and who gave it.

    Raises:
        DecisionRefused: there is none; what is wrong with the newest, where there is one on this set.
    """
    tenant, wrong = it.mandate.tenant, None
    for entry in tx.audit.latest_of_kind(tenant_stream(tenant), SIGNED, limit=_MOST_SIGNATURES):
        if (entry.body.get("agent"), entry.body.get("policy_set")) != (it.mandate.agent, it.policies.digest):
            continue
        document = str(entry.body.get("document"))
        try:
            signed = signature_of(tx, tenant, document, it.now)
        except PlacetError as error:
            wrong = wrong or error
            continue
        if to <= signed.most and it.now < signed.valid_until:
            return document, signed.signer
        wrong = wrong or DecisionRefused(
            f"{signed.signer} let policy lead to {share_in_words(signed.most)} at most, while it is valid",
            code="beyond_signed",
        )
    raise wrong or DecisionRefused("nobody signed that this policy set may begin stages", code="unsigned_policies")


def _check_no_halt(tx: Transaction, it: Authorised) -> None:
    for kind in it.mandate.kinds:
        halt = tx.halts.in_force(it.mandate.tenant, agent=it.mandate.agent, kind=kind)
        if halt is not None:
            raise DecisionRefused(f"halt {halt.halt_id} is in force", code="halted")


def _record(tx: Transaction, asking: Asking, promotion: PolicyPromotion, identity: LogIdentity) -> Told | None:
    it, stands = asking.it, asking.stands
    text = sign_promotion(promotion, identity.key)
    tx.artifacts.put(promotion.tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    body = body_of(
        it,
        document=sha256_hex(text.encode()),
        by=BY_POLICY,
        policies=list(promotion.policies),
        policy_set=promotion.policy_set,
        signed_by=promotion.signer,
        signature=promotion.signature,
        reason="",
        evidence=promotion.look,
        look=promotion.look_number,
        number=promotion.number,
        stage=stands.stage + 1,
        to=promotion.to,
    )
    entry = write_step(tx, it, MOVED, BY_POLICY, promotion.number, body)
    if entry.body.get("document") != body["document"]:
        return None  # a person's signature on the same stage came first
    more = {"to": promotion.to, "by": ", ".join(promotion.policies), "signed_by": promotion.signer}
    return Told("stage_promoted", f"move.{promotion.number}", entry.at, more)
