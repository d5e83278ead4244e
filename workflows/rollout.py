"""The rollout of one version of a strategy: reach a stage, watch it, look at the guard rails, ask for the next one.

How far it may reach is decided by the record, which the activities ask at every step: signed orders and holds count
there, and nothing that is signalled here. A signal only says that it is time to ask again. So the workflow holds no
state, and begins anew whenever its history has grown.
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

from placet import ports
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from workflows import rollout_options as options
from workflows.options import HEARTBEAT_TIMEOUT


@workflow.defn(name="Rollout")
class Rollout:
    """Carries one rollout until it is over, over months."""

    def __init__(self) -> None:
        self._step: RolloutStep | None = None
        self._told = False

    @workflow.run
    async def run(self, asked: RolloutAsked) -> RolloutStep:
        """Carry the rollout; returns how it ended."""
        while True:
            self._told = False
            self._step = await workflow.execute_activity(
                ports.rollout_stand,
                asked,
                start_to_close_timeout=options.STEP_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=options.STEP_RETRY,
            )
            if self._step.phase == "over":
                return self._step
            if self._step.phase == "reaching":
                # start the governed runs of who is next
                await workflow.execute_activity(
                    ports.rollout_reach,
                    asked,
                    start_to_close_timeout=options.STEP_TIMEOUT,
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=options.STEP_RETRY,
                )
            elif self._step.phase == "looking":
                # look at the guard rails: hold, step back, or ask a person for the next stage
                await workflow.execute_activity(
                    ports.rollout_look,
                    asked,
                    start_to_close_timeout=options.STEP_TIMEOUT,
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=options.STEP_RETRY,
                )
            await self._wait(self._step.wait_seconds)
            if workflow.info().get_current_history_length() > options.MOST_EVENTS:
                workflow.continue_as_new(asked)

    async def _wait(self, seconds: int) -> None:
        """Wait until something may be due, or somebody says that it is."""
        try:
            await workflow.wait_condition(lambda: self._told, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return

    @workflow.signal(dynamic=True)
    def told(self, _name: str, _values: Sequence[RawValue]) -> None:
        """Hear that something was ordered. Anyone may say so; the record says what."""
        self._told = True

    @workflow.query
    def stands(self) -> RolloutStep | None:
        """Return where the rollout stood when it was asked last."""
        return self._step
