"""All that is wrong with a form at once, where the check of a text goes on only after all values can be read."""

import copy
from collections.abc import Iterable, Iterator
from typing import Final

from placet.contracts.strategies.findings import Finding
from placet.decisioning.strategies.reading import legible_strategy, read_strategy
from placet.interfaces.console.views.strategy_form.conditions import faults_of
from placet.interfaces.console.views.strategy_form.shape import Kind, Leaf, Picks
from placet.interfaces.console.views.strategy_form.shown import place_of
from placet.interfaces.console.views.strategy_form.tree import Tree, part_at, put
from placet.interfaces.console.views.strategy_form.writing import text_of

_LIKELY: Final[dict[Kind, tuple[str, str]]] = {
    "amount": ("1", "1000000"),
    "code": ("x1", "x2"),
    "condition": ("TRUE", "TRUE"),
    "day": ("2001-01-01", "2099-01-01"),
    "margin": ("1", "99"),
    "number": ("10", "60"),
    "share": ("1", "99"),
    "stages": ("100", "1, 100"),
    "text": ("x1", "x2"),
}
"""Two values of each kind that can be read, far from one another."""
_OWN: Final = {
    "market.code": ("xx", "yy"),
    "market.currency": ("EUR", "USD"),
    "market.time_zone": ("UTC", "Europe/Berlin"),
    "contact.quiet_hours": ("", ""),
}
"""The same of fields with a form of their own."""


def all_findings(tree: Tree, text: str, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return what the check found of a form's text, and what it would find once all values can be read.

    Values that cannot be read are tried with two others each. What is wrong with both, in the same words, is wrong
    whatever somebody will write there; what depends on it is not told before.
    """
    if legible_strategy(text) is not None:
        return findings
    places = {place_of(one.where, tree) for one in findings}
    tried = [_tried(tree, places, which) for which in (0, 1)]
    told = {one.where for one in findings}
    if all(one is not None for one in tried):
        first, second = tried[0] or (), tried[1] or ()
        known = {(one.where, one.said) for one in second}
        more: Iterable[Finding] = (one for one in first if (one.where, one.said) in known)
    else:
        more = faults_of(tree)
    return *findings, *(one for one in more if one.where not in told and place_of(one.where, tree) not in places)


def _tried(tree: Tree, places: Iterable[str], which: int) -> tuple[Finding, ...] | None:
    """Return the errors of a form with likely values at places; None where it cannot be read all the same."""
    other = copy.deepcopy(tree)
    for place in places:
        part = part_at(place) if place else None
        if isinstance(part, Leaf):
            put(other, place, _likely(part, place, which))
        elif isinstance(part, Picks):
            put(other, place, [part.choices[0][0]] if part.choices else ["0"] if other["treatments"] else [])
    text = text_of(other)
    if legible_strategy(text) is None:
        return None
    return tuple(_placeless(read_strategy(text).findings))


def _likely(leaf: Leaf, place: str, which: int) -> str:
    if leaf.choices:
        return leaf.choices[-which][0]
    return _OWN.get(place, _LIKELY.get(leaf.kind, ("", "")))[which]


def _placeless(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield errors without their places, which are those of another text."""
    for one in findings:
        if one.severity == "error":
            yield one.model_copy(update={"line": 0, "column": 0})
