"""Grounding: a figure in a model's words must be a figure of the evidence it was shown."""

import re
from collections.abc import Iterable
from decimal import Decimal

UNGROUNDED_FIGURE = "ungrounded_figure"

# "one" is left out: it is an article and a pronoun more often than a figure.
_WORDS = {
    word: Decimal(value)
    for word, value in (
        *(("two", 2), ("three", 3), ("four", 4), ("five", 5), ("six", 6), ("seven", 7), ("eight", 8), ("nine", 9)),
        ("ten", 10),
        *(("eleven", 11), ("twelve", 12), ("fifteen", 15), ("twenty", 20), ("thirty", 30), ("forty", 40)),
        *(("fifty", 50), ("sixty", 60), ("seventy", 70), ("eighty", 80), ("ninety", 90)),
        *(("hundred", 100), ("thousand", 1_000), ("million", 1_000_000)),
    )
}
_NUMBER = re.compile(r"\d+(?:[,\u00a0\u202f]\d{3})*(?:\.\d+)?")
_LIST_MARKER = re.compile(r"(?:^|(?<=[;:\n]))\s*\d{1,2}[.)]\s")
_LETTERS = re.compile(r"[^\W\d_]+")


def figures(text: str) -> frozenset[Decimal]:
    """Find every figure in `text`, in digits (`1,200.50`, any script) or spelled (`twelve`).

    The numbers of a list are none.
    """
    text = _LIST_MARKER.sub(" ", text)
    digits = {Decimal(re.sub(r"[,\u00a0\u202f]", "", match)) for match in _NUMBER.findall(text)}
    spelled = {_WORDS[word] for word in _LETTERS.findall(text.lower()) if word in _WORDS}
    return frozenset(digits | spelled)


def ungrounded(text: str, sources: Iterable[str]) -> tuple[Decimal, ...]:
    """Return the figures of `text` that no source contains, smallest first."""
    known = frozenset().union(*(figures(source) for source in sources))
    return tuple(sorted(figures(text) - known))


def grounding_marks(text: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the mark `ungrounded_figure` when `text` states a figure that is in none of `sources`."""
    return (UNGROUNDED_FIGURE,) if ungrounded(text, sources) else ()
