"""Somebody who reaches Temporal: a client of theirs, and a worker with a workflow that bears our name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue, RetryPolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from placet.engine.converter import data_converter
from placet.engine.payload_keys import load_or_create_key
from tests.support.world import World


@workflow.defn(name="GovernedRun", sandboxed=False)
class Impostor:
    """A stranger's workflow of our name: it asks our workers for one step."""

    @workflow.run
    async def run(self, step: str, queue: str, given: RawValue) -> None:
        """Ask once."""
        await workflow.execute_activity(
            step,
            given,
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


def stranger(world: World, *, with_key: bool = False) -> Client:
    """A client of somebody who reaches Temporal; `with_key`: who has the payload key, too."""
    converter = data_converter(load_or_create_key(world.settings.payload_key)) if with_key else pydantic_data_converter
    return world.run(Client.connect(world.settings.temporal_address, data_converter=converter))


@contextmanager
def impostors(world: World, client: Client) -> Iterator[str]:
    """A stranger's worker; its task queue."""
    queue = f"{world.engine.task_queue}-stranger"

    async def begin() -> Worker:
        worker = Worker(client, task_queue=queue, workflows=[Impostor], workflow_runner=UnsandboxedWorkflowRunner())
        begun.append(world._loop.create_task(worker.run()))
        return worker

    begun: list[Any] = []
    worker = world.run(begin())
    try:
        yield queue
    finally:
        world.run(worker.shutdown())


def ask(world: World, client: Client, workflow_id: str, step: str, given: Any) -> str:
    """Ask for `step` as an impostor.

    Returns:
        What was said when it was refused, which only who has the key can read; empty where it was done.
    """

    async def asked() -> None:
        arguments = [step, world.engine.task_queue, given]
        await client.execute_workflow("GovernedRun", args=arguments, id=workflow_id, task_queue=queue)

    with impostors(world, client) as queue:
        try:
            world.run(asked())
        except WorkflowFailureError as refused:
            return str(getattr(refused.cause.__cause__, "message", "refused"))
    return ""


def sealed_input(world: World, run_id: str, step: str) -> RawValue:
    """The ciphertext that a run's own history shows as what `step` was asked."""
    for event in world.run(world.engine.history(run_id)).events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == step:
            return RawValue(Payload.FromString(scheduled.input.payloads[0].SerializeToString()))
    raise AssertionError(step)
