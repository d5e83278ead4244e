"""The journey's workflow: on real parts from a rollout to the exit, and over months with time skipped."""

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from placet.entrypoints.worker import sandbox
from placet.service.journeys.waking import wake
from placet.storage.strategies.journeys import JourneyRow
from placet.storage.transaction import Transaction
from tests.support.strategies.in_world import roll_out
from tests.support.strategies.published import happens
from tests.support.world import World
from workflows.journey import Journey

ASKED = JourneyAsked(tenant="demo", strategy="keep_at_risk", customer_id="C00001")
_SERVER = Path(sys.prefix) / "bin" / "temporal-test-server"
_STEPS = """\
steps:
  - {step: welcome, treat: [small_credit]}
  - {step: first_use, wait_for: app_visits_7d > 0, at_most: 10 days, if_not: done}
  - {step: reward, treat: [loyalty_credit]}
  - {step: done, exit: they have started}
rollout:
"""


def test_a_rollout_takes_customers_through_the_steps_and_events_move_them_on(make_world: Callable[..., World]) -> None:
    world = make_world()
    asked = roll_out(world, "Keep customers by steps", ("rollout:\n", _STEPS))
    world.until(
        lambda: _in(world, "first_use") > 0 and _under_way(world, asked.version) == 0, "who waits for first use"
    )
    with world.database.reading() as tx:
        waiting = [one for one in _rows(tx) if one.step == "first_use" and one.ended_at is None]
    visitor = waiting[0].customer_id
    happens(world.database, visitor, "app.visited", {"screen": "home"}, hours=0.01)
    told = wake(world.database, lambda one: world.run(world.engine.tell_journey(one)), "demo", [visitor, "C99999"])
    assert told == 1
    world.until(lambda: _ended(world, visitor) is not None, "that the visitor left")
    assert _ended(world, visitor) == "exit"
    with world.database.reading() as tx:
        steps = [run.step for run in tx.runs.list("demo", None, None, None, 100, None) if run.customer_id == visitor]
        still = [one for one in _rows(tx) if one.step == "first_use" and one.ended_at is None]
    assert sorted(str(step) for step in steps) == ["reward", "welcome"]
    assert len(still) == len(waiting) - 1
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())
    for one in still:
        journey = JourneyAsked(tenant="demo", strategy=one.strategy, customer_id=one.customer_id)
        world.run(world.engine.client.get_workflow_handle(journey.workflow_id).terminate())


def _rows(tx: Transaction) -> list[JourneyRow]:
    return [one for one in tx.journeys.list("demo") if isinstance(one, JourneyRow)]


def _in(world: World, step: str) -> int:
    with world.database.reading() as tx:
        return len([one for one in _rows(tx) if one.step == step and one.ended_at is None])


def _under_way(world: World, version: str) -> int:
    with world.database.reading() as tx:
        phases = {one.phase for one in _rows(tx)}
        left = tx.rollouts.left("demo", version, 6_000, 1_000)
        return tx.rollouts.open_runs("demo", version) + left + ("treating" in phases)


def _ended(world: World, customer: str) -> str | None:
    with world.database.reading() as tx:
        row = tx.journeys.get("demo", customer, "keep_at_risk")
    return None if row is None else row.ended_code


def test_months_of_waiting_cost_one_timer_and_a_signal_is_heard_at_once() -> None:
    asyncio.run(_months())


async def _months() -> None:
    looks: list[datetime] = []

    @activity.defn(name="journey_look")
    async def look(_asked: JourneyAsked) -> JourneyLook:
        now = await env.get_current_time()
        looks.append(now)
        over = now - began >= timedelta(days=180)
        phase = "over" if over else "waiting"
        return JourneyLook(phase=phase, step=None, wait_seconds=90 * 86_400, detail="waits")

    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(_SERVER), data_converter=pydantic_data_converter
    ) as env:
        began = await env.get_current_time()
        async with Worker(
            env.client, task_queue="journeys", workflows=[Journey], activities=[look], workflow_runner=sandbox()
        ):
            handle = await env.client.start_workflow("Journey", ASKED, id=ASKED.workflow_id, task_queue="journeys")
            await env.sleep(timedelta(days=20))
            await handle.signal("look_again")
            await handle.signal("anything", {"step": "reward", "customer_id": "C00002"})
            result: dict[str, Any] = await handle.result()
    assert result["phase"] == "over"
    days = [(at - began).days for at in looks]
    assert days[0] == 0
    assert set(days[1:3]) <= {20, 110}
    assert days[-1] >= 180
    assert len(days) <= 6, "two signals and two timers"


def test_a_journey_that_is_told_without_end_begins_anew() -> None:
    asyncio.run(_flooded())


async def _flooded() -> None:
    looks = 0

    @activity.defn(name="journey_look")
    async def look(_asked: JourneyAsked) -> JourneyLook:
        nonlocal looks
        looks += 1
        phase = "over" if looks > 150 else "waiting_for"
        return JourneyLook(phase=phase, step=None, wait_seconds=3_600, detail="waits")

    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(_SERVER), data_converter=pydantic_data_converter
        ) as env,
        Worker(env.client, task_queue="journeys", workflows=[Journey], activities=[look], workflow_runner=sandbox()),
    ):
        handle = await env.client.start_workflow("Journey", ASKED, id=ASKED.workflow_id, task_queue="journeys")
        await handle.result()
        last = await env.client.get_workflow_handle(ASKED.workflow_id).describe()
        history = await env.client.get_workflow_handle(ASKED.workflow_id).fetch_history()
    assert last.status is WorkflowExecutionStatus.COMPLETED
    assert len(history.events) <= 450
    assert history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
