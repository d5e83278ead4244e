"""An expression's text as sqlglot's tree, within bounds; what is no SQL is one line with its position."""

from typing import Final, NoReturn

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, SqlglotError

from placet.contracts.text import is_plain, one_line
from placet.errors import ExpressionFault

MOST_CHARACTERS: Final = 4000
MOST_DEPTH: Final = 24
"""Brackets within brackets, and operators within operators."""

_SHOWN: Final = 60


def fault(text: str, at: int, said: str) -> NoReturn:
    """Stop with one line: where, and what is wrong.

    Raises:
        ExpressionFault: code `cohort_expression`.
    """
    at = min(at, len(text))
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    where = f"line {line}, column {column}" if "\n" in text.strip() else f"column {column}"
    raise ExpressionFault(where, said, at)


def parse(text: str) -> exp.Expr:
    """Return the tree of an expression.

    Raises:
        UsageError: code `cohort_expression`; it is too long or too deep, or no expression.
    """
    if not text.strip():
        fault(text, 0, "the expression is empty; write a condition, such as recharges_30d = 0")
    if len(text) > MOST_CHARACTERS:
        fault(text, MOST_CHARACTERS, f"it has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read")
    for at, character in enumerate(text):
        if character not in "\n\r\t" and not is_plain(f"a{character}a"):
            fault(text, at, f"{character!a} is a character that cannot be seen")
    tokens = _tokens(text)
    if not tokens:
        fault(text, 0, "the expression is a comment alone")
    _check_depth(text, tokens)
    try:
        found = sqlglot.Parser(error_message_context=0).parse_into(exp.Condition, tokens, text)
    except ParseError as error:
        _no_sql(text, tokens, error)
    except RecursionError:
        fault(text, 0, "the expression nests too deep")
    except SqlglotError as error:
        fault(text, 0, f"it is no SQL: {one_line(str(error), _SHOWN)}")
    if len(found) != 1 or found[0] is None:
        fault(text, 0, "write one expression, without ;")
    return found[0]


def place_of(node: exp.Expr) -> int:
    """Return the offset of a node's first character that sqlglot knows."""
    starts = [part.meta["start"] for part in node.walk() if "start" in part.meta]
    return min(starts, default=0)


def _tokens(text: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text))
    except SqlglotError:
        quote = _open_quote(text)
        if quote is None:
            fault(text, 0, "a comment or a text does not end")
        fault(text, quote, f"the text that begins here with {text[quote : quote + 1]!r} does not end")


def _open_quote(text: str) -> int | None:
    """Return where a text begins that does not end; None where all do."""
    quote, began = "", 0
    for at, character in enumerate(text):
        if not quote and character in "'\"":
            quote, began = character, at
        elif character == quote:
            quote = ""
    return began if quote else None


def _check_depth(text: str, tokens: list[Token]) -> None:
    opened: list[int] = []
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            fault(text, token.start, "write one expression, without ;")
        if token.token_type == TokenType.L_PAREN:
            opened.append(token.start)
            if len(opened) > MOST_DEPTH:
                fault(text, token.start, f"more than {MOST_DEPTH} brackets are open here")
        elif token.token_type == TokenType.R_PAREN:
            if not opened:
                fault(text, token.start, "this bracket closes none")
            opened.pop()
    if opened:
        fault(text, opened[-1], "this bracket is not closed")


def _no_sql(text: str, tokens: list[Token], error: ParseError) -> NoReturn:
    first = error.errors[0] if error.errors else {}
    line, end = first.get("line"), first.get("col")
    token = next((one for one in tokens if (one.line, one.col) == (line, end)), None)
    if token is None:
        fault(text, len(text.rstrip()), "the expression is not complete here")
    shown = one_line(repr(text[token.start : token.end + 1]), _SHOWN)
    unexpected = "Unexpected token" in str(first.get("description"))
    if token is tokens[-1] and not unexpected:
        fault(text, token.start, f"the expression is not complete at {shown}")
    fault(text, token.start, f"{shown} does not fit here")
