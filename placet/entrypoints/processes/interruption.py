"""Ctrl-C and SIGTERM, heard where it is safe to stop.

Python raises `KeyboardInterrupt` wherever the main thread happens to be: within a library, which then complains about a
connection that it could not close, or between a child's start and the line that writes it down.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO, TypeVar

T = TypeVar("T")


class Held:
    """Ctrl-C as it is held back: whether it came, and what is told of it meanwhile."""

    def __init__(self) -> None:
        self.came = False
        self._tell: Callable[[], object] = lambda: None

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Hear the signal."""
        self.came = True
        self._tell()

    def tell(self, listener: Callable[[], object]) -> None:
        """Call `listener` whenever the signal comes, at once if it has come."""
        self._tell = listener
        if self.came:
            listener()


def terminate_as_interrupt() -> None:
    """Treat SIGTERM as Ctrl-C from here on: one way to stop, and one place that holds it back."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@contextmanager
def uninterrupted() -> Iterator[Held]:
    """Hold Ctrl-C back until the block ends: what is begun in it is known to whoever must end it.

    Raises:
        KeyboardInterrupt: when the block ends, if Ctrl-C came in it.
    """
    held = Held()
    if threading.current_thread() is not threading.main_thread():
        yield held  # Python delivers signals to the main thread alone
        return
    before = signal.signal(signal.SIGINT, held)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)
        if held.came:
            signal.raise_signal(signal.SIGINT)


def run_interruptible(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine that `make` returns; Ctrl-C cancels it where it next waits, however early it comes.

    `make` is called within the event loop and may do work of its own there: it is never cut off half-way.

    Raises:
        KeyboardInterrupt: Ctrl-C came, and the coroutine has ended.
    """
    with uninterrupted() as held:
        return asyncio.run(_cancelled_by(held, make))


async def _cancelled_by(held: Held, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(make())
    held.tell(lambda: loop.call_soon_threadsafe(task.cancel))  # also wakes the loop
    try:
        return await task
    finally:
        held.tell(lambda: None)  # a loop that is closed takes no call


async def line_of(stream: TextIO) -> str:
    """Read a line that a person writes, in no thread: Ctrl-C would have to wait for one. Empty at the end of input.

    Args:
        stream: A terminal, which hands over whole lines.
    """
    loop, written = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(stream, written.set)
    try:
        await written.wait()
    finally:
        loop.remove_reader(stream)
    return stream.readline()
