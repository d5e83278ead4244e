"""Review of what `decide` signals brought: each counts or is refused with a reason, and every answer is recorded."""

import time
from datetime import datetime

from placet.contracts.audit import ENDED, RecordKind
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import YES, AcceptedDecision, Amended, Phase, ReceivedDecision, ReviewResult
from placet.contracts.proposal import Proposal
from placet.contracts.run import ReviewInput, RunRequest, RunState
from placet.contracts.times import moment
from placet.errors import DecisionRefused, GovernanceError, PlacetError, StorageError
from placet.gate.context import GateContext, milliseconds_since
from placet.gate.deciding.counted import CountedApprovals
from placet.gate.deciding.entitlement import Entitlement
from placet.gate.deciding.proof import check_amendments, counter_of, read_decision, signer_of
from placet.gate.notices import announce
from placet.gate.opening import gate_for, keep_policies, replacing
from placet.gate.sending.halting import check_not_halted
from placet.gate.strategies.holding import check_going_on
from placet.governance.amendments import amended
from placet.governance.approvals import CLOCK_SKEW, amendment_of
from placet.governance.signing.canonical import digest as digest_of
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE
from placet.storage.governance.counters import check_use, note_use
from placet.storage.pending import Pending, amended_key, pending_on_record
from placet.storage.records import Asked
from placet.storage.transaction import Transaction

_WAITING: dict[Phase, RunState] = {"decide": "awaiting_decision", "settle": "unknown_outcome"}
_REVIEW_SECONDS = 5.0
"""What is not reviewed by then is left to the next review: one that took too long would be tried again in vain."""


