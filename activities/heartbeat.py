"""Long steps tell Temporal that they are alive: a killed worker is then noticed in seconds, not minutes."""

import contextvars
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from temporalio import activity

# A third of workflows.options.HEARTBEAT_TIMEOUT; a step shorter than this sends none.
_EVERY_SECONDS = 3.0


class Heartbeats:
    """One thread beats for all activities of the process that have run for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, contextvars.Context] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat for the activity of this thread while the block runs; a local activity needs none."""
        if activity.info().is_local:
            yield
            return
        # The activity's identity is in context variables, which another thread does not inherit.
        context = contextvars.copy_context()
        with self._lock:
            self._running[id(context)] = context
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="heartbeats", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._running[id(context)]

    def _beat(self) -> None:
        pause = threading.Event()
        seen: set[int] = set()
        while True:
            pause.wait(_EVERY_SECONDS)
            with self._lock:
                running = dict(self._running)
            for identity, context in running.items():
                if identity in seen:  # it was there a whole interval ago
                    # It may have ended meanwhile, or its worker; the others must go on beating.
                    with suppress(Exception):
                        context.run(activity.heartbeat)
            seen = set(running)


HEARTBEATS = Heartbeats()
"""The process's own; its thread starts with the first activity."""
