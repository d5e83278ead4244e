"""The one step of a journey: look where the customer is, and start the run that is due."""

from collections.abc import Callable, Sequence

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.heartbeat import HEARTBEATS
from activities.resources import WorkerResources
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from placet.errors import GovernanceError, PlacetError

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
        try:
            self._admit(asked)
            with HEARTBEATS.beating():
                turn = self._context.journeys.look(asked)
                if turn.request is not None:
                    self._begin([turn.request])
                return turn.look
        except PlacetError as error:
            raise ApplicationError(str(error), type=error.code, non_retryable=not error.retryable) from error
        except (ApplicationError, CancelledError):
            raise
        except Exception as error:
            raise ApplicationError(
                f"unexpected {type(error).__name__}; see the worker's log", type="step_failed"
            ) from error

    def _admit(self, asked: JourneyAsked) -> None:
        """Make sure that the journey's own workflow asks; whether anybody entered is asked of the record."""
        info = activity.info()
        if (info.workflow_type, info.workflow_id) != (WORKFLOW, asked.workflow_id):
            raise GovernanceError(
                f"a step of {asked.workflow_id!r} was asked for by workflow {info.workflow_id!r} of type "
                f"{info.workflow_type!r}; nothing is done for it",
                code="foreign_workflow",
            )
        if asked.tenant not in self._context.tenants:
            raise GovernanceError(f"unknown tenant {asked.tenant!r}", code="unknown_tenant")
