"""Strategies that a request brings: bounded, and what is wrong told for who has no file and no shell."""

from functools import lru_cache
from typing import Final

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import counted
from placet.decisioning.strategies.reading import ReadStrategy, read_strategy
from placet.errors import UsageError

LONGEST: Final = 32_000
"""Of a text that a request brings, in characters. A strategy of ten treatments has some 10,000."""
MOST_TEXTS: Final = 50
"""Strategies that one decision weighs."""
_MOST_KEPT: Final = 64


def strategy_given(text: str, lists: str, called: str = "") -> Strategy:
    """Return the strategy of a text.

    Args:
        text: It.
        lists: Where all its faults are listed.
        called: What it is called where it came from, such as `before`; empty where there is one alone.

    Raises:
        UsageError: code `strategy_unsound`; it has an error: the first, in words, and how many more.
    """
    read = _read(text)
    if read.strategy is not None:
        return read.strategy
    errors = [one for one in read.findings if one.severity == "error"]
    first, more = errors[0], len(errors) - 1
    place = f"{called}{', ' if called else ''}line {first.line}, column {first.column}"
    where = f" ({first.where})" if first.where else ""
    rest = f"; {counted(more, 'more error')}" if more else ""
    raise UsageError(f"{place}{where}: {first.said}{rest}; {lists} lists them", code="strategy_unsound")


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> ReadStrategy:
    """Read a text once: who asks of many customers sends the same ones."""
    return read_strategy(text)
