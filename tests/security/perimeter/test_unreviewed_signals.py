"""Whoever answers a task in a worker's stead can keep a gate from reviewing: what is sent is kept, and not reviewed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.command.v1 import Command, RecordMarkerCommandAttributes, StartTimerCommandAttributes
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from placet.engine.unreviewed import reviews_of
from placet.entrypoints.beside_worker.reconciler import Reconciler
from placet.replay.verdict import replay
from tests.security.perimeter.impostor import stranger
from tests.security.perimeter.test_idle_at_temporal import mended_as_said, named, taken
from tests.security.perimeter.test_moved_clock import said_in
from tests.support.world import World

YEARS = 315_360_000


def told_to_wait(like: dict[str, Any], seconds: int) -> RecordMarkerCommandAttributes:
    """The marker of a review that failed and is to be tried again in so many seconds."""
    number = like["seq"] + 1
    said = {**like, "seq": number, "activity_id": str(number), "activity_type": "review_decisions", "attempt": 1}
    said["backoff"] = {"seconds": seconds, "nanos": 0}
    data = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(said).encode())
    failed = Failure(message="x", source="x", application_failure_info=ApplicationFailureInfo(type="x"))
    return RecordMarkerCommandAttributes(
        marker_name="core_local_activity", details={"data": Payloads(payloads=[data])}, failure=failed
    )


def test_a_gate_that_was_made_deaf_is_named_and_hears_again_by_the_command_that_is_said(a_world: World) -> None:
    anna = a_world.approver("anna")
    run_id = a_world.pending("C00005")

    def markers() -> list[Any]:
        events = a_world.run(a_world.engine.history(run_id)).events
        return [json.loads(said_in(event)) for event in events if said_in(event)]

    # Our record shows the open gate before Temporal's history has the marker.
    a_world.until(lambda: any(one["activity_type"] == "open_gate" for one in markers()), "the marker of the gate")
    like = markers()[-1]
    a_world.stop_worker()
    a_world.send(run_id, "whatever makes a task")
    task = taken(a_world)
    assert task.workflow_execution.workflow_id == run_id
    timer = StartTimerCommandAttributes(timer_id="2")
    timer.start_to_fire_timeout.FromSeconds(YEARS)
    answer = RespondWorkflowTaskCompletedRequest(
        namespace="default",
        task_token=task.task_token,
        identity="mallory",
        commands=[
            Command(
                command_type=CommandType.COMMAND_TYPE_RECORD_MARKER,
                record_marker_command_attributes=told_to_wait(like, YEARS),
            ),
            Command(command_type=CommandType.COMMAND_TYPE_START_TIMER, start_timer_command_attributes=timer),
        ],
    )
    a_world.run(stranger(a_world).workflow_service.respond_workflow_task_completed(answer))
    a_world.start_worker()
    a_world.send(run_id, a_world.sign(run_id, anna))
    said = named(a_world)
    assert f"{run_id}: its step 'review_decisions' was told to wait until 20" in said
    assert a_world._parts is not None
    made = Reconciler(a_world.engine, a_world._parts.context, grace=timedelta(0))
    for _ in range(2):
        page = a_world.run(made.run_once())
        assert page is not None
        assert [(one.run_id, one.found) for one in page] == [(run_id, "stuck")]
    (fault,) = a_world.run(replay(a_world.settings, run_id)).faults
    assert fault.endswith("lets a step wait as no worker of ours does: it was written in a worker's stead")
    assert a_world.record(run_id).state == "awaiting_decision"
    mended_as_said(a_world, said)
    a_world.wait(run_id, "executed")
    # Our record says so a moment before the workflow ends.
    a_world.until(lambda: a_world.run(replay(a_world.settings, run_id)).state == "executed", "the workflow's end")
    assert a_world.run(replay(a_world.settings, run_id)).faults == []
    assert a_world.effects()["adjustments"] == 1


def event(ago: timedelta, kind: str = "", said: dict[str, Any] | None = None) -> HistoryEvent:
    made = HistoryEvent()
    made.event_time.FromDatetime(datetime.now(UTC) - ago)
    if said is None:
        made.workflow_execution_signaled_event_attributes.signal_name = kind
        return made
    marker = made.marker_recorded_event_attributes
    marker.marker_name = "core_local_activity"
    marker.details["data"].payloads.append(Payload(data=json.dumps(said).encode()))
    return made


def test_what_was_sent_and_is_not_reviewed_for_minutes_is_named() -> None:
    old, new = timedelta(minutes=6), timedelta(minutes=1)
    sent, reviewed = event(old, "decide"), event(old, said={"activity_type": "review_decisions", "backoff": None})
    marked = event(new, said={"activity_type": "mark_gate"})
    assert reviews_of("run-1", [marked, sent], listens=True).lines[0].startswith("what was sent to it at 20")
    assert reviews_of("run-1", [marked, sent], listens=False).lines == ()
    assert reviews_of("run-1", [event(new, "decide"), reviewed], listens=True) == reviews_of(
        "", [event(new)], listens=True
    )
    assert reviews_of("run-1", [event(new, "decide")], listens=True).waits
    assert not reviews_of("run-1", [reviewed, sent], listens=True).waits
    # However short its wait is said to be: the timer that follows may be another one.
    short = event(old, said={"activity_type": "review_decisions", "backoff": {"seconds": 1}})
    assert "was told to wait until 20" in reviews_of("run-1", [short, sent], listens=True).lines[0]
    failed = event(old, said={"activity_type": "review_decisions"})
    failed.marker_recorded_event_attributes.failure.message = "x"
    assert reviews_of("run-1", [failed, sent], listens=True).lines[0].startswith("what was sent to it at 20")


def test_what_a_marker_says_of_its_wait_may_be_any_nonsense() -> None:
    for backoff in ({"seconds": 10**400}, {"seconds": "x"}, {"seconds": None}, {"seconds": [1]}):
        marker = event(timedelta(0), said={"activity_type": "review_decisions", "backoff": backoff})
        assert reviews_of("run-1", [marker], listens=True).waits
    harmless: dict[str, Any]
    for harmless in ({"backoff": None}, {"backoff": 7}, {}):
        assert not reviews_of("run-1", [event(timedelta(0), said=harmless)], listens=True).waits
