"""Telling, beside a worker, who wants to know of changed customers: strategies, and journeys that wait for them."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from datetime import datetime
from typing import Final

from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.text import counted
from placet.engine.client import Engine
from placet.errors import PlacetError, StorageError
from placet.gate.context import GateContext
from placet.rounds import Faults, Rounds
from placet.service.journeys.converting import note_conversions
from placet.service.journeys.waking import wake
from placet.service.rollouts.coming import Comings
from placet.service.state.following import AT_ONCE, Hears, follow_changes, still_to_come
from placet.storage.database import Database
from placet.storage.state.changes import Changed

_LOG = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 0.5
"""Somebody who stands at an airport does not stand there for long."""
_MOST_IN_A_ROUND: Final = 100
"""Calls for one tenant: one whose events keep arriving must not hold up the next one."""
_TELL_SECONDS: Final = 10.0
"""How long Temporal may take to pass a word on. Where it is lost, the rollout finds out by itself."""


class Following(Rounds):
    """A background loop over the customers whose state changed.

    Several workers may run it: a customer of whom both tell comes in once.

    Args:
        database: Where states are.
        tenants: Whose customers.
        clock: Aware wall-clock time.
        hearers: Who is told, in this order.
    """

    def __init__(
        self, database: Database, tenants: Sequence[str], clock: Callable[[], datetime], hearers: Sequence[Hears]
    ) -> None:
        super().__init__("following of customers", INTERVAL_SECONDS)
        self._database, self._tenants, self._clock = database, tuple(tenants), clock
        self._hearers = tuple(hearers)
        self._faults = Faults(_LOG)

    def round(self) -> None:
        """Tell of everybody whose state changed. A fault of one tenant stops no other."""
        for tenant in self._tenants:
            what = f"following customers of {tenant}"
            try:
                for _ in range(_MOST_IN_A_ROUND):
                    told = follow_changes(self._database, tenant, self._hearers, self._clock())
                    if self._stopping.is_set() or told < AT_ONCE:
                        break
                self._faults.mended(what)
                self._note_clock(tenant)
            except PlacetError as error:
                self._faults.tell(what, error.code, f"{what}: {error}; who changed waits, and is told of later")

    def _note_clock(self, tenant: str) -> None:
        what = f"the clock, by the events of {tenant}"
        later = still_to_come(self._database, tenant, self._clock())
        if later:
            said = f"{counted(later, 'customer')} of {tenant} wait: their newest events are later than this clock"
            self._faults.tell(what, "later", said)
        else:
            self._faults.mended(what)


def waking(engine: Engine, context: GateContext) -> Hears:
    """Return what tells journeys that their customer's state changed; call it on the loop that is to tell them."""
    loop = asyncio.get_running_loop()

    def tell(asked: JourneyAsked) -> None:
        with suppress(TooLate):  # it finds out by itself
            asyncio.run_coroutine_threadsafe(engine.tell_journey(asked), loop).result(_TELL_SECONDS)

    def hear(tenant: str, changed: Sequence[Changed]) -> None:
        customers = [one.customer_id for one in changed]
        wake(context.database, tell, tenant, customers)
        note_conversions(context.database, context.live_customer, tenant, customers)

    return hear


def comings(engine: Engine, context: GateContext) -> Comings:
    """Return what takes down who comes into a strategy; call it on the event loop that is to tell rollouts."""
    loop, faults = asyncio.get_running_loop(), Faults(_LOG)

    def tell(asked: RolloutAsked) -> None:
        try:
            asyncio.run_coroutine_threadsafe(engine.tell_rollout(asked), loop).result(_TELL_SECONDS)
        except TooLate:
            _LOG.warning("rollout %s was not told that somebody waits; it finds out by itself", asked.workflow_id)

    def unreadable(customer_id: str, error: StorageError) -> None:
        faults.tell(customer_id, error.code, f"customer {customer_id!r} comes into no strategy now: {error}")

    return Comings(context.database, context.policies, context.clock, tell, unreadable=unreadable)
