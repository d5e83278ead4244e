"""Verifying a signed decision, beside the bare Ed25519 verification that is in it."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from placet.bench.governance.figures import Figure
from placet.bench.governance.sample import Sample, make_sample
from placet.bench.governance.sampling import cpu_per_call
from placet.contracts.gate import Gate
from placet.contracts.people.decision import DecisionPredicate
from placet.governance.approvals import sign_decision, verify_decision
from placet.governance.signing import dsse
from placet.governance.signing.canonical import digest

_CALLS = 100
_AIM = 1.3
_AGAINST = "cryptography's Ed25519 verify: same key (loaded), same signature, same bytes"


def measure(rounds: int) -> Iterator[Figure]:
    """Measure the CPU time of `verify_decision` and of its signature check, beside the bare verification."""
    sample, now = make_sample(), datetime.now(UTC)
    proposal = digest(sample.proposal)
    gate = open_gate(now)
    text = _signed(sample, proposal, now)
    envelope = dsse.parse(text)
    payload = base64.b64decode(envelope.payload)
    signature = base64.b64decode(envelope.signatures[0].sig)
    signed = dsse.pre_authentication_encoding(envelope.payloadType, payload)
    raw_key = base64.b64decode(sample.enrolled.public_key)
    loaded = Ed25519PublicKey.from_public_bytes(raw_key)

    def whole() -> object:
        dsse.forget_verified()
        return verify_decision(
            text,
            run=sample.run,
            proposal_digest=proposal,
            gate=gate,
            phase="decide",
            now=now,
            find_key=lambda _: sample.enrolled,
        )

    def alone() -> object:
        dsse.forget_verified()
        return dsse.verify(envelope, raw_key)

    acts = {
        "whole": whole,
        "signature": alone,
        "bare": lambda: loaded.verify(signature, signed),
    }
    took = cpu_per_call(acts, rounds=rounds, calls=_CALLS)
    for name, label, limit in (
        ("whole", "decision envelope, every check", _AIM),
        ("signature", "decision envelope, signature only", None),
    ):
        yield Figure(
            part="envelope",
            name=label,
            unit="µs CPU",
            ours=took[name],
            reference=took["bare"],
            against=_AGAINST,
            limit=limit,
        )


def open_gate(now: datetime) -> Gate:
    """Make a gate that waits for a retention lead."""
    return Gate(
        verdict="human",
        reason="permitted",
        policy_set=None,
        policies=(),
        roles=("retention_lead",),
        opened_at=now - timedelta(minutes=5),
        expires_at=now + timedelta(hours=1),
    )


def _signed(sample: Sample, proposal: str, now: datetime) -> str:
    predicate = DecisionPredicate(
        tenant=sample.run.tenant,
        run_id=sample.run.run_id,
        verdict="approve",
        approver=sample.enrolled.name,
        decided_at=now,
        decision_id="d" * 32,
        reason="bench",
    )
    return sign_decision(predicate, proposal, sample.key.private, sample.key.key_id)
