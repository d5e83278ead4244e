"""The worker process: workflows on its event loop, activities in threads."""

import asyncio
import contextlib
import gc
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.converter import WorkflowSerializationContext
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    Worker,
    WorkflowInstance,
    WorkflowInstanceDetails,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities import all_activities
from activities.resources import WorkerResources
from agents.catalogue import names
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.engine.client import Engine
from placet.entrypoints.beside_worker.integrator import Integrator
from placet.entrypoints.beside_worker.policy_watch import PolicyWatch
from placet.entrypoints.connection import connect
from placet.entrypoints.observability.logs import set_up_logging, tell_temporal_apart
from placet.entrypoints.observability.telemetry import metrics_of_worker
from placet.entrypoints.senders import build_notifier
from placet.entrypoints.settings import Settings
from placet.files import write_file
from placet.governance.log.key import load_or_create_log_identity
from workflows.governed_run import GovernedRun
from workflows.journey import Journey
from workflows.rollout import Rollout

if TYPE_CHECKING:
    from placet.entrypoints.bootstrap import Parts

# How long a stopping worker lets activities finish; an effect under way is settled rather than left to read back.
_GRACE = timedelta(seconds=8)
# How long a starting worker waits for Temporal, in seconds.
_CONNECT_SECONDS = 60.0

# How long a starting worker waits for the BSS to say whether it sends events, in seconds.
_ASKED_SECONDS = 2.0

# How long some runs or journeys may take to be started, in seconds; the step is tried again.
_START_SECONDS = 30.0

WORKFLOWS = [GovernedRun, Rollout, Journey]

_log = logging.getLogger(__name__)


def _in_one_context(instance: WorkflowInstance, det: WorkflowInstanceDetails) -> WorkflowInstance:
    """Spare the SDK's questions after a payload's context: ours is the same for all payloads of a workflow.

    It asks several times per payload, and in the sandbox compiles a line of code for each question: measured, 15 % of a
    worker's CPU. A workflow with children would need theirs.
    """
    context = WorkflowSerializationContext(namespace=det.info.namespace, workflow_id=det.info.workflow_id)
    instance.get_serialization_context = lambda _command: context  # type: ignore[assignment,method-assign]
    return instance


class _Sandboxed(SandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _in_one_context(super().create_instance(det), det)


class _Plain(UnsandboxedWorkflowRunner):
    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _in_one_context(super().create_instance(det), det)


def sandbox() -> SandboxedWorkflowRunner:
    """Make Temporal's sandbox, in force in every test and in every replay.

    Only the frozen messages and the signatures pass through it (docs/architecture.md).
    """
    return _Sandboxed(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("placet.contracts", "placet.ports")
    )


def build_worker(
    client: Client, context: WorkerResources, settings: Settings, task_queue: str, *, sandboxed: bool = False
) -> Worker:
    """Build a worker for one task queue.

    The sandbox finds code that is not deterministic, by importing the workflow anew for every run. Tests, replay and
    tests/architecture/test_determinism.py have found it before it ships; here it would cost a fifth of the CPU of a run
    (docs/benchmarks.md).
    """
    threads = settings.worker_activities
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=all_activities(context, beginning(client, task_queue)),
        activity_executor=ThreadPoolExecutor(max_workers=2 * threads, thread_name_prefix="activity"),
        workflow_runner=sandbox() if sandboxed else _Plain(),
        max_concurrent_activities=threads,
        max_concurrent_local_activities=threads,
        max_cached_workflows=settings.worker_cached_runs,
        graceful_shutdown_timeout=_GRACE,
    )


def beginning(client: Client, task_queue: str) -> Callable[[Sequence[RunRequest | JourneyAsked]], None]:
    """Return what starts runs and journeys side by side from an activity's thread; call it on the loop that starts."""
    loop, engine = asyncio.get_running_loop(), Engine(client, task_queue)

    async def start(requests: Sequence[RunRequest | JourneyAsked]) -> None:
        await asyncio.gather(
            *(
                engine.start_journey(one) if isinstance(one, JourneyAsked) else engine.start(one, behind=True)
                for one in requests
            )
        )

    def begin(requests: Sequence[RunRequest | JourneyAsked]) -> None:
        asyncio.run_coroutine_threadsafe(start(requests), loop).result(_START_SECONDS)

    return begin


