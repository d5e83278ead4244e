"""Which of a strategy's treatments is chosen among those that passed everything, and with which probability.

As a rule it is the one that is worth most. Of the share of customers that a strategy explores with, drawn under a salt
of its own, one of them is drawn by digest, each alike: only so can it be known what another choice would have brought.
The draw hangs on strategy and customer alone: the same state gives the same decision, on every channel and at the gate.
"""

from collections.abc import Mapping
from typing import NamedTuple

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.assignment.drawing import bucket


class Choice(NamedTuple):
    """The treatment that is chosen.

    Attributes:
        probability: With which it was, in basis points; all, where nothing is explored or there is one alone.
    """

    treatment: str
    probability: int


def ranked(strategy: Strategy, worth: Mapping[str, int]) -> list[str]:
    """Return treatments by what they are worth, the most first; of two alike, the first of the text."""
    places = {one.code: place for place, one in enumerate(strategy.treatments)}
    return sorted(worth, key=lambda code: (-worth[code], places[code]))


def choose(strategy: Strategy, customer_id: str, worth: Mapping[str, int]) -> Choice | None:
    """Return what is chosen of treatments that passed all hurdles, by code with what each is worth; None of none."""
    order = ranked(strategy, worth)
    if not order:
        return None
    place = 0
    if strategy.explore and len(order) > 1 and bucket("explore", strategy.name, customer_id) < strategy.explore:
        place = place_of(bucket("explored", strategy.name, customer_id), len(order))
    return Choice(order[place], probabilities(strategy, len(order))[place])


def place_of(drawn: int, many: int) -> int:
    """Return which of so many a bucket draws."""
    return drawn * many // WHOLE


def probabilities(strategy: Strategy, many: int) -> list[int]:
    """Return with which probability each of so many ranked treatments is chosen, in basis points, together all."""
    if many == 1:
        return [WHOLE]
    others = max(round(strategy.explore / many), 1) if strategy.explore else 0
    return [WHOLE - others * (many - 1), *([others] * (many - 1))]
