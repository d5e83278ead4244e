"""Whether a condition can be true at all, and whether it can be anything else.

Columns that are compared with written values alone take, of all their values, those around the written ones: no others
make a difference. Any other comparison is taken to be able to give what the ranges of its sides leave open. So what is
called impossible here is impossible; what is not noticed is only that. Conditions with more combinations than
`MOST_COMBINATIONS` are not looked at as a whole, only their parts are.
"""

import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import polars as pl

from placet.decisioning.cohorts import tree
from placet.decisioning.cohorts.columns import Column
from placet.decisioning.cohorts.compiling import DTYPES, compiled
from placet.decisioning.cohorts.tree import Node

MOST_COMBINATIONS: Final = 60_000
ALL_WORK: Final = MOST_COMBINATIONS * 10_000
_COMPILING: Final = 3_000
"""Combinations of a part that take as long as to compile it."""
_KEPT: Final = 4096
_OTHER: Final = "\x00"
"""A text that nobody can write: any other than those that are written."""

_HOLDS: Final[Mapping[tree.Comparison, Callable[[int, int], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Candidates = list[bool | None] | list[int | None] | list[str | None] | list[date | None]

Axes = list[tuple[str, Candidates, type[pl.DataType]]]


class Possible(NamedTuple):
    """What a condition can give."""

    true: bool
    other: bool
    """False or NULL."""


_ANYTHING: Final = Possible(true=True, other=True)


def constant_part(node: Node) -> tuple[Node, bool] | None:
    """Return a part that is always the same, and whether it is always true; the smallest one first."""
    for part in _parts(node):
        possible = _possible(part)
        if not possible.true:
            return part, False
        if not possible.other:
            return part, True
    return None


def possible_together(conditions: Sequence[Node], but: Sequence[Node] = (), most_work: int = ALL_WORK) -> bool:
    """Return whether somebody can exist on whom all conditions are true, and none of `but` is.

    False is certain; true may only mean that it was not noticed.

    Args:
        conditions: What is true of them.
        but: What is not.
        most_work: What may be looked at, in parts of a condition times combinations of values; whatever would take
            more is taken to be possible.
    """
    untrue = (tree.Negated(one.at, "boolean", tree.IsTruth(one.at, "boolean", one, True)) for one in but)
    # Taken apart, most parts of one condition share no column with the others, and are looked at once for all of them.
    items = [*(part for one in conditions for part in _conjuncts(one)), *untrue]
    joined = items[0] if len(items) == 1 else tree.Joined(items[0].at, "boolean", "AND", tuple(items))
    return _possible(joined, most_work).true


def _conjuncts(node: Node) -> Iterator[Node]:
    """Yield the conditions of which all are true where one is."""
    if isinstance(node, tree.Joined) and node.operator == "AND":
        for item in node.items:
            yield from _conjuncts(item)
    else:
        yield node


def _parts(node: Node) -> Iterator[Node]:
    """Yield the conditions in a condition, parts before wholes."""
    if isinstance(node, tree.Joined):
        for item in node.items:
            yield from _parts(item)
    elif isinstance(node, tree.Negated | tree.IsTruth) or (
        isinstance(node, tree.IsNull) and node.of.type == "boolean" and not isinstance(node.of, tree.ColumnNode)
    ):
        yield from _parts(node.of)
    yield node


def _possible(node: Node, most_work: int = ALL_WORK) -> Possible:
    if not isinstance(node, tree.Joined):
        return _on_grid(node, most_work)
    groups = [_joined(node, group) for group in _independent(node.items)]
    if len(groups) == 1:
        return _on_grid(node, most_work)
    # Parts that share no column are free of each other.
    each = [_on_grid(group, most_work) for group in groups]
    if node.operator == "AND":
        return Possible(all(one.true for one in each), any(one.other for one in each))
    return Possible(any(one.true for one in each), all(one.other for one in each))


def _joined(node: tree.Joined, items: Sequence[Node]) -> Node:
    return items[0] if len(items) == 1 else tree.Joined(items[0].at, "boolean", node.operator, tuple(items))


def _independent(items: Sequence[Node]) -> list[list[Node]]:
    groups: list[tuple[set[str], list[Node]]] = []
    for item in items:
        names = set(_names(item))
        shared = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(group[0] for group in shared)), [one for g in shared for one in g[1]] + [item]))
    return [group[1] for group in groups]


@lru_cache(maxsize=_KEPT)
def _names(node: Node) -> frozenset[str]:
    return tree.columns_of(node) | ({""} if tree.asks_the_date(node) else frozenset())


def _on_grid(node: Node, most_work: int) -> Possible:
    """Try all combinations that make a difference; say that anything is possible where they are too many."""
    found = _of_one_number(node)
    if found is not None:
        return found
    axes, _ = _axes(node)
    combinations = math.prod(len(values) for _, values, _ in axes)
    if combinations > MOST_COMBINATIONS or _parts_of(node) * (combinations + _COMPILING) > most_work:
        return _ANYTHING
    return _answer_of(node)


