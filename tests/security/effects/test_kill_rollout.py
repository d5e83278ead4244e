"""A worker may die at any moment of a rollout (promise 6): nobody is treated twice, and nobody is missed."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.entrypoints.settings import Settings
from tests.support.policies import own_policies
from tests.support.programs.zygote import Zygote, alive, zygote
from tests.support.strategies.in_world import all_over, roll_out
from tests.support.world import World

__all__ = ["zygote"]

POINTS = [f"{when} rollout_{step}" for step in ("stand", "reach", "look") for when in ("before", "after")]


def survive(zygote: Zygote, point: str, home: Path, temporal: str, bss: str) -> dict[str, Any]:
    """One rollout whose worker dies at `point`, and what is left of it after another worker took over."""
    values = {
        "home": str(home),
        "temporal_address": temporal,
        "bss_url": bss,
        "effect_lease_seconds": 8.0,
        "effect_settle_seconds": 3.0,
        "bss_timeout_seconds": 2.0,
        "churn_sources": {"demo": "counts"},
        "policy_dir": str(own_policies(home)),
        "rollout_look_seconds": 3.0,
    }
    world = World(Settings(**values))  # type: ignore[arg-type]
    world.engine.task_timeout = timedelta(seconds=3)
    pids: list[int] = []
    try:
        pids.append(zygote.ask({"point": point, "settings": values, "queue": world.engine.task_queue}))
        asked = roll_out(world, f"Keep customers ({point})")
        world.until(lambda: not alive(pids[0]), f"death {point}")
        pids.append(zygote.ask({"point": "never", "settings": values, "queue": world.engine.task_queue}))
        world.until(lambda: _reached(world, asked.version), "that the stage was reached")
        world.until(lambda: all_over(world, asked), "that all runs are over")
        with world.database.reading() as tx:
            counts = tx.rollouts.counts("demo", asked.version, 6_000)
            ends = tx.rollouts.ends("demo", asked.version)
            runs = tx.runs.list("demo", None, None, None, 100, None)
            looks = tx.rollouts.get("demo", asked.version)
        if "look" in point:
            assert looks is not None
            world.until(lambda: _looks(world, asked.version) > 0, "a look")
        world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())
        return {
            "missed": counts.treated - counts.started,
            "twice": len(runs) - len({run.customer_id for run in runs}),
            "executed": ends.get("executed", 0),
            "open": sum(many for state, many in ends.items() if state not in ("executed", "no_action", "failed")),
        }
    finally:
        for pid in pids:
            if alive(pid):
                subprocess.run(["kill", "-9", str(pid)], check=False)
        world.close()


def _reached(world: World, version: str) -> bool:
    """Return whether runs were started for all of the stage, by the row: a look may come in between."""
    with world.database.reading() as tx:
        row = tx.rollouts.get("demo", version)
    return row is not None and row.reached_at is not None


def _looks(world: World, version: str) -> int:
    with world.database.reading() as tx:
        row = tx.rollouts.get("demo", version)
    return 0 if row is None else row.looks


@pytest.mark.usefixtures("zygote")
def test_a_worker_killed_at_any_step_of_a_rollout_treats_nobody_twice_and_misses_nobody(
    zygote: Zygote, tmp_path: Path, temporal_address: str, bss_url: str
) -> None:
    with ThreadPoolExecutor(len(POINTS)) as pool:
        outcomes = {
            point: pool.submit(survive, zygote, point, tmp_path / f"case{number}", temporal_address, bss_url)
            for number, point in enumerate(POINTS)
        }
    left = {point: outcome.result() for point, outcome in outcomes.items()}
    executed = {one["executed"] for one in left.values()}
    assert left == {point: {"missed": 0, "twice": 0, "executed": max(executed), "open": 0} for point in POINTS}
    assert max(executed) > 0
