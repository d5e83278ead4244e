"""Which accepted decisions on a proposal count: proven by their signatures; keys, roles and policy as they are now."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import YES, AcceptedDecision, Phase, Verdict
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.errors import DecisionRefused, GovernanceError, PolicyError
from placet.gate.context import GateContext
from placet.gate.deciding.entitlement import Entitlement, Entitlements
from placet.gate.deciding.proof import prove
from placet.gate.opening import denied, gate_for
from placet.governance.policy.set import PolicySet
from placet.governance.quorum import admit, roles_at, roles_of_both, stricter, suffices
from placet.storage.pending import Pending
from placet.storage.records import UsedDecision
from placet.storage.transaction import Transaction


class CountedApprovals:
    """The accepted decisions on one pending proposal, read once; they answer the question or leave it open.

    Whoever says no needs what the gate on record asks for; whoever says yes, what today's policy asks for as well.

    `proposal` is given where it is not stored yet.

    Attributes:
        place: The place that the next accepted decision takes.
        accepted: All that were accepted and whose signatures prove it, in the order of their places.
        standing: The approvals among them that count now; each as it counts.
    """

    def __init__(
        self,
        context: GateContext,
        tx: Transaction,
        run: RunRequest,
        pending: Pending,
        phase: Phase,
        proposal: Proposal | None = None,
    ) -> None:
        self._tx, self._run, self._pending, self._phase = tx, run, pending, phase
        self._now = context.clock()
        self.proposal = context.proposal(run, pending.proposal, tx) if proposal is None else proposal
        self._policies, self._today = self._ask(context)
        rows = tx.decisions.on_proposal(run.run_id, pending.proposal, phase)
        self.place = max((row.place for row in rows), default=0) + 1
        proven = (self._still(partial(self._prove, context, row), row.decision) for row in rows)
        self.accepted = tuple(decision for decision in proven if decision is not None)
        self.standing = self._count() if phase == "decide" and self._today.verdict == "human" else ()

    @property
    def policies(self) -> PolicySet:
        """The set in force.

        Raises:
            PolicyError: there is none.
        """
        if self._policies is None:
            raise PolicyError(self._today.reason)
        return self._policies

    @property
    def asked(self) -> Gate:
        """The gate as it stands: what both the record and today's policy ask."""
        return stricter(self._pending.gate, self._today) if self._today.verdict == "human" else self._pending.gate

    def verdict(self) -> Verdict | None:
        """Return the answer to the question; None while it is open."""
        for decision in self.counting():
            if decision.verdict not in YES:
                return decision.verdict
        return "approve" if self.standing and suffices(self.asked, self.standing) else None

    def counting(self) -> tuple[AcceptedDecision, ...]:
        """Return the decisions that answer the question so far: the first no, or else the approvals that count."""
        return next(((decision,) for decision in self.accepted if decision.verdict not in YES), self.standing)

    def missing(self) -> int:
        """Return how many people must still approve."""
        return self.asked.quorum - len(self.standing) if self.verdict() is None else 0

    def check_yes(self) -> None:
        """Check that today's policy still lets the proposal be approved.

        Raises:
            DecisionRefused: code `policy_denied`.
        """
        if self._today.verdict != "human":
            raise DecisionRefused(f"policy no longer permits the proposal: {self._today.reason}", code="policy_denied")

    def entitlement(
        self, key: EnrolledKey, decision: AcceptedDecision, now: datetime, *, beside_others: bool = True
    ) -> tuple[AcceptedDecision, Entitlement]:
        """Find the first way in which the signer may say this; a yes must also count beside the others.

        Raises:
            DecisionRefused: there is none.
        """
        yes = decision.verdict in YES
        roles = roles_of_both(self._pending.gate, self._today, now) if yes else roles_at(self._pending.gate, now)
        refusal: DecisionRefused | None = None
        for found in Entitlements(self._tx, self.policies, self.proposal, roles, now).of(key):
            given = decision.model_copy(
                update={
                    "roles": found.roles,
                    "delegated_by": found.delegated_by,
                    "delegation_id": found.delegation_id,
                }
            )
            try:
                if yes and beside_others:
                    admit(self.asked, self.standing, given)
            except DecisionRefused as error:
                refusal = refusal or error
            else:
                return given, found
        raise refusal or DecisionRefused(f"{key.name!r} may not decide this", code="unentitled")

    def _ask(self, context: GateContext) -> tuple[PolicySet | None, Gate]:
        """Return the gate that today's policy puts before the proposal; a denied one where no policy is in force."""
        opened_at = self._pending.gate.opened_at
        try:
            policies = context.policies(self._run.tenant, self._run.agent)
        except PolicyError as error:
            return None, denied(str(error), None, opened_at)
        defaults = context.terms(self._run.agent)
        return policies, gate_for(self.proposal, policies, defaults, opened_at)

    def _prove(self, context: GateContext, row: UsedDecision, _: AcceptedDecision) -> AcceptedDecision:
        """Return what a row says, if it was signed; who settles an outcome must be entitled to it still."""
        decision = prove(context, self._tx, self._run, row, self._pending, self.proposal)
        if self._phase == "decide":
            return decision
        roles = roles_at(self._pending.gate, decision.decided_at)
        return Entitlements(self._tx, self.policies, self.proposal, roles, self._now).still(decision)

    def _count(self) -> tuple[AcceptedDecision, ...]:
        roles = roles_of_both(self._pending.gate, self._today, self._now)
        entitlements = Entitlements(self._tx, self.policies, self.proposal, roles, self._now)
        approvals = (decision for decision in self.accepted if decision.verdict in YES)
        counted = (self._still(entitlements.still, decision) for decision in approvals)
        return tuple(decision for decision in counted if decision is not None)

    def _still(
        self, check: Callable[[AcceptedDecision], AcceptedDecision], decision: AcceptedDecision
    ) -> AcceptedDecision | None:
        try:
            return check(decision)
        except GovernanceError as error:
            envelope = decision.envelope_digest
            lapsed = self._tx.record(
                self._run,
                "approve.lapsed",
                actor="policy",
                at=self._now,
                key=f"approve.lapsed.{envelope}.{error.code}",
                body={
                    "envelope": envelope,
                    "approver": decision.approver,
                    "code": error.code,
                    "detail": str(error),
                },
            )
            if lapsed.ours:  # where it lapsed before, others may have answered in the meantime
                self._tx.runs.reopen(self._run.run_id)
            return None
