"""What every interface does with a decision: find what is pending, sign it or what it is changed into, deliver it."""

import base64
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from placet.contracts.audit import tenant_stream
from placet.contracts.money import Money
from placet.contracts.people.batch import BatchMember
from placet.contracts.people.decision import (
    MAX_ENVELOPE_BYTES,
    YES,
    Amendment,
    DecisionPredicate,
    Verdict,
    envelope_text,
    phase_of,
)
from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.deciding.proof import signer_of
from placet.gate.sending.halting import check_not_halted
from placet.gate.strategies.holding import ROLLOUT_HELD
from placet.gate.strategies.rollout import RESUMED
from placet.governance.amendments import amended
from placet.governance.approvals import check_key
from placet.governance.batches import NOT_IN_BATCH, BatchedDecision, check_for_run
from placet.governance.signing import dsse
from placet.governance.signing.canonical import digest as digest_of
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.statement import Statement, decision_payload, parse_statement
from placet.service.given import checked
from placet.service.runs import find_run
from placet.storage.database import Database
from placet.storage.records import RunRecord
from placet.storage.standing import contradiction
from placet.storage.transaction import Transaction

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine


def pending_proposal(database: Database, run_id: str, tenant: str, verdict: Verdict) -> tuple[RunRecord, str, Proposal]:
    """Return the proposal that a decision would be about, with its digest.

    Raises:
        UsageError: the run is not waiting for such a decision.
        DecisionRefused: code `halted`; it would be a yes, and a halt is in force. Code `row_contradicts_record`: whom
            the run is about, or who asked for it, is another by the record.
    """
    record = find_run(database, run_id, tenant)
    settles = phase_of(verdict) == "settle"
    if record.state != ("unknown_outcome" if settles else "awaiting_decision") or record.proposal is None:
        waits, nothing = ("for what somebody found", "settle") if settles else ("for a decision", verdict)
        raise UsageError(
            f"run {run_id!r} is {record.state.replace('_', ' ')} and does not wait {waits}: "
            f"there is nothing to {nothing}"
        )
    with database.snapshot() as tx:
        record = tx.runs.get(run_id) or record  # as of the moment at which its entries are read
        if record.proposal is None:
            raise UsageError(f"run {run_id!r} has no proposal any more")
        if other := contradiction(tx, record):
            raise DecisionRefused(f"{other}; nothing is signed on it", code="row_contradicts_record")
        proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=record.tenant)
        if verdict in YES:
            check_not_halted(tx, proposal)  # nobody need sign what is refused
    return record, record.proposal, proposal


def sign_verdict(
    record: RunRecord, proposal_digest: str, verdict: Verdict, approver: str, reason: str, key: SigningKey
) -> str:
    """Sign a decision about one exact proposal; returns the envelope, one line of JSON.

    Raises:
        UsageError: the name or the reason is malformed.
    """
    statement = verdict_statement(record, proposal_digest, verdict, approver, reason)
    return dsse.sign(statement, key.private, key.key_id)


def verdict_statement(record: RunRecord, proposal_digest: str, verdict: Verdict, approver: str, reason: str) -> bytes:
    """Return the statement that `approver` signs to decide one exact proposal, as of now.

    Make it when the person decides, not when they begin to read: it says when it was signed, and the counters of
    passkeys are compared by that.

    Raises:
        UsageError: the name or the reason is malformed.
    """
    return decision_payload(proposal_digest, _predicate(record, verdict, approver, reason))


def sign_amendment(
    record: RunRecord,
    pending: tuple[str, Proposal],
    change: tuple[Money | None, str | None],
    approver: str,
    reason: str,
    key: SigningKey,
) -> tuple[Proposal, str]:
    """Sign the pending proposal as the approver changes it.

    Args:
        record: The run.
        pending: Digest of the pending proposal, and the proposal.
        change: A smaller amount, or another treatment; one of them.
        approver: Who signs, as enrolled.
        reason: Kept on the record.
        key: The approver's key.

    Returns:
        The proposal as amended, and the envelope, one line of JSON.

    Raises:
        DecisionRefused: the proposal cannot be changed so.
        UsageError: neither or both of the changes are given.
    """
    changed, statement = amendment_statement(record, pending, change, approver, reason)
    return changed, dsse.sign(statement, key.private, key.key_id)


