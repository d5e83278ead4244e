"""What policies may know of those who ask and of what they ask about, as Cedar entities."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StrictInt, model_validator

from placet.contracts.base import AgentName, Frozen, PersonName, ReasonCode, TenantId
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey, RoleName
from placet.contracts.people.halt import Halt, HaltScope
from placet.contracts.people.mandate import Mandate
from placet.contracts.people.merge import Change
from placet.contracts.proposal import MutationKind, Proposal
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import Share

_DAY = timedelta(days=1)
_PER_CENT = 100
"""Of a share in basis points."""

# Facts are taken with `model_construct`: their sources were validated under the same types, and a gate asks too often
# to do it twice.


class AgentFacts(Frozen):
    """What policies may know of an agent."""

    name: AgentName
    tenant: TenantId

    @classmethod
    def of(cls, proposal: Proposal) -> "AgentFacts":
        """Take the facts of a proposal's agent."""
        return cls.model_construct(name=proposal.agent, tenant=proposal.tenant)

    def entities(self) -> list[dict[str, Any]]:
        """Return Cedar entities, the principal first."""
        return [{"uid": {"type": "Agent", "id": self.name}, "attrs": {"tenant": self.tenant}, "parents": []}]


class PersonFacts(Frozen):
    """What policies may know of a person, by the key they sign with. Without a limit it is a limit of nothing."""

    name: PersonName
    tenant: TenantId
    roles: tuple[RoleName, ...] = ()
    limit: Money | None = None

    @classmethod
    def of(cls, key: EnrolledKey) -> "PersonFacts":
        """Take the facts of the holder of an enrolled key."""
        return cls.model_construct(name=key.name, tenant=key.tenant, roles=key.roles, limit=key.limit)

    def entities(self) -> list[dict[str, Any]]:
        """Return Cedar entities, the principal first."""
        roles = [{"type": "Role", "id": role} for role in self.roles]
        person = {
            "uid": {"type": "Person", "id": self.name},
            "attrs": {
                "name": self.name,
                "tenant": self.tenant,
                "limit_minor": self.limit.amount_minor if self.limit else -1,
                "limit_currency": self.limit.currency if self.limit else "",
            },
            "parents": roles,
        }
        return [person, *({"uid": role, "attrs": {}, "parents": []} for role in roles)]


class ProposalFacts(Frozen):
    """What policies may know of a proposal. Nothing of it is the model's language.

    Attributes:
        original_cost: What the agent's own proposal cost; None where nobody changed it.
        amended_by: Who changed it; empty where nobody did.
        reverses: The run whose effect it takes back; empty where it takes back none.
    """

    run_id: str
    tenant: TenantId
    agent: AgentName
    kind: MutationKind
    treatment: ReasonCode
    cost: Money
    triggered_by: str
    original_cost: Money | None = None
    amended_by: str = ""
    reverses: str = ""

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.original_cost is not None and self.original_cost.currency != self.cost.currency:
            raise ValueError(f"original_cost {self.original_cost} and cost {self.cost} differ in currency")
        return self

    @classmethod
    def of(cls, proposal: Proposal) -> "ProposalFacts":
        """Take the facts of a proposal."""
        return cls.model_construct(
            run_id=proposal.run_id,
            tenant=proposal.tenant,
            agent=proposal.agent,
            kind=proposal.mutation.kind,
            treatment=proposal.treatment,
            cost=proposal.cost,
            triggered_by=proposal.triggered_by,
            original_cost=proposal.original_cost,
            amended_by=proposal.amended_by or "",
            reverses=proposal.reverses or "",
        )

    def entity(self) -> dict[str, Any]:
        """Return a Cedar entity."""
        return {
            "uid": {"type": "Proposal", "id": self.run_id},
            "attrs": {
                "tenant": self.tenant,
                "agent": self.agent,
                "kind": self.kind,
                "treatment": self.treatment,
                "cost_minor": self.cost.amount_minor,
                "original_cost_minor": (self.original_cost or self.cost).amount_minor,
                "currency": self.cost.currency,
                "triggered_by": self.triggered_by,
                "amended_by": self.amended_by,
                "reverses": self.reverses,
            },
            "parents": [],
        }


