"""Finishing what was begun, and saying why a step failed."""

import asyncio
import re
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from placet.contracts.base import REASON_CODE
from placet.contracts.text import shortened

T = TypeVar("T")


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` whatever is cancelled meanwhile: what was begun here must reach the record."""
    task = asyncio.ensure_future(work)
    while True:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise


def cancelling() -> bool:
    """Return whether Temporal was asked to cancel this workflow; a step can come back cancelled without that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def answer(result: T | None) -> T:
    """Return what a step answered.

    Raises:
        ApplicationError: nothing; Temporal lets anyone complete a step that is under way, with no result too.
    """
    if result is None:
        raise ApplicationError("it was completed without an answer", type="unsealed", non_retryable=True)
    return result


def cause(error: FailureError) -> tuple[str, str]:
    """Return the stable code and the one line a person reads, from what a step raised.

    A local activity raises it bare.
    """
    raised = error.cause if isinstance(error, ActivityError) else error
    if isinstance(raised, ApplicationError) and re.fullmatch(REASON_CODE, raised.type or ""):
        return str(raised.type), raised.message
    step = error.activity_type if isinstance(error, ActivityError) else "step"
    if is_cancelled_exception(error):
        return "step_cancelled", f"{step}: it was answered as cancelled, and nobody had asked for that"
    # A defect of ours or of a library; its name is no code of ours.
    return "step_failed", shortened(f"{step}: {raised or error}", 500)
