"""The integrator: brings each tenant's log up to the record and signs it, again and again, beside a worker.

Any number of workers may run one; of those that want the same log, one extends it at a time and the others pass.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from placet.errors import PlacetError
from placet.governance.log.key import LogIdentity
from placet.storage.database import Database
from placet.storage.log.sequencer import LEASED, LogSequencer

_log = logging.getLogger(__name__)

_STOP_SECONDS = 10.0


class Integrator:
    """A background loop over the logs of some tenants. Nothing runs before `start`.

    Args:
        database: Where the record and the logs are.
        tenants: Whose logs.
        signing_key: Who signs them.
        clock: Aware wall-clock time.
        interval_seconds: Pause between rounds; an idle round reads a little and writes nothing.
        batch: Entries stored in one transaction.
        lease_seconds: How long a log waits for an integrator that died.
    """

    def __init__(
        self,
        database: Database,
        tenants: Sequence[str],
        signing_key: LogIdentity,
        clock: Callable[[], datetime],
        interval_seconds: float = 5.0,
        batch: int = 1000,
        *,
        lease_seconds: float = 10.0,
    ) -> None:
        self._logs = {
            tenant: LogSequencer(database, signing_key, tenant, clock=clock, batch=batch, lease_seconds=lease_seconds)
            for tenant in tenants
        }
        self._interval = interval_seconds
        self._failing: dict[str, str] = {}
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

    @property
    def failing(self) -> dict[str, str]:
        """What keeps which tenant's log from being extended, since its last round; empty when all is well."""
        return dict(self._failing)

    def run_once(self) -> int:
        """One round over all logs; returns how many entries were put into them.

        A log that cannot be extended (database down, record tampered with) is reported, and does not keep the
        others from being extended; what another integrator is extending is left to it.
        """
        return sum(self._advance(tenant, sequencer) for tenant, sequencer in self._logs.items())

    def start(self) -> None:
        """Run rounds in a thread of its own until `stop`; a running one goes on."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="integrator", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after one more round: what was recorded must not lie there unsigned while no worker runs."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
            self._thread = None

    def _run(self) -> None:
        last = False
        while not last:
            last = self._stopping.is_set()
            try:
                self.run_once()
            except Exception:  # noqa: BLE001 - without this thread no log would be extended any more
                _log.exception("a round over the logs ended early")
            self._stopping.wait(self._interval)

    def _advance(self, tenant: str, sequencer: LogSequencer) -> int:
        try:
            integrated = sequencer.advance().integrated
        except PlacetError as error:
            if error.code != LEASED:
                self._report(tenant, str(error))
            return 0
        self._failing.pop(tenant, None)
        return integrated

    def _report(self, tenant: str, fault: str) -> None:
        # Once for each fault: a database that is down for an hour is one line, not one for each round.
        if self._failing.get(tenant) != fault:
            _log.error("the log of tenant %r is not extended: %s", tenant, fault)
        self._failing[tenant] = fault
