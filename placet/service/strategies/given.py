"""Strategies that a request brings: bounded, and what is wrong told for who has no file and no shell."""

from collections.abc import Sequence
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
MOST_CHARACTERS: Final = 200_000
"""Of all texts of a request together: what is read of them takes a core."""
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


def strategies_given(texts: Sequence[str], lists: str) -> tuple[Strategy, ...]:
    """Return the strategies of several texts, which are called `texts.0` and so on.

    Args:
        texts: They.
        lists: Where all faults of one are listed.

    Raises:
        UsageError: code `texts_too_long`; together they are. Code `strategy_unsound`; as `strategy_given`.
    """
    total = sum(map(len, texts))
    if total > MOST_CHARACTERS:
        raise UsageError(
            f"the {len(texts)} texts have {total:,} characters together, and at most {MOST_CHARACTERS:,} are read at "
            "once; leave out their comments, or send fewer",
            code="texts_too_long",
        )
    return tuple(strategy_given(text, lists, f"texts.{number}") for number, text in enumerate(texts))


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> ReadStrategy:
    """Read a text once: who asks of many customers sends the same ones."""
    return read_strategy(text)
