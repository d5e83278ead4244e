"""Reminder, escalation and expiry, by policy and on the record; nothing of it can approve anything (promise 1)."""

import re
from collections.abc import Callable

import pytest

from tests.support.world import World


def timed(*, remind: str = "", escalate: str = "", expire: str = "60s") -> Callable[[str], str]:
    """An edit of the default policy: other times."""

    def edit(text: str) -> str:
        for name, value in (("remind_after", remind), ("escalate_after", escalate), ("expire_after", expire)):
            line = f'@gate_{name}("{value}")\n' if value else ""
            text = re.sub(rf'@gate_{name}\("[^"]*"\)\n', line, text)
        return text if escalate else re.sub(r'@gate_escalate_to\("[^"]*"\)\n', "", text)

    return edit


def kinds(world: World, run_id: str) -> list[str]:
    return [event.kind for event in world.events(run_id) if event.kind.startswith(("approve.", "run.ended"))]


def test_a_gate_left_waiting_reminds_then_asks_further_people_then_closes(a_world: World) -> None:
    a_world.edit_policy(timed(remind="1s", escalate="2s", expire="3s"))
    run_id = a_world.start("C00005")
    a_world.wait(run_id, "expired")
    assert kinds(a_world, run_id) == ["approve.opened", "approve.reminded", "approve.escalated", "run.ended"]
    with a_world.database.reading() as tx:
        told = [(one.occasion, one.role) for one in tx.outbox.list("demo") if one.run_id == run_id]
    assert {("asked", "retention_lead"), ("reminded", "retention_lead"), ("escalated", "care_manager")} <= set(told)
    assert a_world.effects()["adjustments"] == 0


def test_who_is_asked_by_escalation_decides_from_then_on_and_not_before(a_world: World) -> None:
    a_world.edit_policy(timed(escalate="2s"))
    run_id = a_world.pending("C00005")
    manager = a_world.approver("mona", roles=("care_manager",))
    a_world.send(run_id, a_world.sign(run_id, manager))
    assert a_world.refusal(run_id) == "unentitled"
    a_world.until(lambda: bool(a_world.events(run_id, "approve.escalated")), "the escalation")
    a_world.approve(run_id, manager)
    assert a_world.effects()["adjustments"] == 1


def test_a_gate_that_closes_while_no_worker_runs_has_closed_when_one_comes_back(a_world: World) -> None:
    a_world.edit_policy(timed(remind="1s", expire="3s"))
    anna = a_world.approver("anna")
    run_id = a_world.pending("C00005")
    gate = a_world.run(a_world.engine.status(run_id)).gate
    assert gate is not None
    envelope = a_world.sign(run_id, anna)
    a_world.stop_worker()
    a_world.send(run_id, envelope)
    a_world.until(lambda: a_world.now() > gate.expires_at, "the gate closing")
    a_world.start_worker()
    assert a_world.wait(run_id, "expired").code == "undecided"
    assert a_world.refusal(run_id) == "late"
    assert a_world.effects()["adjustments"] == 0


@pytest.mark.parametrize("count", [500])
def test_garbage_in_quantity_neither_stops_the_clock_nor_fills_the_history(a_world: World, count: int) -> None:
    run_id = a_world.pending("C00005")

    async def flood() -> None:
        handle = a_world.engine.handle(run_id)
        for number in range(count):
            await handle.signal("decide", {"garbage": number})

    a_world.run(flood())
    a_world.until(lambda: len(a_world.events(run_id, "approve.refused")) == count, f"{count} refusals")
    a_world.approve(run_id, a_world.approver("anna"))
    history = a_world.run(a_world.engine.history(run_id))
    timers = [event for event in history.events if event.HasField("timer_started_event_attributes")]
    assert len(timers) <= 2
    # One event for each signal, and a workflow task (three events) with its review for a batch of them.
    assert len(history.events) < count + 3 * count
