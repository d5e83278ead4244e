"""A step tried once where the workflow task runs, and given to the task queue only when that does not suffice.

A regular activity costs two more trips to Temporal and five more events than a local one (docs/adr/0002).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

from placet import ports
from workflows.finishing import answer

A = TypeVar("A")
R = TypeVar("R")

# A local attempt that finds no free thread for this long is not quicker than a regular one.
_PENDING = timedelta(seconds=2)
_ONCE = RetryPolicy(maximum_attempts=1)


async def local_first(
    step: Callable[[A], R], argument: A, *, bound: timedelta, regular: Callable[[], Awaitable[R]]
) -> R:
    """Answer of `step`: of one local attempt of at most `bound`, else what `regular` answers.

    Raises:
        FailureError: the step was cancelled, refused for good, or failed as a regular one as well.
    """
    if workflow.memo_value(ports.STEPS_MEMO, default=None) != ports.LOCAL_FIRST:
        return answer(await regular())
    try:
        return await workflow.execute_local_activity(
            step,
            argument,
            schedule_to_start_timeout=_PENDING,
            start_to_close_timeout=bound,
            retry_policy=_ONCE,
        )
    except FailureError as error:
        raised = _raised(error)
        if is_cancelled_exception(error) or (raised is not None and raised.non_retryable):
            raise
        if raised is not None and raised.next_retry_delay is not None:
            await workflow.sleep(raised.next_retry_delay)
    return answer(await regular())


def _raised(error: FailureError) -> ApplicationError | None:
    """Return what the step itself raised; a local activity raises it bare."""
    found = error if isinstance(error, ApplicationError) else error.cause
    return found if isinstance(found, ApplicationError) else None
