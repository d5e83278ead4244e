"""A workflow knows what time it is from Temporal alone: whoever moves its clock closes no gate on our record."""

import json
from datetime import timedelta
from typing import Any

from temporalio.api.command.v1 import (
    Command,
    RecordMarkerCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    ResetWorkflowExecutionRequest,
    RespondWorkflowTaskCompletedRequest,
)

from placet.storage.projections.verification import verify_projections
from tests.security.perimeter.impostor import stranger
from tests.support.steps import Steps
from tests.support.world import World

TEN_DAYS = 864_000
UPSERTED: Any = "upsert_workflow_search_attributes_event_attributes"


def test_a_gate_that_is_open_does_not_expire_because_somebody_moved_the_workflow_s_clock(a_world: World) -> None:
    """The time at which a local activity ended is plain in its marker, and the workflow's clock goes by it."""
    run_id = a_world.pending("C00005")

    def history() -> list[Any]:
        return list(a_world.run(a_world.engine.history(run_id)).events)

    # Our record shows the open gate before Temporal's history has the marker.
    a_world.until(lambda: any(b"open_gate" in said_in(one) for one in history()), "the marker in the history")
    events = history()
    opened = next(one for one in events if b"open_gate" in said_in(one))
    task_id = opened.marker_recorded_event_attributes.workflow_task_completed_event_id
    shown = next(one for one in events if one.event_id > opened.event_id and one.HasField(UPSERTED))
    said = json.loads(said_in(opened))
    said["complete_time"]["seconds"] += TEN_DAYS
    details = opened.marker_recorded_event_attributes.details
    moved = RecordMarkerCommandAttributes(marker_name="core_local_activity", details=details)
    moved.details["data"].payloads[0].data = json.dumps(said).encode()
    attributes = UpsertWorkflowSearchAttributesCommandAttributes(
        search_attributes=shown.upsert_workflow_search_attributes_event_attributes.search_attributes
    )
    a_world.stop_worker()
    service = stranger(a_world).workflow_service
    reset = ResetWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=run_id),
        reason="x",
        request_id="x",
        workflow_task_finish_event_id=task_id,
    )
    a_world.run(service.reset_workflow_execution(reset))
    poll = PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name=a_world.engine.task_queue), identity="mallory"
    )
    task = a_world.run(service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=30)))
    assert task.workflow_execution.workflow_id == run_id
    answer = RespondWorkflowTaskCompletedRequest(
        namespace="default",
        task_token=task.task_token,
        identity="mallory",
        commands=[
            Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER, record_marker_command_attributes=moved),
            Command(
                command_type=CommandType.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
                upsert_workflow_search_attributes_command_attributes=attributes,
            ),
        ],
    )
    a_world.run(service.respond_workflow_task_completed(answer))
    a_world.start_worker()
    a_world.send(run_id, "whatever comes next")
    record = a_world.wait(run_id, "failed", "expired")
    assert (record.state, record.code) == ("failed", "expired_in_temporal")
    assert "its workflow in Temporal took its gate for closed, which stands open until" in record.detail
    kinds = {event.kind for event in a_world.events(run_id)}
    assert not kinds & {"approve.reminded", "approve.escalated"}
    assert a_world.effects()["adjustments"] == 0


def said_in(event: Any) -> bytes:
    """What a local activity's marker says in the plain; nothing of another event."""
    if not event.HasField("marker_recorded_event_attributes"):
        return b""
    return bytes(event.marker_recorded_event_attributes.details["data"].payloads[0].data)


def test_no_end_says_that_a_gate_expired_before_it_closed(steps: Steps) -> None:
    proposed, _ = steps.to_the_gate()
    steps.close("expired", proposed, early=True)
    assert (steps.record().state, steps.record().code) == ("failed", "expired_in_temporal")
    with steps.parts.database.snapshot() as tx:
        assert list(verify_projections(tx, "demo")) == []
