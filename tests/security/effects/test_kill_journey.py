"""A worker may die at any moment of a journey (promise 6): no step is given twice, and no customer is left behind."""

import itertools
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.strategy import Strategy
from placet.entrypoints.settings import Settings
from placet.governance.signing.canonical import digest
from placet.service.journeys.starting import Entry, start_journey
from tests.support.policies import own_policies
from tests.support.programs.zygote import Zygote, alive, zygote
from tests.support.strategies.in_world import publish
from tests.support.strategies.published import draw, strategy
from tests.support.world import World

__all__ = ["zygote"]

STEPS = """\
steps:
  - {step: welcome, treat: [small_credit]}
  - {step: which, branch: [{when: recharges_90d < 5, go_to: reward}], otherwise: done}
  - {step: reward, treat: [loyalty_credit]}
  - {step: done, exit: they have started}
rollout:
"""
POINTS = [f"{when} journey_look {number}" for number in (1, 2, 3) for when in ("before", "after")]
CUSTOMER = "C00006"


def survive(zygote: Zygote, point: str, home: Path, temporal: str, bss: str) -> dict[str, Any]:
    """One journey whose worker dies at `point`, and what is left of it after another worker took over."""
    values = {
        "home": str(home),
        "temporal_address": temporal,
        "bss_url": bss,
        "effect_lease_seconds": 8.0,
        "effect_settle_seconds": 3.0,
        "bss_timeout_seconds": 2.0,
        "churn_sources": {"demo": "counts"},
        "policy_dir": str(own_policies(home)),
    }
    world = World(Settings(**values))  # type: ignore[arg-type]
    world.engine.task_timeout = timedelta(seconds=3)
    pids: list[int] = []
    try:
        of = publish(world, f"By steps ({point})", ("rollout:\n", STEPS), (" keep_at_risk", f" {_name(point)}"))
        pids.append(zygote.ask({"point": point, "settings": values, "queue": world.engine.task_queue}))
        asked = _start(world, of)
        world.until(lambda: not alive(pids[0]), f"death {point}")
        pids.append(zygote.ask({"point": "never", "settings": values, "queue": world.engine.task_queue}))
        world.until(lambda: _ended(world, asked) is not None, "that the customer left")
        with world.database.reading() as tx:
            runs = tx.runs.list("demo", None, None, None, 100, None)
        return {
            "ended": _ended(world, asked),
            "steps": sorted(str(run.step) for run in runs),
            "states": sorted({run.state for run in runs}),
        }
    finally:
        for pid in pids:
            if alive(pid):
                subprocess.run(["kill", "-9", str(pid)], check=False)
        world.close()


def _name(point: str) -> str:
    """Return a strategy's own name, by which the customer is drawn for both steps: worlds share one Temporal server."""
    for number in itertools.count():
        name = f"keep_{point.replace(' ', '_')}_{number}"
        drawn = draw(strategy((" keep_at_risk", f" {name}")), CUSTOMER)
        if drawn.treated_at(6_000) and drawn.arm == "both":
            return name
    raise AssertionError


def _start(world: World, of: Strategy) -> JourneyAsked:
    entry = Entry(
        tenant="demo",
        customer_id=CUSTOMER,
        strategy=of.name,
        version=digest(of),
        agent="retention",
        channel="agent",
        requested_by="olga",
    )

    def begin(asked: JourneyAsked) -> None:
        world.run(world.engine.start_journey(asked))

    return start_journey(world.database, begin, entry, at=datetime.now(UTC)).asked


def _ended(world: World, asked: JourneyAsked) -> str | None:
    with world.database.reading() as tx:
        row = tx.journeys.get("demo", asked.customer_id, asked.strategy)
    return None if row is None else row.ended_code


@pytest.mark.usefixtures("zygote")
def test_a_worker_killed_at_any_look_of_a_journey_gives_each_step_once(
    zygote: Zygote, tmp_path: Path, temporal_address: str, bss_url: str
) -> None:
    with ThreadPoolExecutor(len(POINTS)) as pool:
        outcomes = {
            point: pool.submit(survive, zygote, point, tmp_path / f"case{number}", temporal_address, bss_url)
            for number, point in enumerate(POINTS)
        }
    left = {point: outcome.result() for point, outcome in outcomes.items()}
    once = {"ended": "exit", "steps": ["reward", "welcome"], "states": ["executed"]}
    assert left == dict.fromkeys(POINTS, once)
