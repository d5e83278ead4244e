"""What a workflow history itself states, decoded: request, what each step was asked, signals, result.

What the steps answered is what the shipped workflow code is told when it replays the same history
(`placet.replay.retelling`). An auditor needs the exported history and the payload key, not our database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter, WorkflowSerializationContext

from placet.contracts.run import RunRequest, RunResult
from placet.engine.payload_codec import ENCODING
from placet.engine.unreviewed import told_to_wait

T = TypeVar("T")
_ENDED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "workflow failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "workflow timed out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "workflow cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "workflow terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "workflow continued elsewhere",
}
# Strangers write these: what they hold is plain, or whatever they like.
_FOREIGN = frozenset(
    {EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED}
)
# What Temporal itself writes into the markers of local activities and of patches: sequence numbers, times, names.
_OF_THE_ENGINE = frozenset({("core_local_activity", "data"), ("core_patch", "patch-data")})


# What may follow the start of a workflow task; on anything else the engine's replay dies without an answer.
_AFTER_TASK_STARTED = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
    }
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An activity as the history says it was asked for; `asked` is its input as plain JSON values."""

    name: str
    asked: Any


@dataclass
class RunHistory:
    """The statements of one history. Absent ones stay None or empty.

    Attributes:
        run_id: The workflow id under which it was fetched or exported.
        started_as: The workflow id that its first event names.
        ended: How the workflow ended where it returned nothing; None while it runs.
        ended_at: When it returned `result`, by Temporal's clock.
        told_to_wait: Events whose step was told to wait, which none of ours is (`placet.engine.unreviewed`).
        unencrypted: Where our own payloads are plain, as `event 7 result`; nothing else is said then.
    """

    run_id: str
    events: int = 0
    started_as: str = ""
    request: RunRequest | None = None
    scheduled: list[Scheduled] = field(default_factory=list)
    result: RunResult | None = None
    ended: str | None = None
    ended_at: datetime | None = None
    told_to_wait: list[int] = field(default_factory=list)
    unencrypted: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """Where the run stands by its own history."""
        return self.result.state if self.result is not None else self.ended or "running"


async def read_history(history: WorkflowHistory, converter: DataConverter) -> RunHistory:
    """Decode `history`.

    Raises:
        ConfigurationError: the payloads were sealed with another key, or (`NOT_SEALED_FOR_IT`) for another workflow.
        ValueError: a payload is not what this version writes, or events are missing.
    """
    _check_order(history.events)
    # Whatever namespace it was in: a payload is bound to its workflow alone.
    converter = converter.with_context(WorkflowSerializationContext(namespace="", workflow_id=history.workflow_id))
    facts = RunHistory(history.workflow_id, unencrypted=unsealed(history))
    if facts.unencrypted:
        return facts  # whatever it says, anyone may have written it
    for event in history.events:
        await _read(event, facts, converter)
    return facts


def unsealed(history: WorkflowHistory) -> list[str]:
    """Name the payloads that only our own processes write and that are plain, as `event 7 result`."""
    return [f"event {event.event_id} {where}" for event in history.events for where in _plain(event)]


def _check_order(events: Sequence[HistoryEvent]) -> None:
    """Check that events are numbered without a gap, and that workflow tasks end before anything else happens."""
    if len(events) == 1:
        raise ValueError("nothing follows its first event")
    before = EventType.EVENT_TYPE_UNSPECIFIED
    for number, event in enumerate(events, 1):
        if event.event_id != number:
            raise ValueError(f"event {event.event_id} in place {number}")
        if (number == 1) != (event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED):
            raise ValueError(f"event {number} does not belong there")
        if before == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED and event.event_type not in _AFTER_TASK_STARTED:
            raise ValueError(f"event {number} follows an unfinished workflow task")
        before = event.event_type


async def _read(event: HistoryEvent, facts: RunHistory, converter: DataConverter) -> None:
    facts.events += 1
    if told_to_wait(event) is not None:
        facts.told_to_wait.append(event.event_id)
    kind = event.event_type
    if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
        started = event.workflow_execution_started_event_attributes
        facts.started_as = started.workflow_id
        facts.request = await _decoded(converter, started.input.payloads, RunRequest)
    elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
        scheduled = event.activity_task_scheduled_event_attributes
        values = await converter.decode(list(scheduled.input.payloads))
        facts.scheduled.append(Scheduled(scheduled.activity_type.name, values[0] if len(values) == 1 else values))
    elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
        done = event.workflow_execution_completed_event_attributes
        facts.result = await _decoded(converter, done.result.payloads, RunResult)
        facts.ended_at = event.event_time.ToDatetime(UTC)
    elif kind in _ENDED:
        facts.ended = _ENDED[kind]


async def _decoded(converter: DataConverter, payloads: Sequence[Payload], kind: type[T]) -> T:
    """Decode the one value in `payloads`.

    Raises:
        ValueError: there is none, or there are several.
    """
    if len(payloads) != 1:
        raise ValueError(f"{len(payloads)} values where one {kind.__name__} is expected")
    values = await converter.decode(list(payloads), [kind])
    return values[0]  # type: ignore[no-any-return]


def _plain(event: HistoryEvent) -> Iterator[str]:
    """Yield where in `event` a payload that only our own processes write is not encrypted."""
    if event.event_type in _FOREIGN:
        return
    marker = event.marker_recorded_event_attributes.marker_name
    for path, payload in _payloads(event):
        names = path[1:]  # the first one says the event's type once more
        detail = names[1] if names[:1] == ("details",) else ""
        if "search_attributes" in names or (marker, detail) in _OF_THE_ENGINE:
            continue  # the server indexes and shows these
        if names[:1] == ("header",):
            continue  # the ids of a trace, which decide nothing
        if payload.metadata.get("encoding") != ENCODING:
            yield ".".join(name for name in names if name != "payloads")


def _payloads(message: Message, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Payload]]:
    """Yield every payload in `message`, wherever the engine's format puts one, with the names that lead to it."""
    if isinstance(message, Payload):
        yield path, message
        return
    for described, value in message.ListFields():
        where = (*path, described.name)
        if isinstance(value, Message):
            yield from _payloads(value, where)
        elif described.message_type is not None and described.message_type.GetOptions().map_entry:
            for key, item in value.items():
                if isinstance(item, Message):
                    yield from _payloads(item, (*where, str(key)))
        elif described.message_type is not None:
            for item in value:
                yield from _payloads(item, where)