def amendment_statement(
    record: RunRecord,
    pending: tuple[str, Proposal],
    change: tuple[Money | None, str | None],
    approver: str,
    reason: str,
) -> tuple[Proposal, bytes]:
    """Return the pending proposal as the approver changes it, and the statement that they sign of it.

    The arguments and what is raised are those of `sign_amendment`.
    """
    digest, proposal = pending
    with checked():
        amendment = Amendment(amends=digest, amount=change[0], treatment=change[1])
    predicate = _predicate(record, "amend", approver, reason, amendment)
    changed = amended(proposal, amendment, approver, reason)
    return changed, decision_payload(digest_of(changed), predicate)


def _predicate(
    record: RunRecord, verdict: Verdict, approver: str, reason: str, amendment: Amendment | None = None
) -> DecisionPredicate:
    with checked():
        return DecisionPredicate(
            tenant=record.tenant,
            run_id=record.run_id,
            verdict=verdict,
            approver=approver,
            decided_at=datetime.now(UTC),
            decision_id=secrets.token_hex(16),
            reason=reason,
            amendment=amendment,
        )


def read_statement(database: Database, tenant: str, payload: bytes) -> tuple[Statement, Proposal]:
    """Return what the bytes of a decision's statement say, and the very proposal that they are about.

    The statement names the proposal by its digest. The proposal is found by that digest, or derived again where it is
    one as amended, and compared with it: what is shown of it is what is signed.

    Raises:
        DecisionRefused: the bytes are no such statement, or about another proposal than they claim.
        UsageError: the proposal was erased.
    """
    statement = parse_statement(payload)
    predicate, digest = statement.predicate, statement.proposal_digest
    amendment = predicate.amendment
    with database.reading() as tx:
        known = digest if amendment is None else amendment.amends
        proposal = tx.artifacts.get_model(known, Proposal, tenant=tenant)
    if amendment is not None:
        proposal = amended(proposal, amendment, predicate.approver, predicate.reason)
    if digest_of(proposal) != digest:
        raise DecisionRefused("the statement is about another proposal than it says", code="wrong_subject")
    return statement, proposal


def check_signature(database: Database, tenant: str, envelope: dsse.Envelope) -> None:
    """Check that somebody whose key counts here signed the envelope; the review says whether the decision counts.

    Raises:
        DecisionRefused: nobody did; the key is unknown, another tenant's, revoked or expired, or did not sign it.
    """
    key_id = envelope.signatures[0].keyid
    with database.reading() as tx:
        key = check_key(tx.approvers.get(key_id), key_id, tenant, datetime.now(UTC))
    dsse.verify(envelope, base64.b64decode(key.public_key), key.passkey)


def take_envelope(
    database: Database, record: RunRecord, envelope: dsse.Envelope | BatchedDecision, *, signed_here: bool
) -> str:
    """Return the text of an envelope that somebody hands in, as it is delivered.

    Args:
        database: Where enrolled keys are.
        record: The run it is handed in for.
        envelope: A signed decision, or a run's share of a batch.
        signed_here: Whether somebody who is enrolled must have signed it, for this run: Temporal takes some 10,000
            signals for a run, each refusal is an entry of its record, and who holds a token and no key must not use
            them up.

    Raises:
        UsageError: it is too large.
        DecisionRefused: it is over something else than an in-toto statement, is for another run, or nobody enrolled
            signed it.
    """
    text = envelope_text([(b"json/plain", envelope.model_dump_json().encode())])
    if len(text.encode()) > MAX_ENVELOPE_BYTES:
        raise UsageError(f"the envelope is larger than {MAX_ENVELOPE_BYTES} bytes", code="malformed")
    signed = envelope.batch if isinstance(envelope, BatchedDecision) else envelope
    dsse.check_payload_type(signed)
    if signed_here:
        _check_run(record, envelope)
        check_signature(database, record.tenant, signed)
    return text


