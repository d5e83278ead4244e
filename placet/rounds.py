"""Work that is done again and again in a thread beside everything else, and faults that are told once."""

import logging
import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

STOP_SECONDS = 10.0
"""How long whoever stops a loop waits for the round that is under way."""


class Rounds(ABC):
    """A background loop. Nothing runs before `start`, and an error ends a round, never the loop.

    Args:
        name: Of its thread, and what its log lines call it.
        interval_seconds: Pause between rounds.
        last_round: Make one more round after the stop was asked for.
    """

    def __init__(self, name: str, interval_seconds: float, *, last_round: bool = False) -> None:
        self._name = name
        self._interval = interval_seconds
        self._last_round = last_round
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @abstractmethod
    def round(self) -> object:
        """Do the work once; what it raises is logged, and the next round tries again."""

    def start(self) -> None:
        """Make rounds in a thread of its own until `stop`; a running one goes on."""
        if self._thread is None:
            self._stopping.clear()
            # A daemon: one that hangs in a foreign system's silence must not hold the program.
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the round that is under way, or the last one, if that comes in time."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._guarded()
            self._stopping.wait(self._interval)
        if self._last_round:
            self._guarded()

    def _guarded(self) -> None:
        try:
            self.round()
        except Exception:
            logging.getLogger(type(self).__module__).exception("a round of the %s ended early", self._name)


class Faults:
    """What is wrong now, by subject, each fault told once: what is down for an hour is one line, not one a round."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told: dict[str, str] = {}

    def tell(self, subject: str, fault: str, line: str) -> None:
        """Note the fault of `subject`; log `line` about it, unless the last one was the same."""
        if self._told.get(subject) != fault:
            self._log.error("%s", line)
        self._told[subject] = fault

    def mended(self, subject: str) -> bool:
        """Forget the fault of `subject`; returns whether there was one."""
        return self._told.pop(subject, None) is not None

    def __contains__(self, subject: str) -> bool:
        """Return whether something is wrong with `subject`."""
        return subject in self._told

    @property
    def now(self) -> dict[str, str]:
        """Every fault by its subject; empty when all is well."""
        return dict(self._told)