class Review:
    """One batch of received decisions, reviewed in one transaction.

    What an earlier attempt of the same review committed before its worker died stands: it is found on the record.
    """

    def __init__(self, context: GateContext, tx: Transaction, asked: ReviewInput) -> None:
        self._context, self._tx = context, tx
        self._asked, self._run, self._phase = asked, asked.run, asked.phase
        self._pending = pending_on_record(tx, asked.run.run_id)
        self._counted = self._read()
        self._refusals: dict[str, GovernanceError] = {}

    def result(self) -> ReviewResult:
        """Review what was received, in the order it came, for as long as a review may take."""
        began, reviewed, refused = time.monotonic(), 0, 0
        for received in self._asked.received:
            if reviewed and time.monotonic() - began > _REVIEW_SECONDS:
                break
            reviewed += 1
            try:
                self._review(received)
            except GovernanceError as error:
                refused += 1
                self._refusals[sha256_hex(received.envelope.encode())] = error
                refuse(self._tx, self._run, received, error, self._context.clock())
        return ReviewResult(
            verdict=self._counted.verdict(),
            decisions=self._counted.counting(),
            amended=self._amended(),
            reviewed=reviewed,
            refused=refused,
        )

    def _review(self, received: ReceivedDecision) -> None:
        envelope = sha256_hex(received.envelope.encode())
        if envelope in self._refusals:  # what is sent again in the same batch is not looked at again
            raise self._refusals[envelope]
        accepted = self._tx.decisions.of_run(self._run.run_id, self._phase)
        if any(envelope == used.decision.envelope_digest for used in accepted):
            return  # by an earlier attempt of this review
        if self._counted.verdict() is not None:
            raise DecisionRefused("a decision was accepted already", code="duplicate")
        # After a crash the record may show the open gate before the workflow has taken note of it.
        if received.early and received.received_at < self._pending.gate.opened_at:
            raise DecisionRefused("it arrived before the gate was open", code="early")
        self._accept(received)

    def _accept(self, received: ReceivedDecision) -> None:
        began = time.monotonic()
        tx, run = self._tx, self._run
        # The signal may have waited for a worker: it must be in time, and its key good, when it is processed.
        # When it came is Temporal's word, which makes nothing later than it is now.
        clock = self._context.clock()
        now = max(received.received_at, clock) if received.received_at <= clock + CLOCK_SKEW else clock
        decision, key = self._verify(received.envelope, now)
        counted, pending = self._counted, self._pending
        use = counter_of(received.envelope, key, decision.decided_at)
        check_use(tx, run.tenant, use)
        if decision.verdict in YES:
            counted.check_yes()
            check_amendments(self._context, tx, run, pending)
            check_not_halted(tx, counted.proposal)
            if self._phase == "decide":
                check_going_on(tx, counted.proposal, counted.policies, now)
        if decision.verdict == "amend":
            # Who changes a proposal may decide it as it is, and as it becomes.
            counted.entitlement(key, decision, now, beside_others=False)
            pending, counted = self._as_amended(received.envelope, decision, now)
        decision, entitlement = counted.entitlement(key, decision, now)
        if not tx.decisions.use(decision, tenant=run.tenant, run_id=run.run_id, place=counted.place):
            rows = tx.decisions.on_proposal(run.run_id, pending.proposal, self._phase)
            if any(row.place >= counted.place for row in rows):
                raise StorageError("another review of this run came between; this one is done again")
            raise DecisionRefused("this decision was used before", code="duplicate")
        note_use(tx, run.tenant, use, decision.approver, clock)
        keep_policies(tx, run, counted.policies)
        tx.artifacts.put(run.tenant, DOCUMENT_MEDIA_TYPE, received.envelope.encode())
        if decision.verdict == "amend":
            self._record_amendment(decision, counted.proposal, pending)
        self._pending = pending
        self._counted = self._read()
        self._record_accepted(decision, entitlement, began)

    def _read(self) -> CountedApprovals:
        return CountedApprovals(self._context, self._tx, self._run, self._pending, self._phase)

    def _verify(self, envelope: str, now: datetime) -> tuple[AcceptedDecision, EnrolledKey]:
        read, key = read_decision(
            self._tx,
            self._run,
            envelope,
            pending=self._pending,
            proposal=self._counted.proposal,
            phase=self._phase,
            now=now,
        )
        closes = self._counted.asked.expires_at
        if read.verdict in YES and self._phase == "decide" and max(now, read.decided_at) >= closes:
            # Whoever says no needs what the record asks for alone: a policy that was changed shuts nobody up.
            raise DecisionRefused(
                f"by today's policy the gate closed at {moment(closes)}; it can be rejected until "
                f"{moment(self._pending.gate.expires_at)}",
                code="late",
            )
        return read, key

    def _as_amended(self, envelope: str, decision: AcceptedDecision, now: datetime) -> tuple[Pending, CountedApprovals]:
        """Return what the signer made of the pending proposal, and the gate that policy puts before it.

        Nothing is written yet.
        """
        amendment = amendment_of(envelope)
        if amendment is None:
            raise DecisionRefused("an amendment that changes nothing", code="malformed_statement")
        changed = amended(self._counted.proposal, amendment, decision.approver, decision.reason)
        if digest_of(changed) != decision.proposal:
            raise DecisionRefused(
                f"signed for proposal {decision.proposal[:16]}, the amendment makes {digest_of(changed)[:16]}",
                code="stale",
            )
        check_not_halted(self._tx, changed)
        before = self._pending.gate
        defaults = self._context.terms(self._run.agent)
        gate = gate_for(changed, self._counted.policies, defaults, before.opened_at)
        if gate.verdict != "human":
            raise DecisionRefused(f"policy does not permit the amended proposal: {gate.reason}", code="policy_denied")
        pending = Pending(decision.proposal, replacing(gate, before, now), self._pending)
        return pending, CountedApprovals(self._context, self._tx, self._run, pending, self._phase, changed)

    def _record_amendment(self, decision: AcceptedDecision, proposal: Proposal, pending: Pending) -> None:
        """Put the new version beside the old one, whose approvals are void from now on."""
        tx, run, now = self._tx, self._run, self._context.clock()
        before = self._pending.proposal
        tx.artifacts.put_model(run.tenant, proposal)
        entry, ours = tx.record(
            run,
            "approve.amended",
            key=amended_key(before),
            actor=decision.approver,
            at=now,
            body={
                "amends": before,
                "proposal": pending.proposal,
                "treatment": proposal.treatment,
                "cost": proposal.cost.model_dump(mode="json"),
                "gate": pending.gate.model_dump(mode="json"),
                "void": [one.envelope_digest for one in self._counted.accepted],
            },
        )
        if not ours and entry.body["proposal"] != pending.proposal:
            raise StorageError("another review of this run amended it otherwise; this one is done again")
        if ours:
            people = Asked.of(pending.gate, proposal)
            tx.runs.set_state(run.run_id, "awaiting_decision", at=now, proposal=pending.proposal, asked=people)

    def _record_accepted(self, decision: AcceptedDecision, entitlement: Entitlement, began: float) -> None:
        tx, run, now = self._tx, self._run, self._context.clock()
        missing = self._counted.missing()
        detail = f"{missing} more must approve" if missing else ""
        kind: RecordKind = "approve.decided" if self._phase == "decide" else "approve.settled"
        recorded = tx.record(
            run,
            kind,
            key=f"{kind}.{decision.envelope_digest}",
            actor=decision.approver,
            at=now,
            body={
                "envelope": decision.envelope_digest,
                "proposal": decision.proposal,
                "verdict": decision.verdict,
                "key_id": decision.key_id,
                "decided_at": decision.decided_at.isoformat(),
                "decision_id": decision.decision_id,
                "reason": decision.reason,
                "roles": list(decision.roles),
                "delegated_by": decision.delegated_by,
                "delegation_id": decision.delegation_id,
                "batch": decision.batch,
                "missing": missing,
                "policies": list(entitlement.policies),
                "policy_set": self._counted.policies.digest,
                "duration_ms": milliseconds_since(began),
            },
        )
        if not recorded.ours:
            return
        tx.runs.set_state(
            run.run_id,
            _WAITING[self._phase],
            at=now,
            decision=decision.envelope_digest,
            detail=detail,
            answered=self._counted.verdict() is not None,
        )
        if self._phase == "decide" and self._counted.verdict() is not None:
            announce(self._context, tx, run, self._pending.proposal, self._pending.gate, "decided", now)
        elif decision.verdict == "amend":  # another proposal than the one that people were asked about
            announce(self._context, tx, run, self._pending.proposal, self._pending.gate, "asked", now)

    def _amended(self) -> Amended | None:
        pending = self._pending
        if pending.proposal == self._asked.proposal:
            return None
        return Amended(proposal=self._counted.proposal, digest=pending.proposal, gate=pending.gate)


