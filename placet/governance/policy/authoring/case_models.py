"""What may be written in a table of cases, and what a case takes from its table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, ValidationError

from placet.contracts.base import AgentName, Frozen, PersonName, ReasonCode, TenantId, first_fault
from placet.contracts.gate import MOST_APPROVERS
from placet.contracts.money import Money, parse_money
from placet.contracts.people.approver import RoleName
from placet.contracts.people.halt import HaltScope
from placet.contracts.people.merge import Change
from placet.contracts.proposal import MutationKind
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import Share
from placet.errors import ConfigurationError
from placet.governance.policy.facts import (
    AgentFacts,
    HaltFacts,
    IdentityFacts,
    MandateFacts,
    PersonFacts,
    ProposalFacts,
    StageFacts,
)
from placet.governance.policy.question import (
    Action,
    AgentQuestion,
    AuthoriseQuestion,
    DecideQuestion,
    LiftQuestion,
    MergeQuestion,
    PromoteQuestion,
    Question,
)
from placet.governance.policy.scope import PRINCIPALS, RESOURCES
from placet.governance.policy.terms import parse_duration

_F = TypeVar("_F", bound=Frozen)


def _money(value: object) -> object:
    # Pydantic then says what was wrong; YAML reads `12.50` as a float, which money never is.
    return parse_money(value) if isinstance(value, str) else parse_money(repr(value))


def _seconds(value: object) -> object:
    return None if value is None else parse_duration(str(value))


_Amount = Annotated[Money, BeforeValidator(_money)]
_After = Annotated[StrictInt | None, BeforeValidator(_seconds)]


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
    original_cost: _Amount | None = None
    amended_by: PersonName | None = None
    reverses: str | None = None


class _Mandate(Frozen):
    tenant: TenantId | None = None
    agent: AgentName | None = None
    name: str | None = None
    kinds: tuple[MutationKind, ...] | None = None
    treatments: tuple[ReasonCode, ...] | None = None
    budget: _Amount | None = None
    cap: _Amount | None = None
    days: StrictInt | None = None
    drafted_by: PersonName | None = None


class _Halt(Frozen):
    tenant: TenantId | None = None
    scope: HaltScope | None = None
    subject: str | None = None
    placed_by: PersonName | None = None


class _Identity(Frozen):
    tenant: TenantId | None = None
    change: Change | None = None
    drafted_by: PersonName | None = None


class _Stage(Frozen):
    tenant: TenantId | None = None
    agent: AgentName | None = None
    strategy: str | None = None
    version: str | None = None
    market: str | None = None
    reached: Share | None = None
    to: Share | None = None
    stage: StrictInt | None = None
    stages: StrictInt | None = None
    customers_reached: StrictInt | None = None
    customers_added: StrictInt | None = None
    passed: tuple[Measure, ...] | None = None
    rails: StrictInt | None = None
    looks: StrictInt | None = None
    days_watched: StrictInt | None = None
    holds: StrictInt | None = None
    budget: _Amount | None = None
    budget_left: _Amount | None = None
    published_by: PersonName | None = None
    started_by: PersonName | None = None


class _Gate(Frozen):
    """What is expected of the gate; null where the permits must leave it to the application."""

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)] | None = None
    quorum: Annotated[StrictInt, Field(ge=1, le=MOST_APPROVERS)] | None = None
    distinct_roles: StrictBool | None = None
    remind_after: _After = None
    escalate_after: _After = None
    escalate_to: RoleName | None = None
    expire_after: _After = None


class WrittenCase(Frozen):
    """A case as it is written."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    question: Action
    agent: _Agent | None = None
    person: _Person | None = None
    proposal: _Proposal | None = None
    mandate: _Mandate | None = None
    halt: _Halt | None = None
    identity: _Identity | None = None
    stage: _Stage | None = None
    expect: Literal["allow", "deny"]
    because: tuple[str, ...] | None = None
    gate: _Gate | None = None


