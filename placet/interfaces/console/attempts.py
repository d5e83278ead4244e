"""How often somebody may try to sign in: counted in memory, for each address and over all of them."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

PER_ADDRESS: Final = 10
IN_TOTAL: Final = 100
"""A token has 256 random bits: what this bounds is load, and the noise in the log."""

WINDOW_SECONDS: Final = 300.0


class Attempts:
    """Wrong attempts within the window. One under way counts as wrong until it turns out right.

    Args:
        clock: Monotonic time in seconds.
        per_address: How many may come from one address.
        in_total: How many may come from all of them.
    """

    def __init__(self, clock: Callable[[], float], *, per_address: int = PER_ADDRESS, in_total: int = IN_TOTAL) -> None:
        self._clock = clock
        self._per_address, self._in_total = per_address, in_total
        self._lock = threading.Lock()
        self._made: deque[tuple[float, str]] = deque()  # `in_total` at most

    def begin(self, address: str) -> bool:
        """Count an attempt from this address; False, and nothing counted, where there were too many."""
        with self._lock:
            now = self._clock()
            while self._made and self._made[0][0] <= now - WINDOW_SECONDS:
                self._made.popleft()
            from_there = sum(made == address for _, made in self._made)
            if len(self._made) >= self._in_total or from_there >= self._per_address:
                return False
            self._made.append((now, address))
            return True

    def was_right(self, address: str) -> None:
        """Take the newest attempt from this address off the count."""
        with self._lock:
            for index in range(len(self._made) - 1, -1, -1):
                if self._made[index][1] == address:
                    del self._made[index]
                    return
