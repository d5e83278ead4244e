"""(4) approve: open the gate by policy, review received decisions by the rules, record every answer."""

import time
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from activities.context import Context, milliseconds_since, record
from placet.contracts.approver import EnrolledKey
from placet.contracts.decision import AcceptedDecision, Gate, ReceivedDecision, ReviewResult
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES, GateInput, ReviewInput, RunRequest, RunState
from placet.errors import DecisionRefused, GovernanceError, PolicyError
from placet.governance.approvals import verify_decision
from placet.governance.canonical import sha256_hex
from placet.governance.policy import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.storage.database import Transaction

OPENED = "approve.opened"


class Approve:
    """The gate's two local activities: they touch our own database and decide, nothing else."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="open_gate", no_thread_cancel_exception=True)
    def open_gate(self, gate: GateInput) -> Gate:
        """Ask policy what stands between the proposal and its execution; no policy set means no."""
        context = self._context
        with context.step(gate.run):
            earlier = context.recorded(gate.run, OPENED)
            if earlier is not None:
                return Gate.model_validate(earlier.body["gate"])
            began = time.monotonic()
            opened, policies = self._gate(gate)
            with context.database.transaction() as tx:
                keep_policies(tx, gate.run, policies)
                if opened.verdict == "human":
                    tx.runs.set_state(gate.run.run_id, "awaiting_decision", at=opened.opened_at)
                entry = record(
                    tx,
                    gate.run,
                    OPENED,
                    actor="policy",
                    at=opened.opened_at,
                    body={
                        "proposal": gate.proposal,
                        "gate": opened.model_dump(mode="json"),
                        "duration_ms": milliseconds_since(began),
                    },
                )
            return Gate.model_validate(entry.body["gate"])

    @activity.defn(name="review_decisions", no_thread_cancel_exception=True)
    def review_decisions(self, review: ReviewInput) -> ReviewResult:
        """Check each received decision; the first that counts is accepted, the others are refused with a reason."""
        context = self._context
        with context.step(review.run):
            proposal = context.proposal(review.run, review.proposal)
            refused = 0
            with context.database.transaction() as tx:
                # An earlier attempt of this review may have committed before its worker died: what it accepted stands.
                used = tx.decisions.get_for_run(review.run.run_id, review.phase)
                accepted = used.decision if used is not None else None
                state = tx.runs.get(review.run.run_id)
                over = state is not None and state.state in END_STATES
                for received in review.received:
                    try:
                        if over:  # cancelled while this review was under way
                            raise DecisionRefused("it arrived too late; the run is over", code="late")
                        decision = self._review(tx, review, proposal, received, accepted)
                    except GovernanceError as error:
                        refused += 1
                        refuse(tx, review.run, received, error, context.clock())
                    else:
                        accepted = decision
            return ReviewResult(accepted=accepted, refused=refused)

    def _gate(self, gate: GateInput) -> tuple[Gate, PolicySet | None]:
        context, now = self._context, self._context.clock()
        application = context.application(gate.run.agent)
        until = now + timedelta(hours=application.gate_ttl_hours)
        try:
            policies = context.policies(gate.run.tenant, gate.run.agent)
        except PolicyError as error:
            denied = Gate(
                verdict="denied",
                reason=str(error),
                policy_set=None,
                policies=(),
                role=application.gate_role,
                opened_at=now,
                expires_at=until,
            )
            return denied, None
        answer = policies.may_propose(context.proposal(gate.run, gate.proposal))
        opened = Gate(
            verdict="human" if answer.allowed else "denied",
            reason=answer.detail,
            policy_set=policies.digest,
            policies=answer.policies,
            role=application.gate_role,
            opened_at=now,
            expires_at=until,
        )
        return opened, policies

    def _review(
        self,
        tx: Transaction,
        review: ReviewInput,
        proposal: Proposal,
        received: ReceivedDecision,
        accepted: AcceptedDecision | None,
    ) -> AcceptedDecision:
        # After a crash the record may show the open gate before the workflow has taken note of it.
        if accepted is not None:
            if sha256_hex(received.envelope.encode()) == accepted.envelope_digest:
                return accepted
            raise DecisionRefused("a decision was accepted already", code="duplicate")
        if received.early and received.received_at < review.gate.opened_at:
            raise DecisionRefused("it arrived before the gate was open", code="early")
        began = time.monotonic()
        decision, key = verify_decision(
            received.envelope,
            run=review.run,
            proposal_digest=review.proposal,
            gate=review.gate,
            phase=review.phase,
            # The signal may have waited for a worker: it must be in time, and its key good, when it is processed.
            now=max(received.received_at, self._context.clock()),
            find_key=tx.approvers.get,
        )
        if review.gate.role not in key.roles:
            raise DecisionRefused(f"{key.name!r} does not hold the role {review.gate.role!r}", code="unentitled")
        policies = self._context.policies(review.run.tenant, review.run.agent)
        deciding = entitle(policies, key, proposal)
        run = review.run
        if not tx.decisions.use(decision, tenant=run.tenant, run_id=run.run_id, proposal=review.proposal):
            raise DecisionRefused("this decision was used before, or another one was accepted", code="duplicate")
        keep_policies(tx, run, policies)
        because = {
            "policies": list(deciding),
            "policy_set": policies.digest,
            "duration_ms": milliseconds_since(began),
        }
        self._record_accepted(tx, review, received, decision, because)
        return decision

    def _record_accepted(
        self,
        tx: Transaction,
        review: ReviewInput,
        received: ReceivedDecision,
        decision: AcceptedDecision,
        because: dict[str, Any],
    ) -> None:
        tx.artifacts.put(review.run.tenant, "application/vnd.dsse+json", received.envelope.encode())
        waiting: RunState = "awaiting_decision" if review.phase == "decide" else "unknown_outcome"
        tx.runs.set_state(review.run.run_id, waiting, at=self._context.clock(), decision=decision.envelope_digest)
        record(
            tx,
            review.run,
            "approve.decided" if review.phase == "decide" else "approve.settled",
            actor=decision.approver,
            at=self._context.clock(),
            body={
                "envelope": decision.envelope_digest,
                "proposal": review.proposal,
                "verdict": decision.verdict,
                "key_id": decision.key_id,
                "decided_at": decision.decided_at.isoformat(),
                "reason": decision.reason,
                **because,
            },
        )


def keep_policies(tx: Transaction, run: RunRequest, policies: PolicySet | None) -> None:
    """Keep the text of the policy set that was asked: its digest alone would tell an auditor little."""
    if policies is not None:
        tx.artifacts.put(run.tenant, POLICY_SET_MEDIA_TYPE, policies.document)


def entitle(policies: PolicySet, key: EnrolledKey, proposal: Proposal) -> tuple[str, ...]:
    """Policy entitles the holder of `key` to decide `proposal`; returns the deciding policies.

    Raises:
        DecisionRefused: it does not.
    """
    answer = policies.may_decide(key, proposal)
    if not answer.allowed:
        because = f" by {', '.join(answer.policies)}" if answer.policies else ""
        raise DecisionRefused(
            f"{key.name!r} may not decide a {proposal.treatment} that costs {proposal.cost}: {answer.detail}{because}",
            code="unentitled",
        )
    return answer.policies


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
