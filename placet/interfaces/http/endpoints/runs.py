"""`/v1/runs`: start, list, show, decide, cancel, reverse.

Endpoints are plain functions, which the server runs in threads: the database is synchronous, and a slow one must not
stop the others.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from placet.contracts.base import AgentName, CustomerId, PersonName, RunId
from placet.contracts.billing import SourceCall
from placet.contracts.proposal import Proposal
from placet.contracts.run import RUN_ID_BEGINNING, RunKey, RunState
from placet.contracts.times import Moment
from placet.errors import GovernanceError, UsageError
from placet.governance.batches import BatchedDecision
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.http.access import Holder, Operator, posts
from placet.interfaces.http.endpoints.common import Why
from placet.interfaces.http.endpoints.once import OnceKey, run_key
from placet.interfaces.http.endpoints.paging import DEFAULT, ENTRIES, After, AfterNumber, Limit, split
from placet.interfaces.http.endpoints.run_messages import (
    CancellationRequested,
    DecisionDelivered,
    PendingProposal,
    RunAudit,
    RunEvidence,
    RunExchanges,
    RunOrder,
    RunPage,
    RunStarted,
    ShownRun,
)
from placet.interfaces.http.served import Served
from placet.service.deciding.decisions import deliver_decision, take_envelope
from placet.service.in_hand import exchanges_of, facts_of
from placet.service.reversals import request_reversal, reverse_run
from placet.service.runs import Carries, build_request, find_run, own_run, record_cancellation, record_request
from placet.service.strategies.publishing import carried
from placet.storage.records import RunRecord
from placet.storage.runs import Found
from placet.storage.standing import row_fault

RUNS = "/v1/runs"
_AGAIN: Final[dict[int | str, dict[str, Any]]] = {200: {"model": RunStarted, "description": "It is under way already."}}


Beginning = Annotated[
    str | None,
    Query(pattern=RUN_ID_BEGINNING, description="a run's id, or a beginning of it with four digits or more"),
]


class RunEndpoints:
    """The endpoints, for the runs of one tenant; another tenant's run does not exist here."""

    def __init__(self, served: Served) -> None:
        self._database, self._engine = served.database, served.engine
        self._tenant, self._agents, self._policies = served.tenant, served.agents, served.policies_of

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix=RUNS, tags=["runs"])
        router.add_api_route("", self.start, **posts("operate"), status_code=201, responses=_AGAIN)
        router.add_api_route("", self.list_runs, methods=["GET"])
        router.add_api_route("/{run_id}", self.show, methods=["GET"])
        router.add_api_route("/{run_id}/proposal", self.proposal, methods=["GET"])
        router.add_api_route("/{run_id}/evidence", self.evidence, methods=["GET"])
        router.add_api_route("/{run_id}/exchanges", self.exchanges, methods=["GET"])
        router.add_api_route("/{run_id}/audit", self.audit, methods=["GET"])
        router.add_api_route("/{run_id}/decisions", self.decide, **posts("deliver"), status_code=202)
        router.add_api_route("/{run_id}/cancel", self.cancel, **posts("operate"), status_code=202)
        router.add_api_route("/{run_id}/reverse", self.reverse, **posts("operate"), status_code=201, responses=_AGAIN)
        return router

    def start(self, order: RunOrder, operator: Operator, once: OnceKey, response: Response) -> RunStarted:
        """Start a governed run: 201 for a new one, 200 when the same key had started it before.

        With `strategy` it carries out the version that is published now.
        """
        carries = None if order.strategy is None else self._carried(order.strategy, order.channel)
        request = build_request(
            tenant=self._tenant,
            customer_id=order.customer_id,
            agent=str(order.agent) if carries is None else carries.agent(order.agent),
            requested_by=operator.name,
            key=run_key(once, order.key),
            agents=self._agents,
            carries=carries,
        )
        self._engine.call(lambda engine: engine.require_ours())  # what it cannot take need not be recorded
        recorded = record_request(self._database, request, voucher=operator.token_id)
        new = not recorded.over and self._engine.call(lambda engine: engine.start(recorded.request))
        response.status_code = 201 if new else 200
        response.headers["Location"] = f"{RUNS}/{request.run_id}"
        return RunStarted(new=new, run=self._find(request.run_id))

    def list_runs(
        self,
        state: RunState | None = None,
        customer_id: CustomerId | None = None,
        requested_by: PersonName | None = None,
        agent: AgentName | None = None,
        key: Annotated[RunKey | None, Query(description="under which the run was asked for")] = None,
        run_id: Beginning = None,
        since: Annotated[Moment | None, Query(description="requested then or later")] = None,
        until: Annotated[Moment | None, Query(description="requested before then")] = None,
        after: After = None,
        limit: Limit = DEFAULT,
    ) -> RunPage:
        """List runs, newest first; of several conditions all must hold."""
        more: Found = {"agent": agent, "key": key, "begins": run_id, "since": since, "until": until}
        with self._database.reading() as tx:
            found = tx.runs.list(self._tenant, state, customer_id, requested_by, limit + 1, after, **more)
        shown, following = split(found, limit, lambda one: one.run_id)
        return RunPage(runs=shown, next=following)

    def show(self, run_id: RunId) -> ShownRun:
        """Return where a run stands, and whether its record says the same."""
        with self._database.snapshot() as tx:
            record = own_run(tx.runs.get(run_id), run_id, self._tenant)
            return ShownRun(**dict(record), fault=row_fault(tx, record))

    def proposal(self, run_id: RunId) -> PendingProposal:
        """Return the exact mutation a run proposes, with the candidates it beat.

        Where the run's row says otherwise than its record, nothing is returned: nobody should decide on it.
        """
        with self._database.snapshot() as tx:
            record = own_run(tx.runs.get(run_id), run_id, self._tenant)
            if fault := row_fault(tx, record):
                raise GovernanceError(fault, code="row_contradicts_record")
            if record.proposal is None:
                raise UsageError(f"run {run_id!r} is {record.state!r} and has no proposal", code="no_proposal")
            document = tx.artifacts.get_model(record.proposal, Proposal, tenant=self._tenant)
        return PendingProposal(run_id=run_id, digest=record.proposal, proposal=document)

    def evidence(self, run_id: RunId) -> RunEvidence:
        """Return what billing answered, and the digests of its answers."""
        self._find(run_id)
        facts = facts_of(self._database, run_id, self._tenant)
        if facts is None:
            return RunEvidence(run_id=run_id)
        return RunEvidence(
            run_id=run_id,
            digest=facts.held.digest,
            fault=facts.held.fault,
            facts=facts.evidence,
            calls=tuple(SourceCall.model_validate(call) for call in facts.calls),
        )

    def exchanges(self, run_id: RunId) -> RunExchanges:
        """Return exactly what each model was shown and said; it is foreign text, and is to be shown as such."""
        self._find(run_id)
        return RunExchanges(run_id=run_id, exchanges=exchanges_of(self._database, run_id, self._tenant))

    def audit(self, run_id: RunId, after: AfterNumber = 0, limit: Limit = ENTRIES) -> RunAudit:
        """Return the record of a run."""
        self._find(run_id)
        with self._database.reading() as tx:
            found = tx.audit.page(run_id, after, limit + 1)
        shown, following = split(found, limit, lambda one: one.seq)
        return RunAudit(run_id=run_id, events=shown, next=following)

    def decide(self, run_id: RunId, envelope: dsse.Envelope | BatchedDecision, holder: Holder) -> DecisionDelivered:
        """Deliver a signed decision, or a run's share of a batch, as `placet approve --print` writes it.

        The run's record says whether it counts.
        """
        record = self._find(run_id)
        text = take_envelope(self._database, record, envelope, signed_here=holder is not None)
        self._engine.call(lambda engine: deliver_decision(self._database, engine, record, text))
        return DecisionDelivered(run_id=run_id, envelope=sha256_hex(text.encode()))

    def cancel(
        self, run_id: RunId, operator: Operator, once: OnceKey, order: Why | None = None
    ) -> CancellationRequested:
        """Ask a run to end without an effect. One whose effect is under way is settled first."""
        record = self._find(run_id)
        said = order.reason if order is not None else ""
        if record_cancellation(self._database, record, operator.name, said, voucher=operator.token_id, key=once):
            self._engine.call(lambda engine: engine.cancel(run_id))
        return CancellationRequested(run_id=run_id)

    def reverse(self, run_id: RunId, operator: Operator, once: OnceKey, why: Why, response: Response) -> RunStarted:
        """Ask for the reversal of a run, a governed run of its own: 201 for a new one, 200 where the key asked before.

        It is also 200 where a request for it was recorded and not started yet: now it is.
        """
        self._engine.call(lambda engine: engine.require_ours())
        asked = request_reversal(
            self._database,
            run_id=run_id,
            tenant=self._tenant,
            requested_by=operator.name,
            reason=why.reason,
            voucher=operator.token_id,
            key=once,
        )
        request = self._engine.call(lambda engine: reverse_run(self._database, engine, asked))
        response.status_code = 201 if asked.new else 200
        response.headers["Location"] = f"{RUNS}/{request.run_id}"
        return RunStarted(new=asked.new, run=self._find(request.run_id))

    def _carried(self, strategy: str, channel: str | None) -> Carries:
        return carried(self._database, self._tenant, strategy, channel, self._policies, datetime.now(UTC))

    def _find(self, run_id: str) -> RunRecord:
        return find_run(self._database, run_id, self._tenant)
