"""A rollout whose workflow is gone or does not hear goes on again, and whoever looks is told."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.strategies.rolling import RolloutAsked
from placet.doctor.stalled import rollouts
from placet.entrypoints.beside_worker.reconciler import Reconciler
from tests.support.strategies.in_world import phase_of, roll_out
from tests.support.world import World

Rolled = tuple[World, RolloutAsked, Reconciler]


@pytest.fixture
def rolled(make_world: Callable[..., World], request: pytest.FixtureRequest) -> Iterator[Rolled]:
    world = make_world(rollout_look_seconds=3600.0)
    assert world._parts is not None
    made = Reconciler(world.engine, world._parts.context, grace=timedelta(0))
    world.run(made.run_once())  # this Temporal is met before the rollout is started
    asked = roll_out(world, f"Keep {request.node.name[:40]}")
    world.until(lambda: phase_of(world, asked) == "watching", "that the stage was reached")
    yield world, asked, made
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())


def found_of(rolled: Rolled) -> dict[str, str]:
    """Return what a pass finds of the rollout."""
    world, asked, made = rolled
    return {one.run_id: one.found for one in world.run(made.run_once()) or () if one.run_id == asked.workflow_id}


def test_a_rollout_whose_workflow_was_ended_is_started_again(rolled: Rolled) -> None:
    world, asked, _ = rolled
    assert found_of(rolled) == {}
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate("cleaning up"))
    assert found_of(rolled) == {asked.workflow_id: "started"}
    assert found_of(rolled) == {}


def test_one_of_another_temporal_is_not_started(rolled: Rolled, monkeypatch: pytest.MonkeyPatch) -> None:
    world, asked, made = rolled
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate("cleaning up"))

    async def another() -> str:
        return "another"

    with monkeypatch.context() as patched:
        patched.setattr(made._engine, "namespace_id", another)
        assert found_of(rolled) == {asked.workflow_id: "lost"}
    assert found_of(rolled) == {asked.workflow_id: "started"}


def test_an_order_that_was_not_heard_is_told(rolled: Rolled) -> None:
    world, asked, _ = rolled
    with world.database.transaction() as tx:
        tx.rollouts.put("demo", asked.version, stage=1)
    assert found_of(rolled) == {asked.workflow_id: "told"}
    world.until(lambda: found_of(rolled) == {}, "that the rollout has asked again")


def test_one_that_is_overdue_is_found_by_both(rolled: Rolled) -> None:
    world, asked, _ = rolled
    assert [one.level for one in rollouts(world.settings)] == ["ok"]
    with world.database.transaction() as tx:
        tx.rollouts.put("demo", asked.version, next_at=datetime.now(UTC) - timedelta(hours=1))
    (told,) = rollouts(world.settings)
    assert (told.level, "has not moved since" in told.detail) == ("problem", True)
    assert found_of(rolled) == {asked.workflow_id: "stuck"}
    world.until(lambda: [one.level for one in rollouts(world.settings)] == ["ok"], "that it has asked again")


def test_a_row_that_nobody_started_on_the_record_is_refused(rolled: Rolled) -> None:
    world, asked, _ = rolled
    forged = asked.model_copy(update={"requested_by": "mallory"})
    with world.database.transaction() as tx:
        tx.rollouts.put("demo", asked.version, asked=forged.model_dump_json())
    assert found_of(rolled) == {asked.workflow_id: "refused"}


def test_its_steps_go_ahead_of_everything_and_its_runs_wait_behind_those_of_people(rolled: Rolled) -> None:
    world, asked, _ = rolled
    with world.database.reading() as tx:
        (theirs, *_) = (one.run_id for one in tx.runs.list("demo") if one.strategy is not None)
    by_hand = world.start()

    def priority(workflow_id: str) -> int:
        found = world.run(world.engine.client.get_workflow_handle(workflow_id).describe())
        return found.raw_description.workflow_execution_info.priority.priority_key or 3

    keys = [priority(one) for one in (asked.workflow_id, by_hand, theirs)]
    assert keys == sorted(set(keys))
