"""Review of what `decide` signals brought: each counts or is refused with a reason, and every answer is recorded."""

import time
from datetime import datetime

from activities.context import Context, milliseconds_since, record
from activities.entitlement import Entitlement, entitle
from activities.gates import default_terms, gate_for, keep_policies, replacing
from activities.halting import check_not_halted
from activities.notices import announce
from placet.contracts.approver import EnrolledKey
from placet.contracts.decision import AcceptedDecision, Amended, Phase, ReceivedDecision, ReviewResult, Verdict
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES, ReviewInput, RunRequest, RunState
from placet.errors import DecisionRefused, GovernanceError
from placet.governance.amendments import amended
from placet.governance.approvals import amendment_of, verify_decision
from placet.governance.batches import is_batched, verify_batched
from placet.governance.canonical import digest as digest_of
from placet.governance.canonical import sha256_hex
from placet.governance.policy import PolicySet
from placet.governance.quorum import admit, roles_at, suffices
from placet.governance.signed import DOCUMENT_MEDIA_TYPE
from placet.storage.database import Transaction
from placet.storage.pending import Pending, amended_key, pending_on_record

YES: frozenset[Verdict] = frozenset({"approve", "amend"})
_WAITING: dict[Phase, RunState] = {"decide": "awaiting_decision", "settle": "unknown_outcome"}


