"""A policy set as its author wrote it: files, statements with their lines, and what Cedar says is wrong with them.

Cedar's parser names no place. A statement ends with `;`, which Cedar has nowhere else outside strings and
comments, so each one is parsed by itself and its faults get its file and line.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import cedarpy
from cedarpy import pst

from placet.contracts.base import Frozen
from placet.contracts.text import WORDS, shortened
from placet.governance.policy.terms import terms_of

Severity = Literal["error", "warning"]

# As Cedar's own lexer: a comment ends at a carriage return as well, and at no other end of a line that Python knows.
_LEXEME = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n\r]*|;', re.DOTALL)
_SYNTAX = re.compile(r"unexpected token|invalid token|unrecognized token")
_QUOTED = re.compile(r"`([^`]+)`|: (@?\w+)$")
_WHICH = re.compile(r"^for policy `[^`]*`, ")
_LONGEST_ID = 120

# Cedar's parser recurses and ends the process where the stack does (measured: at some 700 parentheses or 2000
# chained operators on 8 MB), so what is far beyond anything readable does not reach it.
_OPENING, _CLOSING, _CHAINING = "([{", ")]}", re.compile(r"&&|\|\||[-+*.]|\b(?:if|when|unless)\b")
_MOST_NESTED, _MOST_CHAINED = 100, 500


class PolicyFile(Frozen):
    """One file of a set. `name` is the file's own, without its folder."""

    name: str
    text: str


class PolicySetDocument(Frozen):
    """All that a policy set is: its files in order, and the schema they speak. Its RFC 8785 form is what is stored."""

    version: Literal[1] = 1
    cedar_schema: str
    files: tuple[PolicyFile, ...]


class Finding(Frozen):
    """Something about a policy set that its author should know.

    Attributes:
        severity: `error`: the set is refused, so that everything is denied. `warning`: it is in force as it is.
        policy: `@id` of the policy, where it has one.
    """

    severity: Severity
    code: str
    file: str
    line: int
    policy: str | None
    message: str

    def __str__(self) -> str:
        """Return `file:line: message`."""
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Policy:
    """One parsed policy and where it stands."""

    id: str
    file: str
    line: int
    text: str
    node: pst.Template

    @property
    def where(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.line}"

    @property
    def description(self) -> str:
        """What its author says of it in `@description("…")`; empty when nothing."""
        return self.node.annotations.get("description", "")

    def warning(self, code: str, message: str) -> Finding:
        """Make a warning about this policy for its author; `message` goes on from its name."""
        told = f"{self.id!r} {message}"
        return Finding(severity="warning", code=code, file=self.file, line=self.line, policy=self.id, message=told)


@dataclass(frozen=True, slots=True)
class _Statement:
    file: str
    line: int
    text: str

    def fault(self, code: str, message: str, *, line: int | None = None, policy: str | None = None) -> Finding:
        return Finding(
            severity="error", code=code, file=self.file, line=line or self.line, policy=policy, message=message
        )

    def line_of(self, message: str) -> int:
        """Return the line of what `message` quotes, or the statement's own."""
        quoted = _QUOTED.search(message)
        if quoted is not None:
            for number, line in enumerate(self.text.split("\n"), self.line):
                if (quoted[1] or quoted[2]) in line:
                    return number
        return self.line


@cache
def shipped_schema() -> str:
    """Return the schema that this version of Placet evaluates against."""
    return resources.files("placet.governance").joinpath("policy.cedarschema").read_text()


def parse(files: Sequence[PolicyFile], schema: str) -> tuple[tuple[Policy, ...], tuple[Finding, ...]]:
    """Parse the policies in `files`, and find every error: syntax, schema, `@id`, gate terms, templates.

    A policy with a fault of its own is left out.
    """
    policies: list[Policy] = []
    faults: list[Finding] = []
    taken: dict[str, Policy] = {}
    for statement in _statements(files):
        parsed = _parse_one(statement)
        if isinstance(parsed, Policy) and parsed.id in taken:
            message = f'@id("{parsed.id}") is taken by {taken[parsed.id].where}; every policy needs its own'
            parsed = statement.fault("duplicate_id", message, policy=parsed.id)
        if isinstance(parsed, Policy):
            taken[parsed.id] = parsed
            policies.append(parsed)
        else:
            faults.append(parsed)
    faults.extend(_schema_faults(policies, schema))
    order = [file.name for file in files]
    return tuple(policies), tuple(sorted(faults, key=lambda fault: (order.index(fault.file), fault.line)))