def _check_run(record: RunRecord, envelope: dsse.Envelope | BatchedDecision) -> None:
    if isinstance(envelope, BatchedDecision):
        if record.proposal is None:
            raise DecisionRefused(f"run {record.run_id!r} proposes nothing", code=NOT_IN_BATCH)
        check_for_run(envelope, BatchMember(run_id=record.run_id, proposal=record.proposal))
        return
    meant = parse_statement(dsse.unverified_payload(envelope)).predicate.run_id
    if meant != record.run_id:
        raise DecisionRefused(f"it was signed for run {meant!r}, not for {record.run_id!r}", code="wrong_run")


async def deliver_decision(database: Database, engine: "Engine", record: RunRecord, envelope: str) -> None:
    """Send a signed decision to its run; one that comes after the end is recorded as refused.

    What the run has answered already is not sent again: its answer stands (`review_outcome`). Temporal takes some
    10,000 signals for a run, and whoever has one signed envelope must not use them up.

    Raises:
        UsageError: the run has ended (code `late`).
    """
    answered = review_outcome(database, record.run_id, envelope)
    if answered is not None and answered[0] != "late":
        return
    try:
        await engine.decide(record.run_id, envelope)
    except UsageError as error:
        if error.code == "late":
            digest = sha256_hex(envelope.encode())
            with database.transaction() as tx:
                signer = signer_of(tx, record.tenant, envelope, datetime.now(UTC))
                body = {"envelope": digest, "code": error.code, "detail": str(error), "signer": signer}
                key = f"approve.refused.{digest}.late"
                tx.record(record, "approve.refused", actor="unverified", at=datetime.now(UTC), body=body, key=key)
        raise


def review_outcome(database: Database, run_id: str, envelope: str) -> tuple[str, str] | None:
    """Return what became of a delivered decision: (`accepted` or the refusal code, detail); None while unreviewed.

    A refusal because of a halt, or of a rollout that is held, stands while there is one. Afterwards the decision may be
    sent again, and its next answer is the one that counts.
    """
    envelope_digest = sha256_hex(envelope.encode())
    with database.reading() as tx:
        answers = [event for event in tx.audit.read(run_id) if event.body.get("envelope") == envelope_digest]
        accepted = next((event for event in answers if event.kind != "approve.refused"), None)
        if accepted is not None:
            missing = accepted.body.get("missing", 0)
            return "accepted", f"{missing} more must approve" if missing else ""
        if not answers:
            return None
        refused = answers[-1].body
        if refused["code"] == "halted" and not _is_halted(tx, run_id, envelope):
            return None
        if refused["code"] == ROLLOUT_HELD and not _is_held(tx, run_id):
            return None
    return str(refused["code"]), str(refused["detail"])


def _is_halted(tx: Transaction, run_id: str, envelope: str) -> bool:
    """Return whether a halt stops what the envelope decides: what waits, and what an amendment makes of it."""
    record = tx.runs.get(run_id)
    if record is None or record.proposal is None:
        return True
    try:
        proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=record.tenant)
        check_not_halted(tx, proposal)
        predicate = _predicate_in(envelope)
        if predicate is not None and predicate.amendment is not None and predicate.amendment.amends == record.proposal:
            check_not_halted(tx, amended(proposal, predicate.amendment, predicate.approver, predicate.reason))
    except (GovernanceError, UsageError):  # halted, or not to be read
        return True
    return False


def _is_held(tx: Transaction, run_id: str) -> bool:
    """Return whether the rollout of a run is held still, as far as its row says: the review asks the signatures."""
    record = tx.runs.get(run_id)
    if record is None or record.strategy is None:
        return True
    written = tx.rollouts.written(record.tenant, record.strategy)
    if written is None or written.ended:
        return True
    lifted = f"{RESUMED}.{record.strategy}.{written.holds}"
    return tx.audit.find(tenant_stream(record.tenant), lifted) is None


def _predicate_in(envelope: str) -> DecisionPredicate | None:
    """Return what an envelope that was reviewed says; None for a run's share of a batch, which changes nothing."""
    try:
        return parse_statement(dsse.unverified_payload(dsse.parse(envelope))).predicate
    except DecisionRefused:
        return None
