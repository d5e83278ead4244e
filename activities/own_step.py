"""The boundary of steps that a lasting workflow asks for: a rollout, a journey."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from activities.heartbeat import HEARTBEATS
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import GovernanceError, PlacetError


@contextmanager
def own_step(
    workflow: str,
    asked: RolloutAsked | JourneyAsked,
    tenants: Collection[str],
    check: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Admit a step of the workflow that was started for what is asked, and turn our errors into Temporal's.

    Args:
        workflow: The type of workflow that may ask.
        asked: What it was started for; its id says so.
        tenants: Those of this worker.
        check: Asked before anything is done; raises what refuses the step.

    Raises:
        ApplicationError: with the code of what failed; `foreign_workflow`, `unknown_tenant`.
    """
    try:
        _admit(workflow, asked, tenants)
        check()
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


def _admit(workflow: str, asked: RolloutAsked | JourneyAsked, tenants: Collection[str]) -> None:
    info = activity.info()
    if (info.workflow_type, info.workflow_id) != (workflow, asked.workflow_id):
        raise GovernanceError(
            f"a step of {asked.workflow_id!r} was asked for by workflow {info.workflow_id!r} of type "
            f"{info.workflow_type!r}; nothing is done for it",
            code="foreign_workflow",
        )
    if asked.tenant not in tenants:
        raise GovernanceError(f"unknown tenant {asked.tenant!r}", code="unknown_tenant")
