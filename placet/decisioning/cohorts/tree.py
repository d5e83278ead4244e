"""A checked expression: every node has a type, and whole numbers and fractions the range that they stay in.

Positions do not count when nodes are compared: the same expression in two places is the same node.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from placet.decisioning.cohorts.columns import Column

Type = Literal["integer", "number", "boolean", "text", "date"]
Comparison = Literal["=", "<>", "<", "<=", ">", ">="]
Number = int | float
MIRRORED: Final[Mapping[Comparison, Comparison]] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""What is said of the right side where this is said of the left."""

NUMERIC: Final[tuple[Type, Type]] = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of an expression.

    Attributes:
        at: Offset of its first character in the text.
        type: What it gives.
        low: The smallest value of a number.
        high: The largest.
        nullable: Whether it may be NULL.
    """

    at: int = field(compare=False)
    type: Type
    low: Number = field(compare=False, default=0, kw_only=True)
    high: Number = field(compare=False, default=0, kw_only=True)
    nullable: bool = field(compare=False, default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class ColumnNode(Node):
    """A column.

    Attributes:
        of: What it holds.
    """

    of: Column

    @property
    def name(self) -> str:
        """What an expression calls it."""
        return self.of.name


@dataclass(frozen=True, slots=True)
class Value(Node):
    """A value that the text holds; never NULL."""

    value: int | float | bool | str | date


@dataclass(frozen=True, slots=True)
class Today(Node):
    """CURRENT_DATE: the day that the state is as of, in UTC."""


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """Two numbers made into one; of dates, the days between them (`-`). Division by zero gives NULL."""

    operator: Literal["+", "-", "*", "/"]
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Shifted(Node):
    """A date some days later, or earlier."""

    date: Node
    days: int


@dataclass(frozen=True, slots=True)
class Absolute(Node):
    """A number without its sign."""

    of: Node


@dataclass(frozen=True, slots=True)
class Coalesce(Node):
    """The first that is not NULL."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compared(Node):
    """Two values compared; NULL where one of them is."""

    operator: Comparison
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class OneOf(Node):
    """Whether a value is in a list of values."""

    of: Node
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Like(Node):
    """Whether a text matches a pattern: `%` is any text, `_` one character; `folded`: whatever the case (ILIKE)."""

    of: Node
    pattern: str
    folded: bool


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """Whether something is NULL; never NULL itself."""

    of: Node


@dataclass(frozen=True, slots=True)
class IsTruth(Node):
    """IS TRUE, IS FALSE; never NULL itself."""

    of: Node
    value: bool


@dataclass(frozen=True, slots=True)
class Negated(Node):
    """NOT: NULL stays NULL."""

    of: Node


@dataclass(frozen=True, slots=True)
class Joined(Node):
    """Several joined by AND or OR, in SQL's logic of three values."""

    operator: Literal["AND", "OR"]
    items: tuple[Node, ...]


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts of a node."""
    match node:
        case Arithmetic() | Compared():
            return node.left, node.right
        case Shifted():
            return (node.date,)
        case Absolute() | Like() | IsNull() | IsTruth() | Negated():
            return (node.of,)
        case OneOf():
            return node.of, *node.values
        case Coalesce() | Joined():
            return node.items
        case _:
            return ()


def columns_of(node: Node) -> frozenset[str]:
    """Return the names of the columns that an expression needs."""
    own = frozenset({node.name}) if isinstance(node, ColumnNode) else frozenset[str]()
    return own.union(*(columns_of(child) for child in children(node)))


def most_days_moved(node: Node) -> int:
    """Return by how many days a date may have been moved from a column, CURRENT_DATE or what is written."""
    moved = max(map(most_days_moved, children(node)), default=0)
    return moved + abs(node.days) if isinstance(node, Shifted) else moved


def asks_the_date(node: Node) -> bool:
    """Return whether an expression names CURRENT_DATE."""
    return isinstance(node, Today) or any(asks_the_date(child) for child in children(node))


def written(node: Node) -> str:  # noqa: PLR0911 - one for each kind of node
    """Return an expression in one form, whatever its author's spaces, brackets and letters."""
    match node:
        case ColumnNode():
            return node.name
        case Value():
            return _value(node.value)
        case Today():
            return "CURRENT_DATE"
        case Arithmetic():
            return f"({written(node.left)} {node.operator} {written(node.right)})"
        case Shifted():
            return f"({written(node.date)} {'-' if node.days < 0 else '+'} {abs(node.days)})"
        case Absolute():
            return f"ABS({written(node.of)})"
        case Coalesce():
            return f"COALESCE({', '.join(map(written, node.items))})"
        case _:
            return _written_truth(node)


def _written_truth(node: Node) -> str:  # noqa: PLR0911 - one for each kind of node
    match node:
        case Compared():
            return f"{_side(node.left)} {node.operator} {_side(node.right)}"
        case OneOf():
            return f"{_side(node.of)} IN ({', '.join(map(written, node.values))})"
        case Like():
            return f"{written(node.of)} {'ILIKE' if node.folded else 'LIKE'} {_value(node.pattern)}"
        case IsNull():
            return f"{_side(node.of)} IS NULL"
        case IsTruth():
            return f"{_side(node.of)} IS {'TRUE' if node.value else 'FALSE'}"
        case Negated():
            return f"NOT ({written(node.of)})"
        case Joined():
            return f" {node.operator} ".join(f"({written(item)})" for item in node.items)
        case _:
            raise AssertionError(node)


def _side(node: Node) -> str:
    """Return a side of a comparison; a condition in brackets, since not everybody agrees on what binds first."""
    simple = node.type != "boolean" or isinstance(node, ColumnNode | Value | Coalesce)
    return written(node) if simple else f"({written(node)})"


def _value(value: float | bool | str | date) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else repr(value)