def too_late(tx: Transaction, asked: ReviewInput, now: datetime) -> ReviewResult:
    """Refuse all that was received: the run is over, and its record takes nothing but that."""
    over = DecisionRefused("it arrived too late; the run is over", code="late")
    accepted = tuple(used.decision for used in tx.decisions.of_run(asked.run.run_id, asked.phase))
    counted = {decision.envelope_digest for decision in accepted}
    late = [one for one in asked.received if sha256_hex(one.envelope.encode()) not in counted]
    for received in late:
        refuse(tx, asked.run, received, over, now)
    # A worker that died before Temporal heard how it ended asks again: it is told what ended it.
    answer = _ended_by(tx, asked, accepted)
    return ReviewResult(
        verdict=None if not answer else "approve" if answer[-1].verdict in YES else answer[-1].verdict,
        decisions=answer,
        amended=_amended_since(tx, asked) if answer else None,
        reviewed=len(asked.received),
        refused=len(late),
    )


def _ended_by(
    tx: Transaction, asked: ReviewInput, accepted: tuple[AcceptedDecision, ...]
) -> tuple[AcceptedDecision, ...]:
    """Return the decisions that ended the run; none if no decision did.

    They are the no, the settlement, or the approvals of its effect.
    """
    ended = tx.audit.find(asked.run.run_id, ENDED)
    if ended is None or not accepted:
        return ()
    if asked.phase == "settle":
        return accepted[-1:] if ended.body["code"] == "settled_by_person" else ()
    if ended.body["state"] == "rejected":
        return tuple(one for one in accepted if one.verdict not in YES)[:1]
    intended = tx.audit.find(asked.run.run_id, "execute.intended")
    envelopes = intended.body["envelopes"] if intended is not None else ()
    return tuple(one for one in accepted if one.envelope_digest in envelopes)


def _amended_since(tx: Transaction, asked: ReviewInput) -> Amended | None:
    """Return what was pending in the end; None where it is the proposal that is asked about."""
    pending = pending_on_record(tx, asked.run.run_id)
    if pending.proposal == asked.proposal:
        return None
    proposal = tx.artifacts.get_model(pending.proposal, Proposal, tenant=asked.run.tenant)
    return Amended(proposal=proposal, digest=pending.proposal, gate=pending.gate)


def unreviewable(tx: Transaction, asked: ReviewInput, error: PlacetError, now: datetime) -> ReviewResult:
    """Refuse all that was received: there is nothing left that it could be about, and the run goes on waiting."""
    gone = GovernanceError(f"the proposal cannot be read: {error}", code=error.code)
    for received in asked.received:
        refuse(tx, asked.run, received, gone, now)
    count = len(asked.received)
    return ReviewResult(verdict=None, decisions=(), reviewed=count, refused=count)


def refuse(tx: Transaction, run: RunRequest, received: ReceivedDecision, error: GovernanceError, now: datetime) -> None:
    """Record a decision that does not count. Who sent it is not known; who signed it is, where their good key did."""
    envelope, signer = sha256_hex(received.envelope.encode()), signer_of(tx, run.tenant, received.envelope, now)
    tx.record(
        run,
        "approve.refused",
        actor="unverified",
        at=now,
        # The same envelope may come again and be refused for another reason.
        key=f"approve.refused.{envelope}.{error.code}",
        body={
            "envelope": envelope,
            "code": error.code,
            "detail": str(error),
            "early": received.early,
            "signer": signer,
        },
    )
