"""A table of cases that operators keep beside their policies: question, facts, expected answer, and by which policies.

tenant: demo
agent: {name: retention}
proposal: {kind: adjust_balance, treatment: goodwill_credit, cost: 12.50 USD, triggered_by: olga}
cases:
  - name: a lead decides up to their limit
    question: decide                # propose | commit | decide
    person: {name: anna, roles: [retention_lead], limit: 50.00 USD}
    proposal: {cost: 50.00 USD}     # the rest from above
    expect: allow                   # allow | deny
    because: [leads-decide]         # optional: exactly these policies decided
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from placet.contracts.approver import RoleName
from placet.contracts.base import AgentName, Frozen, PersonName, ReasonCode, TenantId, first_fault
from placet.contracts.money import Money, parse_money
from placet.contracts.proposal import MutationKind
from placet.errors import ConfigurationError
from placet.governance.policy import PolicySet
from placet.governance.policy_question import Action, AgentFacts, PersonFacts, ProposalFacts, Question
from placet.governance.policy_why import Explained, explain

CASES_FILE = "policy_cases.yaml"
_RUN = "run-" + "0" * 20


def _money(value: object) -> object:
    # Pydantic then says what was wrong; YAML reads `12.50` as a float, which money never is.
    return parse_money(value) if isinstance(value, str) else parse_money(repr(value))


_Amount = Annotated[Money, BeforeValidator(_money)]


class _Agent(Frozen):
    name: AgentName
    tenant: TenantId | None = None


class _Person(Frozen):
    name: PersonName
    tenant: TenantId | None = None
    roles: tuple[RoleName, ...] = ()
    limit: _Amount | None = None


class _Proposal(Frozen):
    tenant: TenantId | None = None
    agent: AgentName | None = None
    kind: MutationKind | None = None
    treatment: ReasonCode | None = None
    cost: _Amount | None = None
    triggered_by: PersonName | None = None


class _Case(Frozen):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    question: Action
    agent: _Agent | None = None
    person: _Person | None = None
    proposal: _Proposal = _Proposal()
    expect: Literal["allow", "deny"]
    because: tuple[str, ...] | None = None


class _Table(Frozen):
    tenant: TenantId
    agent: _Agent | None = None
    proposal: _Proposal = _Proposal()
    cases: Annotated[tuple[_Case, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Case:
    """One case, complete. `because` is None where any policies may have decided."""

    name: str
    line: int
    question: Question
    allow: bool
    because: frozenset[str] | None


class CaseResult(Frozen):
    """What became of a case; `explained` tells the answer it got."""

    name: str
    line: int
    passed: bool
    expected: str
    explained: Explained


class CasesReport(Frozen):
    """All cases of a table, and the policies that decided none of them."""

    results: tuple[CaseResult, ...]
    never_decisive: tuple[str, ...]

    @property
    def failures(self) -> int:
        """How many cases came out otherwise than expected."""
        return sum(not result.passed for result in self.results)


def run_cases(policies: PolicySet, cases: Sequence[Case]) -> CasesReport:
    """Ask every case's question of `policies`."""
    results = tuple(_run(policies, case) for case in cases)
    decided = {policy for result in results for policy in result.explained.policies}
    unused = tuple(policy.id for policy in policies.policies if policy.id not in decided)
    return CasesReport(results=results, never_decisive=unused)


def _run(policies: PolicySet, case: Case) -> CaseResult:
    explained = explain(policies, case.question)
    by = case.because is None or case.because == frozenset(explained.policies)
    expected = "allow" if case.allow else "deny"
    if case.because is not None:
        expected += f" by {', '.join(sorted(case.because)) or 'no policy'}"
    return CaseResult(
        name=case.name,
        line=case.line,
        passed=by and explained.allowed is case.allow,
        expected=expected,
        explained=explained,
    )


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
        table = _Table.model_validate(data)
    except ValidationError as error:
        line = _line(tree, error.errors()[0]["loc"])
        # Whoever writes a table knows nothing of our classes.
        fault = re.sub(r" or instance of \w+", "", first_fault(error))
        raise ConfigurationError(f"{source}:{line}: {fault}") from error
    lines = [_line(tree, ("cases", number)) for number in range(len(table.cases))]
    return tuple(_complete(table, case, line, source) for case, line in zip(table.cases, lines, strict=True))


def _complete(table: _Table, case: _Case, line: int, source: str) -> Case:
    agent = case.agent or table.agent
    asks = case.person if case.question == "decide" else agent
    if asks is None:
        needed = "person" if case.question == "decide" else "agent"
        raise ConfigurationError(f"{source}:{line}: case {case.name!r} asks {case.question!r} of no {needed}; add one")
    if case.question != "decide" and case.person is not None:
        raise ConfigurationError(
            f"{source}:{line}: case {case.name!r}: {case.question!r} is asked of an agent, not a person"
        )
    facts = {
        "tenant": table.tenant,
        "agent": agent.name if agent else None,
        **table.proposal.model_dump(exclude_none=True),
        **case.proposal.model_dump(exclude_none=True),
    }
    missing = [name for name in ProposalFacts.model_fields if name != "run_id" and facts.get(name) is None]
    if missing:
        raise ConfigurationError(f"{source}:{line}: case {case.name!r}: proposal.{missing[0]} is said nowhere")
    principal = asks.model_dump(exclude_none=True)
    kind = PersonFacts if isinstance(asks, _Person) else AgentFacts
    return Case(
        name=case.name,
        line=line,
        question=Question(
            case.question,
            kind.model_validate({"tenant": table.tenant, **principal}),
            ProposalFacts.model_validate({"run_id": _RUN, **facts}),
        ),
        allow=case.expect == "allow",
        because=None if case.because is None else frozenset(case.because),
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
