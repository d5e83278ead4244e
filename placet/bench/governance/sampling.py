"""Timing things in turn, so that whatever else the machine does meets them all alike."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Act = Callable[[], object]


def cpu_per_call(acts: Mapping[str, Act], *, rounds: int, calls: int) -> dict[str, float]:
    """Return the median over the rounds of the CPU time of one call, in microseconds, of this thread alone.

    Each round calls each act `calls` times; every second round goes through them backwards.
    """
    seen: dict[str, list[float]] = {name: [] for name in acts}
    for act in acts.values():
        act()
    for number in range(rounds):
        for name in in_turn(list(acts), number):
            act = acts[name]
            began = time.thread_time()
            for _ in range(calls):
                act()
            seen[name].append((time.thread_time() - began) / calls)
    return {name: 1e6 * statistics.median(times) for name, times in seen.items()}


def in_turn(names: Sequence[str], number: int) -> list[str]:
    """Return the order of round `number`, so that nobody always comes first."""
    return list(names) if number % 2 == 0 else list(reversed(names))


def wall_ms(act: Act) -> float:
    """Return the milliseconds that one call takes by the clock."""
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def short(count: int) -> str:
    """Write a number of entries as a person says it: 10k, 1M."""
    for unit, size in (("M", 1_000_000), ("k", 1000)):
        if count >= size:
            return f"{count / size:g}{unit}"
    return str(count)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
