"""`placet bench decisions`: how fast customers are drawn and decided for, beside loops that check nothing.

Both draw the same ids in turn, and must come to the same bucket of every customer. Next best actions: `deciding.py`.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import polars as pl

from placet.bench.cohorts import in_turn
from placet.bench.strategies.deciding import STRATEGIES, figures
from placet.bench.strategies.published import published_figure
from placet.decisioning.assignment.drawing import PURPOSES, Purpose, buckets
from placet.errors import UsageError
from placet.interfaces.cli import output

LEAST_BUCKETS_PER_SECOND: Final = 3_000_000

MOST_DECIDED: Final = 100_000
"""Customers for whom is decided: the plain loop takes some ten seconds a million for each strategy that has them."""

_IN_WORDS: Final = {
    "one": "one customer: 99 of 100 decisions take at most {0.value:.2f} ms; a plain loop without reasons "
    "{0.reference:.2f}",
    "base": "base: {0.value:,.0f} customers/s, {0.ratio:.2f} times as fast as a plain loop ({0.reference:,.0f})",
    "published": "one customer by published ones, on SQLite: half of the decisions take at most {0.value:.1f} ms; "
    "where no signature and no text is remembered {0.reference:.1f}",
}
_STRATEGY: Final = "bench"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The speed of one draw, and of its reference in the same run.

    Attributes:
        buckets: A second.
        reference: The same, of the loop.
        ratio: How many times as fast as the loop it is.
        aim: Buckets a second on two free cores.
    """

    purpose: Purpose
    buckets: float
    reference: float
    ratio: float
    aim: float
    met: bool


def bench_decisions(*, customers: int, rounds: int, as_json: bool) -> int:
    """Measure, and print the figures.

    Args:
        customers: How many are drawn.
        rounds: How often each is repeated, beside its reference.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.
    """
    ids = [f"C{number:08d}" for number in range(customers)]
    found = [_draw(purpose, ids, rounds) for purpose in PURPOSES]
    decided = (*figures(min(customers, MOST_DECIDED), rounds), published_figure(rounds))
    if as_json:
        report = {
            "customers": customers,
            "rounds": rounds,
            "measured": [asdict(one) for one in found],
            "decided": [asdict(one) for one in decided],
        }
        output.print_text(json.dumps(report))
        return 0
    for one in found:
        output.print_line(
            f"{one.purpose}: {one.buckets:,.0f} buckets/s, {one.ratio:.2f} times as fast as a hashlib loop "
            f"({one.reference:,.0f}); aim {one.aim:,.0f}, {'met' if one.met else 'MISSED'}"
        )
    for each in decided:
        said = f"{STRATEGIES} strategies, {_IN_WORDS[each.name].format(each)}"
        output.print_line(f"{said}; aim {each.aim:,.0f}, {'met' if each.met else 'MISSED'}")
    return 0


def _draw(purpose: Purpose, ids: Sequence[str], rounds: int) -> Drawn:
    series = pl.Series(ids)
    if buckets(purpose, _STRATEGY, series).to_list() != by_hand(purpose, _STRATEGY, ids):
        raise UsageError(f"the reference draws other buckets of {purpose!r}", code="bench")
    ours, theirs = in_turn(
        lambda: buckets(purpose, _STRATEGY, series), lambda: by_hand(purpose, _STRATEGY, ids), rounds
    )
    speed = len(ids) / ours
    return Drawn(
        purpose,
        speed,
        len(ids) / theirs,
        theirs / ours,
        LEAST_BUCKETS_PER_SECOND,
        speed >= LEAST_BUCKETS_PER_SECOND,
    )


def by_hand(purpose: str, strategy: str, ids: Sequence[str]) -> list[int]:
    """Draw as somebody does who has read the definition only."""
    salt = f"placet-assignment/1\n{purpose}\n{strategy}\n".encode()
    sha256 = hashlib.sha256
    return [int(sha256(salt + one.encode()).hexdigest()[:15], 16) % 10_000 for one in ids]
