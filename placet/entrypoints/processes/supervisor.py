"""Keeping the parts of a stack alive: one that died is started again, unless it dies again and again."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from placet.entrypoints.processes.process_group import ProcessGroup
from placet.errors import ConfigurationError

MOST_DEATHS = 5
"""A part that ends this often within `WINDOW_SECONDS` is not started again: starting it mends nothing."""

WINDOW_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
_LOOK_SECONDS = 0.25


class Deaths:
    """How often each part died lately, and how long to wait before it is started again.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at: dict[str, deque[float]] = defaultdict(deque)

    def count(self, part: str) -> int:
        """Count one more death; returns how many there were within the window."""
        now, deaths = self._clock(), self._at[part]
        deaths.append(now)
        while now - deaths[0] > WINDOW_SECONDS:
            deaths.popleft()
        return len(deaths)


def pause_after(deaths: int) -> float:
    """Return the seconds to wait before a part is started again: twice as long after each death."""
    return float(min(FIRST_PAUSE_SECONDS * 2 ** (deaths - 1), LONGEST_PAUSE_SECONDS))


def supervise(group: ProcessGroup, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Watch the parts of `group` until `stop`, saying in one line each what died and what was done about it.

    Raises:
        ConfigurationError: a part died too often; the caller stops the others.
    """
    deaths = Deaths()
    while not stop.wait(_LOOK_SECONDS):
        for child in group.dead():
            count, death = deaths.count(child.name), child.death
            if count >= MOST_DEATHS:
                raise ConfigurationError(
                    f"{child.name} ended {count} times within {WINDOW_SECONDS / 60:g} minutes, so everything is "
                    f"stopped; the last time: {death}"
                )
            pause = pause_after(count)
            say(f"{death}; starting it again in {pause:g} s ({count} of {MOST_DEATHS - 1})")
            if stop.wait(pause):
                return
            group.start_again(child)
