"""The record of HTTP exchanges, collected around a piece of work: no plugin can forget to return it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from placet.contracts.billing import SourceCall

OnCall = Callable[[str, SourceCall], None]
"""Told of every completed exchange: the plugin's name and the exchange."""

_recording: ContextVar[list[SourceCall] | None] = ContextVar("placet_source_calls", default=None)


@contextmanager
def record_calls() -> Iterator[list[SourceCall]]:
    """Collect every exchange that connectors complete in this thread while the block runs.

    Concurrent activities run in threads of their own, so that each collects only its own exchanges. A thread
    started inside the block records nothing here.

    Yields:
        The growing list, in order of completion; failed statuses are in it, answers that never came are not.
    """
    calls: list[SourceCall] = []
    token = _recording.set(calls)
    try:
        yield calls
    finally:
        _recording.reset(token)


def record(call: SourceCall) -> None:
    """Add one exchange to the innermost `record_calls` block of this thread, if there is one."""
    calls = _recording.get()
    if calls is not None:
        calls.append(call)
