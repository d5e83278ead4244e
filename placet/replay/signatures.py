"""What a signed envelope says, in one shape for a decision on one proposal and for a member's share of a batch."""

import base64
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.people.batch import BatchBounds, BatchMember
from placet.contracts.people.decision import AcceptedDecision, Amendment
from placet.governance.batches import decision_id, is_batched, read_batched
from placet.governance.signing import dsse
from placet.governance.signing.statement import parse_statement


@dataclass(frozen=True, slots=True)
class Signed:
    """What one person signed; the fields are those of `AcceptedDecision`.

    Attributes:
        bounds: What the signer of a batch said of every member.
    """

    tenant: str
    run_id: str
    proposal: str
    verdict: str
    approver: str
    key_id: str
    decision_id: str
    decided_at: datetime
    reason: str
    envelope: dsse.Envelope
    batch: str | None = None
    bounds: BatchBounds | None = None
    amendment: Amendment | None = None

    def differences(self, told: AcceptedDecision) -> list[str]:
        """List where the workflow was told something else than was signed, each as one phrase."""
        names = ("verdict", "approver", "key_id", "decision_id", "decided_at", "reason", "batch")
        pairs = [(name, getattr(self, name), getattr(told, name)) for name in names]
        return [
            f"{name} {_shown(ours)}, the workflow was told {_shown(its)}" for name, ours, its in pairs if ours != its
        ]


def read_signed(text: str, run_id: str, proposal: str) -> Signed:
    """Read an envelope that the workflow was told is run `run_id`'s and about `proposal`.

    Its signature is the caller's to verify, and whether what it says fits.

    Raises:
        DecisionRefused: it is no envelope, or a batch in which this run with this proposal is not.
        ValueError: its payload is not base64.
    """
    if is_batched(text):
        batch, envelope = read_batched(text, BatchMember(run_id=run_id, proposal=proposal))
        return Signed(
            tenant=batch.tenant,
            run_id=run_id,
            proposal=proposal,
            verdict=batch.verdict,
            approver=batch.signer,
            key_id=envelope.signatures[0].keyid,
            decision_id=decision_id(batch, run_id),
            decided_at=batch.signed_at,
            reason=batch.reason,
            envelope=envelope,
            batch=batch.root,
            bounds=batch.bounds,
        )
    return read_single(text)


def read_single(text: str) -> Signed:
    """Read an envelope about one proposal; what it says is the signer's word alone.

    Raises:
        DecisionRefused: it is none.
        ValueError: its payload is not base64.
    """
    envelope = dsse.parse(text)
    statement = parse_statement(base64.b64decode(envelope.payload, validate=True))
    said = statement.predicate
    return Signed(
        tenant=said.tenant,
        run_id=said.run_id,
        proposal=statement.proposal_digest,
        verdict=said.verdict,
        approver=said.approver,
        key_id=envelope.signatures[0].keyid,
        decision_id=said.decision_id,
        decided_at=said.decided_at,
        reason=said.reason,
        envelope=envelope,
        amendment=said.amendment,
    )


def _shown(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)
