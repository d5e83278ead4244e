"""The one step of a journey: look where the customer is, and start the run that is due."""

from collections.abc import Callable, Sequence

from temporalio import activity

from activities.own_step import own_step
from activities.resources import WorkerResources
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook

WORKFLOW = "Journey"


class Journey:
    """The activity; what it does is `context.journeys`.

    Args:
        context: The seams of the worker.
        begin: Starts the workflows of runs that are on record; what is started already stays as it is.
    """

    def __init__(self, context: WorkerResources, begin: Callable[[Sequence[RunRequest | JourneyAsked]], None]) -> None:
        self._context, self._begin = context, begin

    @activity.defn(name="journey_look", no_thread_cancel_exception=True)
    def look(self, asked: JourneyAsked) -> JourneyLook:
        """Look where the customer is by the record, do what is due, say when to look again."""
        with own_step(WORKFLOW, asked, self._context.tenants):
            turn = self._context.journeys.look(asked)
            if turn.request is not None:
                self._begin([turn.request])
            return turn.look
