"""A worker may die at any moment (promise 6): kill -9 before and after each step, and around the BSS call.

Each case is its own run, database and worker process; all run side by side, since most of the time is Temporal noticing
that a worker is gone. Afterwards the run has ended correctly and the BSS shows exactly one effect.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from placet.contracts.people.decision import Verdict
from placet.entrypoints.settings import Settings
from placet.governance.log.chain import verify_chain
from tests.support.programs.zygote import Zygote, alive, zygote
from tests.support.world import EXECUTED_RECORD, World

__all__ = ["zygote"]

STEPS = ["analyse", "query_billing", "propose", "open_gate", "review_decisions", "execute", "close_run"]
POINTS = [f"{when} {step}" for step in STEPS for when in ("before", "after")]
POINTS += ["before the BSS call", "after the BSS committed"]


def survive(zygote: Zygote, point: str, customer: str, home: Path, temporal: str, bss: str) -> dict[str, Any]:
    """One run whose worker dies at `point`, and what is left of it after another worker took over."""
    values = {
        "home": str(home),
        "temporal_address": temporal,
        "bss_url": bss,
        "effect_lease_seconds": 8.0,
        "effect_settle_seconds": 3.0,
        "bss_timeout_seconds": 2.0,
        "churn_sources": {"demo": "counts"},
    }
    world = World(Settings(**values))  # type: ignore[arg-type]
    world.engine.task_timeout = timedelta(seconds=3)
    pids: list[int] = []

    def start(at: str) -> int:
        pid = zygote.ask({"point": at, "settings": values, "queue": world.engine.task_queue})
        pids.append(pid)
        return pid

    try:
        anna = world.approver("anna")
        if point == "before the BSS call":
            world.keys_are_shown(f"B-{customer}")
        # An executed run records its end with its effect; `close_run` is the end of all others.
        verdict: Verdict = "reject" if "close_run" in point else "approve"
        first = start(point)
        run_id = world.start(customer)
        if POINTS.index(point) < POINTS.index("after open_gate") + 1:
            world.until(lambda: not alive(first), f"death {point}")
            start("never")
            world.wait(run_id, "awaiting_decision")
            world.send(run_id, world.sign(run_id, anna, verdict))
        else:
            world.wait(run_id, "awaiting_decision")
            world.send(run_id, world.sign(run_id, anna, verdict))
            world.until(lambda: not alive(first), f"death {point}")
            start("never")
        record = world.wait(run_id, "executed", "rejected")
        events = world.events(run_id)
        verify_chain(events)
        result = world.run(world.engine.handle(run_id).result())
        return {
            "died": not alive(first),
            "state": record.state,
            # Beside a busy machine an attempt may be put off, which leaves an entry of its own.
            "kinds": [event.kind for event in events if event.kind != "execute.waiting"],
            "effects": world.effects(customer)["adjustments"] - (point == "before the BSS call"),
            "workflow": result["state"],
        }
    finally:
        for pid in pids:
            if alive(pid):
                subprocess.run(["kill", "-9", str(pid)], check=False)
        world.close()


def test_a_worker_killed_at_any_point_leaves_one_effect_and_a_whole_record(
    zygote: Zygote, tmp_path: Path, temporal_address: str, bss_url: str
) -> None:
    # Customers of the sample for whom a goodwill credit is the best eligible treatment.
    numbers = [1, 3, 5, 6, 14, 21, 23, 32, 34, 35, 37, 40, 47, 48, 54, 62]
    customers = [f"C{number:05d}" for number in numbers]
    with ThreadPoolExecutor(len(POINTS)) as pool:
        outcomes = {
            point: pool.submit(survive, zygote, point, customer, tmp_path / f"case{number}", temporal_address, bss_url)
            for number, (point, customer) in enumerate(zip(POINTS, customers, strict=True))
        }
    left = {point: outcome.result() for point, outcome in outcomes.items()}
    executed = {"died": True, "state": "executed", "kinds": EXECUTED_RECORD, "effects": 1, "workflow": "executed"}
    unexecuted = [kind for kind in EXECUTED_RECORD if not kind.startswith("execute.")]
    rejected = {"died": True, "state": "rejected", "kinds": unexecuted, "effects": 0, "workflow": "rejected"}
    # What was counted and never left is looked for, not found although our keys are shown, and only then sent.
    twice = [kind for kind in EXECUTED_RECORD for _ in range(1 + (kind == "execute.sending"))]
    expected = {point: rejected if "close_run" in point else executed for point in POINTS}
    assert left == expected | {"before the BSS call": {**executed, "kinds": twice}}
