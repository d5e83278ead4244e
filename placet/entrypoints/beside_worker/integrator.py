"""The integrator: brings each tenant's log up to the record and signs it, again and again, beside a worker.

Any number of workers may run one; of those that want the same log, one extends it at a time and the others pass.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from placet.errors import PlacetError
from placet.governance.log.key import LogIdentity
from placet.rounds import Faults, Rounds
from placet.storage.database import Database
from placet.storage.log.sequencer import LEASED, LogSequencer

_log = logging.getLogger(__name__)


class Integrator(Rounds):
    """A background loop over the logs of some tenants.

    It makes one more round when it is stopped: what was recorded must not lie there unsigned while no worker runs.

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
        super().__init__("integrator", interval_seconds, last_round=True)
        self._logs = {
            tenant: LogSequencer(database, signing_key, tenant, clock=clock, batch=batch, lease_seconds=lease_seconds)
            for tenant in tenants
        }
        self._faults = Faults(_log)

    @property
    def failing(self) -> dict[str, str]:
        """What keeps which tenant's log from being extended, since its last round; empty when all is well."""
        return self._faults.now

    def run_once(self) -> int:
        """Extend all logs once; return how many entries were put into them.

        A log that cannot be extended (database down, record tampered with) is reported, and does not keep the
        others from being extended; what another integrator is extending is left to it.
        """
        return sum(self._advance(tenant, sequencer) for tenant, sequencer in self._logs.items())

    def round(self) -> None:
        """Extend all logs once."""
        self.run_once()

    def _advance(self, tenant: str, sequencer: LogSequencer) -> int:
        try:
            integrated = sequencer.advance().integrated
        except PlacetError as error:
            if error.code != LEASED:
                self._faults.tell(tenant, str(error), f"the log of tenant {tenant!r} is not extended: {error}")
            return 0
        self._faults.mended(tenant)
        return integrated
