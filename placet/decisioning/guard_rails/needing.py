"""How many customers more it roughly takes until a guard rail says something, if what is seen now is the truth."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from placet.decisioning.outcomes.groups import Group

Verdict = Callable[[tuple[Group, Group]], str]
"""What a rail would say of two groups at its next look."""

MOST_TIMES: Final = 1_024
"""Who would need more than so many times as many customers will never have them."""
_STEPS: Final = 12


def more_until(wanted: str, verdict_of: Verdict, treated: Group, control: Group) -> int | None:
    """Return how many customers more, of both groups together, it takes until `wanted`; None where too many.

    Both groups grow in the proportion that they have, and their means and spreads stay.
    """
    low, high = 1.0, 1.0
    while verdict_of(_grown(treated, control, high)) != wanted:
        low, high = high, high * 2
        if high > MOST_TIMES:
            return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if verdict_of(_grown(treated, control, middle)) == wanted:
            high = middle
        else:
            low = middle
    return math.ceil((high - 1) * (treated.customers + control.customers))


def _grown(treated: Group, control: Group, times: float) -> tuple[Group, Group]:
    ours, theirs = (
        replace(one, customers=round(one.customers * times), total=round(one.total * times))
        for one in (treated, control)
    )
    return ours, theirs
