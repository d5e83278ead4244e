"""What the shipped workflow code itself makes of a history: what it asks of every step, was answered, and returns.

Temporal's replay compares the order and the kind of steps, not what is said in them. An interceptor writes it down, so
that the run's result and every input is derived again by the code that runs, and compared with what the history holds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    StartActivityInput,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from placet.contracts.run import RunResult
from placet.contracts.text import shortened
from placet.entrypoints.worker import WORKFLOWS, sandbox

_SHOWN = 400
"""How much of the engine's words on a failed replay is repeated, in characters."""


@dataclass
class Step:
    """One activity as the workflow code asked for it.

    Attributes:
        local: Whether the engine keeps its input out of the history.
        answer: What it was answered; None where there was no answer, an error, or nothing to say.
        answered_at: When, by the workflow's clock, which is the history's.
    """

    name: str
    local: bool
    asked: Any
    answer: Any = None
    answered_at: datetime | None = None


@dataclass
class Retelling:
    """What the code did: its steps in the order it asked for them, and what it returned.

    Attributes:
        failure: Why the code does not reproduce the history; None when it does.
    """

    steps: list[Step] = field(default_factory=list)
    result: RunResult | None = None
    failure: str | None = None

    def answered(self, name: str) -> list[Step]:
        """Return the answered steps called `name`, in order."""
        return [step for step in self.steps if step.name == name and step.answer is not None]


async def retell(history: WorkflowHistory, converter: DataConverter) -> Retelling:
    """Run the shipped workflow code over `history`, which nothing outside it can see."""
    told = Retelling()
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=converter,
        workflow_runner=sandbox(),
        interceptors=[_Listening(told)],
        runtime=_silent(),
        debug_mode=True,  # without the SDK's two seconds for a task: a slow machine is no fault of the history
    )
    outcome = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if outcome.replay_failure is not None:
        told.failure = _first_words(str(outcome.replay_failure))
    return told


@cache
def _silent() -> Runtime:
    """Return an engine that writes no log of its own: a hostile history must put nothing before our answer."""
    return Runtime(telemetry=TelemetryConfig(logging=None), worker_heartbeat_interval=None)


def _first_words(failure: str) -> str:
    """Return what went wrong as one line: the engine's text goes on with all it knows about it."""
    named = re.search(r'message: "((?:[^"\\]|\\.)+)"', failure)
    return shortened(" ".join((named.group(1) if named else failure).split()), _SHOWN)


class _Listening(Interceptor):
    def __init__(self, told: Retelling) -> None:
        self._told = told

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:  # noqa: A002, ARG002 - the SDK's signature
        told = self._told

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                told.steps.clear()  # of an earlier instance of the same workflow, should the SDK have made one
                super().init(_Outbound(outbound, told))

            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: A002 - the SDK's signature
                told.result = await super().execute_workflow(input)
                return told.result

        return Inbound


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, following: WorkflowOutboundInterceptor, told: Retelling) -> None:
        super().__init__(following)
        self._told = told

    def start_activity(self, input: StartActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - the SDK's signature
        return self._listened(input.activity, input.args, super().start_activity(input), local=False)

    def start_local_activity(self, input: StartLocalActivityInput) -> ActivityHandle[Any]:  # noqa: A002 - the SDK's signature
        return self._listened(input.activity, input.args, super().start_local_activity(input), local=True)

    def _listened(
        self, name: str, args: Sequence[Any], handle: ActivityHandle[Any], *, local: bool
    ) -> ActivityHandle[Any]:
        step = Step(name, local, args[0] if len(args) == 1 else tuple(args))
        self._told.steps.append(step)

        def answered(done: ActivityHandle[Any]) -> None:
            if not done.cancelled() and done.exception() is None:
                step.answer, step.answered_at = done.result(), workflow.now()

        handle.add_done_callback(answered)
        return handle
