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


class Attempts:
    """Wrong attempts within the window.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._made: deque[tuple[float, str]] = deque()  # `IN_TOTAL` at most

    def was_wrong(self, address: str) -> bool:
        """Count a wrong attempt from this address; False, and nothing counted, where there were too many."""
        with self._lock:
            now = self._clock()
            while self._made and self._made[0][0] <= now - WINDOW_SECONDS:
                self._made.popleft()
            from_there = sum(made == address for _, made in self._made)
            if len(self._made) >= IN_TOTAL or from_there >= PER_ADDRESS:
                return False
            self._made.append((now, address))
            return True
