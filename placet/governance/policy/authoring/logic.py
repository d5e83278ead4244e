"""What follows from a policy's condition, by its parsed structure: enough to lint with, and only what is certain.

An *atom* is a part of a condition that is not `&&`, `||`, `!` or `if`, in one normal form: a comparison points to
the smaller side (`a >= b` is `b <= a`, `!(a < b)` is `b <= a`) and the two sides of `==` and `!=` are in one order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, cast

from cedarpy import pst

Facts = frozenset[pst.Expr]
"""Atoms that hold."""

TRUE, FALSE = pst.BoolLit(True), pst.BoolLit(False)
_NEGATED: dict[pst.BinaryOpName, pst.BinaryOpName] = {
    "eq": "not_eq",
    "not_eq": "eq",
    "less": "greater_eq",
    "less_eq": "greater",
    "greater": "less_eq",
    "greater_eq": "less",
}
_LITERALS = (pst.BoolLit, pst.LongLit, pst.StringLit)


def attribute(variable: pst.VarName, name: str) -> pst.Expr:
    """Make the expression `variable.name`."""
    return pst.GetAttr(pst.Var(variable), name)


def equal(left: pst.Expr, right: pst.Expr) -> pst.Expr:
    """Make the atom `left == right`."""
    return _atom(pst.BinaryOp("eq", left, right), True)


def at_most(left: pst.Expr, right: pst.Expr) -> pst.Expr:
    """Make the atom `left <= right`."""
    return pst.BinaryOp("less_eq", left, right)


def condition(policy: pst.Template) -> pst.Expr:
    """Return all clauses of a policy as one expression, constants folded; `true` where it has none."""
    whole: pst.Expr = TRUE
    for clause in policy.clauses:
        holds = clause.expr if isinstance(clause, pst.When) else pst.UnaryOp("not", clause.expr)
        whole = pst.BinaryOp("and", whole, holds)
    return fold(whole)


def conjuncts(policy: pst.Template) -> tuple[pst.Expr, ...]:
    """Return the conditions that must all hold, as their author wrote them."""
    found: list[pst.Expr] = []
    for clause in policy.clauses:
        wanted = isinstance(clause, pst.When)
        found.extend(_split(clause.expr, wanted))
    return tuple(found)


def _split(expr: pst.Expr, wanted: bool) -> Iterator[pst.Expr]:
    if isinstance(expr, pst.BinaryOp) and expr.op == ("and" if wanted else "or"):
        yield from _split(expr.left, wanted)
        yield from _split(expr.right, wanted)
    elif isinstance(expr, pst.UnaryOp) and expr.op == "not":
        yield from _split(expr.arg, not wanted)
    else:
        yield expr if wanted else pst.UnaryOp("not", expr)


def fold(expr: pst.Expr) -> pst.Expr:
    """Return `expr` with everything that is constant replaced by `true` or `false`."""
    match expr:
        case pst.UnaryOp("not", arg):
            inner = fold(arg)
            return pst.BoolLit(not inner.value) if isinstance(inner, pst.BoolLit) else pst.UnaryOp("not", inner)
        case pst.BinaryOp("and" | "or" as op, left, right):
            return _fold_junction(op, fold(left), fold(right))
        case pst.IfThenElse(cond, yes, no):
            chosen = fold(cond)
            if isinstance(chosen, pst.BoolLit):
                return fold(yes if chosen.value else no)
            return pst.IfThenElse(chosen, fold(yes), fold(no))
        case pst.BinaryOp(op, left, right):
            return _fold_comparison(expr, op, left, right)
        case _:
            return expr


def _fold_junction(op: pst.BinaryOpName, left: pst.Expr, right: pst.Expr) -> pst.Expr:
    decisive = op == "or"  # what settles the whole: true for `||`, false for `&&`
    for side, other in ((left, right), (right, left)):
        if isinstance(side, pst.BoolLit):
            return side if side.value is decisive else other
    return pst.BinaryOp(op, left, right)


def _fold_comparison(expr: pst.Expr, op: pst.BinaryOpName, left: pst.Expr, right: pst.Expr) -> pst.Expr:
    listed = left.elements if op == "contains" and isinstance(left, pst.Set) else ()
    if listed and all(isinstance(element, _LITERALS) for element in (*listed, right)):
        return pst.BoolLit(right in listed)
    if op in {"eq", "not_eq", "less_eq", "greater_eq"} and left == right:
        return pst.BoolLit(op != "not_eq")
    if op in {"less", "greater"} and left == right:
        return FALSE
    if isinstance(left, _LITERALS) and isinstance(right, _LITERALS):
        if op in {"eq", "not_eq"}:
            return pst.BoolLit((left == right) is (op == "eq"))
        if isinstance(left, pst.LongLit) and isinstance(right, pst.LongLit) and op in _NEGATED:
            low, high = left.value, right.value
            return pst.BoolLit({"less": low < high, "less_eq": low <= high, "greater": low > high}.get(op, low >= high))
    return expr


def implied(expr: pst.Expr, value: bool = True) -> Facts:
    """Return the atoms that hold whenever `expr` (folded) comes out as `value`."""
    match expr:
        case pst.UnaryOp("not", arg):
            return implied(arg, not value)
        case pst.BinaryOp("and" | "or" as op, left, right):
            both = (op == "and") is value
            first, second = implied(left, value), implied(right, value)
            return first | second if both else first & second
        case pst.IfThenElse(cond, yes, no):
            return (implied(cond) | implied(yes, value)) & (implied(cond, False) | implied(no, value))
        case pst.BoolLit():
            return frozenset()
        case _:
            return frozenset({_atom(expr, value)})


def entails(facts: Facts, expr: pst.Expr, value: bool = True) -> bool:
    """Return whether `facts` certainly make `expr` (folded) come out as `value`."""
    match expr:
        case pst.UnaryOp("not", arg):
            return entails(facts, arg, not value)
        case pst.BinaryOp("and" | "or" as op, left, right):
            needed = all if (op == "and") is value else any
            return needed(entails(facts, side, value) for side in (left, right))
        case pst.IfThenElse(cond, yes, no):
            return (entails(facts, yes, value) or entails(facts, cond, False)) and (
                entails(facts, no, value) or entails(facts, cond)
            )
        case pst.BoolLit(constant):
            return constant is value
        case _:
            return _atom(expr, value) in facts


def _atom(expr: pst.Expr, value: bool) -> pst.Expr:
    if not isinstance(expr, pst.BinaryOp) or expr.op not in _NEGATED:
        return expr if value else pst.UnaryOp("not", expr)
    op = expr.op if value else _NEGATED[expr.op]
    left, right = expr.left, expr.right
    if op in {"greater", "greater_eq"}:
        op, left, right = ("less" if op == "greater" else "less_eq"), right, left
    elif op in {"eq", "not_eq"} and repr(right) < repr(left):
        left, right = right, left
    return pst.BinaryOp(op, left, right)


@dataclass(slots=True)
class _Range:
    """What the facts leave possible for one expression."""

    allowed: set[Any] | None = None
    excluded: set[Any] | None = None
    low: int | None = None
    high: int | None = None

    @property
    def empty(self) -> bool:
        if self.low is not None and self.high is not None and self.low > self.high:
            return True
        return self.allowed is not None and not any(self._possible(value) for value in self.allowed)

    def _possible(self, value: Any) -> bool:
        if value in (self.excluded or ()):
            return False
        if not isinstance(value, int):
            return True
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def narrow(self, values: Iterable[Any]) -> None:
        self.allowed = set(values) if self.allowed is None else self.allowed & set(values)

    def exclude(self, values: Iterable[Any]) -> None:
        self.excluded = (self.excluded or set()) | set(values)

    def at_least(self, value: int) -> None:
        self.low = value if self.low is None else max(self.low, value)

    def at_most(self, value: int) -> None:
        self.high = value if self.high is None else min(self.high, value)


def contradictory(facts: Facts) -> bool:
    """Return whether `facts` cannot all hold: `kind` is two things at once, a cost under 10 and over 20."""
    ranges: dict[pst.Expr, _Range] = {}
    for fact in facts:
        if pst.UnaryOp("not", fact) in facts:
            return True
        _narrow(ranges, fact)
    return any(possible.empty for possible in ranges.values())


def _narrow(ranges: dict[pst.Expr, _Range], fact: pst.Expr) -> None:
    negated = isinstance(fact, pst.UnaryOp) and fact.op == "not"
    inner = fact.arg if isinstance(fact, pst.UnaryOp) and negated else fact
    member = membership(inner)
    if member is not None:
        subject, values = member
        found = ranges.setdefault(subject, _Range())
        if negated or (isinstance(inner, pst.BinaryOp) and inner.op == "not_eq"):
            found.exclude(values)
        else:
            found.narrow(values)
    elif isinstance(fact, pst.BinaryOp) and fact.op in {"less", "less_eq"}:
        strict = int(fact.op == "less")
        if isinstance(fact.right, pst.LongLit):
            ranges.setdefault(fact.left, _Range()).at_most(fact.right.value - strict)
        elif isinstance(fact.left, pst.LongLit):
            ranges.setdefault(fact.right, _Range()).at_least(fact.left.value + strict)


def membership(expr: pst.Expr) -> tuple[pst.Expr, tuple[Any, ...]] | None:
    """Return what is compared with which literals in `a == "x"`, `a != "x"`, `["x", "y"].contains(a)`; else None."""
    if not isinstance(expr, pst.BinaryOp):
        return None
    if expr.op == "contains" and isinstance(expr.left, pst.Set):
        literals = [element.value for element in expr.left.elements if isinstance(element, _LITERALS)]
        return (expr.right, tuple(literals)) if len(literals) == len(expr.left.elements) else None
    if expr.op in {"eq", "not_eq"}:
        for literal, subject in ((expr.left, expr.right), (expr.right, expr.left)):
            if isinstance(literal, _LITERALS) and not isinstance(subject, _LITERALS):
                return subject, (literal.value,)
    return None


def inclusion(expr: pst.Expr) -> tuple[pst.Expr, tuple[Any, ...]] | None:
    """Return which set is compared with which literals, as in `s.contains("x")`; else None.

    The forms are `s.contains("x")`, `s.containsAll([…])` and `[…].containsAny(s)`.
    """
    if not isinstance(expr, pst.BinaryOp) or expr.op not in {"contains", "contains_all", "contains_any"}:
        return None
    for listed, subject in ((expr.right, expr.left), (expr.left, expr.right)):
        elements = listed.elements if isinstance(listed, pst.Set) else (listed,)
        literals = [element.value for element in elements if isinstance(element, _LITERALS)]
        if len(literals) == len(elements) and not isinstance(subject, (pst.Set, *_LITERALS)):
            return subject, tuple(literals)
    return None


def walk(node: object) -> Iterator[pst.Expr]:
    """Yield every expression under `node`."""
    if isinstance(node, Mapping):
        children: Iterable[object] = node.values()
    elif isinstance(node, tuple):
        children = node
    elif is_dataclass(node) and not isinstance(node, type):
        yield cast("pst.Expr", node)
        children = [getattr(node, field.name) for field in fields(node)]
    else:
        return
    for child in children:
        yield from walk(child)
