"""(2) query billing: read what the assessment asked for, through the allowlisted read-only plugin.

What the customer was given before is read from our own record, and is part of the evidence. So is the live state, which
the analysis has read.
"""

import time
from typing import Final

from temporalio import activity

from activities.analyse import STEP as ANALYSED
from activities.resources import WorkerResources, read_in_time
from placet.contracts.billing import BillingQuery
from placet.contracts.run import Queried, QueryInput, RunRequest
from placet.contracts.state import CustomerState, StateRead
from placet.decisioning.contact import SHOWN_DAYS
from placet.gate.context import milliseconds_since
from placet.plugin_api.evidence import gather

STEP: Final = "query_billing.completed"


class QueryBilling:
    """The second step."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    @activity.defn(name="query_billing", no_thread_cancel_exception=True)
    def query_billing(self, query: QueryInput) -> Queried:
        """Read and store the evidence; its digest returns."""
        context = self._context
        with context.step(query.run):
            earlier = context.recorded(query.run, STEP)
            if earlier is not None:
                return Queried(evidence=str(earlier.body["evidence"]))
            return self._query(query.run, query.queries)

    def _query(self, run: RunRequest, queries: tuple[BillingQuery, ...]) -> Queried:
        context = self._context
        state = self._state(run)
        started = time.monotonic()
        with read_in_time():
            evidence = gather(context.billing, run.customer_id, queries, clock=context.clock)
        # A reversal gives nothing: no contact policy stands in its way, not even a broken one.
        days = SHOWN_DAYS if run.reverses is not None else context.contact(run.tenant, run.agent).reach_days
        with context.database.transaction() as tx:
            history = tx.contacts.of_customer(
                run.tenant, run.customer_id, days=days, now=context.clock(), besides=run.run_id
            )
            evidence = evidence.model_copy(update={"history": history, "state": state})
            digest = tx.artifacts.put_model(run.tenant, evidence)
            entry, ours = tx.record(
                run,
                STEP,
                actor="plugin:billing",
                at=context.clock(),
                body={
                    "evidence": digest,
                    "operations": list(evidence.operations),
                    "calls": [call.model_dump(mode="json") for call in evidence.calls],
                    "duration_ms": milliseconds_since(started),
                },
            )
            if ours:
                tx.runs.set_state(run.run_id, "proposing", at=context.clock(), evidence=digest)
        return Queried(evidence=str(entry.body["evidence"]))

    def _state(self, run: RunRequest) -> StateRead | None:
        """Return the live state that the analysis saw: one run decides on one state, however long its steps take.

        None where an earlier version analysed, or a reversal.
        """
        entry = self._context.recorded(run, ANALYSED)
        said = None if entry is None else entry.body.get("state")
        if said is None:
            return None
        digest = str(said["digest"])
        return StateRead.of(self._context.artifact(run, digest, CustomerState), digest)
