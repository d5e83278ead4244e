"""The steps of a rollout: where it stands, start runs for who is next, look at the guard rails."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from temporalio import activity

from activities.own_step import own_step
from activities.resources import WorkerResources
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import Reached, RolloutAsked, RolloutStep

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

    def _step(self, asked: RolloutAsked) -> AbstractContextManager[None]:
        tenants, rollouts = self._context.tenants, self._context.rollouts
        return own_step(WORKFLOW, asked, tenants, lambda: rollouts.check_asked(asked))
