"""Folding events of customers beside a worker, and letting old ones go."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from placet.rounds import Rounds
from placet.service.state.current import age_out, fold_waiting
from placet.storage.database import Database

INTERVAL_SECONDS: Final = 2.0
_AT_ONCE: Final = 200
"""Customers in one transaction: others write in between."""


class StateFolding(Rounds):
    """A background loop over the customers whose aggregates lack events.

    Several workers may run it: who comes second finds nothing to fold.

    Args:
        database: Where events are.
        tenants: Whose customers.
        clock: Aware wall-clock time.
        events_days: How long events are kept after they happened.
    """

    def __init__(
        self, database: Database, tenants: Sequence[str], clock: Callable[[], datetime], events_days: int
    ) -> None:
        super().__init__("state folding", INTERVAL_SECONDS)
        self._database, self._tenants, self._clock = database, tuple(tenants), clock
        self._kept = timedelta(days=events_days)

    def round(self) -> None:
        """Fold all that waits, and let go what is older than events are kept."""
        for tenant in self._tenants:
            while not self._stopping.is_set() and fold_waiting(self._database, tenant, _AT_ONCE) == _AT_ONCE:
                pass
            while not self._stopping.is_set() and (
                age_out(self._database, tenant, self._clock() - self._kept, _AT_ONCE) == _AT_ONCE
            ):
                pass
