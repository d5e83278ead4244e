"""The rollout's workflow: from its start to cleared effects on real parts, and a year of days with time skipped."""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from placet.contracts.strategies.rolling import Reached, RolloutAsked, RolloutStep
from placet.entrypoints.worker import sandbox
from tests.support.strategies.in_world import all_over, phase_of, roll_out
from tests.support.world import World
from workflows.rollout import Rollout

ASKED = RolloutAsked(
    tenant="demo",
    strategy="keep_at_risk",
    version="a" * 64,
    agent="retention",
    channel="agent",
    requested_by="olga",
    requested_at=datetime(2026, 3, 1, tzinfo=UTC),
)
_SERVER = Path(sys.prefix) / "bin" / "temporal-test-server"


def test_a_rollout_gives_each_customer_of_its_stage_what_the_strategy_chooses_once(
    make_world: Callable[..., World],
) -> None:
    world = make_world(rollout_look_seconds=3600.0)
    asked = roll_out(world)
    world.until(lambda: phase_of(world, asked) == "watching", "that the stage was reached")
    world.until(lambda: all_over(world, asked), "that all runs are over")

    with world.database.reading() as tx:
        ends = tx.rollouts.ends("demo", asked.version)
        counts = tx.rollouts.counts("demo", asked.version, 6_000)
    assert counts.started == counts.treated == sum(ends.values()) > 0
    assert ends.get("executed", 0) == world.effects()["adjustments"] > 0
    assert set(ends) <= {"executed", "no_action", "failed"}, "billing does not know all of them"
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())


def test_a_year_of_daily_looks_keeps_each_history_bounded() -> None:
    asyncio.run(_a_year())


async def _a_year() -> None:
    looks: list[datetime] = []

    @activity.defn(name="rollout_stand")
    async def stand(_asked: RolloutAsked) -> RolloutStep:
        now = await env.get_current_time()
        phase = "over" if now - began >= timedelta(days=365) else "looking"
        return RolloutStep.model_validate(
            {"phase": phase, "stage": 0, "reached": 1_000, "wait_seconds": 86_400, "detail": "a day"}
        )

    @activity.defn(name="rollout_reach")
    async def reach(_asked: RolloutAsked) -> Reached:
        raise AssertionError

    @activity.defn(name="rollout_look")
    async def look(_asked: RolloutAsked) -> None:
        looks.append(await env.get_current_time())

    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(_SERVER), data_converter=_plain()
    ) as env:
        began = await env.get_current_time()
        async with Worker(
            env.client,
            task_queue="rollouts",
            workflows=[Rollout],
            activities=[stand, reach, look],
            workflow_runner=sandbox(),
        ):
            handle = await env.client.start_workflow("Rollout", ASKED, id=ASKED.workflow_id, task_queue="rollouts")
            result: dict[str, Any] = await handle.result()
            assert result["phase"] == "over"
            histories = [run async for run in _runs(env.client)]
    days = {(at - began).days for at in looks}
    assert len(days) == len(looks) >= 364
    assert len(histories) > 1, "it began anew"
    assert max(histories) <= 2_100


async def _runs(client: Client) -> Any:
    """Yield how many events each run of the rollout's workflow has."""
    run_id: str | None = None
    handle = client.get_workflow_handle(ASKED.workflow_id)
    first = await handle.describe()
    run_id = first.run_id
    seen = set[str]()
    while run_id is not None and run_id not in seen:
        seen.add(run_id)
        history = await client.get_workflow_handle(ASKED.workflow_id, run_id=run_id).fetch_history()
        yield len(history.events)
        start = history.events[0].workflow_execution_started_event_attributes
        run_id = start.continued_execution_run_id or None
    assert first.status is WorkflowExecutionStatus.COMPLETED


def _plain() -> Any:
    from temporalio.contrib.pydantic import pydantic_data_converter

    return pydantic_data_converter
