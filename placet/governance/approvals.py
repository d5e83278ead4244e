"""What makes a decision count. Rules only: callers bring the envelope, the key registry's answer and the clock.

Invariants, in the order they are checked:
 (1) the envelope is a DSSE envelope over an in-toto decision statement, at most 16 KB;
 (2) the signing key is enrolled for this tenant, not revoked, not expired, and the signature is its own;
 (3) the statement names this tenant, this run and this very proposal digest; an amendment names it as what it amends;
 (4) the named approver is the person the key belongs to;
 (5) the verdict fits what is being asked (decide a proposal, or settle an unknown outcome);
 (6) it was signed after the gate opened, before it closed, and not in the future, within the tolerated clock skew;
 (7) policy entitles this person to decide this proposal (`placet.governance.policy.set`, asked by the caller).
Single use is the database's to enforce: the caller must still record the decision id.
"""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import (
    MAX_ENVELOPE_BYTES,
    VERDICTS,
    AcceptedDecision,
    Amendment,
    DecisionPredicate,
    Phase,
)
from placet.contracts.run import RunRequest
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.statement import Statement, decision_payload, parse_statement

FindKey = Callable[[str], EnrolledKey | None]
"""Looks a key up by its id; None where no enrolment of it counts."""

CLOCK_SKEW = timedelta(seconds=60)
"""How far an approver's clock may be off from ours."""


def sign_decision(predicate: DecisionPredicate, proposal_digest: str, key: Ed25519PrivateKey, key_id: str) -> str:
    """Sign a decision on one exact proposal; returns the envelope as one line of JSON."""
    return dsse.sign(decision_payload(proposal_digest, predicate), key, key_id)


def verify_decision(
    text: str,
    *,
    run: RunRequest,
    proposal_digest: str,
    gate: Gate,
    phase: Phase,
    now: datetime,
    find_key: FindKey,
) -> tuple[AcceptedDecision, EnrolledKey]:
    """Check invariants (1) to (6); the caller still owes (7), single use, and the roles the approver acts in.

    The decision on an amendment is about the proposal as amended, whose digest the caller must derive for itself.

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    if len(text.encode()) > MAX_ENVELOPE_BYTES:
        raise DecisionRefused(f"the envelope is larger than {MAX_ENVELOPE_BYTES} bytes", code="too_large")
    envelope = dsse.parse(text)
    key = check_key(find_key(envelope.signatures[0].keyid), envelope.signatures[0].keyid, run.tenant, now)
    statement = parse_statement(dsse.verify(envelope, base64.b64decode(key.public_key), key.passkey))
    _check_subject(statement, run, proposal_digest)
    predicate = statement.predicate
    if predicate.approver != key.name:
        raise DecisionRefused(
            f"signed with the key of {key.name!r} in the name of {predicate.approver!r}", code="wrong_person"
        )
    if predicate.verdict not in VERDICTS[phase]:
        expected = ", ".join(sorted(VERDICTS[phase]))
        raise DecisionRefused(
            f"verdict {predicate.verdict!r} does not answer what is asked; expected one of {expected}",
            code="wrong_verdict",
        )
    check_time(predicate.decided_at, gate, phase, now)
    accepted = AcceptedDecision(
        verdict=predicate.verdict,
        approver=predicate.approver,
        key_id=key.key_id,
        decision_id=predicate.decision_id,
        decided_at=predicate.decided_at,
        reason=predicate.reason,
        proposal=statement.proposal_digest,
        roles=(),
        envelope_digest=sha256_hex(text.encode()),
    )
    return accepted, key


def amendment_of(text: str) -> Amendment | None:
    """Return what an envelope that passed `verify_decision` changes; None unless its verdict is `amend`."""
    return parse_statement(base64.b64decode(dsse.parse(text).payload)).predicate.amendment


def check_key(key: EnrolledKey | None, key_id: str, tenant: str, now: datetime) -> EnrolledKey:
    """Check that the key is enrolled for `tenant` and valid at `now`; also asked again just before an effect.

    Raises:
        DecisionRefused: it is unknown, another tenant's, revoked or expired.
    """
    if key is None or key.tenant != tenant:
        raise DecisionRefused(
            f"key {key_id[:16]} is not enrolled for tenant {tenant!r} by an administrator trusted here; "
            "see `placet keys list`",
            code="unknown_key",
        )
    if key.revoked_at is not None:
        raise DecisionRefused(
            f"key {key_id[:16]} of {key.name!r} was revoked at {moment(key.revoked_at)}",
            code="revoked_key",
        )
    if key.expires_at is not None and now >= key.expires_at:
        raise DecisionRefused(
            f"key {key_id[:16]} of {key.name!r} expired at {moment(key.expires_at)}",
            code="expired_key",
        )
    return key


def _check_subject(statement: Statement, run: RunRequest, proposal_digest: str) -> None:
    predicate = statement.predicate
    if predicate.tenant != run.tenant or predicate.run_id != run.run_id:
        raise DecisionRefused(
            f"signed for run {predicate.run_id!r} of tenant {predicate.tenant!r}, not this run", code="wrong_run"
        )
    about = predicate.amendment.amends if predicate.amendment is not None else statement.proposal_digest
    if about != proposal_digest:
        raise DecisionRefused(
            f"signed for proposal {about[:16]}, the pending one is {proposal_digest[:16]}", code="stale"
        )


def check_time(decided_at: datetime, gate: Gate, phase: Phase, now: datetime) -> None:
    """Check that a decision was signed while the gate was open, and that it is still open (invariant 6).

    Raises:
        DecisionRefused: it was signed in the future, before the gate opened, or too late.
    """
    if decided_at > now + CLOCK_SKEW:
        raise DecisionRefused(
            f"signed at {moment(decided_at)}, which is in the future; set the clock", code="clock_skew"
        )
    if decided_at < gate.opened_at - CLOCK_SKEW:
        raise DecisionRefused(f"signed at {moment(decided_at)}, before the gate opened", code="predates_gate")
    if phase == "decide" and (now >= gate.expires_at or decided_at >= gate.expires_at):
        raise DecisionRefused(f"the gate closed at {moment(gate.expires_at)}", code="late")
