"""Rollouts whose workflow is gone, stands still or has not heard of an order: found, and set going by the record.

(1) its workflow ended or is gone, and the record says that it was started and is not over: started again, since its
    steps are asked of the record alone;
(2) the same, and this is not the Temporal in which it was started: reported, and nothing is started;
(3) it is under way, and a step is overdue, or the record has an order that it has not followed: told to ask again.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from temporalio.service import RPCError, RPCStatusCode

from activities.resources import WorkerResources
from activities.rollout import WORKFLOW
from placet.contracts.audit import tenant_stream
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.text import NAME, quoted
from placet.contracts.times import moment
from placet.engine.client import Engine
from placet.engine.progress import UNDER_WAY, described
from placet.entrypoints.beside_worker.reconciled import Reconciled
from placet.errors import GovernanceError, UpstreamUnavailable, UsageError
from placet.gate.strategies.rollout import ENDED
from placet.storage.strategies.rollouts import AlteredRollout, RolloutRow

_PAGE = 100


async def look_at_rollouts(engine: Engine, context: WorkerResources, grace: timedelta, known: str) -> list[Reconciled]:
    """Look at every rollout that is not over by the record.

    Args:
        engine: Temporal.
        context: As a worker's activities have it.
        grace: How long a step may be overdue.
        known: Which Temporal this is.

    Raises:
        UpstreamUnavailable: Temporal does not answer.
        StorageError: the database does not.
    """
    found = []
    for row in await asyncio.to_thread(lambda: list(_unfinished(context))):
        if isinstance(row, AlteredRollout):
            found.append(
                Reconciled(f"rollout {row.version[:16]}", "refused", f"{row.fault}; see `placet audit verify`")
            )
            continue
        try:
            context.rollouts.check_asked(row.asked)
            one = await _look(engine, context, row, grace, known)
        except (GovernanceError, UsageError) as error:
            one = Reconciled(row.asked.workflow_id, "refused", str(error))
        found += [] if one is None else [one]
    return found


def _unfinished(context: WorkerResources) -> Iterator[RolloutRow | AlteredRollout]:
    for tenant in sorted(context.tenants):
        after = None
        while True:
            with context.database.reading() as tx:
                page = tx.rollouts.list(tenant, _PAGE, after)
                ended = {
                    one.version
                    for one in page
                    if tx.audit.find(tenant_stream(tenant), f"{ENDED}.{one.version}") is not None
                }
            yield from (one for one in page if one.version not in ended)
            if len(page) < _PAGE:
                break
            after = page[-1].version


async def _look(
    engine: Engine, context: WorkerResources, row: RolloutRow, grace: timedelta, known: str
) -> Reconciled | None:
    asked, client = row.asked, engine.client
    try:
        workflow = (await described(client, asked.workflow_id)).workflow_execution_info
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise UpstreamUnavailable(f"Temporal did not answer ({error.status.name})") from error
        return await _start(engine, context, asked, known, "Temporal had no workflow of it")
    kind, queue = workflow.type.name, workflow.task_queue
    if workflow.status not in UNDER_WAY:
        return await _start(engine, context, asked, known, "Temporal had ended its workflow")
    if (kind, queue) != (WORKFLOW, engine.task_queue):
        detail = (
            f"a workflow of type {quoted(kind, NAME)} on {quoted(queue, NAME)} bears its id; someone else started it"
        )
        return Reconciled(asked.workflow_id, "foreign", detail)
    late = context.clock() - grace
    order = await asyncio.to_thread(context.rollouts.unheard, asked, late)
    if order is not None:
        await engine.tell_rollout(asked)
        return Reconciled(asked.workflow_id, "told", order)
    if row.next_at is not None and row.next_at < late:
        await engine.tell_rollout(asked)
        said = f"its next step was due at {moment(row.next_at)}, and nothing was done: {row.detail}"
        return Reconciled(
            asked.workflow_id, "stuck", f"{said}; see whether a worker runs, and what Temporal says of it"
        )
    return None


async def _start(engine: Engine, context: WorkerResources, asked: RolloutAsked, known: str, why: str) -> Reconciled:
    """Start the workflow again, unless it was started at another Temporal, where it may still go on."""
    with context.database.reading() as tx:
        met = tx.audit.find(tenant_stream(asked.tenant), f"engine.met.{known}")
    if met is None or met.at > asked.requested_at:
        unmet = "this Temporal was met after the rollout was started, and may never have had it; check "
        again = f"PLACET_TEMPORAL_ADDRESS, or start it again: `placet rollout start {asked.strategy}`"
        return Reconciled(asked.workflow_id, "lost", f"{unmet}{again}")
    await engine.start_rollout(asked)
    return Reconciled(asked.workflow_id, "started", f"{why}, and the record says that it goes on")
