"""(1) analyse: a model assesses the customer's history and chooses which reads follow; for a reversal none is asked."""

import time
from typing import Any, Final

from temporalio import activity

from activities.resources import WorkerResources, keep_exchanges, unanswered_recorded
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.outcome import AnalysisOutcome
from placet.contracts.audit import ENDED, AuditEvent
from placet.contracts.billing import BillingQuery
from placet.contracts.customer import CustomerProfile
from placet.contracts.run import Analysed, RunRequest
from placet.contracts.state import CustomerState, StateRead
from placet.decisioning.next_best_action.proposing import state_for
from placet.errors import GovernanceError, NotFound, UsageError
from placet.gate import reversal
from placet.gate.context import milliseconds_since
from placet.gate.strategies.published import asked_of
from placet.governance.reversals import KEY_PREFIX
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.plugin_api.calls import record_calls
from placet.storage.standing import is_over
from placet.storage.transaction import Transaction

STEP: Final = "analyse.completed"


class Analyse:
    """The first step. It also opens the run's record; the request is there already."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    @activity.defn(name="analyse", no_thread_cancel_exception=True)
    def analyse(self, request: RunRequest) -> Analysed:
        """Assess; store the assessment, prompts and completions, and return only digests and the choice."""
        with self._context.step(request):
            earlier = self._open(request)
            if earlier is not None:
                return self._answer(request, str(earlier.body["assessment"]))
            return self._analyse(request)

    def _open(self, request: RunRequest) -> AuditEvent | None:
        """Open the run's record; returns what an earlier attempt of this step left there."""
        context = self._context
        if request.tenant not in context.tenants:
            raise UsageError(
                f"unknown tenant {request.tenant!r}; this worker serves {', '.join(sorted(context.tenants))}",
                code="unknown_tenant",
            )
        if request.key.startswith(KEY_PREFIX) and request.reverses is None:
            raise UsageError(f"run key {request.key!r} is kept for reversals; choose another one", code="reserved_key")
        with context.database.transaction() as tx:
            if request.reverses is not None:
                reversal.open_reversal(tx, request, request.reverses, context.clock())
            tx.audit.foresee(request.run_id, ENDED, STEP)
            if is_over(tx, request.run_id):  # an earlier attempt's entry would be found all the same
                raise GovernanceError(f"run {request.run_id!r} is over; start another one", code="run_over")
            tx.record(
                request,
                "run.started",
                actor=request.requested_by,
                at=context.clock(),
                body={"request": request.model_dump(mode="json")},
            )
            return tx.audit.find(request.run_id, STEP)

    def _analyse(self, request: RunRequest) -> Analysed:
        context = self._context
        started = time.monotonic()
        with record_calls() as calls:
            customer = self._customer(request)
        # What is undone is undone whatever happened since: a reversal needs no state.
        state = None if request.reverses is not None else context.live_state(request.tenant, request.customer_id)
        state = None if state is None else state_for(asked_of(context, request), state)
        outcome = self._assess(request, customer, state)
        assessment = outcome.assessment
        with context.database.transaction() as tx:
            keep_exchanges(tx, request, outcome.exchanges)
            kept = {} if state is None else {"state": _kept(tx, request.tenant, state)}
            digest = tx.artifacts.put_model(request.tenant, assessment)
            entry, ours = tx.record(
                request,
                STEP,
                actor=reversal.actor_of(request),
                at=context.clock(),
                body={
                    "assessment": digest,
                    "risk": assessment.risk,
                    "marks": list(assessment.marks),
                    **kept,
                    "queries": [query.model_dump(mode="json") for query in assessment.queries],
                    "model_use": [use.model_dump(mode="json") for use in assessment.model_use],
                    "calls": [call.model_dump(mode="json") for call in calls],
                    "duration_ms": milliseconds_since(started),
                },
            )
            if ours:
                tx.runs.set_state(request.run_id, "querying", at=context.clock(), assessment=digest)
        return self._answer(request, str(entry.body["assessment"]), assessment if ours else None)

    def _assess(self, request: RunRequest, customer: CustomerProfile, state: CustomerState | None) -> AnalysisOutcome:
        context = self._context
        if request.reverses is not None:
            return AnalysisOutcome(reversal.assess(context, request, request.reverses, customer), ())
        with unanswered_recorded(context, request, "analyse.unanswered"):
            read = None if state is None else StateRead.of(state, sha256_hex(canonical_bytes(state)))
            source = context.likelihood(request.tenant)
            churn_bp = None if source is None else source.before_reading(customer)
            return context.application(request.agent).analyse(
                request, customer, context.inference, state=read, churn_bp=churn_bp
            )

    def _customer(self, request: RunRequest) -> CustomerProfile:
        try:
            return self._context.billing.customer(request.customer_id)
        except NotFound as error:
            raise UsageError(
                f"unknown customer {request.customer_id!r}: billing does not know it; check the id for a typing error, "
                "and start another run with the right one",
                code="unknown_customer",
            ) from error

    def _answer(self, request: RunRequest, digest: str, assessment: Assessment | None = None) -> Analysed:
        known = assessment or self._context.artifact(request, digest, Assessment)
        # What takes an effect back needs other reads than what the application's own arithmetic needs.
        required = self._context.application(request.agent).required_reads if request.reverses is None else ()
        return Analysed(assessment=digest, risk=known.risk, queries=_union(required, known.queries))


def _kept(tx: Transaction, tenant: str, state: CustomerState) -> dict[str, Any]:
    """Keep the state, and return what the entry says of it."""
    return {
        "digest": tx.artifacts.put_model(tenant, state),
        "as_of": state.as_of.isoformat(),
        "version": state.version,
        "signals": len(state.signals),
    }


def _union(required: tuple[BillingQuery, ...], chosen: tuple[BillingQuery, ...]) -> tuple[BillingQuery, ...]:
    """Merge what the arithmetic needs and what the model wants on top: one query per operation.

    The longer series wins.
    """
    months: dict[str, BillingQuery] = {}
    for query in (*required, *chosen):
        known = months.get(query.operation)
        if known is None or known.months < query.months:
            months[query.operation] = query
    return tuple(months[operation] for operation in sorted(months))