class Review:
    """One batch of received decisions, reviewed in one transaction.

    What an earlier attempt of the same review committed before its worker died stands: it is found on the record.
    """

    def __init__(self, context: Context, tx: Transaction, asked: ReviewInput) -> None:
        self._context, self._tx = context, tx
        self._asked, self._run, self._phase = asked, asked.run, asked.phase
        self._pending = pending_on_record(tx, asked.run.run_id)

    def result(self) -> ReviewResult:
        """Review all that was received, in the order it came."""
        refused = 0
        for received in self._asked.received:
            try:
                self._review(received)
            except GovernanceError as error:
                refused += 1
                refuse(self._tx, self._run, received, error, self._context.clock())
        return ReviewResult(
            verdict=self._verdict(), decisions=self._decisions(), amended=self._amended(), refused=refused
        )

    def _review(self, received: ReceivedDecision) -> None:
        state = self._tx.runs.get(self._run.run_id)
        if state is not None and state.state in END_STATES:  # cancelled while this review was under way
            raise DecisionRefused("it arrived too late; the run is over", code="late")
        envelope = sha256_hex(received.envelope.encode())
        accepted = self._tx.decisions.of_run(self._run.run_id, self._phase)
        if any(envelope == used.decision.envelope_digest for used in accepted):
            return  # by an earlier attempt of this review
        if self._verdict() is not None:
            raise DecisionRefused("a decision was accepted already", code="duplicate")
        # After a crash the record may show the open gate before the workflow has taken note of it.
        if received.early and received.received_at < self._pending.gate.opened_at:
            raise DecisionRefused("it arrived before the gate was open", code="early")
        self._accept(received)

    def _accept(self, received: ReceivedDecision) -> None:
        began = time.monotonic()
        tx, run = self._tx, self._run
        # The signal may have waited for a worker: it must be in time, and its key good, when it is processed.
        now = max(received.received_at, self._context.clock())
        proposal, pending = self._context.proposal(run, self._pending.proposal, tx), self._pending
        decision, key = self._verify(received.envelope, proposal, now)
        policies = self._context.policies(run.tenant, run.agent)
        if decision.verdict in YES and self._phase == "decide":
            check_not_halted(tx, proposal)
        if decision.verdict == "amend":
            proposal, pending = self._as_amended(received.envelope, decision, proposal, policies)
        entitlement = entitle(tx, policies, key, proposal, roles_at(pending.gate, now), now)
        decision = decision.model_copy(update={"roles": entitlement.roles, "delegated_by": entitlement.delegated_by})
        earlier = tx.decisions.on_proposal(run.run_id, pending.proposal, self._phase)
        if decision.verdict in YES:
            admit(pending.gate, earlier, decision)
        if not tx.decisions.use(decision, tenant=run.tenant, run_id=run.run_id, place=len(earlier) + 1):
            raise DecisionRefused("this decision was used before, or another one was accepted", code="duplicate")
        keep_policies(tx, run, policies)
        tx.artifacts.put(run.tenant, DOCUMENT_MEDIA_TYPE, received.envelope.encode())
        if decision.verdict == "amend":
            self._amend(decision, proposal, pending)
        self._record_accepted(decision, entitlement, policies, began)

    def _verify(self, envelope: str, proposal: Proposal, now: datetime) -> tuple[AcceptedDecision, EnrolledKey]:
        run, pending, find_key = self._run, self._pending, self._tx.approvers.get
        if is_batched(envelope):
            return verify_batched(
                envelope,
                run=run,
                proposal_digest=pending.proposal,
                proposal=proposal,
                gate=pending.gate,
                phase=self._phase,
                now=now,
                find_key=find_key,
            )
        return verify_decision(
            envelope,
            run=run,
            proposal_digest=pending.proposal,
            gate=pending.gate,
            phase=self._phase,
            now=now,
            find_key=find_key,
        )

    def _as_amended(
        self, envelope: str, decision: AcceptedDecision, proposal: Proposal, policies: PolicySet
    ) -> tuple[Proposal, Pending]:
        """The proposal that the signer made of the pending one, and the gate policy puts before it."""
        amendment = amendment_of(envelope)
        if amendment is None:
            raise DecisionRefused("an amendment that changes nothing", code="malformed_statement")
        changed = amended(proposal, amendment, decision.approver)
        if digest_of(changed) != decision.proposal:
            raise DecisionRefused(
                f"signed for proposal {decision.proposal[:16]}, the amendment makes {digest_of(changed)[:16]}",
                code="stale",
            )
        before = self._pending.gate
        gate = gate_for(changed, policies, default_terms(self._context.application(self._run.agent)), before.opened_at)
        if gate.verdict != "human":
            raise DecisionRefused(f"policy does not permit the amended proposal: {gate.reason}", code="policy_denied")
        return changed, Pending(decision.proposal, replacing(gate, before))

    def _amend(self, decision: AcceptedDecision, proposal: Proposal, pending: Pending) -> None:
        """Put the new version beside the old one, whose approvals are void from now on."""
        tx, run, now = self._tx, self._run, self._context.clock()
        before = self._pending.proposal
        void = tx.decisions.on_proposal(run.run_id, before)
        tx.artifacts.put_model(run.tenant, proposal)
        tx.runs.set_state(run.run_id, "awaiting_decision", at=now, proposal=pending.proposal)
        record(
            tx,
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
                "void": [one.envelope_digest for one in void],
            },
        )
        self._pending = pending

    def _record_accepted(
        self, decision: AcceptedDecision, entitlement: Entitlement, policies: PolicySet, began: float
    ) -> None:
        tx, run, now = self._tx, self._run, self._context.clock()
        missing = self._missing()
        detail = f"{missing} more must approve" if missing else ""
        tx.runs.set_state(run.run_id, _WAITING[self._phase], at=now, decision=decision.envelope_digest, detail=detail)
        kind = "approve.decided" if self._phase == "decide" else "approve.settled"
        record(
            tx,
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
                "reason": decision.reason,
                "roles": list(decision.roles),
                "delegated_by": decision.delegated_by,
                "batch": decision.batch,
                "missing": missing,
                "policies": list(entitlement.policies),
                "policy_set": policies.digest,
                "duration_ms": milliseconds_since(began),
            },
        )
        if self._phase == "decide" and self._verdict() is not None:
            announce(self._context, tx, run, self._pending.proposal, self._pending.gate, "decided", now)
        elif decision.verdict == "amend":  # another proposal than the one that people were asked about
            announce(self._context, tx, run, self._pending.proposal, self._pending.gate, "asked", now)

    def _decisions(self) -> tuple[AcceptedDecision, ...]:
        return self._tx.decisions.on_proposal(self._run.run_id, self._pending.proposal, self._phase)

    def _missing(self) -> int:
        """How many people must still approve."""
        return self._pending.gate.quorum - len(self._decisions()) if self._verdict() is None else 0

    def _verdict(self) -> Verdict | None:
        """What the question is answered with, by all that was accepted on the pending proposal."""
        decisions = self._decisions()
        for decision in decisions:
            if decision.verdict not in YES:
                return decision.verdict
        return "approve" if decisions and suffices(self._pending.gate, decisions) else None

    def _amended(self) -> Amended | None:
        pending = self._pending
        if pending.proposal == self._asked.proposal:
            return None
        proposal = self._context.proposal(self._run, pending.proposal, self._tx)
        return Amended(proposal=proposal, digest=pending.proposal, gate=pending.gate)


def refuse(tx: Transaction, run: RunRequest, received: ReceivedDecision, error: GovernanceError, now: datetime) -> None:
    """Record a decision that does not count. Who sent it is not known, whatever it says of itself."""
    envelope = sha256_hex(received.envelope.encode())
    record(
        tx,
        run,
        "approve.refused",
        actor="unverified",
        at=now,
        # The same envelope may come again and be refused for another reason.
        key=f"approve.refused.{envelope}.{error.code}",
        body={"envelope": envelope, "code": error.code, "detail": str(error), "early": received.early},
    )
