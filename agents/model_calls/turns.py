"""Taking turns at a model server that answers few requests at a time.

A request that is sent before such a server is free spends its time-out in the server's queue, is given up, and is sent
again behind those that came meanwhile: with enough runs under way nobody is ever answered. So a request waits here, in
the order in which it came, and its time-out begins when its turn does.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 0.5
"""How often whoever waits looks whether it still has to."""


class Turns:
    """First come, first served; `at_once` at a time, or all where it is None.

    Args:
        at_once: How many turns are taken at one time.
        waiting: Called now and then while somebody waits; what it raises ends the wait.
    """

    def __init__(self, at_once: int | None, waiting: Callable[[], None]) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._taken = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it while the block runs."""
        if self._at_once is None:
            yield
            return
        self._take(self._at_once)
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify_all()

    def _take(self, at_once: int) -> None:
        place = object()
        with self._changed:
            self._queue.append(place)
            try:
                while self._queue[0] is not place or self._taken >= at_once:
                    self._changed.wait(_LOOK_SECONDS)
                    self._waiting()
                self._taken += 1
            finally:
                self._queue.remove(place)
                self._changed.notify_all()
