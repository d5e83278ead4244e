"""Counting beside a worker what became of the members of rollouts, when their days are over."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from placet.errors import PlacetError
from placet.rounds import Faults, Rounds
from placet.service.outcomes.counting import count_all
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 600.0
"""Windows are of days, and end some days before they are counted."""


class OutcomeCounting(Rounds):
    """A background loop over rollouts. Several workers may run it: who comes second finds the members counted.

    Args:
        database: Where events and members are.
        tenants: Whose.
        clock: Aware wall-clock time.
    """

    def __init__(self, database: Database, tenants: Sequence[str], clock: Callable[[], datetime]) -> None:
        super().__init__("outcomes", INTERVAL_SECONDS)
        self._database, self._tenants, self._clock = database, tuple(tenants), clock
        self._faults = Faults(_LOG)

    def round(self) -> None:
        """Count what is due; a fault of one tenant stops no other."""
        for tenant in self._tenants:
            what = f"counting the outcomes of {tenant}"
            try:
                count_all(self._database, tenant, self._clock(), stopping=self._stopping.is_set)
                self._faults.mended(what)
            except PlacetError as error:
                # Its code is the fault: a database that is gone says so in other words each time.
                self._faults.tell(what, error.code, f"{what}: {error}")
