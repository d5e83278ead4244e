"""How often somebody may try to sign in: counted in memory, for each address and over all of them."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

PER_ADDRESS: Final = 10
IN_TOTAL: Final = 100
"""A token has 256 random bits: what this bounds is load, and the noise in the log."""

WINDOW_SECONDS: Final = 300.0
_MOST_ADDRESSES: Final = 10_000


class Attempts:
    """Wrong attempts within the window.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all: deque[float] = deque()
        self._by_address: dict[str, deque[float]] = {}

    def allowed(self, address: str) -> bool:
        """Whether one more attempt may be made from this address."""
        with self._lock:
            self._expire()
            return len(self._all) < IN_TOTAL and len(self._by_address.get(address, ())) < PER_ADDRESS

    def failed(self, address: str) -> None:
        """Count a wrong attempt."""
        with self._lock:
            self._expire()
            now = self._clock()
            self._all.append(now)
            if address in self._by_address or len(self._by_address) < _MOST_ADDRESSES:
                self._by_address.setdefault(address, deque()).append(now)

    def _expire(self) -> None:
        since = self._clock() - WINDOW_SECONDS
        for times in (self._all, *self._by_address.values()):
            while times and times[0] <= since:
                times.popleft()
        for address in [address for address, times in self._by_address.items() if not times]:
            del self._by_address[address]
