"""A checked expression as a polars expression: one engine for one row and for the whole base.

Every type is said, none is guessed: what a row gives by itself it gives among a million others.
"""

import re
from collections.abc import Mapping
from functools import reduce
from operator import and_, or_
from typing import Final

import polars as pl

from placet.decisioning.cohorts import tree
from placet.decisioning.cohorts.columns import TODAY
from placet.decisioning.cohorts.tree import Node

DTYPES: Final[Mapping[tree.Type, type[pl.DataType]]] = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "text": pl.String,
    "date": pl.Date,
}
_NOTHING: Final[Mapping[Node, str]] = {}


def compiled(node: Node, stands_for: Mapping[Node, str] = _NOTHING) -> pl.Expr:  # noqa: PLR0911 - one for each kind of node
    """Return the polars expression.

    Args:
        node: The checked expression.
        stands_for: Parts that a column of this name has the answer of.
    """
    if node in stands_for:
        return pl.col(stands_for[node])
    match node:
        case tree.ColumnNode():
            return pl.col(node.name)
        case tree.Value():
            return pl.lit(node.value, dtype=DTYPES[node.type])
        case tree.Today():
            return pl.col(TODAY)
        case tree.Arithmetic():
            return _arithmetic(node)
        case tree.Shifted():
            return (compiled(node.date).cast(pl.Int32) + node.days).cast(pl.Date)
        case tree.Absolute():
            return compiled(node.of).abs()
        case tree.Coalesce():
            # Not `pl.coalesce`: where a column is NULL in every row it answers once, and not once for each row.
            return reduce(pl.Expr.fill_null, (compiled(item) for item in node.items))
        case _:
            return _truth(node, stands_for)


def _arithmetic(node: tree.Arithmetic) -> pl.Expr:
    left, right = compiled(node.left), compiled(node.right)
    if node.left.type == "date":
        return left.cast(pl.Int64) - right.cast(pl.Int64)
    if node.operator == "/":
        quotient = left.cast(pl.Float64) / right.cast(pl.Float64)
        return pl.when(right != 0).then(quotient) if node.right.low <= 0 <= node.right.high else quotient
    if node.type == "number":
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
    return {"+": left + right, "-": left - right, "*": left * right}[node.operator]


def _truth(node: Node, stands_for: Mapping[Node, str]) -> pl.Expr:  # noqa: PLR0911 - one for each kind of node
    match node:
        case tree.Compared():
            return _compared(node)
        case tree.OneOf():
            values = pl.Series([value.value for value in node.values], dtype=DTYPES[node.of.type])
            return compiled(node.of).is_in(values.implode(), nulls_equal=False)
        case tree.Like():
            return compiled(node.of).str.contains(like_pattern(node.pattern, folded=node.folded))
        case tree.IsNull():
            return compiled(node.of, stands_for).is_null()
        case tree.IsTruth():
            of = compiled(node.of, stands_for)
            return (of if node.value else ~of).fill_null(value=False)
        case tree.Negated():
            return ~compiled(node.of, stands_for)
        case tree.Joined():
            return reduce(and_ if node.operator == "AND" else or_, (compiled(item, stands_for) for item in node.items))
        case _:
            raise AssertionError(node)


def _compared(node: tree.Compared) -> pl.Expr:
    if not (tree.columns_of(node.left) or tree.asks_the_date(node.left)) and tree.columns_of(node.right):
        # A value on the left of what is unknown in every row makes the engine answer once, and not once for each row.
        mirrored = tree.MIRRORED[node.operator]
        return _compared(tree.Compared(node.at, node.type, mirrored, node.right, node.left, nullable=node.nullable))
    left, right = compiled(node.left), compiled(node.right)
    if node.left.type != node.right.type:  # a whole number and a fraction
        left, right = left.cast(pl.Float64), right.cast(pl.Float64)
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[node.operator]


def like_pattern(pattern: str, *, folded: bool) -> str:
    """Return the regular expression of a LIKE pattern: whole text, `%` any text, `_` one character."""
    parts = {"%": ".*", "_": "."}
    return ("(?is)" if folded else "(?s)") + r"\A" + "".join(parts.get(one, re.escape(one)) for one in pattern) + r"\z"
