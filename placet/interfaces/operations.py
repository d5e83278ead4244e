"""What every interface does, once: start a run, prepare and deliver a decision, enroll and revoke keys.

Interfaces differ in how they ask and show; these functions hold what must not differ.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from placet.contracts.approver import EnrolledKey
from placet.contracts.base import first_fault
from placet.contracts.decision import Amendment, DecisionPredicate, Verdict
from placet.contracts.money import Money, parse_money
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES, RunRequest
from placet.errors import UsageError
from placet.governance.amendments import amended
from placet.governance.approvals import sign_decision
from placet.governance.canonical import digest as digest_of
from placet.governance.canonical import sha256_hex
from placet.governance.keys import SigningKey, key_id_of
from placet.governance.reversals import KEY_PREFIX
from placet.interfaces.engine import Engine
from placet.storage.database import Database, Transaction
from placet.storage.records import RunRecord


@dataclass(frozen=True, slots=True)
class StartedRun:
    """The run a request led to.

    Attributes:
        new: False when the same key had started it before.
        over: It has ended; it is never started again, even if Temporal no longer remembers it.
    """

    request: RunRequest
    new: bool
    over: bool = False


def run_id_for(tenant: str, key: str) -> str:
    """The run a key stands for: the same key of the same tenant is the same run."""
    return "run-" + sha256_hex(f"{tenant}/{key}".encode())[:20]


def build_request(
    *, tenant: str, customer_id: str, agent: str, requested_by: str, key: str | None, agents: tuple[str, ...]
) -> RunRequest:
    """Check what an operator asks for.

    Raises:
        UsageError: a value is malformed, or the agent is unknown.
    """
    if agent not in agents:
        raise UsageError(f"unknown agent {agent!r}; known: {', '.join(agents)}", code="unknown_agent")
    run_key = secrets.token_hex(8) if key is None else key
    if run_key.startswith(KEY_PREFIX):
        raise UsageError(f"run key {run_key!r} begins like a reversal's; choose another one, or use `placet reverse`")
    try:
        return RunRequest(
            run_id=run_id_for(tenant, run_key),
            tenant=tenant,
            customer_id=customer_id,
            agent=agent,
            key=run_key,
            requested_by=requested_by,
            requested_at=datetime.now(UTC),
        )
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error


def record_request(database: Database, request: RunRequest) -> StartedRun:
    """Put a request on the record; what was recorded first under its key is what stands.

    Raises:
        UsageError: the key was used for another customer or agent.
    """
    with database.transaction() as tx:
        new = tx.runs.request(request)
        record_entry(tx, request, "run.requested", request.requested_by, _wanted(request), at=request.requested_at)
        first = tx.runs.get(request.run_id)
    if first is None:
        return StartedRun(request, new=new)
    stands = RunRequest(**{name: getattr(first, name) for name in RunRequest.model_fields})
    return StartedRun(stands, new=new, over=first.state in END_STATES)


async def start_run(database: Database, engine: Engine, request: RunRequest) -> StartedRun:
    """Record the request, then start its workflow. Repeating it with the same key is safe at any point.

    Raises:
        UsageError: the key was used for another customer or agent.
        UpstreamUnavailable: recorded, but Temporal did not start it; the same key starts it later.
    """
    recorded = record_request(database, request)
    if recorded.over:
        return recorded
    return StartedRun(recorded.request, new=await engine.start(recorded.request))


def record_cancellation(database: Database, record: RunRecord, by: str) -> None:
    """Put on the record who asks for the end of a run: Temporal's cancellation carries no name.

    Raises:
        UsageError: the run has ended.
    """
    if record.state in END_STATES:
        raise UsageError(
            f"run {record.run_id!r} is {record.state!r} and not running; there is nothing to cancel", code="not_running"
        )
    if record.state == "unknown_outcome":
        raise UsageError(
            f"run {record.run_id!r} waits for a person to settle what happened; use `placet settle`", code="not_running"
        )
    key = "run.cancel_requested"
    with database.transaction() as tx:
        if tx.audit.find(record.run_id, key) is not None:
            key = f"{key}.{secrets.token_hex(12)}"  # another one asks as well
        record_entry(tx, record, "run.cancel_requested", by, {"state": record.state}, key=key)


def record_entry(
    tx: Transaction,
    run: RunRequest,
    kind: str,
    actor: str,
    body: dict[str, Any],
    *,
    key: str = "",
    at: datetime | None = None,
) -> None:
    """Append one entry to a run's stream, once per step key (the kind, where it occurs once)."""
    tx.audit.append(
        stream=run.run_id,
        tenant=run.tenant,
        run_id=run.run_id,
        kind=kind,
        actor=actor,
        step_key=key or kind,
        at=at or datetime.now(UTC),
        body=body,
    )


def _wanted(request: RunRequest) -> dict[str, Any]:
    return {"customer_id": request.customer_id, "agent": request.agent, "key": request.key}


def find_run(database: Database, run_id: str, tenant: str) -> RunRecord:
    """The run's record. Another tenant's run does not exist here.

    Raises:
        UsageError: there is none.
    """
    with database.reading() as tx:
        record = tx.runs.get(run_id)
    if record is None or record.tenant != tenant:
        raise UsageError(f"no run {run_id!r}; see `placet run list`", code="unknown_run")
    return record


