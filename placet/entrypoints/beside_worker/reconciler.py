"""The reconciler: finds runs whose workflow Temporal ended, and puts that on the record (docs/adr/0028).

A workflow that was terminated, timed out, failed or deleted tells nobody: our record would show its run as waiting for
ever. One pass looks at a page of the runs that are not over, one worker at a time.

 (1) never started: started again, for a day; its key is safe. Later it is recorded as ended;
 (2) ended by Temporal, or gone from it: recorded as ended;
 (3) the same with an effect that may be under way: parked as unknown, for a person to look;
 (4) gone, and this is not the Temporal under which it was requested: reported, and nothing is concluded.

Before that it hands out the rest of batches whose server stopped in the middle (`placet.service.deciding.deliveries`);
after the last run it looks at the rollouts (`rollouts.py` beside it).
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import NoReturn

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.service import RPCError, RPCStatusCode

from activities.admission import WORKFLOW
from activities.close_run import CloseRun
from activities.resources import WorkerResources
from placet.contracts.audit import tenant_stream
from placet.contracts.run import END_STATES, CloseInput, EndState, Expected, RunRequest
from placet.contracts.text import NAME, quoted
from placet.contracts.times import moment
from placet.engine.client import Engine
from placet.engine.progress import UNDER_WAY, described, stalls_of
from placet.engine.unreviewed import reviews
from placet.entrypoints.beside_worker.reconciled import Reconciled
from placet.entrypoints.beside_worker.replaced import end_replaced
from placet.entrypoints.beside_worker.rollouts import look_at_rollouts
from placet.entrypoints.bootstrap import build_parts
from placet.entrypoints.connection import connect
from placet.entrypoints.settings import Settings
from placet.errors import (
    ConfigurationError,
    GovernanceError,
    PlacetError,
    StorageError,
    UpstreamUnavailable,
    UsageError,
)
from placet.gate.sending.ledger import may_have_left
from placet.rounds import Faults
from placet.service.deciding.deliveries import go_on_delivering
from placet.storage.pending import expected
from placet.storage.records import EffectRecord, RunRecord
from placet.storage.sql.reading import UNREADABLE
from placet.storage.standing import request_on_record

ENDED_BY_TEMPORAL = "ended_by_temporal"
NEVER_STARTED = "never_started"

_LEASE = "/reconciler"  # no tenant can have this name
_LEASE_TIME = timedelta(seconds=120)
_REMEMBERED = 100_000
"""Runs of which it is remembered how far their history was read; most of them are over some day."""
_START_WITHIN = timedelta(hours=24)
_log = logging.getLogger(__name__)


class Reconciler:
    """Looks at a page of runs at each pass, and begins again after the last one.

    Args:
        engine: Temporal.
        context: As a worker's activities have it.
        grace: How long a run must not have moved.
        page: How many runs one pass looks at.
    """

    def __init__(self, engine: Engine, context: WorkerResources, *, grace: timedelta, page: int = 200) -> None:
        self._engine = engine
        self._context = context
        self._grace = grace
        self._page = page
        self._after = ""
        self._holder = secrets.token_hex(8)
        self._reviewed: dict[str, tuple[str, int]] = {}

    @property
    def done(self) -> bool:
        """Whether the last pass reached the last run."""
        return not self._after

    async def serve(self, stopping: asyncio.Event, interval_seconds: float) -> None:
        """Make a pass at every interval until `stopping` is set."""
        faults = Faults(_log)
        while not stopping.is_set():
            try:
                for found in await self.run_once() or ():
                    _log.warning("%s: %s, %s", found.run_id, found.found, found.detail)
                faults.mended("reconciling")
            except PlacetError as error:
                faults.tell("reconciling", str(error), f"reconciling: {error}")
            except Exception:  # noqa: BLE001 - without this loop no pass would be made any more
                _log.exception("a pass over the runs ended early")
            try:
                async with asyncio.timeout(interval_seconds):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def run_once(self) -> list[Reconciled] | None:
        """Make one pass; None where another worker is at it.

        Raises:
            UpstreamUnavailable: Temporal does not answer.
            StorageError: the database does not.
        """
        if not await asyncio.to_thread(self._lease):
            return None
        known = await self._engine.namespace_id()
        await asyncio.to_thread(self._met, known)
        for line in await self._delivered():
            _log.warning("%s", line)
        runs = await asyncio.to_thread(self._unmoved)
        found = [await self._looked(run, known) for run in runs]
        self._after = runs[-1].run_id if len(runs) == self._page else ""
        if self.done:
            found += await look_at_rollouts(self._engine, self._context, self._grace, known)
            found += await end_replaced(self._engine, self._context)
        if len(self._reviewed) > _REMEMBERED:
            self._reviewed.clear()
        await asyncio.to_thread(self._release)
        return [one for one in found if one is not None]

    async def _delivered(self) -> tuple[str, ...]:
        """Go on with batches whose server stopped in the middle of their delivery."""
        now = self._context.clock()
        tenants, before = sorted(self._context.tenants), now - self._grace
        return await go_on_delivering(self._context.database, self._engine, tenants, before=before, now=now)

    def _release(self) -> None:
        now = self._context.clock()
        with self._context.database.transaction() as tx:
            tx.log_leases.renew(_LEASE, self._holder, until=now)

    def _lease(self) -> bool:
        now = self._context.clock()
        with self._context.database.transaction() as tx:
            return tx.log_leases.take(_LEASE, self._holder, now=now, until=now + _LEASE_TIME)

    def _met(self, known: str) -> None:
        """Put on each tenant's record which Temporal its runs are in, from when on."""
        at = self._context.clock()
        with self._context.database.transaction() as tx:
            for tenant in sorted(self._context.tenants):
                if tx.audit.find(tenant_stream(tenant), _met_key(known)) is None:
                    body = {"namespace": self._engine.client.namespace, "namespace_id": known}
                    tx.record_act(tenant, "engine.met", "worker", at, known, body)

    def _unmoved(self) -> Sequence[RunRecord]:
        before = self._context.clock() - self._grace
        with self._context.database.reading() as tx:
            return tx.runs.unmoved(self._context.tenants, before=before, after=self._after, limit=self._page)

    def too_young(self) -> int:
        """Return how many runs are not over and moved within the grace."""
        since = self._context.clock() - self._grace
        with self._context.database.reading() as tx:
            return tx.runs.moved(self._context.tenants, since=since)

    async def _looked(self, run: RunRecord, known: str) -> Reconciled | None:
        """Look at one run; what cannot be read of it hides no other."""
        try:
            return await self._look(run, known)
        except (GovernanceError, UsageError) as error:
            return Reconciled(run.run_id, "refused", str(error))
        except StorageError as error:
            if error.code != UNREADABLE:
                raise
            return Reconciled(run.run_id, "refused", str(error))

    async def _look(self, run: RunRecord, known: str) -> Reconciled | None:
        try:
            said = await described(self._engine.client, run.run_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise UpstreamUnavailable(f"Temporal did not answer ({error.status.name})") from error
            return await self._gone(run, known, "Temporal no longer has its workflow: it was deleted there")
        workflow = said.workflow_execution_info
        kind, queue = workflow.type.name, workflow.task_queue
        if (kind, queue) != (WORKFLOW, self._engine.task_queue):
            detail = f"workflow {run.run_id!r} is of type {quoted(kind, NAME)} on {quoted(queue, NAME)}"
            if workflow.status not in UNDER_WAY:
                return await self._gone(run, known, f"{detail}, which took the place of its own, and is over")
            advice = f"`temporal workflow terminate --workflow-id {run.run_id}` ends it, and the next pass records that"
            return Reconciled(run.run_id, "foreign", f"{detail}; someone else started it; {advice}")
        if workflow.status not in UNDER_WAY:
            return await asyncio.to_thread(self._end, run, ENDED_BY_TEMPORAL, _said(workflow))
        due = await asyncio.to_thread(self._expected, run)
        lines = stalls_of(run.run_id, said, due.due) or await self._unreviewed(run.run_id, workflow, due)
        return Reconciled(run.run_id, "stuck", "; ".join(lines)) if lines else None

    def _expected(self, run: RunRecord) -> Expected:
        with self._context.database.reading() as tx:
            return expected(tx, run)

    async def _unreviewed(self, run_id: str, workflow: WorkflowExecutionInfo, due: Expected) -> tuple[str, ...]:
        """Return why what a run is sent is not reviewed; a history that did not grow is not read again."""
        seen = (workflow.execution.run_id, workflow.history_length)
        if self._reviewed.get(run_id) == seen:
            return ()
        try:
            found = await reviews(self._engine.client, run_id, listens=due.listens)
        except RPCError as error:  # a history that is too long for one answer must not keep others from being looked at
            return (f"its history could not be read at Temporal ({error.status.name})",)
        if not found.waits:
            self._reviewed[run_id] = seen
        return found.lines

    async def _gone(self, run: RunRecord, known: str, detail: str) -> Reconciled | None:
        with self._context.database.reading() as tx:
            started = tx.audit.find(run.run_id, "run.started") is not None
            met = tx.audit.find(tenant_stream(run.tenant), _met_key(known))
        if not started:
            return await self._never_started(run)
        if met is None or met.at > run.requested_at:
            unmet = "this Temporal was met after the run was requested, and never had it; check PLACET_TEMPORAL_ADDRESS"
            return Reconciled(run.run_id, "lost", unmet)
        return await asyncio.to_thread(self._end, run, ENDED_BY_TEMPORAL, detail)

    async def _never_started(self, run: RunRecord) -> Reconciled | None:
        requested = await asyncio.to_thread(self._requested, run.run_id)
        if requested is None:
            detail = "it is in the table, and nobody requested it on the record; see `placet audit verify`"
            return Reconciled(run.run_id, "refused", detail)
        if self._context.clock() - run.requested_at > _START_WITHIN:
            detail = "it was requested, and never started within a day"
            return await asyncio.to_thread(self._end, run, NEVER_STARTED, detail)
        await self._engine.start(requested)
        return Reconciled(run.run_id, "started", "it had been requested, and not started")

    def _requested(self, run_id: str) -> RunRequest | None:
        with self._context.database.reading() as tx:
            return request_on_record(tx, run_id)

    def _end(self, run: RunRecord, code: str, detail: str) -> Reconciled | None:
        """Record the end unless the run moved meanwhile, or an attempt at its effect may still be acting."""
        context, now = self._context, self._context.clock()
        with context.database.reading() as tx:
            current = tx.runs.get(run.run_id)
            effects = tx.effects.for_run(run.run_id)
            doubtful = may_have_left(tx, run.run_id)
        if current is None or current.state in END_STATES or current.updated_at != run.updated_at:
            return None
        if any(effect.status == "open" and effect.lease_until > now for effect in effects):
            return None
        if current.state == "unknown_outcome":
            advice = f"`temporal workflow reset --workflow-id {run.run_id} --type LastWorkflowTask` lets it be settled"
            return Reconciled(run.run_id, "parked_before", f"{detail}; {advice}")
        state = _state(effects)
        if state == "failed" and doubtful:
            state = "unknown_outcome"  # the ledger lost what the record has
        request = RunRequest(**{name: getattr(run, name) for name in RunRequest.model_fields})
        close = CloseInput(run=request, state=state, code=code, detail=detail, proposal=current.proposal)
        try:
            CloseRun(context).close(close)
        except GovernanceError as error:
            return Reconciled(run.run_id, "refused", str(error))
        return Reconciled(run.run_id, "parked" if state == "unknown_outcome" else "ended", detail)


async def reconcile_all(settings: Settings) -> tuple[list[Reconciled], int]:
    """Look at every run that is not over and has not moved for a while, once.

    Returns:
        What was found, and how many runs moved too recently to be judged.

    Raises:
        UpstreamUnavailable: Temporal does not answer.
        ConfigurationError: a worker is at it in this moment.
    """
    # No model is asked: importing what asks them would take seconds.
    parts = await asyncio.to_thread(build_parts, settings, inference=_NoInference())
    try:
        engine = await connect(settings)
        grace = timedelta(seconds=settings.reconcile_grace_seconds)
        reconciler = Reconciler(engine, parts.context, grace=grace)
        found: list[Reconciled] = []
        while True:
            page = await reconciler.run_once()
            if page is None:
                raise ConfigurationError("a worker is reconciling; look at `placet run list`, or try again in a minute")
            found += page
            if reconciler.done:
                return found, await asyncio.to_thread(reconciler.too_young)
    finally:
        parts.close()


def _state(effects: Sequence[EffectRecord]) -> EndState:
    """Return what may be said of a run that ended so: never that nothing happened where something may have."""
    statuses = {effect.status for effect in effects}
    if statuses & {"open", "unknown"}:
        return "unknown_outcome"
    return "executed" if "settled" in statuses else "failed"


def _said(workflow: WorkflowExecutionInfo) -> str:
    status = WorkflowExecutionStatus.Name(workflow.status).removeprefix("WORKFLOW_EXECUTION_STATUS_")
    at = f" at {moment(workflow.close_time.ToDatetime(UTC))}" if workflow.HasField("close_time") else ""
    return f"Temporal ended its workflow: {status.lower().replace('_', ' ')}{at}"


def _met_key(known: str) -> str:
    return f"engine.met.{known}"


class _NoInference:
    """Stands where a worker has models; reconciling asks none."""

    def complete(self, task: str, **_: object) -> NoReturn:
        """Refuse."""
        raise ConfigurationError(f"reconciling asks no model; {task!r} was asked")
