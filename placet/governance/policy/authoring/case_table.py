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
from placet.errors import ConfigurationError
from placet.governance.policy.authoring.case_models import Case, CasesTable, Completion

CASES_FILE = "policy_cases.yaml"


def parse_cases(text: str, source: str) -> tuple[Case, ...]:
    """Read a table; `source` names it in errors.

    Raises:
        ConfigurationError: it is no YAML, or a case is incomplete or wrong; with the line.
    """
    try:
        tree, data = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigurationError(f"{source}:{line}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{source}: not YAML: {' '.join(str(error).split())}") from error
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


def _refuse_repeated(node: yaml.Node | None, source: str) -> None:
    """YAML readers keep the last of two equal keys in silence; here a case would quietly lose a line."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigurationError(f"{source}:{key.start_mark.line + 1}: {key.value!r} is said twice")
            seen.add(key.value)
            _refuse_repeated(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated(value, source)


def _line(node: yaml.Node | None, path: Sequence[Any]) -> int:
    """The line of what `path` leads to, or of the last thing on the way that is there."""
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
