"""Whoever reaches Temporal, without the payload key or with it, writes nothing on a run's record (ADR 0027)."""

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.command.v1 import Command, RecordMarkerCommandAttributes
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import ApplicationFailureInfo, CanceledFailureInfo, Failure, ServerFailureInfo
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskFailedByIdRequest,
    RespondWorkflowTaskCompletedRequest,
)
from temporalio.client import WorkflowFailureError
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

from placet.contracts.run import CloseInput, ProposeInput, RunRequest
from placet.engine.converter import UNSEALED
from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.beside_worker.reconciler import ENDED_BY_TEMPORAL, Reconciler
from placet.errors import GovernanceError, UsageError
from placet.replay import judge
from placet.service import runs as run_operations
from placet.storage.projections.verification import verify_projections
from tests.security.perimeter.impostor import ask, sealed_input, stranger
from tests.support.world import World

SEALED = "Encoded failure"
"""What a stranger reads of our failures."""


def test_a_plain_start_runs_nothing_whatever_it_says(a_world: World) -> None:
    recorded = run_operations.record_request(a_world.database, a_world.request("C00005", by="anna")).request
    forged = recorded.model_copy(update={"requested_by": "olga"})
    client = stranger(a_world)
    start = client.start_workflow("GovernedRun", forged, id=forged.run_id, task_queue=a_world.engine.task_queue)
    handle = a_world.run(start)
    with pytest.raises(WorkflowFailureError) as failed:
        a_world.run(handle.result())
    assert isinstance(failed.value.cause, ApplicationError)
    assert a_world.request_of(recorded.run_id).requested_by == "anna"
    assert [event.kind for event in a_world.events(recorded.run_id)] == ["run.requested"]
    keys = load_or_create_key(a_world.settings.payload_key)
    verdict = a_world.run(judged(a_world, recorded.run_id, keys))
    assert "are not encrypted, so that anyone may have; first: event 1 input" in verdict[0]


async def judged(world: World, run_id: str, keys: Any) -> list[str]:
    return (await judge(await world.engine.history(run_id), keys)).faults


def test_a_request_that_is_not_the_recorded_one_starts_nothing_even_with_the_payload_key(a_world: World) -> None:
    recorded = run_operations.record_request(a_world.database, a_world.request("C00005", by="anna")).request
    for forged in (recorded.model_copy(update={"requested_by": "olga"}), a_world.request("C00005", by="olga")):
        a_world.run(a_world.engine.start(forged))
        with pytest.raises(WorkflowFailureError) as failed:
            a_world.run(a_world.engine.handle(forged.run_id).result())
        assert "not_requested" in codes_of(failed.value)
        entries = [event.kind for event in a_world.events(forged.run_id)]
        assert entries == (["run.requested"] if forged.run_id == recorded.run_id else [])
    with pytest.raises(UsageError, match="no run"):
        a_world.record(forged.run_id)


@pytest.mark.parametrize("place", ["elsewhere", "in the run's stead"])
def test_a_strangers_workflow_moves_no_run(a_world: World, place: str) -> None:
    run_id = a_world.pending("C00005")
    before = a_world.events(run_id)
    copied = sealed_input(a_world, run_id, "analyse")
    close = CloseInput(run=a_world.request_of(run_id), state="executed", code="executed")
    workflow_id = f"stranger-{run_id}"
    if place != "elsewhere":
        a_world.run(a_world.engine.handle(run_id).terminate())
        workflow_id = run_id
    client, insider = stranger(a_world), stranger(a_world, with_key=True)
    plain = RawValue(pydantic_data_converter.payload_converter.to_payload(close))
    assert ask(a_world, client, workflow_id, "close_run", plain) == SEALED
    if place == "elsewhere":
        assert ask(a_world, client, workflow_id, "analyse", copied) == SEALED
    # With the key: a step that belongs into a worker's own workflow task is still nobody else's to ask for.
    assert "nothing is done for it" in ask(a_world, insider, workflow_id, "close_run", close)
    assert a_world.record(run_id).state == "awaiting_decision"
    assert a_world.events(run_id) == before
    assert a_world.effects()["adjustments"] == 0


