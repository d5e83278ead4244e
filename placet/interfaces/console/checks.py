"""Verdicts on a run at a click: its chain of entries, and a replay of its history.

A replay takes seconds of CPU. So it is made elsewhere (the entry point starts a process for it), one at a time, a few
may wait for their turn, and no request waits for one: pages ask whether it is there.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.errors import PlacetError
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)

MOST_WAITING: Final = 4
_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found.

    Attributes:
        faults: What does not hold; none where all does.
        notes: What it did not check, and by whom it is.
    """

    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a run.

    Attributes:
        entries: How many entries its chain has.
        broken: What does not fit in the chain; empty where all does.
        replayed: None where it could not be replayed, and `unable` says why.
    """

    at: datetime
    entries: int
    broken: str
    replayed: Replayed | None
    unable: str = ""


Replay = Callable[[str], Replayed]
"""Replays a run; raises `PlacetError` where it cannot."""


def no_replay(run_id: str) -> Replayed:
    """Stand for a replay where none is given.

    Raises:
        PlacetError: always.
    """
    raise PlacetError(f"nothing here replays {run_id}; use `placet replay {run_id}`")


class Checks:
    """Makes verdicts, and keeps the newest ones.

    Args:
        database: Where the record is.
        replay: Makes a replay.
        clock: The time.
    """

    def __init__(self, database: Database, replay: Replay, clock: Callable[[], datetime]) -> None:
        self._database, self._replay, self._clock = database, replay, clock
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Verdict] = OrderedDict()
        self._asked: set[str] = set()
        self._one = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verdict")

    def ask(self, run_id: str) -> bool:
        """Have a run judged, unless that is under way; False where too many wait."""
        with self._lock:
            if run_id in self._asked:
                return True
            if len(self._asked) >= MOST_WAITING:
                return False
            self._asked.add(run_id)
            self._found.pop(run_id, None)
        self._one.submit(self._judge, run_id)
        return True

    def under_way(self, run_id: str) -> bool:
        """Return whether a verdict on it is being made."""
        with self._lock:
            return run_id in self._asked

    def found(self, run_id: str) -> Verdict | None:
        """Return the newest verdict on it."""
        with self._lock:
            return self._found.get(run_id)

    def _judge(self, run_id: str) -> None:
        verdict = Verdict(self._clock(), 0, "", None, "it could not be looked at; the server's log says why")
        try:
            verdict = self._verdict(run_id)
        except Exception:  # noqa: BLE001 - the thread goes on to the next one; the log says why
            _LOG.exception("a run could not be judged")
        finally:
            with self._lock:
                self._asked.discard(run_id)
                self._found[run_id] = verdict
                while len(self._found) > _KEPT:
                    self._found.popitem(last=False)

    def _verdict(self, run_id: str) -> Verdict:
        entries, broken, unable = 0, "", ""
        replayed: Replayed | None = None
        try:
            with self._database.snapshot() as tx:
                entries = tx.audit.verify(run_id)
        except PlacetError as error:
            broken = str(error)
        try:
            replayed = self._replay(run_id)
        except PlacetError as error:
            unable = str(error)
        return Verdict(self._clock(), entries, broken, replayed, unable)