def _of_one_number(node: Node) -> Possible | None:
    """Try a number that is compared with a written one, which most conditions are made of; None for all others."""
    match node:
        case tree.Compared(left=tree.ColumnNode(of=column, type="integer"), right=tree.Value(value=int() as value)) if (
            not isinstance(value, bool)
        ):
            holds = _HOLDS[node.operator]
            answers = {holds(one, value) for one in _candidates(column, {value}) if isinstance(one, int)}
            return Possible(True in answers, False in answers or column.nullable)
    return None


@lru_cache(maxsize=_KEPT)
def _axes(node: Node) -> tuple[Axes, dict[Node, str]]:
    simple, opaque = dict[Column, set[object]](), dict[Node, str]()
    _collect(node, simple, opaque)
    axes: Axes = [
        (column.name, _candidates(column, written), DTYPES[column.kind]) for column, written in simple.items()
    ]
    axes += [(name, _answers(atom), pl.Boolean) for atom, name in opaque.items()]
    return axes, opaque


@lru_cache(maxsize=_KEPT)
def _parts_of(node: Node) -> int:
    return 1 + sum(map(_parts_of, tree.children(node)))


@lru_cache(maxsize=_KEPT)
def _answer_of(node: Node) -> Possible:
    axes, opaque = _axes(node)
    grid = pl.DataFrame({"": [0]})
    for name, values, dtype in axes:
        grid = grid.join(pl.DataFrame({name: pl.Series(values, dtype=dtype, strict=True)}), how="cross")
    answers = grid.select(pl.lit(value=None, dtype=pl.Boolean).fill_null(compiled(node, opaque)).alias("is"))["is"]
    return Possible(bool((answers == True).any()), bool((answers.fill_null(value=False) == False).any()))  # noqa: E712


def _collect(  # noqa: C901 - one case for each kind of node
    node: Node, simple: dict[Column, set[object]], opaque: dict[Node, str]
) -> None:
    """Find the columns that are compared with written values, and the conditions that are not so simple."""
    match node:
        case tree.Value():
            return
        case tree.ColumnNode():
            simple.setdefault(node.of, set())
        case tree.Joined():
            for item in node.items:
                _collect(item, simple, opaque)
        case tree.Negated() | tree.IsTruth():
            _collect(node.of, simple, opaque)
        case tree.IsNull() if isinstance(node.of, tree.ColumnNode) or node.of.type == "boolean":
            _collect(node.of, simple, opaque)
        case tree.OneOf(of=tree.ColumnNode(of=column)):
            simple.setdefault(column, set()).update(value.value for value in node.values)
        case tree.Like(of=tree.ColumnNode(of=column)) if column.choices:
            simple.setdefault(column, set())
        case tree.Compared(left=tree.ColumnNode(of=column), right=tree.Value(value=value)):
            simple.setdefault(column, set()).add(value)
        case tree.Compared(left=tree.Value(value=value), right=tree.ColumnNode(of=column)):
            simple.setdefault(column, set()).add(value)
        case _:
            opaque.setdefault(node, f"?{len(opaque)}")


def _candidates(column: Column, written: set[object]) -> Candidates:
    unknown = [None] if column.nullable else []
    if column.kind == "boolean":
        return [True, False, *unknown]
    if column.kind == "text":
        texts = list(column.choices) or [*sorted(str(one) for one in written), _OTHER]
        return [*texts, *unknown]
    if column.kind == "date":
        days = {one for one in written if isinstance(one, date)} or {date(2000, 1, 1)}
        day = timedelta(days=1)
        around = {date(1970, 1, 1), *days}
        for one in days:
            around |= {one - day if one > date.min else one, one + day if one < date.max else one}
        return [*sorted(around), *unknown]
    near: set[int] = {column.least, column.most}
    for number in written:
        if isinstance(number, int | float):
            near |= {math.floor(number) - 1, math.floor(number), math.ceil(number), math.ceil(number) + 1}
    return [*sorted(number for number in near if column.least <= number <= column.most), *unknown]


def _answers(atom: Node) -> list[bool | None]:
    """Return what a condition may give, by the ranges of its sides."""
    unknown: list[bool | None] = [None] if atom.nullable else []
    if not isinstance(atom, tree.Compared) or atom.left.type not in tree.NUMERIC:
        same = isinstance(atom, tree.Compared) and atom.left == atom.right
        return ([atom.operator in ("=", "<=", ">=")] if same and isinstance(atom, tree.Compared) else [True, False]) + (
            unknown
        )
    left, right = atom.left, atom.right
    if left == right:
        return [atom.operator in ("=", "<=", ">="), *unknown]
    apart = left.high < right.low or right.high < left.low
    fixed = left.low == left.high == right.low == right.high
    always, never = {
        "=": (fixed, apart),
        "<>": (apart, fixed),
        "<": (left.high < right.low, left.low >= right.high),
        "<=": (left.high <= right.low, left.low > right.high),
        ">": (left.low > right.high, left.high <= right.low),
        ">=": (left.low >= right.high, left.high < right.low),
    }[atom.operator]
    return ([] if never else [True]) + ([] if always else [False]) + unknown