def test_who_has_the_payload_key_takes_no_other_runs_assessment_or_evidence_for_a_proposal(a_world: World) -> None:
    other = a_world.record(a_world.pending("C00006"))
    recorded = run_operations.record_request(a_world.database, a_world.request("C00005")).request
    insider = stranger(a_world, with_key=True)
    given = ProposeInput(run=recorded, assessment=str(other.assessment), evidence=str(other.evidence))
    foreign = f"assessment {given.assessment[:16]} is not what run {recorded.run_id!r} has on record"
    assert ask(a_world, insider, recorded.run_id, "propose", given) == foreign
    assert ask(a_world, insider, recorded.run_id, "analyse", recorded) == ""
    assert ask(a_world, insider, recorded.run_id, "propose", given) == foreign
    own = given.model_copy(update={"assessment": str(a_world.record(recorded.run_id).assessment)})
    assert "evidence " in ask(a_world, insider, recorded.run_id, "propose", own)
    assert a_world.events(recorded.run_id, "propose.completed") == []


def test_a_ciphertext_of_one_run_starts_no_other(a_world: World) -> None:
    run_id = a_world.pending("C00005")
    (started, *_) = a_world.run(a_world.engine.history(run_id)).events
    copied = RawValue(started.workflow_execution_started_event_attributes.input.payloads[0])
    client = stranger(a_world)
    handle = a_world.run(
        client.start_workflow("GovernedRun", copied, id="run-copied", task_queue=a_world.engine.task_queue)
    )
    with pytest.raises(WorkflowFailureError) as failed:
        a_world.run(handle.result())
    assert isinstance(failed.value.cause, ApplicationError)
    own = a_world.engine.handle("run-copied")
    with pytest.raises(WorkflowFailureError) as seen:
        a_world.run(own.result())
    assert UNSEALED in codes_of(seen.value)


def codes_of(error: BaseException | None) -> set[str]:
    """The codes of a failure and of what caused it."""
    found: set[str] = set()
    while error is not None:
        found.add(str(getattr(error, "type", "")))
        error = error.__cause__ or getattr(error, "cause", None)
    return found


def test_a_request_is_what_it_was_in_every_form(a_world: World) -> None:
    """What is compared survives the database as it is: times to the microsecond, and their zone."""
    request = a_world.request("C00005")
    recorded = run_operations.record_request(a_world.database, request).request
    assert recorded == request == RunRequest.model_validate_json(request.model_dump_json())


@pytest.mark.parametrize("says", ["an answer", "nothing", "a failure", "a server's failure", "a cancellation"])
def test_who_answers_in_a_workers_stead_can_end_a_run_and_moves_nothing_else(
    make_world: Callable[..., World], says: str
) -> None:
    """Temporal lets anyone complete a step that is under way, by the run's id and the step's number."""
    world = make_world(bss_timeout_seconds=5.0)
    world.break_bss("GET", "/tmf-api/customerManagement", "latency=2000")
    run_id = world.start("C00005")
    client = stranger(world)
    step = client.get_async_activity_handle(workflow_id=run_id, run_id=None, activity_id="1")
    world.until(lambda: bool(world.events(run_id, "run.started")), "the step to be under way")
    if says == "an answer":
        world.run(step.complete({"assessment": "0" * 64, "queries": []}))
    elif says == "nothing":
        world.run(
            client.workflow_service.respond_activity_task_completed_by_id(
                RespondActivityTaskCompletedByIdRequest(namespace="default", workflow_id=run_id, activity_id="1")
            )
        )
    else:
        kinds: dict[str, Any] = {
            "a failure": {"application_failure_info": ApplicationFailureInfo(type="executed", non_retryable=True)},
            "a server's failure": {"server_failure_info": ServerFailureInfo(non_retryable=True)},
            "a cancellation": {"canceled_failure_info": CanceledFailureInfo()},
        }
        failure = Failure(message="approved by nobody", **kinds[says])
        world.run(
            client.workflow_service.respond_activity_task_failed_by_id(
                RespondActivityTaskFailedByIdRequest(
                    namespace="default", workflow_id=run_id, activity_id="1", failure=failure
                )
            )
        )
    with contextlib.suppress(WorkflowFailureError):
        world.run(world.engine.handle(run_id).result())
    assert world._parts is not None
    world.run(Reconciler(world.engine, world._parts.context, grace=timedelta(0)).run_once())
    record = world.record(run_id)
    codes = {
        "an answer": ENDED_BY_TEMPORAL,
        "a server's failure": "step_failed",
        "a cancellation": "step_cancelled",
    }
    assert (record.state, record.code) == ("failed", codes.get(says, UNSEALED))
    assert "approved" not in record.detail
    assert world.effects()["adjustments"] == 0


