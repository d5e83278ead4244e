"""A table of cases that operators keep beside their policies: question, facts, expected answer, and by which policies.

tenant: demo
agent: {name: retention}
proposal: {kind: adjust_balance, treatment: goodwill_credit, cost: 12.50 USD, triggered_by: olga}
mandate: {kinds: [adjust_balance], treatments: [goodwill_credit], budget: 500.00 USD, cap: 20.00 USD, days: 30,
          drafted_by: olga}
halt: {scope: tenant, placed_by: olga}
cases:
  - name: a lead decides up to their limit
    question: decide                # propose | commit | decide: about a proposal; authorise: a mandate; lift: a halt
    person: {name: anna, roles: [retention_lead], limit: 50.00 USD}
    proposal: {cost: 50.00 USD}     # the rest from above
    expect: allow                   # allow | deny
    because: [leads-decide]         # optional: exactly these policies decided
  - name: one lead is enough for a small credit
    question: propose
    expect: allow
    gate: {quorum: 1, roles: [retention_lead], expire_after: 72h}   # optional, any of the gate_* annotations
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.text import shortened
from placet.errors import ConfigurationError
from placet.governance.policy.authoring.case_models import Case, CasesTable, Completion

CASES_FILE = "policy_cases.yaml"

_LARGEST = 1_000_000
_DEEPEST = 20
_MOST = 50_000


def parse_cases(text: str, source: str) -> tuple[Case, ...]:
    """Read a table; `source` names it in errors.

    Raises:
        ConfigurationError: it is no YAML, or a case is incomplete or wrong; with the line.
    """
    if len(text) > _LARGEST:
        raise ConfigurationError(f"{source}: over {_LARGEST} characters; split the table")
    try:
        tree, data = _read(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{source}:{line}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source}: not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # a date or a number that there is not
        raise ConfigurationError(f"{source}: {shortened(' '.join(str(error).split()), 200)}") from error
    _refuse_repeated(tree, source)
    try:
        table = CasesTable.model_validate(data)
    except ValidationError as error:
        line = _line(tree, error.errors()[0]["loc"])
        # Whoever writes a table knows nothing of our classes.
        fault = re.sub(r" or instance of \w+", "", first_fault(error))
        raise ConfigurationError(f"{source}:{line}: {fault}") from error
    lines = [_line(tree, ("cases", number)) for number in range(len(table.cases))]
    return tuple(
        Completion(table, case, f"{source}:{line}: case {case.name!r}").complete(line)
        for case, line in zip(table.cases, lines, strict=True)
    )


class _Bounded(yaml.SafeLoader):
    """YAML of which a few lines cannot stand for gigabytes: what aliases repeat counts as if it were written out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._total = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node.

        Raises:
            MarkedYAMLError: it lies too deep, there are too many, or it is an alias of what it is part of.
        """
        mark, alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)  # type: ignore[no-untyped-call]
        self._depth += 1
        before = self._total
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if alias and id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="an alias of what it is part of", problem_mark=mark)
        self._total += self._sizes[id(node)] if alias else 1
        if self._total > _MOST:
            raise yaml.MarkedYAMLError(problem=f"over {_MOST} values, aliases written out", problem_mark=mark)
        self._sizes.setdefault(id(node), self._total - before)
        return node


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    loader = _Bounded(text)
    try:
        tree = loader.get_single_node()
        return tree, None if tree is None else loader.construct_document(tree)
    finally:
        loader.dispose()


def _refuse_repeated(node: yaml.Node | None, source: str) -> None:
    """Refuse a repeated key: YAML readers keep the last of two in silence, and a case would lose a line."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigurationError(f"{source}:{key.start_mark.line + 1}: a key that is no word")
            if key.value in seen:
                raise ConfigurationError(f"{source}:{key.start_mark.line + 1}: {key.value!r} is said twice")
            seen.add(key.value)
            _refuse_repeated(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated(value, source)


def _line(node: yaml.Node | None, path: Sequence[Any]) -> int:
    """Return the line of what `path` leads to, or of the last thing on the way that is there."""
    line = node.start_mark.line + 1 if node else 1
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            line = found[0][0].start_mark.line + 1
            node = found[0][1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line
