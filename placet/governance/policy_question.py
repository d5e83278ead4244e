"""The three questions that are asked of a policy set, as the entities Cedar sees."""

from dataclasses import dataclass
from typing import Any, Literal

from placet.contracts.approver import EnrolledKey, RoleName
from placet.contracts.base import AgentName, Frozen, PersonName, ReasonCode, TenantId
from placet.contracts.money import Money
from placet.contracts.proposal import MutationKind, Proposal

Action = Literal["propose", "commit", "decide"]
"""May this agent propose it; is it pre-authorised to commit without a person; may this person decide it."""


class AgentFacts(Frozen):
    """What policies may know of an agent."""

    name: AgentName
    tenant: TenantId

    @classmethod
    def of(cls, proposal: Proposal) -> "AgentFacts":
        """The agent of a proposal."""
        return cls.model_construct(name=proposal.agent, tenant=proposal.tenant)

    def entities(self) -> list[dict[str, Any]]:
        """As Cedar entities, the principal first."""
        return [{"uid": {"type": "Agent", "id": self.name}, "attrs": {"tenant": self.tenant}, "parents": []}]


class PersonFacts(Frozen):
    """What policies may know of a person, by the key they sign with. Without a limit it is a limit of nothing."""

    name: PersonName
    tenant: TenantId
    roles: tuple[RoleName, ...] = ()
    limit: Money | None = None

    @classmethod
    def of(cls, key: EnrolledKey) -> "PersonFacts":
        """The holder of an enrolled key."""
        # The key was validated under the same types; a gate asks too often to do it twice.
        return cls.model_construct(name=key.name, tenant=key.tenant, roles=key.roles, limit=key.limit)

    def entities(self) -> list[dict[str, Any]]:
        """As Cedar entities, the principal first."""
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
    """What policies may know of a proposal. Nothing of it is the model's language."""

    run_id: str
    tenant: TenantId
    agent: AgentName
    kind: MutationKind
    treatment: ReasonCode
    cost: Money
    triggered_by: str

    @classmethod
    def of(cls, proposal: Proposal) -> "ProposalFacts":
        """The facts of a proposal."""
        return cls.model_construct(
            run_id=proposal.run_id,
            tenant=proposal.tenant,
            agent=proposal.agent,
            kind=proposal.mutation.kind,
            treatment=proposal.treatment,
            cost=proposal.cost,
            triggered_by=proposal.triggered_by,
        )

    def entity(self) -> dict[str, Any]:
        """As a Cedar entity."""
        return {
            "uid": {"type": "Proposal", "id": self.run_id},
            "attrs": {
                "tenant": self.tenant,
                "agent": self.agent,
                "kind": self.kind,
                "treatment": self.treatment,
                "cost_minor": self.cost.amount_minor,
                "currency": self.cost.currency,
                "triggered_by": self.triggered_by,
            },
            "parents": [],
        }


@dataclass(frozen=True, slots=True)
class Question:
    """One question: who asks to do what about which proposal."""

    action: Action
    principal: AgentFacts | PersonFacts
    proposal: ProposalFacts

    def request(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The Cedar request and the entities it speaks about."""
        principal, resource = self.principal.entities(), self.proposal.entity()
        request = {
            "principal": principal[0]["uid"],
            "action": {"type": "Action", "id": self.action},
            "resource": resource["uid"],
        }
        return request, [*principal, resource]


def proposes(proposal: Proposal) -> Question:
    """May the proposal's agent put this mutation before a person?"""
    return Question("propose", AgentFacts.of(proposal), ProposalFacts.of(proposal))


def commits(proposal: Proposal) -> Question:
    """Is the proposal's agent pre-authorised to commit this mutation without a person?"""
    return Question("commit", AgentFacts.of(proposal), ProposalFacts.of(proposal))


def decides(key: EnrolledKey, proposal: Proposal) -> Question:
    """May the holder of `key` decide this proposal?"""
    return Question("decide", PersonFacts.of(key), ProposalFacts.of(proposal))
