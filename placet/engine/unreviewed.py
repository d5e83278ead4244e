"""Tells from the history of a run's workflow whether what is sent to the run is reviewed.

The marker of a local activity says in the plain how long the workflow waits before it tries the step again, and the
SDK obeys it. Whoever answers a task in a worker's stead can let a gate wait for years: what is sent to it is kept, and
reviewed by nobody. No step of ours waits so: each tries again within its task.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client

from placet.contracts.text import NAME, one_line
from placet.contracts.times import minute
from placet.engine.meeting import RPC_TIMEOUT

LATE = timedelta(minutes=5)
"""How long what was sent may wait for its review before it is named."""
_PAGE = 1000
_PAGES = 50
"""Temporal ends a workflow at 51,200 events: a history is read to its beginning, mostly in one page."""
_REVIEW = "review_decisions"


@dataclass(frozen=True, slots=True)
class Reviews:
    """What a history tells.

    Attributes:
        lines: Why what the run is sent is not reviewed, one line each.
        waits: Whether something that was sent is not reviewed yet.
    """

    lines: tuple[str, ...]
    waits: bool


async def reviews(client: Client, run_id: str, *, listens: bool) -> Reviews:
    """Read at Temporal whether what is sent to a run is reviewed.

    Args:
        client: Temporal.
        run_id: The run.
        listens: Whether it waits for people, so that what is sent is to be reviewed at once.

    Raises:
        RPCError: Temporal does not answer, or has no such workflow.
    """
    events: list[HistoryEvent] = []
    following = b""
    for _ in range(_PAGES):
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=run_id),
            maximum_page_size=_PAGE,
            next_page_token=following,
        )
        answer = await client.workflow_service.get_workflow_execution_history_reverse(request, timeout=RPC_TIMEOUT)
        events += answer.history.events
        if not (following := answer.next_page_token):
            break
    return reviews_of(run_id, events, listens=listens)


def reviews_of(run_id: str, newest_first: Sequence[HistoryEvent], *, listens: bool) -> Reviews:
    """Return what `reviews` returns, from a history whose newest event is first."""
    now = datetime.now(UTC)
    for event in newest_first:
        until = told_to_wait(event)
        if until is not None:
            task = event.marker_recorded_event_attributes.workflow_task_completed_event_id
            line = (
                f"its step {one_line(str(_said(event).get('activity_type')), NAME)!r} was told to wait until "
                f"{minute(until)}: somebody answered its task in a worker's stead, and what is sent is not reviewed; "
                f"`temporal workflow reset --workflow-id {run_id} --event-id {task} --reason stalled` gives it to "
                "a worker again"
            )
            return Reviews((line,), waits=True)
    waiting = _sent_since_review(newest_first) if listens else None
    if waiting is None or now - waiting <= LATE:
        return Reviews((), waits=waiting is not None)
    line = (
        f"what was sent to it at {minute(waiting)} was not reviewed: no worker is there, or its task was answered in "
        f"a worker's stead; `temporal workflow reset --workflow-id {run_id} --type FirstWorkflowTask --reason stalled` "
        "lets a worker begin again, with what is on its record"
    )
    return Reviews((line,), waits=True)


def told_to_wait(event: HistoryEvent) -> datetime | None:
    """Return until when the marker of a local activity lets its step wait; None: no step of ours waits."""
    backoff = _said(event).get("backoff")
    if not isinstance(backoff, dict):
        return None
    try:
        return event.event_time.ToDatetime(UTC) + timedelta(seconds=int(backoff.get("seconds", 0)))
    except (TypeError, ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


def _sent_since_review(newest_first: Sequence[HistoryEvent]) -> datetime | None:
    oldest: datetime | None = None
    for event in newest_first:
        if event.HasField("workflow_execution_signaled_event_attributes"):
            oldest = event.event_time.ToDatetime(UTC)
        elif _is_review(event):
            break
    return oldest


def _is_review(event: HistoryEvent) -> bool:
    """Return whether a review ended well: one that failed, or is to be tried again, reviewed nothing."""
    said = _said(event)
    failed = event.marker_recorded_event_attributes.HasField("failure")
    return said.get("activity_type") == _REVIEW and said.get("backoff") is None and not failed


def _said(event: HistoryEvent) -> dict[str, object]:
    """Return what a local activity's marker says in the plain; nothing of another event, or where it says nonsense."""
    marker = event.marker_recorded_event_attributes
    if marker.marker_name != "core_local_activity" or not marker.details["data"].payloads:
        return {}
    try:
        said = json.loads(marker.details["data"].payloads[0].data)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
