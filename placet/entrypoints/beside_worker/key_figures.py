"""Keeping key figures up to date beside a worker, and letting closed days go."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from placet.errors import PlacetError
from placet.rounds import Faults, Rounds
from placet.service.kpis.book import day_of
from placet.service.kpis.kept import let_go_days
from placet.service.kpis.refreshing import refresh_some
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 10.0
_MOST_IN_A_ROUND: Final = 500
"""Transactions for one tenant in a round, of 200 customers each. What is left then waits for the next round."""


class KeyFigures(Rounds):
    """A background loop over the customers whose states the key figures do not have yet.

    Several workers may run it: one counts at a time, and who comes second finds nobody to count.

    Args:
        database: Where states are.
        tenants: Whose customers.
        clock: Aware wall-clock time.
        days: How long figures of closed days are kept; None: for ever.
    """

    def __init__(
        self, database: Database, tenants: Sequence[str], clock: Callable[[], datetime], days: int | None
    ) -> None:
        super().__init__("key figures", INTERVAL_SECONDS)
        self._database, self._tenants, self._clock, self._days = database, tuple(tenants), clock, days
        self._faults = Faults(_LOG)

    def round(self) -> None:
        """Count who changed, and at a new day everybody; a fault of one tenant stops no other."""
        for tenant in self._tenants:
            what = f"counting the key figures of {tenant}"
            try:
                self._count(tenant)
                self._faults.mended(what)
            except PlacetError as error:
                # Its code is the fault: a database that is gone says so in other words each time.
                self._faults.tell(what, error.code, f"{what}: {error}")

    def _count(self, tenant: str) -> None:
        for _ in range(_MOST_IN_A_ROUND):  # a tenant whose states keep changing must not hold up the next one
            if self._stopping.is_set() or refresh_some(self._database, tenant, self._clock()).done:
                break
        if self._days is not None:
            let_go_days(self._database, tenant, day_of(self._clock()) - timedelta(days=self._days))