def count(files: Sequence[PolicyFile]) -> int:
    """Return how many statements there are, without parsing any."""
    return sum(1 for _ in _statements(files))


def _statements(files: Sequence[PolicyFile]) -> Iterator[_Statement]:
    for file in files:
        code_from: int | None = None  # where the statement's first token stands
        done = 0
        for lexeme in _LEXEME.finditer(file.text):
            if code_from is None and (ahead := file.text[done : lexeme.start()]).strip():
                code_from = done + len(ahead) - len(ahead.lstrip())
            done = lexeme.end()
            if lexeme[0].startswith("//"):
                continue
            code_from = lexeme.start() if code_from is None else code_from
            if lexeme[0] == ";":
                yield _statement(file, code_from, lexeme.end())
                code_from = None
        rest = file.text[done:]
        if code_from is None and rest.strip():
            code_from = done + len(rest) - len(rest.lstrip())
        if code_from is not None:
            yield _statement(file, code_from, len(file.text))


def _statement(file: PolicyFile, start: int, end: int) -> _Statement:
    return _Statement(file.name, file.text.count("\n", 0, start) + 1, file.text[start:end].rstrip())


def _parse_one(statement: _Statement) -> Policy | Finding:
    if _overgrown(statement.text):
        message = f"nests more than {_MOST_NESTED} brackets or chains more than {_MOST_CHAINED} operators; split it"
        return statement.fault("too_complex", message)
    try:
        parsed = cedarpy.policies_to_pst(statement.text)
    except ValueError as error:
        message = one_line(error)
        return statement.fault("syntax", f"does not parse: {message}", line=_error_line(statement, message))
    if parsed.templates or len(parsed.static_policies) != 1:
        return statement.fault("template", "is a template, which nothing here fills in; name the principal or resource")
    return _accept(statement, next(iter(parsed.static_policies.values())))


def _accept(statement: _Statement, node: pst.Template) -> Policy | Finding:
    """Check what we ask beyond Cedar: an `@id` of its own, and gate terms that can be read."""
    name = node.annotations.get("id", "")
    if not name.strip():
        return statement.fault("missing_id", 'has no @id("…"); the record names deciding policies by it')
    if not name.isprintable() or len(name) > _LONGEST_ID:
        shown = shortened(name, 40)
        return statement.fault("malformed_id", f"@id {shown!r} is not printable or over {_LONGEST_ID} characters")
    try:
        terms_of(node)
    except ValueError as error:
        return statement.fault("gate_terms", str(error), line=statement.line_of(str(error)), policy=name)
    return Policy(name, statement.file, statement.line, statement.text, node)


def _overgrown(text: str) -> bool:
    code = _LEXEME.sub(" ", text)
    depth = deepest = 0
    for character in code:
        depth += (character in _OPENING) - (character in _CLOSING)
        deepest = max(deepest, depth)
    return deepest > _MOST_NESTED or len(_CHAINING.findall(code)) > _MOST_CHAINED


def _error_line(statement: _Statement, message: str) -> int:
    """Find the line of a syntax error: the first that cannot be read even as the beginning of a policy."""
    lines = statement.text.split("\n")  # at nothing else: what is in a comment of the whole must stay in one
    if message.startswith("unexpected end of input"):
        return statement.line + len(lines) - 1
    if not _SYNTAX.search(message):
        return statement.line_of(message)
    for count in range(1, len(lines)):
        try:
            cedarpy.policies_to_pst("\n".join(lines[:count]))
        except ValueError as error:
            if _SYNTAX.search(str(error)):
                return statement.line + count - 1
    return statement.line + len(lines) - 1


def _schema_faults(policies: Sequence[Policy], schema: str) -> Iterator[Finding]:
    spoken = cedarpy.Schema.from_str(schema)
    for policy in policies:
        statement = _Statement(policy.file, policy.line, policy.text)
        seen: set[str] = set()
        for error in cedarpy.validate_policies(policy.text, spoken).errors:
            message = _WHICH.sub("", one_line(error.error))
            # A wrong name in the head also leaves no action that fits: one fault, told once.
            if seen and message.startswith("unable to find an applicable action"):
                continue
            if message not in seen:
                seen.add(message)
                yield statement.fault("schema", message, line=statement.line_of(message), policy=policy.id)


def one_line(error: object) -> str:
    """Return the first line of what a library says, shortened."""
    return shortened((str(error).strip().splitlines() or [type(error).__name__])[0], WORDS)
