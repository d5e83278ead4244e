"""What a workflow history itself says, decoded: proposal, gate, signals, what was accepted, what was executed.

An auditor needs the exported history and the payload key, not our database.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter

from placet.contracts.decision import ReviewResult, envelope_text
from placet.contracts.gate import Gate
from placet.contracts.run import ExecuteInput, Proposed, RunRequest, RunResult
from placet.errors import ConfigurationError

T = TypeVar("T")
_LOCAL_ACTIVITY = "core_local_activity"


@dataclass
class RunHistory:
    """The facts of one run, as its history holds them. Absent ones stay None or empty."""

    run_id: str
    events: int = 0
    payload_bytes: int = 0
    request: RunRequest | None = None
    proposed: Proposed | None = None
    envelopes: list[str] = field(default_factory=list)
    reviews: list[ReviewResult] = field(default_factory=list)
    gate: Gate | None = None
    effects: list[ExecuteInput] = field(default_factory=list)
    result: RunResult | None = None


async def read_history(history: WorkflowHistory, converter: DataConverter) -> RunHistory:
    """Decode `history`.

    Raises:
        ConfigurationError: the payloads were encrypted with another key.
        ValueError: a payload is not what this version writes.
    """
    reader = _Reader(RunHistory(history.workflow_id), converter)
    for event in history.events:
        await reader.read(event)
    return reader.facts


class _Reader:
    def __init__(self, facts: RunHistory, converter: DataConverter) -> None:
        self.facts = facts
        self._converter = converter
        self._activities: dict[int, str] = {}

    async def read(self, event: HistoryEvent) -> None:
        self.facts.events += 1
        self.facts.payload_bytes += event.ByteSize()
        kind = event.event_type
        if kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            started = event.workflow_execution_started_event_attributes
            self.facts.request = await self._decode(started.input.payloads, RunRequest)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            await self._scheduled(event)
        elif kind == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
            completed = event.activity_task_completed_event_attributes
            if self._activities.get(completed.scheduled_event_id) == "propose":
                self.facts.proposed = await self._decode(completed.result.payloads, Proposed)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name == "decide":
                self.facts.envelopes.append(await self._signal(signal.input.payloads))
        elif kind == EventType.EVENT_TYPE_MARKER_RECORDED:
            await self._marker(event)
        elif kind == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            done = event.workflow_execution_completed_event_attributes
            self.facts.result = await self._decode(done.result.payloads, RunResult)

    async def _signal(self, payloads: Sequence[Payload]) -> str:
        """The text the workflow took; a payload that only claims to be encrypted was refused, like any garbage."""
        codec = self._converter.payload_codec
        try:
            plain = await codec.decode(payloads) if codec is not None else list(payloads)
        except ConfigurationError:
            return "unreadable"
        return envelope_text([(payload.metadata.get("encoding"), payload.data) for payload in plain])

    async def _scheduled(self, event: HistoryEvent) -> None:
        scheduled = event.activity_task_scheduled_event_attributes
        self._activities[event.event_id] = scheduled.activity_type.name
        if scheduled.activity_type.name == "execute":
            self.facts.effects.append(await self._decode(scheduled.input.payloads, ExecuteInput))

    async def _marker(self, event: HistoryEvent) -> None:
        marker = event.marker_recorded_event_attributes
        if marker.marker_name != _LOCAL_ACTIVITY or "result" not in marker.details:
            return
        name, payloads = _activity_type(marker.details), marker.details["result"].payloads
        if name == "review_decisions":
            self.facts.reviews.append(await self._decode(payloads, ReviewResult))
        elif name == "open_gate":
            self.facts.gate = await self._decode(payloads, Gate)

    async def _decode(self, payloads: Sequence[Payload], kind: type[T]) -> T:
        values = await self._converter.decode(list(payloads), [kind])
        return values[0]  # type: ignore[no-any-return]


def _activity_type(details: Mapping[str, Any]) -> str:
    data = details.get("data")
    if data is None or not data.payloads:
        return ""
    return str(json.loads(data.payloads[0].data).get("activity_type", ""))