def spare_what_stays() -> None:
    """Leave what a started worker has loaded out of every later garbage collection: a hundred thousand objects."""
    gc.collect()
    gc.freeze()


def _integrator(settings: Settings, parts: "Parts") -> Integrator:
    return Integrator(
        parts.database,
        settings.tenants,
        load_or_create_log_identity(settings.log_name, settings.log_key, settings.log_heads),
        parts.context.clock,
        settings.log_interval_seconds,
    )


def _loops(settings: Settings, parts: "Parts", engine: Engine) -> Iterator[contextlib.AbstractContextManager[object]]:
    """Yield what goes on beside a worker: policies, states, who comes in and is woken, figures, outcomes."""
    from placet.entrypoints.beside_worker.following import Following, comings, waking
    from placet.entrypoints.beside_worker.key_figures import KeyFigures
    from placet.entrypoints.beside_worker.outcome_counting import OutcomeCounting
    from placet.entrypoints.beside_worker.state_folding import StateFolding

    database, tenants, clock = parts.database, settings.tenants, parts.context.clock
    yield PolicyWatch(database, parts.policies, tenants, names(), clock)
    yield StateFolding(database, tenants, clock, settings.retain_events_days)
    yield Following(database, tenants, clock, (comings(engine, parts.context), waking(engine, parts.context)))
    yield KeyFigures(database, tenants, clock, settings.retain_figures_days)
    yield OutcomeCounting(database, tenants, clock)


async def serve(settings: Settings, ready_file: Path | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT; work under way gets a grace period."""
    from placet.entrypoints.beside_worker.hub_subscription import HubSubscription
    from placet.entrypoints.beside_worker.kafka_events import taking_from_kafka
    from placet.entrypoints.beside_worker.reconciler import Reconciler
    from placet.entrypoints.bootstrap import build_parts

    set_up_logging(settings.log_level, settings.log_format)
    tell_temporal_apart()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    parts = await asyncio.to_thread(build_parts, settings)
    notifier = build_notifier(settings, parts.database, parts.context.addresses, parts.context.clock)
    engine = await connect(settings, patience_seconds=_CONNECT_SECONDS, for_worker=True)
    await engine.ensure_search_attributes()
    reconciler = Reconciler(engine, parts.context, grace=timedelta(seconds=settings.reconcile_grace_seconds))
    listens = bool(settings.listener_url)
    subscription = HubSubscription(parts.plugins.hub, settings, parts.context.clock) if listens else None
    kafka = taking_from_kafka(settings, parts.database, parts.context.clock)
    with contextlib.ExitStack() as beside:
        beside.enter_context(_integrator(settings, parts))
        beside.enter_context(notifier)
        for one in _loops(settings, parts, engine):
            beside.enter_context(one)
        if subscription is not None:
            beside.enter_context(subscription)
        waiting = beside.enter_context(kafka)
        beside.enter_context(metrics_of_worker(settings, parts.database, engine, parts.context.clock, waiting))
        spare_what_stays()
        async with build_worker(engine.client, parts.context, settings, engine.task_queue):
            _log.info("ready: polling task queue %r of %s", engine.task_queue, settings.temporal_address)
            reconciling = asyncio.create_task(reconciler.serve(stopping, settings.reconcile_interval_seconds))
            if subscription is not None:
                # Whoever is told that all is ready may cause an event at once.
                await asyncio.to_thread(subscription.tried.wait, _ASKED_SECONDS)
            if ready_file is not None:
                await asyncio.to_thread(write_file, ready_file, "ready\n")
            await stopping.wait()
        await reconciling
    parts.close()
