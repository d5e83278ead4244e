"""Folding events of customers beside a worker, and letting old ones go."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from placet.contracts.text import counted
from placet.errors import PlacetError
from placet.rounds import Faults, Rounds
from placet.service.state.current import Damaged, age_out, fold_waiting
from placet.service.state.dead import retry_mended
from placet.service.state.erasing import let_go
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 2.0
_AT_ONCE: Final = 200
"""Customers, or rows, that one call takes: others write in between."""
_MOST_IN_A_ROUND: Final = 100
"""Calls of one kind for one tenant. What is left then waits for the next round."""


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
        self._faults = Faults(_LOG)

    def round(self) -> None:
        """Fold what waits, take what waited for a key, and let go what is older than events are kept.

        A fault of one tenant stops no other.
        """
        for tenant in self._tenants:
            self._most_of(f"folding the events of {tenant}", partial(fold_waiting, self._database, tenant))
            self._most_of(f"trying letters of {tenant} again", partial(self._retry, tenant))
            before = self._clock() - self._kept
            self._most_of(f"letting go old events of {tenant}", partial(age_out, self._database, tenant, before))
            self._most_of(f"letting go old states of {tenant}", partial(_let_go, self._database, tenant, before))

    def _retry(self, tenant: str, limit: int, _damaged: Damaged) -> int:
        now = self._clock()
        return retry_mended(self._database, tenant, now=now, oldest=now - self._kept, limit=limit)

    def _most_of(self, what: str, some: Callable[[int, Damaged], int]) -> None:
        damaged: Damaged = {}
        try:
            for _ in range(_MOST_IN_A_ROUND):  # a tenant whose events keep arriving must not hold up the next one
                if self._stopping.is_set() or some(_AT_ONCE, damaged) < _AT_ONCE:
                    break
            self._note(what, [str(error) for error in damaged.values()])
        except PlacetError as error:
            # Its code is the fault: a database that is gone says so in other words each time.
            self._faults.tell(what, error.code, f"{what}: {error}")

    def _note(self, what: str, damaged: Sequence[str]) -> None:
        if not damaged:
            self._faults.mended(what)
            return
        more = f"; nor can rows of {counted(len(damaged) - 1, 'more customer')}" if len(damaged) > 1 else ""
        self._faults.tell(what, f"{damaged[0]}{more}", f"{what}: {damaged[0]}{more}")


def _let_go(database: Database, tenant: str, before: datetime, limit: int, _damaged: Damaged) -> int:
    """Let go as the other two are called: nothing is read of a row that goes."""
    return let_go(database, tenant, before, limit)
