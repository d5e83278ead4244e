"""What an event costs with ten thousand stored, a hundred thousand, and so on: does the cost grow?

Two databases are written in turn, one with more and more events stored, and one that is made anew for each stage with
as few as at the beginning. The events that are taken are of the customers that are stored, and belong anywhere among
their ids.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing

from placet.bench.governance.databases.databases import Server
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn, short
from placet.bench.state.sample import BATCH, NOW, OLDEST, TENANT
from placet.bench.state.stored import EACH, event_of, fill
from placet.errors import PlacetError
from placet.service.state.taking import take_events
from placet.storage.database import Database

FEWEST = 10_000
_IN_A_ROUND = BATCH
_MOST_GROWTH = 1.25


class Growing:
    """A database that is filled, and then given events one batch after another."""

    def __init__(self, server: Server, url: str, database: Database, numbers: Iterator[int]) -> None:
        """`numbers` are those of the events that are taken: no other database of the session has them."""
        self._server, self._url, self._database, self._numbers = server, url, database, numbers
        self.stored = 0

    def fill(self, stored: int, largest: int) -> None:
        """Fill it up to so many; `largest`: how many it will have at the end."""
        if stored <= self.stored:
            return
        self._customers = max(1, largest // EACH)
        with closing(self._server.raw(self._url)) as connection:
            fill(connection, self._server, self.stored, stored - self.stored, self._customers)
        self.stored = stored

    def take(self) -> float:
        """Take a few batches of new events in; return the seconds that an event took.

        Raises:
            PlacetError: one was not taken.
        """
        texts = [event_of(next(self._numbers), self._customers) for _ in range(_IN_A_ROUND)]
        began = time.perf_counter()
        taken = take_events(self._database, TENANT, texts, now=NOW, oldest=OLDEST)
        seconds = time.perf_counter() - began
        if taken.accepted != len(texts):
            raise PlacetError(f"of {len(texts)} events {taken.accepted} were taken", code="bench")
        return seconds / len(texts)


def measure(
    server: Server, growing: Growing, fresh: Callable[[], AbstractContextManager[Growing]], largest: int, rounds: int
) -> Iterator[Figure]:
    """Measure at each power of ten up to `largest`.

    Args:
        server: The kind of database.
        growing: The database that grows.
        fresh: Opens an empty one.
        largest: How many events are stored in the end.
        rounds: How often each is given events.

    Raises:
        PlacetError: an event was not taken, or a row is none that taking its event in would leave.
    """
    for stored in stages(largest):
        growing.fill(stored, largest)
        with fresh() as few:
            few.fill(min(FEWEST, largest), largest)
            ours, theirs = _in_turn(growing, few, rounds)
        yield Figure(
            part="growth",
            name=f"an event, {server.name}, {short(stored)} stored",
            unit="µs",
            ours=1e6 * ours,
            reference=1e6 * theirs,
            against=f"the same with {short(few.stored)} stored, in batches of {BATCH}; ids lie in no order",
            limit=_MOST_GROWTH,
        )


def _in_turn(growing: Growing, few: Growing, rounds: int) -> tuple[float, float]:
    """Return the median seconds of an event in both."""
    seen: dict[str, list[float]] = {"growing": [], "few": []}
    acts = {"growing": growing, "few": few}
    for number in range(rounds + 1):
        for name in in_turn(list(acts), number):
            seconds = acts[name].take()
            if number:  # the first round warms up
                seen[name].append(seconds)
    return statistics.median(seen["growing"]), statistics.median(seen["few"])


def stages(largest: int) -> list[int]:
    """Return the powers of ten from `FEWEST`, and `largest` itself."""
    found, stored = list[int](), FEWEST
    while stored < largest:
        found.append(stored)
        stored *= 10
    return [*found, largest]
