"""Whether an expression means something: known columns, fitting types, no overflow. The first fault is one line."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NoReturn

from sqlglot import exp

from placet.contracts.text import NAME, one_line
from placet.decisioning.cohorts import tree
from placet.decisioning.cohorts.columns import LIVE_STATE, TODAY, Vocabulary, similar
from placet.decisioning.cohorts.numbers import absolute, arithmetic, number
from placet.decisioning.cohorts.parsing import MOST_DEPTH, fault, place_of
from placet.decisioning.cohorts.refusals import not_possible
from placet.decisioning.cohorts.tree import NUMERIC, Node

MOST_NODES: Final = 600
_MOST_DIGITS: Final = 9
_LONGEST_SHIFT: Final = 100_000
_DAYS: Final = {"DAY": 1, "DAYS": 1, "WEEK": 7, "WEEKS": 7}
_COMPARISONS: Final[Mapping[type[exp.Expr], tree.Comparison]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_ORDERED: Final[frozenset[tree.Type]] = frozenset({"integer", "number", "date"})
_A: Final[Mapping[tree.Type, str]] = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "text": "a text",
    "date": "a date",
}


class Checker:
    """Turns sqlglot's tree of one text into a checked one.

    Args:
        text: What the tree was read from; positions count in it.
        known: The columns that it may name.
    """

    def __init__(self, text: str, known: Vocabulary = LIVE_STATE) -> None:
        self._text, self._known = text, known
        self._depth = self._nodes = 0
        self._handlers: Mapping[type[exp.Expr], Callable[[exp.Expr], Node]] = {
            exp.Paren: lambda node: self._node(node.this),
            exp.Column: self._column,
            exp.Literal: self._literal,
            exp.Boolean: lambda node: tree.Value(place_of(node), "boolean", bool(node.this)),
            exp.Neg: self._negative,
            exp.Add: self._sum,
            exp.Sub: self._sum,
            exp.Mul: self._product,
            exp.Div: self._product,
            exp.Abs: self._absolute,
            exp.Coalesce: self._coalesce,
            exp.CurrentDate: self._today,
            exp.Cast: self._date_literal,
            exp.Between: self._between,
            exp.In: self._in,
            exp.Like: self._like,
            exp.ILike: self._like,
            exp.Is: self._is,
            exp.Not: self._not,
            exp.And: self._joined,
            exp.Or: self._joined,
            **dict.fromkeys(_COMPARISONS, self._compared),
        }

    def check(self, node: exp.Expr) -> Node:
        """Return the checked tree.

        Raises:
            UsageError: code `cohort_expression`.
        """
        checked = self._node(node)
        if checked.type != "boolean":
            self._fault(checked.at, f"this is {_A[checked.type]}; write a condition, which is true or false")
        if not tree.columns_of(checked):
            self._fault(checked.at, "this names no column: it has everybody or nobody")
        return checked

    def _fault(self, at: int, said: str) -> NoReturn:
        fault(self._text, at, said)

    def _node(self, node: exp.Expr) -> Node:
        handler = self._handlers.get(type(node))
        if handler is None:
            where = node.args["alias"] if isinstance(node, exp.Alias) else node
            self._fault(place_of(where), not_possible(node))
        self._nodes += 1
        self._depth += 1
        if self._nodes > MOST_NODES or self._depth > 2 * MOST_DEPTH:
            said = (
                f"more than {MOST_NODES} parts" if self._nodes > MOST_NODES else "too many operators within operators"
            )
            self._fault(place_of(node), f"the expression has {said}; make it simpler")
        try:
            return handler(node)
        finally:
            self._depth -= 1

    def _typed(self, node: exp.Expr, *types: tree.Type) -> Node:
        checked = self._node(node)
        if checked.type not in types:
            wanted = " or ".join(_A[one] for one in types if not (one == "integer" and "number" in types))
            self._fault(checked.at, f"{self._named(checked)} is {_A[checked.type]}; {wanted} belongs here")
        return checked

    def _named(self, node: Node) -> str:
        return one_line(tree.written(node), NAME)

    def _column(self, node: exp.Expr) -> Node:
        at, name = place_of(node), node.name
        if node.args.get("table") is not None:
            self._fault(at, f"write the column alone: {one_line(name, NAME)}")
        column = self._known.columns.get(name.lower())
        if column is None:
            close = similar(name, self._known)
            hint = f"did you mean {close}?" if close else self._known.listed
            if name.lower() == TODAY:
                hint = "write CURRENT_DATE"
            if node.this.args.get("quoted"):
                hint = "a text stands in single quotes"
            self._fault(at, f"no column is called {one_line(repr(name), NAME)}; {hint}")
        low, high = (column.least, column.most) if column.kind == "integer" else (0, 0)
        return tree.ColumnNode(at, column.kind, column, low=low, high=high, nullable=column.nullable)

    def _literal(self, node: exp.Expr) -> Node:
        at, text = place_of(node), str(node.this)
        return tree.Value(at, "text", text) if node.args["is_string"] else number(self._text, at, text)

    def _negative(self, node: exp.Expr) -> Node:
        of = self._typed(node.this, *NUMERIC)
        if isinstance(of, tree.Value) and isinstance(of.value, int | float):
            return tree.Value(of.at, of.type, -of.value, low=-of.high, high=-of.low)
        zero = tree.Value(of.at, "integer", 0)
        return arithmetic(self._text, "-", zero, of)

    def _sum(self, node: exp.Expr) -> Node:
        minus = isinstance(node, exp.Sub)
        left = self._typed(node.this, "integer", "number", "date")
        if left.type == "date":
            return self._from_date(left, node.expression, minus=minus)
        return arithmetic(self._text, "-" if minus else "+", left, self._typed(node.expression, *NUMERIC))

    def _from_date(self, left: Node, right: exp.Expr, *, minus: bool) -> Node:
        sign = -1 if minus else 1
        if isinstance(right, exp.Interval):
            days = self._interval(right)
        else:
            by = self._typed(right, "integer", "date") if minus else self._typed(right, "integer")
            if by.type == "date":
                nullable = left.nullable or by.nullable
                # Dates of four digits are 3,652,058 days apart at most; moved ones may be further.
                most = 4_000_000 + tree.most_days_moved(left) + tree.most_days_moved(by)
                return tree.Arithmetic(left.at, "integer", "-", left, by, low=-most, high=most, nullable=nullable)
            if not isinstance(by, tree.Value):
                self._fault(by.at, "a date is moved by a number of days that is written here, not by a column")
            days = int(by.value)  # type: ignore[arg-type]
        if abs(days) > _LONGEST_SHIFT:
            self._fault(left.at, f"a date is moved by at most {_LONGEST_SHIFT:,} days")
        return tree.Shifted(left.at, "date", left, sign * days, nullable=left.nullable)

    def _interval(self, node: exp.Interval) -> int:
        unit = str(node.args.get("unit") or "").upper()
        said = node.this.name if isinstance(node.this, exp.Literal) else ""
        if unit not in _DAYS or not said.isdecimal():
            self._fault(place_of(node), "write an interval of days or weeks, such as INTERVAL '7' DAY")
        if len(said) > _MOST_DIGITS:
            self._fault(place_of(node), f"an interval has at most {_MOST_DIGITS} digits")
        return int(said) * _DAYS[unit]

    def _product(self, node: exp.Expr) -> Node:
        left, right = self._typed(node.this, *NUMERIC), self._typed(node.expression, *NUMERIC)
        return arithmetic(self._text, "*" if isinstance(node, exp.Mul) else "/", left, right)

    def _absolute(self, node: exp.Expr) -> Node:
        return absolute(self._typed(node.this, *NUMERIC))

    def _coalesce(self, node: exp.Expr) -> Node:
        first = self._node(node.this)
        items = [first, *(self._typed(one, first.type) for one in node.expressions)]
        return tree.Coalesce(
            first.at,
            first.type,
            tuple(items),
            low=min(one.low for one in items),
            high=max(one.high for one in items),
            nullable=all(one.nullable for one in items),
        )

    def _today(self, node: exp.Expr) -> Node:
        if node.this is not None:
            self._fault(place_of(node), "CURRENT_DATE is the day in UTC that the state is as of; it takes nothing")
        return tree.Today(place_of(node), "date")

    def _date_literal(self, node: exp.Expr) -> Node:
        of, to = node.this, node.args["to"]
        if not (to.is_type("date") and isinstance(of, exp.Literal) and of.is_string):
            self._fault(place_of(node), "a cast is not possible here; a date is written DATE '2026-03-01'")
        return self._date(tree.Value(place_of(of), "text", of.name))

    def _date(self, value: tree.Value) -> tree.Value:
        try:
            day = date.fromisoformat(str(value.value))
        except ValueError:
            self._fault(value.at, f"{one_line(repr(value.value), NAME)} is no date; write it as '2026-03-01'")
        return tree.Value(value.at, "date", day)

    def _compared(self, node: exp.Expr) -> Node:
        operator = _COMPARISONS[type(node)]
        for side in (node.this, node.expression):
            if isinstance(side, exp.Null):
                said = "IS NULL" if operator != "<>" else "IS NOT NULL"
                self._fault(place_of(node), f"nothing is equal to NULL, nor unequal; write {said}")
        return self._pair(operator, self._node(node.this), self._node(node.expression))

    def _pair(self, operator: tree.Comparison, left: Node, right: Node) -> Node:
        left, right = self._alike(left, right)
        if operator not in ("=", "<>") and left.type not in _ORDERED:
            how = "=, <>, IN and LIKE" if left.type == "text" else "= and <>"
            self._fault(left.at, f"{self._named(left)} is {_A[left.type]}, which is compared by {how}")
        for column, other in ((left, right), (right, left)):
            self._check_choice(column, other)
        return tree.Compared(left.at, "boolean", operator, left, right, nullable=left.nullable or right.nullable)

    def _alike(self, left: Node, right: Node) -> tuple[Node, Node]:
        """Return two values that can be compared; a text beside a date is a date."""
        if left.type == "date" and isinstance(right, tree.Value) and right.type == "text":
            right = self._date(right)
        if right.type == "date" and isinstance(left, tree.Value) and left.type == "text":
            left = self._date(left)
        if left.type != right.type and not {left.type, right.type} <= set(NUMERIC):
            self._fault(
                right.at,
                f"{self._named(left)} is {_A[left.type]}, {self._named(right)} is {_A[right.type]}: they cannot be "
                "compared",
            )
        return left, right

    def _check_choice(self, column: Node, value: Node) -> None:
        if not (isinstance(column, tree.ColumnNode) and isinstance(value, tree.Value) and value.type == "text"):
            return
        choices = column.of.choices
        if choices and value.value not in choices:
            said = one_line(repr(value.value), NAME)
            self._fault(value.at, f"{column.name} is never {said}; it is one of: {', '.join(choices)}")

    def _between(self, node: exp.Expr) -> Node:
        if node.args.get("symmetric"):
            self._fault(place_of(node), "BETWEEN SYMMETRIC is not possible here; write the smaller value first")
        of = self._node(node.this)
        low = self._pair(">=", of, self._node(node.args["low"]))
        high = self._pair("<=", of, self._node(node.args["high"]))
        return tree.Joined(of.at, "boolean", "AND", (low, high), nullable=low.nullable or high.nullable)

    def _in(self, node: exp.Expr) -> Node:
        if node.args.get("query") is not None or not node.expressions:
            self._fault(place_of(node), "write the values of IN, such as place IN ('home', 'work')")
        of, values = self._node(node.this), []
        if isinstance(of, tree.Value):
            self._fault(of.at, f"{self._named(of)} is a value; a column belongs on the left of IN")
        for one in node.expressions:
            if isinstance(one, exp.Null):
                self._fault(place_of(node), "a list with NULL is never certain; write OR ... IS NULL beside it")
            of, value = self._alike(of, self._node(one))
            if not isinstance(value, tree.Value):
                self._fault(value.at, f"{self._named(value)} is no value; IN takes values that are written here")
            if of.type == "integer" and value.type == "number":
                self._fault(value.at, f"{self._named(of)} is a whole number, which is never {self._named(value)}")
            self._check_choice(of, value)
            values.append(value)
        unique = tuple(dict.fromkeys(values))
        return tree.OneOf(of.at, "boolean", of, unique, nullable=of.nullable)

    def _like(self, node: exp.Expr) -> Node:
        of = self._typed(node.this, "text")
        pattern = node.expression
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            self._fault(of.at, "LIKE takes a pattern that is written here, such as 'family%'")
        return tree.Like(of.at, "boolean", of, pattern.name, folded=isinstance(node, exp.ILike), nullable=of.nullable)

    def _is(self, node: exp.Expr) -> Node:
        what = node.expression
        if not isinstance(what, exp.Null | exp.Boolean):
            self._fault(place_of(node), "IS takes NULL, TRUE or FALSE")
        if isinstance(what, exp.Null):
            of = self._node(node.this)
            return tree.IsNull(of.at, "boolean", of)
        of = self._typed(node.this, "boolean")
        return tree.IsTruth(of.at, "boolean", of, bool(what.this))

    def _not(self, node: exp.Expr) -> Node:
        of = self._typed(node.this, "boolean")
        return tree.Negated(of.at, "boolean", of, nullable=of.nullable)

    def _joined(self, node: exp.Expr) -> Node:
        items = tuple(self._typed(one, "boolean") for one in node.flatten())
        nullable = any(item.nullable for item in items)
        return tree.Joined(
            items[0].at, "boolean", "AND" if isinstance(node, exp.And) else "OR", items, nullable=nullable
        )
