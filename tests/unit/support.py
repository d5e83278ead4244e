"""Small exact documents for tests of the pure rules."""

import base64
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import DecisionPredicate
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.contracts.run import RunRequest
from placet.governance.signing.keys import SigningKey, key_id_of, public_bytes

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RUN = "run-" + "a" * 20


def a_request() -> RunRequest:
    return RunRequest(
        run_id=RUN,
        tenant="demo",
        customer_id="C00001",
        agent="retention",
        key="k",
        requested_by="olga",
        requested_at=NOW,
    )


def a_proposal(minor: int = 1000, *, triggered_by: str = "olga", currency: str = "USD") -> Proposal:
    amount = Money(amount_minor=minor, currency=currency)
    return Proposal(
        run_id=RUN,
        tenant="demo",
        customer_id="C00001",
        agent="retention",
        triggered_by=triggered_by,
        treatment="goodwill_credit",
        mutation=AdjustBalance(customer_id="C00001", bucket_id="B-C00001", amount=amount, reason="goodwill"),
        cost=amount,
        expected_value_minor=1,
        rationale="",
        candidates=(),
        preconditions=(),
        evidence="0" * 64,
        assessment="0" * 64,
    )


def a_key(name: str = "anna", **changes: object) -> tuple[SigningKey, EnrolledKey]:
    private = Ed25519PrivateKey.generate()
    raw = public_bytes(private.public_key())
    enrolled = EnrolledKey(
        name=name,
        tenant="demo",
        roles=("retention_lead",),
        limit=Money(amount_minor=5000, currency="USD"),
        key_id=key_id_of(raw),
        public_key=base64.b64encode(raw).decode(),
        enrolled_by="root",
        enrolled_at=NOW - timedelta(days=1),
    ).model_copy(update=changes)
    return SigningKey(private, enrolled.key_id), enrolled


def a_gate() -> Gate:
    return Gate(
        verdict="human",
        reason="permitted",
        policy_set="0" * 64,
        policies=("p",),
        roles=("retention_lead",),
        opened_at=NOW - timedelta(minutes=10),
        expires_at=NOW + timedelta(hours=1),
    )


def a_predicate(**changes: object) -> DecisionPredicate:
    values: dict[str, object] = {
        "tenant": "demo",
        "run_id": RUN,
        "verdict": "approve",
        "approver": "anna",
        "decided_at": NOW - timedelta(minutes=1),
        "decision_id": "f" * 32,
    }
    return DecisionPredicate.model_validate({**values, **changes})
