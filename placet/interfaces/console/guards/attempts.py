"""How many wrong tokens were tried: counted in memory, for each address and over all of them.

A token has 256 random bits: nobody guesses one, however often they try. So a good token is always let in. Who tries
wrong ones must not lock out others, who may come through the same proxy, and so from the same address. What the count
bounds is the noise in the log.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

PER_ADDRESS: Final = 10
IN_TOTAL: Final = 100
WINDOW_SECONDS: Final = 300.0


ASKED_PER_ADDRESS: Final = 200
ASKED_IN_TOTAL: Final = 2_000
"""Sign-ins at the identity provider that came to nothing: each is a question to it."""


class Attempts:
    """Attempts within the window that came to nothing, or not yet to anything.

    Args:
        clock: Monotonic time in seconds.
        per_address: How many are counted from one address.
        in_total: How many are counted from all of them.
    """

    def __init__(self, clock: Callable[[], float], per_address: int = PER_ADDRESS, in_total: int = IN_TOTAL) -> None:
        self._clock, self._per_address, self._in_total = clock, per_address, in_total
        self._lock = threading.Lock()
        self._made: deque[tuple[float, str]] = deque()  # `in_total` at most

    def count(self, address: str) -> bool:
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
