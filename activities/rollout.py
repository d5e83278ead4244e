"""The steps of a rollout: where it stands, start runs for who is next, look at the guard rails."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.heartbeat import HEARTBEATS
from activities.resources import WorkerResources
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import Reached, RolloutAsked, RolloutStep
from placet.errors import GovernanceError, PlacetError

WORKFLOW = "Rollout"
_WAIT = 2
_AT_ONCE = 10
"""Runs that are started side by side: a stage must not wait for each answer of Temporal."""


class Rollout:
    """The activities; what they do is `context.rollouts`.

    Args:
        context: The seams of the worker.
        begin: Starts the workflows of runs and journeys that are on record; what is started already stays as it is.
    """

    def __init__(self, context: WorkerResources, begin: Callable[[Sequence[RunRequest | JourneyAsked]], None]) -> None:
        self._context, self._begin = context, begin

    @activity.defn(name="rollout_stand", no_thread_cancel_exception=True)
    def stand(self, asked: RolloutAsked) -> RolloutStep:
        """Say where the rollout stands by the record, and when to ask again."""
        with self._step(asked):
            return self._context.rollouts.stand(asked)

    @activity.defn(name="rollout_reach", no_thread_cancel_exception=True)
    def reach(self, asked: RolloutAsked) -> Reached:
        """Start the runs or journeys of who is next, at most so many as the strategy's rate and the worker permit."""
        with self._step(asked):
            requests = self._context.rollouts.batch(asked)
            for first in range(0, len(requests), _AT_ONCE):
                some = requests[first : first + _AT_ONCE]
                self._begin(some)
                self._context.rollouts.note(asked, some)
            return Reached(started=len(requests), wait_seconds=_WAIT)

    @activity.defn(name="rollout_look", no_thread_cancel_exception=True)
    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, record what was seen, and hold, step back or ask for the next stage."""
        with self._step(asked):
            self._context.rollouts.look(asked)

    @contextmanager
    def _step(self, asked: RolloutAsked) -> Iterator[None]:
        """Admit a step of the rollout's own workflow, and turn our errors into Temporal's."""
        try:
            self._admit(asked)
            with HEARTBEATS.beating():
                yield
        except PlacetError as error:
            raise ApplicationError(str(error), type=error.code, non_retryable=not error.retryable) from error
        except (ApplicationError, CancelledError):
            raise
        except Exception as error:
            raise ApplicationError(
                f"unexpected {type(error).__name__}; see the worker's log", type="step_failed"
            ) from error

    def _admit(self, asked: RolloutAsked) -> None:
        info = activity.info()
        if (info.workflow_type, info.workflow_id) != (WORKFLOW, asked.workflow_id):
            raise GovernanceError(
                f"a step of {asked.workflow_id!r} was asked for by workflow {info.workflow_id!r} of type "
                f"{info.workflow_type!r}; nothing is done for it",
                code="foreign_workflow",
            )
        if asked.tenant not in self._context.tenants:
            raise GovernanceError(f"unknown tenant {asked.tenant!r}", code="unknown_tenant")
        self._context.rollouts.check_asked(asked)