def test_an_earlier_answer_in_a_workers_stead_swallows_no_decision(a_world: World) -> None:
    """Whoever polls our queue can answer a review with the sealed answer to an earlier one of the same run."""
    anna, run_id = a_world.approver("anna"), a_world.pending("C00005")
    a_world.send(run_id, "any signal at all")
    assert a_world.refusal(run_id) == "malformed"
    client, queue = stranger(a_world), a_world.engine.task_queue

    def markers() -> list[Any]:
        events = a_world.run(a_world.engine.history(run_id)).events
        return [
            event.marker_recorded_event_attributes
            for event in events
            if event.HasField("marker_recorded_event_attributes")
        ]

    def told(marker: Any) -> dict[str, Any]:
        return dict(json.loads(marker.details["data"].payloads[0].data))

    a_world.until(lambda: told(markers()[-1])["activity_type"] == "review_decisions", "the answer in the history")
    a_world.stop_worker()
    a_world.send(run_id, a_world.sign(run_id, anna))
    poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name=queue), identity="mallory")
    task = a_world.run(client.workflow_service.poll_workflow_task_queue(poll, timeout=timedelta(seconds=30)))
    assert task.workflow_execution.workflow_id == run_id
    earlier = markers()[-1]
    said = told(earlier)
    number = said["seq"] + 1
    replayed = RecordMarkerCommandAttributes(marker_name=earlier.marker_name, details=earlier.details)
    replayed.details["data"].payloads[0].data = json.dumps({**said, "seq": number, "activity_id": str(number)}).encode()
    answer = RespondWorkflowTaskCompletedRequest(
        namespace="default",
        task_token=task.task_token,
        identity="mallory",
        commands=[
            Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER, record_marker_command_attributes=replayed)
        ],
    )
    a_world.run(client.workflow_service.respond_workflow_task_completed(answer))
    assert told(markers()[-1])["seq"] == number
    a_world.start_worker()
    a_world.send(run_id, "whatever comes next")
    assert a_world.wait(run_id, "executed").code == "executed"
    assert a_world.effects()["adjustments"] == 1


def test_a_stranger_who_takes_a_runs_id_is_named_to_who_starts_it(a_world: World) -> None:
    client = stranger(a_world)
    request = a_world.request("C00005")
    queue = f"{a_world.engine.task_queue}-\x1b[2Jstranger"
    start = client.start_workflow("GovernedRun", id=request.run_id, task_queue=queue)
    a_world.run(start)
    for _ in range(2):
        with pytest.raises(GovernanceError, match="which nobody here started, bears its id") as refused:
            a_world.run(run_operations.start_run(a_world.database, a_world.engine, request))
        assert f"“GovernedRun” on task queue “{a_world.engine.task_queue}-␛[2Jstranger”" in str(refused.value)
    assert [event.kind for event in a_world.events(request.run_id)] == ["run.requested"]


def test_a_stranger_who_takes_a_runs_id_on_our_own_queue_is_named_too(a_world: World) -> None:
    """Also with ciphertext of another run: what was asked must be sealed for this one."""
    a_world.stop_worker()
    other = a_world.start("C00006")
    (started, *_) = a_world.run(a_world.engine.history(other)).events
    copied = RawValue(started.workflow_execution_started_event_attributes.input.payloads[0])
    client = stranger(a_world)
    for customer, given in (("C00005", RawValue(Payload())), ("C00009", copied)):
        request = a_world.request(customer)
        taken = client.start_workflow("GovernedRun", given, id=request.run_id, task_queue=a_world.engine.task_queue)
        a_world.run(taken)
        with pytest.raises(GovernanceError, match="which nobody here started, bears its id"):
            a_world.run(run_operations.start_run(a_world.database, a_world.engine, request))
    again = a_world.request_of(other)
    assert not a_world.run(run_operations.start_run(a_world.database, a_world.engine, again)).new


def test_a_run_is_cancelled_on_request_only_where_the_request_is_on_its_record(a_world: World) -> None:
    """Temporal takes a cancellation from whoever reaches it, and does not say from whom."""
    asked, unasked = a_world.pending("C00005"), a_world.pending("C00006")
    a_world.run(stranger(a_world).get_workflow_handle(unasked).cancel())
    a_world.cancel(asked)
    assert a_world.wait(asked, "cancelled").detail == "cancelled on request"
    record = a_world.wait(unasked, "failed")
    assert (record.code, record.detail) == (
        "cancelled_in_temporal",
        "its workflow was cancelled in Temporal, and nobody had asked for that on the record",
    )
    result = a_world.run(a_world.engine.handle(unasked).result())
    assert (result["state"], result["code"]) == ("failed", "cancelled_in_temporal")
    with a_world.database.snapshot() as tx:
        assert list(verify_projections(tx, "demo")) == []
    keys = load_or_create_key(a_world.settings.payload_key)
    assert a_world.run(judged(a_world, unasked, keys)) == []
