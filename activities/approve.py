"""(4) approve: open the gate by policy, mark that nobody passed it yet, review received decisions by the rules."""

import time
from collections.abc import Mapping
from types import MappingProxyType

from temporalio import activity

from activities.resources import WorkerResources
from placet.contracts.audit import ENDED, RecordKind
from placet.contracts.gate import Gate, Milestone
from placet.contracts.people.decision import ReviewResult
from placet.contracts.proposal import Proposal
from placet.contracts.run import GateInput, MilestoneInput, ReviewInput
from placet.decisioning.contact import rule
from placet.errors import GovernanceError, PolicyError, UsageError
from placet.gate.clearing import clear
from placet.gate.contact import contact_breach
from placet.gate.context import milliseconds_since
from placet.gate.controls import is_control
from placet.gate.deciding.review import Review, too_late, unreviewable
from placet.gate.notices import announce
from placet.gate.opening import cleared, denied, gate_for, keep_policies
from placet.gate.strategies.holding import FirstHand, first_hand
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.policy.set import PolicySet
from placet.storage.pending import OPENED, PROPOSED, amended_key, check_proposed
from placet.storage.records import Asked
from placet.storage.standing import is_over
from placet.storage.transaction import Transaction

_MARKS: Mapping[Milestone, RecordKind] = MappingProxyType(
    {"reminded": "approve.reminded", "escalated": "approve.escalated"}
)


class Approve:
    """The gate's local activities: they touch our own database and decide, nothing else."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    @activity.defn(name="open_gate", no_thread_cancel_exception=True)
    def open_gate(self, gate: GateInput) -> Gate:
        """Ask policy what stands between the proposal and its execution; no policy set means no."""
        context, run = self._context, gate.run
        with context.step(run):
            began = time.monotonic()
            with context.database.reading() as tx:
                earlier = tx.audit.find(run.run_id, OPENED)
                if earlier is not None:
                    return Gate.model_validate(earlier.body["gate"])
                proposal = context.proposal(run, gate.proposal, tx)
            asked, policies = self._ask(proposal)
            known = first_hand(context, run)
            with context.database.transaction() as tx:
                tx.runs.lock(run.run_id)
                tx.audit.foresee(run.run_id, OPENED, PROPOSED)
                earlier = tx.audit.find(run.run_id, OPENED)
                if earlier is not None:  # another attempt was quicker; nothing may be consumed or asked beside its gate
                    return Gate.model_validate(earlier.body["gate"])
                check_proposed(tx, run.run_id, gate.proposal)
                asked = self._within_contact_policy(tx, gate, proposal, asked, policies)
                opened = self._clear(tx, gate, proposal, asked, policies, known)
                keep_policies(tx, run, policies)
                # Every attempt locks the run before it looks for this entry: it is ours.
                entry = tx.record(
                    run,
                    OPENED,
                    actor="policy",
                    at=opened.opened_at,
                    body={
                        "proposal": gate.proposal,
                        "gate": opened.model_dump(mode="json"),
                        "duration_ms": milliseconds_since(began),
                    },
                ).event
                people = Asked.of(opened, proposal)
                if opened.verdict == "cleared":
                    tx.runs.note_asked(run.run_id, people)
                if opened.verdict == "human":
                    tx.runs.set_state(run.run_id, "awaiting_decision", at=opened.opened_at, asked=people)
                    announce(context, tx, run, gate.proposal, opened, "asked", opened.opened_at)
            return Gate.model_validate(entry.body["gate"])

    @activity.defn(name="mark_gate", no_thread_cancel_exception=True)
    def mark_gate(self, gate: MilestoneInput) -> None:
        """Record that nobody has passed the gate yet, and remind or ask further people; never before it is time."""
        context, run, now = self._context, gate.run, self._context.clock()
        due = gate.gate.remind_at if gate.milestone == "reminded" else gate.gate.escalate_at
        if due is None or now + CLOCK_SKEW < due:
            return  # the workflow takes the time from Temporal, where others can move it
        with context.step(run), context.database.transaction() as tx:
            marked = tx.record(
                run,
                _MARKS[gate.milestone],
                actor="policy",
                at=now,
                body={
                    "proposal": gate.proposal,
                    "roles": list(gate.gate.roles),
                    "escalate_to": gate.gate.escalate_to,
                    "expires_at": gate.gate.expires_at.isoformat(),
                },
            )
            if marked.ours:
                announce(context, tx, run, gate.proposal, gate.gate, gate.milestone, now)

    @activity.defn(name="review_decisions", no_thread_cancel_exception=True)
    def review_decisions(self, review: ReviewInput) -> ReviewResult:
        """Check each received decision: it counts, or it is refused with a reason and the run keeps waiting."""
        with self._context.step(review.run), self._context.database.transaction() as tx:
            return self._review(tx, review).model_copy(update={"question": review.question})

    def _review(self, tx: Transaction, review: ReviewInput) -> ReviewResult:
        tx.runs.lock(review.run.run_id)
        tx.audit.foresee(review.run.run_id, ENDED, OPENED, PROPOSED, amended_key(review.proposal))
        if is_over(tx, review.run.run_id):  # cancelled, or ended by another attempt, while this review waited
            return too_late(tx, review, self._context.clock())
        try:
            asked = Review(self._context, tx, review)
        except (GovernanceError, UsageError) as error:  # what it would be about is gone, erased or altered
            return unreviewable(tx, review, error, self._context.clock())
        return asked.result()

    def _ask(self, proposal: Proposal) -> tuple[Gate, PolicySet | None]:
        context, now = self._context, self._context.clock()
        try:
            policies = context.policies(proposal.tenant, proposal.agent)
        except PolicyError as error:
            return denied(str(error), None, now), None
        return gate_for(proposal, policies, context.terms(proposal.agent), now), policies

    def _within_contact_policy(
        self, tx: Transaction, gate: GateInput, proposal: Proposal, asked: Gate, policies: PolicySet | None
    ) -> Gate:
        """Return the gate that was asked, or a denied one where another run's treatment of the customer stands before.

        A control, which gives nothing, is let through.
        """
        if asked.verdict == "denied":
            return asked
        try:
            breach = contact_breach(self._context, tx, proposal, asked.opened_at, pending=True)
        except PolicyError as error:
            return denied(str(error), policies, asked.opened_at)
        if breach is None or is_control(tx, gate.run):
            return asked
        return denied(
            f"the contact policy ({rule(breach)}) does not permit it: {breach.detail}", policies, asked.opened_at
        )

    def _clear(
        self,
        tx: Transaction,
        gate: GateInput,
        proposal: Proposal,
        asked: Gate,
        policies: PolicySet | None,
        known: FirstHand | None,
    ) -> Gate:
        """Return the gate as a mandate leaves it.

        None clears a control, and while a halt is in force none clears anything.
        """
        if asked.verdict != "human" or policies is None:
            return asked
        if tx.halts.in_force(proposal.tenant, agent=proposal.agent, kind=proposal.mutation.kind) is not None:
            return asked
        # Of a control the record says no less than of other runs.
        consume = not is_control(tx, gate.run)
        clearance = clear(
            tx,
            gate.run,
            proposal,
            gate.proposal,
            policies,
            asked.opened_at,
            declared=self._context.declared(gate.run.agent),
            consume=consume,
            known=known,
        )
        return asked if clearance is None else cleared(asked, clearance)
