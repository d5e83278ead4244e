"""What people are told of parts of SQL that an expression may not have."""

from typing import Final

from sqlglot import exp

from placet.contracts.text import NAME, one_line

FUNCTIONS: Final = ("ABS", "COALESCE")


_TIMES: Final = "times are not possible here; CURRENT_DATE is the day in UTC that the state is as of"
_CLOCKS: Final = frozenset({"NOW", "GETDATE", "SYSDATE", "TODAY"})
_WHY: Final[tuple[tuple[tuple[type[exp.Expr], ...], str], ...]] = (
    (
        (exp.Subquery, exp.Query, exp.Exists),
        "a subquery is not possible here: an expression speaks of one customer's columns",
    ),
    (
        (exp.Window,),
        "a window function is not possible here; use the columns of windows, such as recharges_30d",
    ),
    (
        (exp.CurrentTimestamp, exp.CurrentDatetime, exp.CurrentTime, exp.Localtimestamp),
        _TIMES,
    ),
    ((exp.Interval,), "an interval is added to a date, such as CURRENT_DATE - INTERVAL '7' DAY"),
    ((exp.Null,), "NULL alone is no value; write ... IS NULL"),
    ((exp.Case, exp.If), "CASE is not possible here; join conditions by AND and OR"),
    ((exp.Star,), "* is no column"),
)


def not_possible(node: exp.Expr) -> str:
    """Say in one line why a part cannot stand in an expression."""
    for kinds, why in _WHY:
        if isinstance(node, kinds):
            return why
    if isinstance(node, exp.Alias):
        return f"{one_line(repr(node.alias), NAME)} does not fit here"
    if isinstance(node, exp.Anonymous) and node.name.upper() in _CLOCKS:
        return _TIMES
    if isinstance(node, exp.AggFunc):
        return f"{_name(node)} is an aggregate: an expression speaks of one customer; use the columns of windows"
    if isinstance(node, exp.Func):
        return f"there is no function {_name(node)}; there are: {', '.join(FUNCTIONS)}"
    return (
        f"{one_line(repr(node.sql()), NAME)} is not possible here; write columns, values, + - * /, comparisons, IN, "
        "LIKE, BETWEEN, IS, AND, OR, NOT"
    )


def _name(node: exp.Func) -> str:
    return one_line(node.name if isinstance(node, exp.Anonymous) else node.sql_name(), NAME)