def pending_proposal(database: Database, run_id: str, tenant: str, verdict: Verdict) -> tuple[RunRecord, str, Proposal]:
    """The proposal a decision would be about, with its digest.

    Raises:
        UsageError: the run is not waiting for such a decision.
    """
    record = find_run(database, run_id, tenant)
    expected = "unknown_outcome" if verdict.startswith("confirm_") else "awaiting_decision"
    if record.state != expected or record.proposal is None:
        raise UsageError(f"run {run_id!r} is {record.state!r}, not {expected!r}: there is nothing to {verdict}")
    with database.reading() as tx:
        return record, record.proposal, tx.artifacts.get_model(record.proposal, Proposal)


def sign_verdict(
    record: RunRecord, proposal_digest: str, verdict: Verdict, approver: str, reason: str, key: SigningKey
) -> str:
    """Sign a decision about one exact proposal; returns the envelope, one line of JSON.

    Raises:
        UsageError: the name or the reason is malformed.
    """
    predicate = _predicate(record, verdict, approver, reason)
    return sign_decision(predicate, proposal_digest, key.private, key.key_id)


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
    digest, proposal = pending
    try:
        amendment = Amendment(amends=digest, amount=change[0], treatment=change[1])
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error
    predicate = _predicate(record, "amend", approver, reason, amendment)
    changed = amended(proposal, amendment, approver)
    return changed, sign_decision(predicate, digest_of(changed), key.private, key.key_id)


def _predicate(
    record: RunRecord, verdict: Verdict, approver: str, reason: str, amendment: Amendment | None = None
) -> DecisionPredicate:
    try:
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
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error


async def deliver_decision(database: Database, engine: Engine, record: RunRecord, envelope: str) -> None:
    """Send a signed decision to its run; one that comes after the end is recorded as refused.

    Raises:
        UsageError: the run has ended (code `late`).
    """
    try:
        await engine.decide(record.run_id, envelope)
    except UsageError as error:
        if error.code == "late":
            digest = sha256_hex(envelope.encode())
            body = {"envelope": digest, "code": error.code, "detail": str(error)}
            with database.transaction() as tx:
                record_entry(tx, record, "approve.refused", "unverified", body, key=f"approve.refused.{digest}.late")
        raise


def review_outcome(database: Database, run_id: str, envelope: str) -> tuple[str, str] | None:
    """What became of a delivered decision: (`accepted` or the refusal code, detail), None while unreviewed."""
    envelope_digest = sha256_hex(envelope.encode())
    with database.reading() as tx:
        events = tx.audit.read(run_id)
    for event in events:
        if event.body.get("envelope") == envelope_digest:
            if event.kind == "approve.refused":
                return str(event.body["code"]), str(event.body["detail"])
            missing = event.body.get("missing", 0)
            return "accepted", f"{missing} more must approve" if missing else ""
    return None


def enroll_key(
    database: Database,
    *,
    name: str,
    tenant: str,
    roles: tuple[str, ...],
    limit: str | None,
    public_key: bytes,
    enrolled_by: str,
    expires_at: datetime | None,
) -> EnrolledKey:
    """Enroll one key of one named person, on the record.

    Raises:
        UsageError: a value is malformed, or the key is enrolled already.
    """
    try:
        key = EnrolledKey(
            name=name,
            tenant=tenant,
            roles=roles,
            limit=parse_money(limit) if limit else None,
            key_id=key_id_of(public_key),
            public_key=base64.b64encode(public_key).decode(),
            enrolled_by=enrolled_by,
            enrolled_at=datetime.now(UTC),
            expires_at=expires_at,
        )
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    with database.transaction() as tx:
        tx.approvers.enroll(key)
        tx.audit.append(
            stream=f"tenant/{tenant}",
            tenant=tenant,
            run_id=None,
            kind="key.enrolled",
            actor=enrolled_by,
            step_key=f"key.enrolled.{key.key_id}",
            at=key.enrolled_at,
            body=key.model_dump(mode="json", include={"name", "roles", "limit", "key_id", "public_key", "expires_at"}),
        )
    return key


def revoke_key(database: Database, *, tenant: str, key_id: str, by: str, reason: str) -> EnrolledKey:
    """Revoke a key, named by its id or an unambiguous beginning of it; from now on it decides nothing.

    Raises:
        UsageError: no key, or several, match.
    """
    with database.transaction() as tx:
        matches = [key for key in tx.approvers.list(tenant) if key.key_id.startswith(key_id)]
        if len(matches) != 1:
            raise UsageError(f"{len(matches)} keys of tenant {tenant!r} begin with {key_id!r}; see `placet keys list`")
        key = matches[0]
        at = datetime.now(UTC)
        tx.approvers.revoke(key.key_id, by=by, at=at, reason=reason)
        tx.audit.append(
            stream=f"tenant/{tenant}",
            tenant=tenant,
            run_id=None,
            kind="key.revoked",
            actor=by,
            step_key=f"key.revoked.{key.key_id}",
            at=at,
            body={"name": key.name, "key_id": key.key_id, "reason": reason},
        )
    return key
