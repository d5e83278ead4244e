"""One simulated proposal, its approver's key and the gate it waits at: what the single calls are measured on."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.contracts.run import RunRequest
from placet.governance.signing.keys import SigningKey, key_id_of, public_bytes
from placet.service.runs import build_request

TENANT = "demo"
APPROVER = "bench-approver"
_DIGEST = "5" * 64


@dataclass(frozen=True, slots=True)
class Sample:
    """A run with its proposal, and who may decide it."""

    run: RunRequest
    proposal: Proposal
    key: SigningKey
    enrolled: EnrolledKey


def make_sample() -> Sample:
    """Make a retention credit of 15.00 USD, and a fresh key that may decide up to 200.00 USD."""
    run = build_request(
        tenant=TENANT,
        customer_id="C00002",
        agent="retention",
        requested_by="bench-operator",
        key="bench",
        agents=("retention",),
    )
    credit = Money(amount_minor=1500, currency="USD")
    proposal = Proposal(
        run_id=run.run_id,
        tenant=TENANT,
        customer_id=run.customer_id,
        agent=run.agent,
        triggered_by=run.requested_by,
        treatment="goodwill_credit",
        mutation=AdjustBalance(customer_id=run.customer_id, bucket_id="bucket-1", amount=credit, reason="goodwill"),
        cost=credit,
        expected_value_minor=4200,
        rationale="simulated",
        candidates=(),
        preconditions=(),
        evidence=_DIGEST,
        assessment=_DIGEST,
    )
    private = Ed25519PrivateKey.generate()
    public = public_bytes(private.public_key())
    now = datetime.now(UTC)
    enrolled = EnrolledKey(
        tenant=TENANT,
        name=APPROVER,
        roles=("retention_lead",),
        limit=Money(amount_minor=20_000, currency="USD"),
        key_id=key_id_of(public),
        public_key=base64.b64encode(public).decode(),
        enrolled_by="bench-administrator",
        enrolled_at=now - timedelta(days=1),
    )
    return Sample(run, proposal, SigningKey(private, enrolled.key_id), enrolled)
