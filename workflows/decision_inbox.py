"""Where decisions arrive: kept whatever they are, reviewed in batches, until the pending question is answered."""

from collections.abc import Sequence
from typing import NamedTuple

from temporalio import workflow
from temporalio.common import RawValue

from placet import ports
from placet.contracts.gate import Gate, Milestone
from placet.contracts.people.decision import (
    AcceptedDecision,
    Phase,
    ReceivedDecision,
    ReviewResult,
    Verdict,
    envelope_text,
)
from placet.contracts.proposal import Proposal
from placet.contracts.run import MilestoneInput, ReviewInput, RunRequest
from placet.contracts.text import NAME, shortened
from placet.errors import GovernanceError
from workflows import options
from workflows.gate_clock import GateClock


class Pending(NamedTuple):
    """What waits before the effect: the digest of the proposal, and its gate. An amendment puts others in its place."""

    proposal: str
    gate: Gate


class DecisionInbox:
    """The decisions on one run. It decides nothing itself: activities ask the rules and record the answers.

    Attributes:
        decisions: Accepted decisions on the pending proposal; all approvals where it was approved.
        settlement: Who settled an outcome that could not be known.
        amended: What is pending where an approver changed the agent's proposal.
        refused: How many decisions did not count.
    """

    def __init__(self, run: RunRequest) -> None:
        self._run = run
        self._received: list[ReceivedDecision] = []
        self._pending: Pending | None = None
        self.decisions: tuple[AcceptedDecision, ...] = ()
        self.settlement: AcceptedDecision | None = None
        self.amended: Proposal | None = None
        self.refused = 0

    @property
    def pending(self) -> Pending:
        """What the decisions are about.

        Raises:
            GovernanceError: no gate was opened yet.
        """
        if self._pending is None:
            raise GovernanceError("no gate was opened")
        return self._pending

    @property
    def gate(self) -> Gate | None:
        """The gate, None while there is none."""
        return self._pending.gate if self._pending is not None else None

    def open(self, proposal: str, gate: Gate) -> None:
        """Take decisions on `proposal` from now on."""
        self._pending = Pending(proposal, gate)

    def receive(self, name: str, values: Sequence[RawValue], *, expected: bool) -> None:
        """Keep what a signal brought, whatever it is."""
        raw = [(_encoding(value), value.payload.data) for value in values]
        text = envelope_text(raw) if name == "decide" else f"signal {shortened(name, NAME)!r} is not known"
        self._received.append(ReceivedDecision(envelope=text, received_at=workflow.now(), early=not expected))

    def waiting(self) -> tuple[ReceivedDecision, ...]:
        """Return what is not reviewed yet, as much of it as one message carries, oldest first."""
        return tuple(self._received[: options.REVIEW_BATCH])

    def drop(self, count: int) -> None:
        """Forget the oldest `count`: they are on the record, or cannot be reviewed."""
        del self._received[:count]

    async def answer(self, phase: Phase) -> Verdict | None:
        """Wait until the question is answered; None when the gate closes first. Refused ones leave the run waiting."""
        clock = GateClock(self.pending.gate) if phase == "decide" else None
        while True:
            await workflow.wait_condition(
                lambda: bool(self._received) or (clock is not None and (bool(clock.due) or clock.closed))
            )
            if self._received:
                result = await self._review(phase)
                if result.verdict is not None:
                    return result.verdict
                if clock is not None and result.amended is not None:
                    clock.rewind(result.amended.gate)
            elif clock is None or clock.closed:
                return None
            else:
                await self._mark(clock.due.pop(0))

    async def _review(self, phase: Phase) -> ReviewResult:
        """Have what was received reviewed, and take over what is pending and accepted since."""
        pending, batch = self.pending, self.waiting()
        asked = ReviewInput(run=self._run, proposal=pending.proposal, gate=pending.gate, phase=phase, received=batch)
        while True:
            result = await workflow.execute_local_activity(
                ports.review_decisions,
                asked,
                start_to_close_timeout=options.RECORD_TIMEOUT,
                retry_policy=options.RECORD_RETRY,
            )
            # Whoever takes a task in a worker's stead can answer it with what was said in this run before. That is no
            # answer: what was received would be dropped, and nobody told.
            if result.question in (None, asked.question):
                break
        # Only now: had the review been cancelled, what it held would still be recorded as too late.
        self.drop(result.reviewed)
        self.refused += result.refused
        if phase == "settle":
            self.settlement = result.decisions[-1] if result.decisions else None
        else:
            self.decisions = result.decisions
        if result.amended is not None:
            self.amended = result.amended.proposal
            self.open(result.amended.digest, result.amended.gate)
        return result

    async def _mark(self, milestone: Milestone) -> None:
        await workflow.execute_local_activity(
            ports.mark_gate,
            MilestoneInput(run=self._run, proposal=self.pending.proposal, gate=self.pending.gate, milestone=milestone),
            start_to_close_timeout=options.RECORD_TIMEOUT,
            retry_policy=options.RECORD_RETRY,
        )


def _encoding(value: RawValue) -> bytes | None:
    """Return the encoding in which a value came; the codec (`placet.engine.payload_codec`) keeps a foreign one's."""
    metadata = value.payload.metadata
    return metadata.get("placet-encoding", metadata.get("encoding"))
