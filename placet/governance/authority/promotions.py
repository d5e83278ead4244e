"""When policy may begin a stage of a rollout in a person's place. Rules only: callers bring what they rest on.

Invariants of a promotion by policy, checked when it is made and each time the stage is used:
 (1) a worker of this installation vouches for it, with the key of its log: a row or an entry alone makes none;
 (2) a person signed exactly this policy set for that, their key is good now, and policy entitles them now to publish
     the strategy: they could sign the stage themselves;
 (3) it leads no further than they signed, and was made while their signature was valid and not withdrawn;
 (4) asked again with what it was asked with, that set permits it, by the policies that the promotion names;
 (5) what it was asked with is what the record says: the strategy, its version, the stage, the guard rails;
 (6) the look that it stands on is that of this very stage, after the stage began, on the record, and passed; the stage
     was watched as long as the strategy says.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.people.lasting import LONGEST, MOST_DAYS
from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.strategies.promotion import PolicyPromotion
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.errors import DecisionRefused, PolicyError
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.policy.answer import PolicyAnswer
from placet.governance.policy.facts import stage_entity
from placet.governance.policy.set import PolicySet
from placet.governance.signing import dsse
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import check_size
from placet.governance.signing.statement import STATEMENT_TYPE

PREDICATE: Final = "urn:placet:predicate:policy-promotion:v1"
_REMEMBERED: Final = 128
_SHOWN: Final = 12


def sign_promotion(promotion: PolicyPromotion, key: SigningKey) -> str:
    """Let the key of the installation vouch for a promotion; returns the envelope, one line of JSON."""
    predicate = promotion.model_dump(mode="json")
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": _name(promotion), "digest": {"sha256": sha256_hex(canonical_bytes(predicate))}}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return dsse.sign(canonical_bytes(statement), key.private, key.key_id)


def read_promotion(text: str, keys: Sequence[bytes], log: str) -> PolicyPromotion:
    """Return the promotion that one of the installation's log keys vouches for (invariant 1).

    Raises:
        DecisionRefused: none does, it is of another log, or it is something else.
    """
    check_size(text)
    promotion = _vouched(text, tuple(keys))
    if promotion.log != log:
        raise DecisionRefused(f"it is of log {promotion.log!r}, not {log!r}", code="wrong_log")
    return promotion


@lru_cache(maxsize=_REMEMBERED)
def _vouched(text: str, keys: tuple[bytes, ...]) -> PolicyPromotion:
    """Return what the bytes say whose signature one of these keys made: it follows from the arguments (ADR 0062)."""
    envelope = dsse.parse(text)
    for key in keys:
        try:
            payload = dsse.verify(envelope, key)
        except DecisionRefused:
            continue
        return _read(payload)
    raise DecisionRefused("no log key of this installation vouches for it", code="bad_signature")


def _read(payload: bytes) -> PolicyPromotion:
    try:
        statement: dict[str, Any] = json.loads(payload)
        if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, PREDICATE):
            raise DecisionRefused("it is no promotion by policy", code="wrong_statement")
        return PolicyPromotion.model_validate_json(json.dumps(statement["predicate"]))
    except ValidationError as error:
        raise DecisionRefused(f"not a promotion: {first_fault(error)}", code="malformed_statement") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DecisionRefused("not a statement about one promotion", code="malformed_statement") from error


def _name(promotion: PolicyPromotion) -> str:
    return f"{promotion.tenant}/policy-promotion/{promotion.version}.{promotion.number}"


def check_sense(signature: PolicySignature, policies: PolicySet, roles: Sequence[str], now: datetime) -> None:
    """Check that the signature on a policy set can be meant: before it is given, and before it is taken.

    Args:
        signature: What is signed.
        policies: The set in force for its agent.
        roles: Those of the signer.
        now: When it is to count.

    Raises:
        DecisionRefused: code `other_policies`, another set is in force; code `nothing_promotes`, no permit of it is
            for `promote`; code `signature_senseless`, it is over or lasts too long; code `unentitled`, who signs may
            publish no strategy.
    """
    if policies.kept_because:
        raise DecisionRefused(
            f"the files in place are faulty, and policy promotes nothing meanwhile: {policies.kept_because}",
            code="other_policies",
        )
    if policies.digest != signature.policy_set:
        raise DecisionRefused(
            f"policy set {signature.policy_set[:_SHOWN]} is not in force for agent {signature.agent!r}; "
            f"{policies.digest[:_SHOWN]} is: look at it and sign that",
            code="other_policies",
        )
    promoting = policies.promoting(signature.agent)
    if not promoting:
        raise DecisionRefused(
            f"no policy of set {policies.digest[:_SHOWN]} permits agent {signature.agent!r} to promote: there is "
            "nothing to sign",
            code="nothing_promotes",
        )
    if signature.policies != promoting:
        raise DecisionRefused("it names other policies than those that promote", code="other_policies")
    if signature.valid_until <= now:
        raise DecisionRefused(f"it was valid until {moment(signature.valid_until)}", code="signature_senseless")
    if signature.valid_until - signature.signed_at > LONGEST:
        raise DecisionRefused(f"it lasts longer than {MOST_DAYS} days", code="signature_senseless")
    named = policies.roles_for("authorise")
    if named and not set(named) & set(roles):
        raise DecisionRefused(
            f"{signature.signer!r} may publish no strategy, and so lets no policy promote one; role asked for: "
            f"{' or '.join(named)}",
            code="unentitled",
        )


def check_bounds(signature: PolicySignature, promotion: PolicyPromotion) -> None:
    """Check that a promotion keeps the bounds that the signer of its policy set chose (invariant 3).

    Raises:
        DecisionRefused: it does not.
    """
    signed = (signature.tenant, signature.agent, signature.policy_set, signature.signer)
    if signed != (promotion.tenant, promotion.agent, promotion.policy_set, promotion.signer):
        raise DecisionRefused("the signature is not one of this policy set for this agent", code="other_policies")
    if promotion.to > signature.most:
        raise DecisionRefused(
            f"{signature.signer} let policy lead to {share_in_words(signature.most)} at most, not to "
            f"{share_in_words(promotion.to)}",
            code="beyond_signed",
        )
    if not signature.signed_at - CLOCK_SKEW <= promotion.at < signature.valid_until:
        raise DecisionRefused(
            f"{signature.signer}'s signature is valid from {moment(signature.signed_at)} until "
            f"{moment(signature.valid_until)}",
            code="signature_over",
        )
    if not set(promotion.policies) <= set(signature.policies):
        raise DecisionRefused("it was let through by a policy that the signer was not shown", code="other_policies")


def check_answer(document: bytes, promotion: PolicyPromotion) -> None:
    """Ask the policy set again what it was asked, and check that it says the same (invariant 4).

    Args:
        document: The set as it is kept under its digest.
        promotion: What it was asked with, and who it said had decided.

    Raises:
        DecisionRefused: it does not permit it.
    """
    asked = json.dumps(promotion.model_dump(mode="json")["asked"], sort_keys=True)
    answer = _answered(document, promotion.agent, promotion.tenant, asked)
    if not answer.allowed or answer.policies != promotion.policies:
        raise DecisionRefused(
            f"policy set {promotion.policy_set[:_SHOWN]} does not permit it: {answer.detail}", code="policy_changed"
        )


@lru_cache(maxsize=_REMEMBERED)
def _answered(document: bytes, agent: str, tenant: str, asked: str) -> PolicyAnswer:
    """Ask a set as it spoke then, whatever schema is spoken now; the answer follows from these bytes (ADR 0062)."""
    stage = json.loads(asked)
    agent_uid = {"type": "Agent", "id": agent}
    try:
        entity = stage_entity(stage)
        policies = PolicySet.from_document(document)
    except (PolicyError, KeyError) as error:
        raise DecisionRefused(f"it cannot be asked again: {error}", code="policy_changed") from error
    request = {"principal": agent_uid, "action": {"type": "Action", "id": "promote"}, "resource": entity["uid"]}
    principal = {"uid": agent_uid, "attrs": {"tenant": tenant}, "parents": []}
    return policies.answer_to(request, [principal, entity])


def check_look(
    promotion: PolicyPromotion,
    look: RolloutLook,
    strategy: Strategy,
    stage: int,
    began: datetime,
) -> None:
    """Check the look that a promotion stands on, and what policy was told of it (invariants 5 and 6).

    Args:
        promotion: What it is said to rest on.
        look: The look, from the artifact of its digest.
        strategy: The signed text.
        stage: The stage that the rollout was in, by the record.
        began: When that stage began, by the record.

    Raises:
        DecisionRefused: it is none on which this stage may begin.
    """
    stages = strategy.rollout.stages
    if stage + 1 >= len(stages) or promotion.to != stages[stage + 1]:
        raise DecisionRefused(f"{share_in_words(promotion.to)} is not the stage that follows", code="wrong_stage")
    of = (look.strategy, look.version, look.number, look.stage, look.reached)
    if of != (promotion.strategy, promotion.version, promotion.look_number, stage, stages[stage]):
        raise DecisionRefused("the look that it stands on is none of the stage before", code="wrong_look")
    rails = [one.rail for one in look.verdicts]
    if look.outcome != "passed" or rails != list(strategy.rollout.guard_rails):
        raise DecisionRefused("the look that it stands on did not pass", code="look_not_passed")
    watched = timedelta(days=strategy.rollout.hold_days)
    if look.at < began + watched or promotion.at < look.at:
        raise DecisionRefused(
            f"the stage was not watched for {counted(strategy.rollout.hold_days, 'day')}", code="not_watched"
        )
    told = promotion.asked
    known = expected(strategy, promotion, look, stage)
    wrong = next((name for name, value in known.items() if _plain(told.get(name)) != _plain(value)), None)
    if wrong is not None:
        raise DecisionRefused(f"policy was told another {wrong!r} than the record says", code="other_figures")


def expected(strategy: Strategy, promotion: PolicyPromotion, look: RolloutLook, stage: int) -> Mapping[str, object]:
    """Return what policy must have been told, by the signed text and the record."""
    stages = strategy.rollout.stages
    return {
        "tenant": promotion.tenant,
        "agent": promotion.agent,
        "strategy": strategy.name,
        "version": promotion.version,
        "market": strategy.market.code,
        "from_percent": stages[stage] // 100,
        "to_percent": -(-stages[stage + 1] // 100),
        "stage": stage + 2,
        "stages": len(stages),
        "passed": sorted({one.rail.measure for one in look.verdicts}),
        "rails": len(strategy.rollout.guard_rails),
        "looks": look.number,
        "currency": strategy.budget.total.currency,
        "budget_minor": strategy.budget.total.amount_minor,
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
