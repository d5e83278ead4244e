"""The governed run: (1) analyse, (2) query billing, (3) propose, (4) gate: wait, then execute, once.

Nothing here decides whether a decision counts or a policy permits: activities ask the governance rules and record
the answers. What this file guarantees is the order, and that the only road to `execute` leads through an accepted
`approve` for the proposal that is pending.
"""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from placet import ports
from placet.contracts.base import REASON_CODE
from placet.contracts.decision import AcceptedDecision, Gate, Phase, ReceivedDecision, envelope_text
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import (
    CloseInput,
    EndState,
    ExecuteInput,
    GateInput,
    Proposed,
    ProposeInput,
    QueryInput,
    ReviewInput,
    RunRequest,
    RunResult,
    RunState,
    RunStatus,
)
from placet.errors import GovernanceError
from workflows import options

T = TypeVar("T")

STATE = SearchAttributeKey.for_keyword("PlacetState")


@workflow.defn(name="GovernedRun", failure_exception_types=[GovernanceError])
class GovernedRun:
    """One agent run for one customer, from request to a recorded end."""

    @workflow.init
    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._state: RunState = "analysing"
        self._code: str | None = None
        self._detail = ""
        self._proposed: Proposed | None = None
        self._gate: Gate | None = None
        self._decision: AcceptedDecision | None = None
        self._received: list[ReceivedDecision] = []
        self._refused = 0

    @workflow.run
    async def run(self, request: RunRequest) -> RunResult:
        """Run to an end state. Failures of a step and cancellation are ends too, recorded like the others.

        Raises:
            GovernanceError: the workflow bears another id than its run: it would write on that run's record.
        """
        if workflow.info().workflow_id != request.run_id:
            raise GovernanceError(f"workflow {workflow.info().workflow_id!r} is not run {request.run_id!r}")
        try:
            return await self._governed(request)
        except ActivityError as error:
            if is_cancelled_exception(error):
                return await self._close("cancelled", "cancelled", "cancelled on request")
            return await self._close("failed", *_cause(error))
        except asyncio.CancelledError:
            return await self._close("cancelled", "cancelled", "cancelled on request")

    async def _governed(self, request: RunRequest) -> RunResult:
        # (1) analyse: a model reads the customer's history and chooses what to look at
        analysed = await workflow.execute_activity(
            ports.analyse,
            request,
            start_to_close_timeout=options.ANALYSE_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            schedule_to_close_timeout=options.PATIENCE,
            retry_policy=options.STEP_RETRY,
        )
        # (2) query billing: the allowlist decides what it may look at
        self._state = "querying"
        queried = await workflow.execute_activity(
            ports.query_billing,
            QueryInput(run=request, queries=analysed.queries),
            start_to_close_timeout=options.QUERY_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            schedule_to_close_timeout=options.PATIENCE,
            retry_policy=options.STEP_RETRY,
        )
        # (3) propose: arithmetic first, language second
        self._state = "proposing"
        self._proposed = await workflow.execute_activity(
            ports.propose,
            ProposeInput(run=request, assessment=analysed.assessment, evidence=queried.evidence),
            start_to_close_timeout=options.PROPOSE_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            schedule_to_close_timeout=options.PATIENCE,
            retry_policy=options.STEP_RETRY,
        )
        proposal = self._proposed.digest
        if proposal is None:
            return await self._close("no_action", "nothing_proposed", self._proposed.summary)
        # (4) gate: nothing happens until someone who may, says so
        self._gate = gate = await workflow.execute_local_activity(
            ports.open_gate,
            GateInput(run=request, proposal=proposal),
            start_to_close_timeout=options.RECORD_TIMEOUT,
            schedule_to_close_timeout=options.GATE_PATIENCE,
            retry_policy=options.RECORD_RETRY,
        )
        if gate.verdict != "human":
            return await self._close("denied", "policy_denied", gate.reason)
        self._enter("awaiting_decision")
        decision = await self._await_decision("decide", proposal, gate)
        if decision is None:
            closed = f"nobody decided by {gate.expires_at:%Y-%m-%d %H:%M:%S}Z"
            return await self._close("expired", "undecided", closed)
        if decision.verdict != "approve":
            return await self._close("rejected", "rejected", f"rejected by {decision.approver}: {decision.reason}")
        return await self._execute(request, proposal, gate, decision)

    async def _execute(self, request: RunRequest, proposal: str, gate: Gate, decision: AcceptedDecision) -> RunResult:
        """Cause the effect. From here on a cancellation comes too late: the effect is settled first."""
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # asked for while the decision was under review
            raise asyncio.CancelledError
        self._decision = decision
        self._enter("executing")
        result = await _uncancelled(self._effect(ExecuteInput(run=request, proposal=proposal, decision=decision)))
        if result.outcome == "executed":
            # `execute` recorded the end together with the effect; only decisions that came since are left to record.
            while self._received:
                await _uncancelled(self._record("executed", result.code, result.detail))
            return self._end("executed", result.code, result.detail, result)
        if result.outcome == "refused":
            end: EndState = "cancelled" if result.code == "cancel_requested" else "denied"
            return await self._close(end, result.code, result.detail)
        if result.outcome == "failed":
            return await self._close("failed", result.code, result.detail)
        return await self._park(proposal, gate, result)

    async def _effect(self, effect: ExecuteInput) -> ExecutionResult:
        try:
            return await workflow.execute_activity(
                ports.execute,
                effect,
                start_to_close_timeout=options.EXECUTE_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                retry_policy=options.EXECUTE_RETRY,
            )
        except ActivityError as error:
            # It may have been sent: whatever went wrong, only a person may say that nothing happened.
            code, detail = _cause(error)
            return ExecutionResult(outcome="unknown_outcome", code=code, detail=detail)

    async def _park(self, proposal: str, gate: Gate, result: ExecutionResult) -> RunResult:
        """Hold the run until a person has looked and signs what they found."""
        await _uncancelled(self._record("unknown_outcome", result.code, result.detail))
        self._enter("unknown_outcome")
        settlement = None
        while settlement is None:
            try:
                settlement = await _uncancelled(self._await_decision("settle", proposal, gate))
            except ActivityError:
                # What cannot be reviewed settles nothing; the person who is waited for can send it again.
                del self._received[: options.REVIEW_BATCH]
        found = settlement.verdict == "confirm_executed"
        detail = f"{settlement.approver} found that it {'happened' if found else 'did not happen'}: {settlement.reason}"
        end: EndState = "executed" if found else "failed"
        return await self._close(end, "settled_by_person", detail, settled_by=settlement)

    async def _await_decision(self, phase: Phase, proposal: str, gate: Gate) -> AcceptedDecision | None:
        """Wait for a decision that counts; None when the gate closes first. Refused ones leave the run waiting."""
        # One timer for the whole wait: a flood of refused decisions must not start and cancel one each.
        closing = asyncio.create_task(_closed(gate)) if phase == "decide" else None
        while True:
            await workflow.wait_condition(lambda: bool(self._received) or (closing is not None and closing.done()))
            if not self._received:
                return None
            batch = tuple(self._received[: options.REVIEW_BATCH])
            review = ReviewInput(run=self._request, proposal=proposal, gate=gate, phase=phase, received=batch)
            result = await workflow.execute_local_activity(
                ports.review_decisions,
                review,
                start_to_close_timeout=options.RECORD_TIMEOUT,
                retry_policy=options.RECORD_RETRY,
            )
            # Only now: had the review been cancelled, what it held would still be recorded as too late.
            del self._received[: len(batch)]
            self._refused += result.refused
            if result.accepted is not None:
                return result.accepted

    async def _close(
        self,
        state: EndState,
        code: str,
        detail: str,
        settled_by: AcceptedDecision | None = None,
    ) -> RunResult:
        await _uncancelled(self._record(state, code, detail, settled_by))
        while self._received:  # a decision that arrived while the end was being recorded is recorded too
            await _uncancelled(self._record(state, code, detail, settled_by))
        return self._end(state, code, detail)

    def _end(self, state: EndState, code: str, detail: str, execution: ExecutionResult | None = None) -> RunResult:
        self._code, self._detail = code, detail
        self._enter(state)
        return RunResult(
            run_id=self._request.run_id,
            state=state,
            code=code,
            detail=detail,
            proposal=self._proposed.digest if self._proposed else None,
            decision=self._decision.envelope_digest if self._decision else None,
            receipt=execution.receipt if execution else None,
        )

    async def _record(
        self, state: EndState, code: str, detail: str, settled_by: AcceptedDecision | None = None
    ) -> None:
        late, self._received = tuple(self._received), []
        await workflow.execute_local_activity(
            ports.close_run,
            CloseInput(
                run=self._request,
                state=state,
                code=code,
                detail=detail,
                late=late,
                settled_by=settled_by,
                proposal=self._proposed.digest if self._proposed else None,
            ),
            start_to_close_timeout=options.RECORD_TIMEOUT,
            retry_policy=options.RECORD_RETRY,
        )
        self._code, self._detail = code, detail

    def _enter(self, state: RunState) -> None:
        self._state = state
        workflow.upsert_search_attributes([STATE.value_set(state)])

    @workflow.signal(dynamic=True)
    def receive(self, name: str, values: Sequence[RawValue]) -> None:
        """`decide` delivers a signed decision: the DSSE envelope as a JSON object, or as text.

        Anyone may send anything under any name. All of it is kept, reviewed and recorded; none of it may stop the run.
        """
        raw = [(value.payload.metadata.get("encoding"), value.payload.data) for value in values]
        text = envelope_text(raw) if name == "decide" else f"signal {name[:80]!r} is not known"
        expected = self._state in ("awaiting_decision", "unknown_outcome")
        self._received.append(ReceivedDecision(envelope=text, received_at=workflow.now(), early=not expected))

    @workflow.query
    def status(self) -> RunStatus:
        """Where the run stands."""
        return RunStatus(
            run_id=self._request.run_id,
            state=self._state,
            code=self._code,
            detail=self._detail,
            proposal=self._proposed.digest if self._proposed else None,
            gate=self._gate,
            decision=self._decision,
            refused_decisions=self._refused,
        )

    @workflow.query
    def proposal(self) -> Proposal | None:
        """The exact mutation that is, or was, pending."""
        return self._proposed.proposal if self._proposed else None


async def _closed(gate: Gate) -> None:
    """Return when the gate closes."""
    await asyncio.sleep(max(gate.expires_at - workflow.now(), timedelta(0)).total_seconds())


async def _uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` whatever is cancelled meanwhile: what was begun here must reach the record."""
    task = asyncio.ensure_future(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise


def _cause(error: ActivityError) -> tuple[str, str]:
    """The stable code and the one line a person reads, from what a step raised."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and re.fullmatch(REASON_CODE, cause.type or ""):
        return str(cause.type), cause.message
    # A defect of ours or of a library; its name is no code of ours.
    return "step_failed", f"{error.activity_type}: {cause or error}"[:500]
