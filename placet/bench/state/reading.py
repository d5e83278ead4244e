"""The state of one customer with 90 days of history, beside the read of one row by its key."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

from placet.bench.governance.databases.databases import Server
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn, percentile
from placet.bench.state.sample import CUSTOMERS, NOW, TENANT, customer_of
from placet.service.state.current import fold_waiting, state_of
from placet.storage.database import Database

_READS: Final = 200
_AIM_MS: Final = 3.0
_STRIDE: Final = 1_009


def fold_all(database: Database, events: int) -> float:
    """Fold what waits into states; return how many of `events` it was a second."""
    began = time.perf_counter()
    while fold_waiting(database, TENANT):
        pass
    return events / (time.perf_counter() - began)


def measure(server: Server, url: str, database: Database, rounds: int) -> Iterator[Figure]:
    """Measure reads of states all over the customers, when nothing waits to be folded."""
    with closing(server.raw(url)) as connection:
        ours, raw = _times(database, connection, server, rounds)
    for share, limit in ((0.5, None), (0.99, _AIM_MS)):
        yield Figure(
            part="state",
            name=f"state of one customer, {server.name}, p{share * 100:.0f}",
            unit="ms",
            ours=percentile(ours, share),
            reference=percentile(raw, share),
            against="the row that it is read from, by its key and by the driver",
            limit=limit,
            absolute=True,
        )


def _times(database: Database, connection: Any, server: Server, rounds: int) -> tuple[list[float], list[float]]:
    query = f"SELECT aggregate FROM customer_state WHERE tenant = {server.mark} AND customer_id = {server.mark}"  # noqa: S608
    acts: dict[str, Callable[[str], object]] = {
        "ours": lambda customer: state_of(database, TENANT, customer, NOW),
        "raw": lambda customer: connection.execute(query, (TENANT, customer)).fetchone(),
    }
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(rounds + 1):
        for name in in_turn(list(acts), number):
            for place in range(_READS):
                customer = customer_of((number * _READS + place) * _STRIDE % CUSTOMERS)
                began = time.perf_counter()
                acts[name](customer)
                if number:  # the first round warms up
                    seen[name].append(1000 * (time.perf_counter() - began))
    return seen["ours"], seen["raw"]
