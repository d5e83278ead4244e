"""The gate's own work for one run, done once more beside it: open, review, and the check before the effect.

The only module of the bench that calls the activities themselves.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from temporalio.testing import ActivityEnvironment

from activities.admission import WORKFLOW
from activities.approve import Approve
from activities.resources import WorkerResources
from placet.bench.governance.sample import APPROVER
from placet.contracts.people.decision import ReceivedDecision
from placet.contracts.proposal import Proposal
from placet.contracts.run import ExecuteInput, GateInput, ReviewInput, RunRequest
from placet.errors import PlacetError
from placet.gate.sending.recheck import refusal
from placet.governance.signing.keys import SigningKey
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from placet.storage.pending import PROPOSED
from placet.storage.records import RunRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of CPU in this thread."""

    wall: float = 0.0
    cpu: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)


class GateWork:
    """Passes the gate for copies of waiting runs, in this process, on their database and against their BSS.

    Args:
        context: As a worker's activities have it.
        key: Enrolled, entitled to decide.
    """

    def __init__(self, context: WorkerResources, key: SigningKey) -> None:
        self._context = context
        self._key = key
        self._approve = Approve(context)
        self._environment = ActivityEnvironment()

    def once(self, waiting: RunRecord, proposal: Proposal) -> Spent:
        """Measure what the gate costs for `proposal` in a run of its own; the effect itself does not follow.

        Raises:
            PlacetError: the gate did not open, or refused what it should accept.
        """
        request = run_operations.build_request(
            tenant=waiting.tenant,
            customer_id=waiting.customer_id,
            agent=waiting.agent,
            requested_by=waiting.requested_by,
            key=f"gate-{waiting.run_id}",
            agents=(waiting.agent,),
        )
        run_operations.record_request(self._context.database, request)
        copy = proposal.model_copy(update={"run_id": request.run_id})
        with self._context.database.transaction() as tx:
            digest = tx.artifacts.put_model(request.tenant, copy)
            tx.record(request, PROPOSED, actor="bench", at=datetime.now(UTC), body={"proposal": digest})
            tx.runs.set_state(request.run_id, "proposing", at=datetime.now(UTC), proposal=digest)
        self._environment.info = replace(
            self._environment.info, workflow_id=request.run_id, workflow_type=WORKFLOW, is_local=True
        )
        gate, opening = self._timed(
            "open_gate", lambda: self._approve.open_gate(GateInput(run=request, proposal=digest))
        )
        waits = run_operations.find_run(self._context.database, request.run_id, request.tenant)
        envelope = decision_operations.sign_verdict(waits, digest, "approve", APPROVER, "bench", self._key)
        received = ReceivedDecision(envelope=envelope, received_at=datetime.now(UTC), early=False)
        review = ReviewInput(run=request, proposal=digest, gate=gate, phase="decide", received=(received,))
        reviewed, reviewing = self._timed("review_decisions", lambda: self._approve.review_decisions(review))
        if reviewed.verdict != "approve":
            raise PlacetError(f"the gate refused the bench's own decision on {request.run_id!r}: {self._why(request)}")
        approvals = tuple(decision.envelope_digest for decision in reviewed.decisions)
        effect = ExecuteInput(run=request, proposal=digest, decisions=approvals)
        no, checking = self._timed("execute", lambda: refusal(self._context, effect, copy))
        if no is not None:
            raise PlacetError(f"the check before the effect of {request.run_id!r} says no: {no}")
        return opening + reviewing + checking

    def _why(self, run: RunRequest) -> str:
        """Return what the record says of the decision."""
        with self._context.database.reading() as tx:
            entries = tx.audit.read(run.run_id)
        said = [str(entry.body.get("detail", "")) for entry in entries if entry.kind.startswith("approve.")]
        return said[-1] if said else "nothing is on record"

    def _timed(self, step: str, act: Callable[[], T]) -> tuple[T, Spent]:
        """Call it as a worker's thread would, within a run's own workflow."""
        self._environment.info = replace(self._environment.info, activity_type=step)

        def timed() -> tuple[T, Spent]:
            wall, cpu = time.perf_counter(), time.thread_time()
            result = act()
            return result, Spent(time.perf_counter() - wall, time.thread_time() - cpu)

        return self._environment.run(timed)
