"""Numbers in expressions, and the range that each stays in: what could leave it is refused before it is evaluated."""

from typing import Final, Literal

from placet.contracts.text import NAME, one_line
from placet.decisioning.cohorts import tree
from placet.decisioning.cohorts.parsing import fault
from placet.decisioning.cohorts.tree import Node, Number

MOST_WRITTEN: Final = 10**15
"""The largest number that may be written: a double is exact up to here."""
_DIGITS: Final = 18
_LARGEST: Final = 2**63 - 1
_LARGEST_FRACTION: Final = 1e300


def number(text: str, at: int, said: str) -> tree.Value:
    """Return a number as it is written.

    Raises:
        UsageError: code `cohort_expression`; it is too large.
    """
    try:
        value: Number = int(said) if said.isdecimal() and len(said) <= _DIGITS else float(said)
    except ValueError:
        fault(text, at, f"{one_line(repr(said), NAME)} is no number")
    if not abs(value) <= MOST_WRITTEN:
        fault(text, at, f"a number is at most {MOST_WRITTEN:,}")
    return tree.Value(at, "integer" if isinstance(value, int) else "number", value, low=value, high=value)


def arithmetic(text: str, operator: Literal["+", "-", "*", "/"], left: Node, right: Node) -> Node:
    """Return two numbers made into one, with its range.

    Raises:
        UsageError: code `cohort_expression`; it could leave 64 bits, or the divisor is zero or a fraction.
    """
    nullable = left.nullable or right.nullable
    if operator == "/":
        if right.type != "integer":
            fault(text, right.at, "the divisor must be a whole number")
        if right.low == right.high == 0:
            fault(text, right.at, "division by zero is never known")
        # A whole number that is not zero is at least 1 away from it, so the quotient is no larger than the dividend.
        most = max(abs(left.low), abs(left.high))
        zero = right.low <= 0 <= right.high
        return tree.Arithmetic(left.at, "number", "/", left, right, low=-most, high=most, nullable=nullable or zero)
    low, high = _range(operator, left, right)
    whole = left.type == right.type == "integer"
    if max(abs(low), abs(high)) > (_LARGEST if whole else _LARGEST_FRACTION):
        fault(text, left.at, "the result could be too large for 64 bits; divide first, or compare the parts")
    kind: tree.Type = "integer" if whole else "number"
    return tree.Arithmetic(left.at, kind, operator, left, right, low=low, high=high, nullable=nullable)


def absolute(of: Node) -> Node:
    """Return a number without its sign, with its range."""
    low = 0 if of.low <= 0 <= of.high else min(abs(of.low), abs(of.high))
    return tree.Absolute(of.at, of.type, of, low=low, high=max(abs(of.low), abs(of.high)), nullable=of.nullable)


def _range(operator: str, left: Node, right: Node) -> tuple[Number, Number]:
    if operator == "+":
        return left.low + right.low, left.high + right.high
    if operator == "-":
        return left.low - right.high, left.high - right.low
    corners = [one * other for one in (left.low, left.high) for other in (right.low, right.high)]
    return min(corners), max(corners)