class CasesTable(Frozen):
    """A table as it is written; its cases take from it what they do not say."""

    tenant: TenantId
    agent: _Agent | None = None
    proposal: _Proposal | None = None
    mandate: _Mandate | None = None
    halt: _Halt | None = None
    identity: _Identity | None = None
    stage: _Stage | None = None
    cases: Annotated[tuple[WrittenCase, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Case:
    """One case, complete.

    Attributes:
        because: Exactly these policies must decide; None: any may.
        gate: Terms the deciding permits must come to, by name as in `PermitTerms`.
    """

    name: str
    line: int
    question: Question
    allow: bool
    because: frozenset[str] | None
    gate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """One case with what it takes from its table. `place` begins every fault."""

    table: CasesTable
    case: WrittenCase
    place: str

    def complete(self, line: int) -> Case:
        """Return the case with everything it needs.

        Raises:
            ConfigurationError: something is said nowhere, or does not belong here.
        """
        case = self.case
        self._refuse_strangers()
        question = self._question()
        gate: dict[str, Any] = {}
        if case.gate is not None:
            if case.question != "propose" or case.expect != "allow":
                self._fail("`gate` is for what may be proposed; only `propose` that is allowed opens one")
            gate = {name: getattr(case.gate, name) for name in case.gate.model_fields_set}
            if gate.get("roles") is not None:
                gate["roles"] = tuple(sorted(gate["roles"]))
        return Case(
            name=case.name,
            line=line,
            question=question,
            allow=case.expect == "allow",
            because=None if case.because is None else frozenset(case.because),
            gate=gate,
        )

    def _refuse_strangers(self) -> None:
        case = self.case
        about = RESOURCES[case.question].lower()
        for name in ("proposal", "mandate", "halt", "identity", "stage"):
            if name != about and getattr(case, name) is not None:
                self._fail(f"{case.question!r} is about {_a(about)}, not {_a(name)}")
        if PRINCIPALS[case.question] == "Agent" and case.person is not None:
            self._fail(f"{case.question!r} is asked of an agent, not a person")

    def _question(self) -> Question:
        case = self.case
        match case.question:
            case "propose" | "commit":
                return AgentQuestion(case.question, self._agent(), self._proposal())
            case "promote":
                return PromoteQuestion(self._agent(), self._facts("stage", StageFacts, self._values("stage")))
            case "decide":
                return DecideQuestion(self._person(), self._proposal())
            case "authorise":
                values = self._values("mandate", name="strategy", mandate_id="0" * 32)
                return AuthoriseQuestion(self._person(), self._facts("mandate", MandateFacts, values))
            case "lift":
                values = self._values("halt", subject="", halt_id="halt-" + "0" * 12)
                values.pop("agent", None)
                return LiftQuestion(self._person(), self._facts("halt", HaltFacts, values))
            case "merge":
                values = self._values("identity", merge_id="0" * 32)
                values.pop("agent", None)
                return MergeQuestion(self._person(), self._facts("identity", IdentityFacts, values))

    def _agent(self) -> AgentFacts:
        agent = self.case.agent or self.table.agent
        if agent is None:
            self._fail(f"{self.case.question!r} is asked of no agent; add one")
        return self._facts("agent", AgentFacts, {"tenant": self.table.tenant, **agent.model_dump(exclude_none=True)})

    def _person(self) -> PersonFacts:
        person = self.case.person
        if person is None:
            self._fail(f"{self.case.question!r} is asked of no person; add one")
        return self._facts("person", PersonFacts, {"tenant": self.table.tenant, **person.model_dump(exclude_none=True)})

    def _proposal(self) -> ProposalFacts:
        return self._facts("proposal", ProposalFacts, self._values("proposal", run_id="run-" + "0" * 20))

    def _values(self, about: str, **given: str) -> dict[str, Any]:
        """Collect the resource's values: the tenant and the agent, then the table's, then the case's."""
        agent = self.case.agent or self.table.agent
        said = [
            source.model_dump(exclude_none=True)
            for source in (getattr(self.table, about), getattr(self.case, about))
            if source
        ]
        base: dict[str, Any] = {"tenant": self.table.tenant, **({"agent": agent.name} if agent else {}), **given}
        for values in said:
            base |= values
        return base

    def _facts(self, name: str, kind: type[_F], values: dict[str, Any]) -> _F:
        missing = [key for key, info in kind.model_fields.items() if info.is_required() and key not in values]
        if missing:
            self._fail(f"{name}.{missing[0]} is said nowhere")
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            self._fail(f"{name}: {first_fault(error)}")

    def _fail(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{self.place}: {message}")


def _a(thing: str) -> str:
    return f"{'an' if thing == 'identity' else 'a'} {thing}"
