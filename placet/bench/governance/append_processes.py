"""Appending from several processes at once: each with its own connections, started together, timed together."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self

from placet.bench.governance.databases.databases import Server
from placet.storage.database import Database

# A fork would copy this process's threads' locks.
_SPAWN = multiprocessing.get_context("spawn")
_TOGETHER_SECONDS = 120.0

Append = Callable[[Database, str, str], None]
Burst = tuple[float, float]
"""When one writer began and ended, by the clock that all processes share."""


class WriterProcesses:
    """Processes that append, or insert by the driver alone, all at the same time.

    Args:
        server: The database's server.
        url: The database.
        count: How many.
        append: One entry in a transaction of its own: a function of a module, which a new process can import.
        insert: The driver's statement, with its one value.
    """

    def __init__(self, server: Server, url: str, count: int, append: Append, insert: tuple[str, str]) -> None:
        self._count = count
        self._together = _SPAWN.Barrier(count)
        self._pool = ProcessPoolExecutor(
            count, mp_context=_SPAWN, initializer=_begin, initargs=(server, url, append, insert, self._together)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._together.abort()  # who waits for the others would wait for ever
        self._pool.shutdown(cancel_futures=True)

    def per_second(self, act: str, first: int, each: int) -> float:
        """Measure entries per second while every process writes `each`, numbered from `first`.

        Args:
            act: `append` or `insert`.
            first: No number is written twice.
            each: Of one process.
        """
        bursts = [self._pool.submit(_burst, act, first, each) for _ in range(self._count)]
        times = [burst.result() for burst in bursts]
        return self._count * each / (max(end for _, end in times) - min(start for start, _ in times))


class _Writer:
    def __init__(self, server: Server, url: str, append: Append, insert: tuple[str, str], together: Any) -> None:
        self.together = together
        self._database = Database(url, pool_size=1, lock_timeout_s=_TOGETHER_SECONDS)
        self._append = append
        self._raw = server.raw(url)
        self._insert, self._text = insert

    def append(self, number: int) -> None:
        self._append(self._database, f"tenant/bench-process-{os.getpid()}", f"bench-{number}")

    def insert(self, _number: int) -> None:
        self._raw.execute(self._insert, (self._text,))


_WRITERS: list[_Writer] = []
"""The one of this process."""


def _begin(server: Server, url: str, append: Append, insert: tuple[str, str], together: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who was interrupted ends us
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    _WRITERS.append(_Writer(server, url, append, insert, together))


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this runs in a child alone
    wait([parent.sentinel])
    os._exit(1)


def _burst(act: str, first: int, each: int) -> Burst:
    # Each process is at its first call of this round: none of the others' can be its own too.
    [writer] = _WRITERS
    write = {"append": writer.append, "insert": writer.insert}[act]
    writer.together.wait(_TOGETHER_SECONDS)
    began = time.perf_counter()
    for number in range(first, first + each):
        write(number)
    return began, time.perf_counter()
