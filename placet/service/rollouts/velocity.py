"""Journey velocity: how long it took from what happened to a customer until they were reached."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from placet.contracts.strategies.rolling import Velocity
from placet.storage.transaction import Transaction

_MOST: Final = 1_000
_MIDDLE: Final = 0.5
_SLOW: Final = 0.9
_MILLISECOND: Final = timedelta(milliseconds=1)


def velocity_of(tx: Transaction, tenant: str, version: str) -> Velocity:
    """Return how fast a strategy reached who came in, by the newest thousand of them."""
    times = tx.coming.times(tenant, version, _MOST)
    runs = sorted(_ms(one.signal_at, one.started_at) for one in times)
    effects = sorted(_ms(one.signal_at, one.ended_at) for one in times if one.ended_at is not None)
    return Velocity(
        started=len(runs),
        executed=len(effects),
        run_ms=_at(runs, _MIDDLE),
        run_slow_ms=_at(runs, _SLOW),
        effect_ms=_at(effects, _MIDDLE),
        effect_slow_ms=_at(effects, _SLOW),
        passed_over=tx.coming.passed_over(tenant, version),
    )


def _ms(since: datetime, until: datetime) -> int:
    return max((until - since) // _MILLISECOND, 0)


def _at(ordered: Sequence[int], share: float) -> int | None:
    """Return the smallest value that a share of all does not exceed; None of none."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None
