"""Record one history for each ending of a run: `python -m tests.replay.record` writes a folder of histories/.

Each folder is a generation: how runs asked for their steps when it was recorded. After a change to the workflow that is
meant to change histories, name a new one; the old ones stay, and show what runs under way would meet.
"""

import json
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from agents.testing import ScriptedInference
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from placet.service.documents.halts import place_halt
from placet.service.reversals import request_reversal, reverse_run
from tests.security.gate.mandates.mandating import head, mandated, permitting
from tests.security.gate.test_batches import pending, prepared, signed
from tests.security.gate.test_gate_times import timed
from tests.support.temporal import temporal_server
from tests.support.world import World, world

HISTORIES = Path(__file__).parent / "histories"
GENERATIONS = ("regular", "local_first")
"""Steps to foreign systems as regular activities; tried once as local ones. The last is what the shipped code makes."""
RECORDED = HISTORIES / GENERATIONS[-1]
PAYLOAD_KEY = "00" * 31 + "01"
"""The key of the recorded histories; it protects nothing."""
ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


def executed(made: World) -> str:
    """Approved and executed."""
    run_id = made.pending("C00005")
    made.send(run_id, "garbage first")
    made.refusal(run_id)
    made.approve(run_id, made.approver())
    return run_id


def no_action(made: World) -> str:
    """Nothing was worth doing."""
    made.stop_worker()
    made.inference = ScriptedInference({"propose": {"treatment": "nothing"}})
    made.start_worker()
    run_id = made.start("C00005")
    made.wait(run_id, "no_action")
    return run_id


def rejected(made: World) -> str:
    """A person said no."""
    run_id = made.pending("C00005")
    made.send(run_id, made.sign(run_id, made.approver(), "reject"))
    made.wait(run_id, "rejected")
    return run_id


def denied(made: World) -> str:
    """State changed between approval and execution."""
    run_id = made.pending("C00005")
    made.patch_bss("/sandbox/buckets/B-C00005", {"status": "suspended"})
    made.send(run_id, made.sign(run_id, made.approver()))
    made.wait(run_id, "denied")
    return run_id


def expired(made: World) -> str:
    """Nobody decided in time."""
    made.shorten_gate(timedelta(seconds=1))
    run_id = made.start("C00005")
    made.wait(run_id, "expired")
    return run_id


def failed(made: World) -> str:
    """The BSS refused."""
    run_id = made.pending("C00005")
    made.break_bss("POST", ADJUST, "status=422")
    made.send(run_id, made.sign(run_id, made.approver()))
    made.wait(run_id, "failed")
    return run_id


def cancelled(made: World) -> str:
    """Cancelled at the gate."""
    run_id = made.pending("C00005")
    made.cancel(run_id)
    made.wait(run_id, "cancelled")
    return run_id


def unknown_outcome(made: World) -> str:
    """The outcome could not be known, and a person settled it."""
    made.stop_worker()
    made.start_worker(effect_attempts=1)
    run_id = made.pending("C00005")
    anna = made.approver()
    made.break_bss("POST", ADJUST, "lost")
    made.break_bss("GET", ADJUST, "status=503", behind="POST")
    made.send(run_id, made.sign(run_id, anna))
    made.wait(run_id, "unknown_outcome")
    made.send(run_id, made.sign(run_id, anna, "confirm_executed"))
    made.wait(run_id, "executed")
    return run_id


def amended(made: World) -> str:
    """Two were asked: one approved, another made it less, and the first approved that too."""
    made.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    run_id = made.pending("C00005")
    anna, ben = made.approver("anna"), made.approver("ben")
    made.send(run_id, made.sign(run_id, anna))
    made.until(lambda: len(made.events(run_id, "approve.decided")) == 1, "the first approval")
    made.send(run_id, made.sign_amendment(run_id, ben, amount="5.00 USD")[1])
    made.until(lambda: len(made.events(run_id, "approve.decided")) == 2, "the amendment")
    made.approve(run_id, anna)
    return run_id


def cleared(made: World) -> str:
    """Within a mandate: nobody was asked."""
    permitting(made)
    mandated(made, head(made))
    run_id = made.start("C00005")
    made.wait(run_id, "executed")
    return run_id


def halted(made: World) -> str:
    """A halt was placed while the effect could not be sent."""
    run_id = made.pending("C00005")
    made.break_bss("GET", "/tmf-api/customerManagement", "status=503")
    made.send(run_id, made.sign(run_id, made.approver()))
    made.wait(run_id, "executing")
    place_halt(
        made.database, tenant="demo", scope="tenant", subject="", by="olga", reason="stop", agents=("retention",)
    )
    made.mend_bss()
    made.wait(run_id, "halted")
    return run_id


def batched(made: World) -> str:
    """Approved with one signature over two runs."""
    run_ids = pending(made, ["C00005", "C00006"])
    decisions = signed(prepared(made, run_ids), made.approver())
    made.send(run_ids[0], decisions[run_ids[0]])
    made.wait(run_ids[0], "executed")
    return run_ids[0]


def escalated(made: World) -> str:
    """Nobody came, others were asked, one of whom approved."""
    made.edit_policy(timed(remind="1s", escalate="2s"))
    run_id = made.pending("C00005")
    made.until(lambda: bool(made.events(run_id, "approve.escalated")), "the escalation")
    made.approve(run_id, made.approver("mona", roles=("care_manager",)))
    return run_id


def reversed_run(made: World) -> str:
    """What a run had done was taken back."""
    original, anna = made.pending("C00005"), made.approver()
    made.approve(original, anna)
    asked = request_reversal(made.database, run_id=original, tenant="demo", requested_by="olga", reason="in error")
    run_id = made.run(reverse_run(made.database, made.engine, asked)).run_id
    made.wait(run_id, "awaiting_decision")
    made.approve(run_id, anna)
    return run_id


ENDINGS: tuple[Callable[[World], str], ...] = (
    executed,
    no_action,
    rejected,
    denied,
    expired,
    failed,
    cancelled,
    unknown_outcome,
    amended,
    cleared,
    halted,
    batched,
    escalated,
    reversed_run,
)


def main() -> None:
    """Record all."""
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with temporal_server(home) as (temporal, _):
            for ending in ENDINGS:
                with running(SandboxConfig()) as bss:
                    _record(ending, home / ending.__name__, temporal, bss)


def _record(ending: Callable[[World], str], home: Path, temporal: str, bss: str) -> None:
    home.mkdir()
    (home / "payload.key").write_text(PAYLOAD_KEY)
    (home / "payload.key").chmod(0o600)
    with world(home, temporal, bss) as made:
        run_id = ending(made)
        made.run(made.engine.handle(run_id).result())
        history = made.run(made.engine.history(run_id))
    document = {"workflowId": run_id, "history": json.loads(history.to_json())}
    (RECORDED / f"{ending.__name__}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
