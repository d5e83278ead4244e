"""One customer's way through a strategy of several steps: look, do what is due, wait, look again.

Where the customer is, and what may be done there, is decided by the record, which the activity asks at every look. A
signal only says that it is time to look again. So the workflow holds no state, and begins anew whenever its history has
grown. While it waits, it is a timer at Temporal and no work of anybody.
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue

from placet import ports
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from workflows import journey_options as options
from workflows.options import HEARTBEAT_TIMEOUT


@workflow.defn(name="Journey")
class Journey:
    """Carries one customer through one strategy until they leave it."""

    def __init__(self) -> None:
        self._look: JourneyLook | None = None
        self._told = False

    @workflow.run
    async def run(self, asked: JourneyAsked) -> JourneyLook:
        """Carry the customer; returns how it ended."""
        while True:
            self._told = False
            self._look = await workflow.execute_activity(
                ports.journey_look,
                asked,
                start_to_close_timeout=options.LOOK_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=options.LOOK_RETRY,
            )
            if self._look.phase == "over":
                if self._told:  # they may have entered a newer version meanwhile
                    continue
                return self._look
            await self._wait(self._look.wait_seconds)
            if workflow.info().get_current_history_length() > options.MOST_EVENTS:
                workflow.continue_as_new(asked)

    async def _wait(self, seconds: int) -> None:
        """Wait until something may be due, or somebody says that it is."""
        try:
            await workflow.wait_condition(lambda: self._told, timeout=timedelta(seconds=seconds))
        except TimeoutError:
            return

    @workflow.signal(dynamic=True)
    def look_again(self, _name: str, _values: Sequence[RawValue]) -> None:
        """Hear that something may have changed. Anyone may say so; the record and the state say what."""
        self._told = True

    @workflow.query
    def looked(self) -> JourneyLook | None:
        """Return where the journey stood when it was asked last."""
        return self._look
