"""The governed run: (1) analyse, (2) query billing, (3) propose, (4) gate: wait, then execute, once.

Nothing here decides whether a decision counts or a policy permits: activities ask the governance rules and record
the answers. What this file guarantees is the order, and that the only roads to `execute` are the approvals that the
pending proposal needs and a gate that a mandate cleared; `execute` asks all of it again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from temporalio import workflow
from temporalio.common import RawValue, SearchAttributeKey
from temporalio.exceptions import FailureError, is_cancelled_exception

from placet import ports
from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import (
    Closed,
    CloseInput,
    EndState,
    ExecuteInput,
    GateInput,
    Proposed,
    ProposeInput,
    Queried,
    QueryInput,
    RunRequest,
    RunResult,
    RunState,
    RunStatus,
)
from placet.contracts.times import moment
from placet.errors import GovernanceError
from workflows import options
from workflows.decision_inbox import DecisionInbox
from workflows.finishing import answer, cancelling, cause, uncancelled
from workflows.local_first import local_first

# How a run ends when its effect was refused for these reasons; for all others policy or the rules denied it.
_REFUSED: Mapping[str, EndState] = MappingProxyType({"cancel_requested": "cancelled", "halted": "halted"})

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
        self._inbox = DecisionInbox(request)

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
        except FailureError as error:
            if is_cancelled_exception(error) and cancelling():
                return await self._close("cancelled", "cancelled", "cancelled on request")
            if self._state in ("executing", "unknown_outcome"):
                raise  # an effect may be under way: nothing may be said of its end that nobody knows
            return await self._close("failed", *cause(error))
        except asyncio.CancelledError:
            return await self._close("cancelled", "cancelled", "cancelled on request")

    async def _governed(self, request: RunRequest) -> RunResult:
        # (1) analyse: a model reads the customer's history and chooses what to look at
        analysed = answer(
            await workflow.execute_activity(
                ports.analyse,
                request,
                start_to_close_timeout=options.ANALYSE_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                schedule_to_close_timeout=options.PATIENCE,
                retry_policy=options.STEP_RETRY,
            )
        )
        # (2) query billing: the allowlist decides what it may look at
        self._state = "querying"
        query = QueryInput(run=request, queries=analysed.queries)
        queried = await local_first(
            ports.query_billing, query, bound=options.QUERY_LOCALLY, regular=lambda: self._query(query)
        )
        # (3) propose: arithmetic first, language second
        self._state = "proposing"
        self._proposed = answer(
            await workflow.execute_activity(
                ports.propose,
                ProposeInput(run=request, assessment=analysed.assessment, evidence=queried.evidence),
                start_to_close_timeout=options.PROPOSE_TIMEOUT,
                heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
                schedule_to_close_timeout=options.PATIENCE,
                retry_policy=options.STEP_RETRY,
            )
        )
        proposal = self._proposed.digest
        if proposal is None:
            return await self._close("no_action", "nothing_proposed", self._proposed.summary)
        # (4) gate: nothing happens until someone who may, says so
        gate = await workflow.execute_local_activity(
            ports.open_gate,
            GateInput(run=request, proposal=proposal),
            start_to_close_timeout=options.RECORD_TIMEOUT,
            schedule_to_close_timeout=options.GATE_PATIENCE,
            retry_policy=options.RECORD_RETRY,
        )
        self._inbox.open(proposal, gate)
        if gate.verdict == "denied":
            return await self._close("denied", "policy_denied", gate.reason)
        if gate.verdict == "cleared":
            return await self._execute(request)
        self._enter("awaiting_decision")
        verdict = await self._inbox.answer("decide")
        if verdict is None:
            closed = f"nobody decided by {moment(self._inbox.pending.gate.expires_at)}"
            return await self._close("expired", "undecided", closed)
        if verdict != "approve":
            last = self._inbox.decisions[-1]
            return await self._close("rejected", "rejected", _because(f"rejected by {last.approver}", last.reason))
        return await self._execute(request)

    async def _query(self, query: QueryInput) -> Queried:
        return await workflow.execute_activity(
            ports.query_billing,
            query,
            start_to_close_timeout=options.QUERY_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            schedule_to_close_timeout=options.PATIENCE,
            retry_policy=options.STEP_RETRY,
        )

    async def _execute(self, request: RunRequest) -> RunResult:
        """Cause the effect. From here on a cancellation comes too late: the effect is settled first."""
        if cancelling():  # asked for while the decision was under review
            raise asyncio.CancelledError
        self._state = "executing"
        approved = tuple(decision.envelope_digest for decision in self._inbox.decisions)
        effect = ExecuteInput(run=request, proposal=self._inbox.pending.proposal, decisions=approved)
        result = await uncancelled(self._effect(effect))
        if result.outcome == "executed":
            # `execute` recorded the end together with the effect; only decisions that came since are left to record.
            while self._inbox.waiting():
                await uncancelled(self._record("executed", result.code, result.detail))
            return self._end("executed", result.code, result.detail, result)
        if result.outcome == "refused":
            return await self._close(_REFUSED.get(result.code, "denied"), result.code, result.detail)
        if result.outcome == "failed":
            return await self._close("failed", result.code, result.detail)
        return await self._park(result)

    async def _effect(self, effect: ExecuteInput) -> ExecutionResult:
        try:
            return await local_first(
                ports.execute, effect, bound=options.EXECUTE_LOCALLY, regular=lambda: self._execute_regularly(effect)
            )
        except FailureError as error:
            # It may have been sent: whatever went wrong, only a person may say that nothing happened.
            code, detail = cause(error)
            return ExecutionResult(outcome="unknown_outcome", code=code, detail=detail)

    async def _execute_regularly(self, effect: ExecuteInput) -> ExecutionResult:
        self._enter("executing")  # a local attempt is over before anybody looks
        return await workflow.execute_activity(
            ports.execute,
            effect,
            start_to_close_timeout=options.EXECUTE_TIMEOUT,
            heartbeat_timeout=options.HEARTBEAT_TIMEOUT,
            retry_policy=options.EXECUTE_RETRY,
        )

    async def _park(self, result: ExecutionResult) -> RunResult:
        """Hold the run until a person has looked and signs what they found."""
        await uncancelled(self._record("unknown_outcome", result.code, result.detail))
        self._enter("unknown_outcome")
        while True:
            try:
                verdict = await uncancelled(self._inbox.answer("settle"))
            except FailureError:
                # What cannot be reviewed settles nothing; the person who is waited for can send it again.
                self._inbox.drop(options.REVIEW_BATCH)
                continue
            try:
                return await self._settled(verdict == "confirm_executed")
            except FailureError:
                # The settlement counts no longer: the end was refused, and somebody else must look and sign.
                self._enter("unknown_outcome")

    async def _settled(self, found: bool) -> RunResult:
        settlement = self._inbox.settlement
        who, why = (settlement.approver, settlement.reason) if settlement is not None else ("", "")
        detail = _because(f"{who} found that it {'happened' if found else 'did not happen'}", why)
        end: EndState = "executed" if found else "failed"
        return await self._close(end, "settled_by_person", detail, settled_by=settlement)

    async def _close(
        self,
        state: EndState,
        code: str,
        detail: str,
        settled_by: AcceptedDecision | None = None,
    ) -> RunResult:
        closed = await uncancelled(self._record(state, code, detail, settled_by))
        while self._inbox.waiting():  # a decision that arrived while the end was being recorded is recorded too
            await uncancelled(self._record(state, code, detail, settled_by))
        if closed is not None:
            return self._end(closed.state, closed.code, closed.detail)
        return self._end(state, code, detail)

    def _end(self, state: EndState, code: str, detail: str, execution: ExecutionResult | None = None) -> RunResult:
        self._code, self._detail = code, detail
        self._enter(state)
        return RunResult(
            run_id=self._request.run_id,
            state=state,
            code=code,
            detail=detail,
            proposal=self._digest,
            decisions=tuple(decision.envelope_digest for decision in self._inbox.decisions),
            receipt=execution.receipt if execution else None,
        )

    async def _record(
        self, state: EndState, code: str, detail: str, settled_by: AcceptedDecision | None = None
    ) -> Closed | None:
        # What one message may carry is bounded; whoever records an end goes on until nothing is left.
        late = self._inbox.waiting()
        closed = await workflow.execute_local_activity(
            ports.close_run,
            CloseInput(
                run=self._request,
                state=state,
                code=code,
                detail=detail,
                late=late,
                settled_by=settled_by,
                proposal=self._digest,
            ),
            start_to_close_timeout=options.RECORD_TIMEOUT,
            retry_policy=options.RECORD_RETRY,
        )
        self._inbox.drop(len(late))
        self._code, self._detail = code, detail
        return closed

    @property
    def _digest(self) -> str | None:
        """The pending proposal as it stands, None while there is none."""
        if self._inbox.gate is not None:
            return self._inbox.pending.proposal
        return self._proposed.digest if self._proposed is not None else None

    def _enter(self, state: RunState) -> None:
        self._state = state
        workflow.upsert_search_attributes([STATE.value_set(state)])

    @workflow.signal(dynamic=True)
    def receive(self, name: str, values: Sequence[RawValue]) -> None:
        """Receive what is signalled; `decide` delivers a signed decision: a DSSE envelope as JSON object or text.

        Anyone may send anything under any name. All of it is kept, reviewed and recorded; none of it may stop the run.
        """
        expected = self._state in ("awaiting_decision", "unknown_outcome")
        self._inbox.receive(name, values, expected=expected)

    @workflow.query
    def status(self) -> RunStatus:
        """Return where the run stands."""
        return RunStatus(
            run_id=self._request.run_id,
            state=self._state,
            code=self._code,
            detail=self._detail,
            proposal=self._digest,
            gate=self._inbox.gate,
            decisions=self._inbox.decisions,
            refused_decisions=self._inbox.refused,
        )

    @workflow.query
    def proposal(self) -> Proposal | None:
        """Return the exact mutation that is, or was, pending."""
        return self._inbox.amended or (self._proposed.proposal if self._proposed else None)


def _because(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what