class MandateFacts(Frozen):
    """What policies may know of a mandate. `cap` is for one customer and period; `days` how long it is valid."""

    mandate_id: str
    name: str
    tenant: TenantId
    agent: AgentName
    kinds: tuple[MutationKind, ...]
    treatments: tuple[ReasonCode, ...]
    budget: Money
    cap: Money
    days: Annotated[StrictInt, Field(ge=1)]
    drafted_by: PersonName

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.cap.currency != self.budget.currency:
            raise ValueError(f"cap {self.cap} and budget {self.budget} differ in currency")
        return self

    @classmethod
    def of(cls, mandate: Mandate) -> "MandateFacts":
        """Take the facts of a mandate."""
        return cls.model_construct(
            mandate_id=mandate.document_id,
            name=mandate.name,
            tenant=mandate.tenant,
            agent=mandate.agent,
            kinds=mandate.kinds,
            treatments=mandate.treatments,
            budget=mandate.budget,
            cap=mandate.cap_per_customer,
            days=-((mandate.valid_from - mandate.valid_until) // _DAY),
            drafted_by=mandate.drafted_by,
        )

    def entity(self) -> dict[str, Any]:
        """Return a Cedar entity."""
        return {
            "uid": {"type": "Mandate", "id": self.mandate_id},
            "attrs": {
                "tenant": self.tenant,
                "agent": self.agent,
                "kinds": list(self.kinds),
                "treatments": list(self.treatments),
                "budget_minor": self.budget.amount_minor,
                "cap_minor": self.cap.amount_minor,
                "currency": self.budget.currency,
                "days": self.days,
                "drafted_by": self.drafted_by,
            },
            "parents": [],
        }


class HaltFacts(Frozen):
    """What policies may know of a halt. `subject` is empty where the whole tenant is halted."""

    halt_id: str
    tenant: TenantId
    scope: HaltScope
    subject: str
    placed_by: PersonName

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.scope == "tenant") != (not self.subject):
            raise ValueError(f"scope {self.scope!r} and subject {self.subject!r} do not fit")
        return self

    @classmethod
    def of(cls, halt: Halt) -> "HaltFacts":
        """Take the facts of a halt."""
        return cls.model_construct(
            halt_id=halt.halt_id,
            tenant=halt.tenant,
            scope=halt.scope,
            subject=halt.subject,
            placed_by=halt.placed_by,
        )

    def entity(self) -> dict[str, Any]:
        """Return a Cedar entity."""
        return {
            "uid": {"type": "Halt", "id": self.halt_id},
            "attrs": {
                "tenant": self.tenant,
                "scope": self.scope,
                "subject": self.subject,
                "placed_by": self.placed_by,
            },
            "parents": [],
        }


class IdentityFacts(Frozen):
    """What policies may know of a merge of two customers, or of its undoing. Who the customers are is none of it."""

    merge_id: str
    tenant: TenantId
    change: Change
    drafted_by: PersonName

    def entity(self) -> dict[str, Any]:
        """Return a Cedar entity."""
        attributes = {"tenant": self.tenant, "change": self.change, "drafted_by": self.drafted_by}
        return {"uid": {"type": "Identity", "id": self.merge_id}, "attrs": attributes, "parents": []}


class StageFacts(Frozen):
    """What policies may know of the next stage of a rollout, whose guard rails all passed.

    Attributes:
        reached: The share of the cohort that it reaches now.
        to: The share that the next stage would reach.
        stage: Which of the `stages` that is, from 1.
        customers_added: How many customers it would reach more, as far as is known.
        passed: The measures of its guard rails.
        looks: How many looks there were.
        days_watched: Whole days since the present stage began.
        holds: How often the rollout was held.
    """

    tenant: TenantId
    agent: AgentName
    strategy: str
    market: str
    reached: Share = 0
    to: Share
    customers_added: Annotated[StrictInt, Field(ge=0)]
    budget: Money
    budget_left: Money
    passed: tuple[Measure, ...] = ()
    version: str = ""
    stage: Annotated[StrictInt, Field(ge=1)] = 2
    stages: Annotated[StrictInt, Field(ge=1)] = 2
    customers_reached: Annotated[StrictInt, Field(ge=0)] = 0
    rails: Annotated[StrictInt, Field(ge=0)] = 0
    looks: Annotated[StrictInt, Field(ge=0)] = 1
    days_watched: Annotated[StrictInt, Field(ge=0)] = 0
    holds: Annotated[StrictInt, Field(ge=0)] = 0
    published_by: str = ""
    started_by: str = ""

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.budget.currency != self.budget_left.currency:
            raise ValueError(f"budget {self.budget} and budget_left {self.budget_left} differ in currency")
        return self

    def attributes(self) -> dict[str, str | int | list[str]]:
        """Return what Cedar sees of it; a promotion keeps exactly that, so that its answer can be had again."""
        return {
            "tenant": self.tenant,
            "agent": self.agent,
            "strategy": self.strategy,
            "version": self.version,
            "market": self.market,
            "from_percent": self.reached // _PER_CENT,
            "to_percent": -(-self.to // _PER_CENT),
            "stage": self.stage,
            "stages": self.stages,
            "customers_reached": self.customers_reached,
            "customers_added": self.customers_added,
            "passed": sorted(self.passed),
            "rails": self.rails,
            "looks": self.looks,
            "days_watched": self.days_watched,
            "holds": self.holds,
            "budget_minor": self.budget.amount_minor,
            "budget_left_minor": self.budget_left.amount_minor,
            "currency": self.budget.currency,
            "published_by": self.published_by,
            "started_by": self.started_by,
        }

    def entity(self) -> dict[str, Any]:
        """Return a Cedar entity."""
        return stage_entity(self.attributes())


def stage_entity(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Cedar entity of a stage with these attributes."""
    uid = {"type": "Stage", "id": f"{attributes['strategy']}.{attributes['stage']}"}
    return {"uid": uid, "attrs": dict(attributes), "parents": []}
