"""Work that takes longer than a page may: one at a time, apart from the threads that answer pages."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast

from starlette.exceptions import HTTPException

T = TypeVar("T")

MOST_WAITING: Final = 4
MOST_KEPT: Final = 32
PATIENCE: Final = 0.8
"""How long a page waits for an answer that may come at once, in seconds."""


class Busy(HTTPException):
    """Too much is asked for at once."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, "other long work is under way here; try again in a minute")


@dataclass
class _Job:
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: Exception | None = None
    ended_at: float = 0.0


class Jobs:
    """Does long work in a thread of its own and remembers what came of it, in memory.

    Args:
        clock: Monotonic time in seconds.
        most: How many may be under way or wait.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_WAITING) -> None:
        self._clock, self._most = clock, most
        self._jobs: dict[str, _Job] = {}
        self._lock, self._one = threading.Lock(), threading.Lock()

    def ask(self, key: str, work: Callable[[], T], *, seconds: float, patience: float = PATIENCE) -> T | None:
        """Return what `work` answered within the last `seconds`; None while it is under way.

        Args:
            key: Names the work and all that it depends on; who asks for the same meanwhile waits for the same.
            work: Is begun where nobody began it, or its answer is too old. What it raises is raised here.
            seconds: How long its answer may be shown.
            patience: How long to wait for it here, in seconds.

        Raises:
            Busy: too much waits already.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or (job.done.is_set() and self._clock() - job.ended_at > seconds):
                job = self._begin(key, work)
        job.done.wait(patience)
        if not job.done.is_set():
            return None
        if job.error is not None:
            raise job.error
        return cast("T", job.answer)

    def check_room(self) -> None:
        """Refuse, before anything is signed or recorded, what could not be begun now.

        Raises:
            Busy: too much waits already.
        """
        with self._lock:
            self._check_room()

    def known(self, key: str) -> bool:
        """Return whether this was asked for, and is remembered."""
        with self._lock:
            return key in self._jobs

    def _check_room(self) -> None:
        if sum(not one.done.is_set() for one in self._jobs.values()) >= self._most:
            raise Busy

    def _begin(self, key: str, work: Callable[[], object]) -> _Job:
        self._check_room()
        self._jobs.pop(key, None)
        ended = [name for name, one in self._jobs.items() if one.done.is_set()]
        for name in ended[: max(0, len(self._jobs) + 1 - MOST_KEPT)]:
            del self._jobs[name]
        job = self._jobs[key] = _Job()
        threading.Thread(target=self._do, args=(job, work), daemon=True, name="console-job").start()
        return job

    def _do(self, job: _Job, work: Callable[[], object]) -> None:
        with self._one:
            try:
                job.answer = work()
            except Exception as error:  # noqa: BLE001 - it is raised to whoever asks
                job.error = error
            job.ended_at = self._clock()
            job.done.set()
