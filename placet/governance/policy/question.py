"""The questions that are asked of a policy set, as the entities Cedar sees."""

from dataclasses import dataclass
from typing import Any, Literal

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.halt import Halt
from placet.contracts.people.mandate import Mandate
from placet.contracts.proposal import Proposal
from placet.governance.policy.facts import (
    AgentFacts,
    HaltFacts,
    IdentityFacts,
    MandateFacts,
    PersonFacts,
    ProposalFacts,
    StageFacts,
)

AgentAction = Literal["propose", "commit"]
"""May this agent propose it; is it pre-authorised to commit without a person."""

StageAction = Literal["promote"]
"""May this stage of a rollout begin without a person's signature on it."""

PersonAction = Literal["decide", "authorise", "lift", "merge"]
"""May this person decide a proposal; sign a mandate; lift a halt; merge two customers or split them."""

Action = Literal[AgentAction, StageAction, PersonAction]


class _Asked:
    """What every question has: who asks, to do what, about what."""

    __slots__ = ()

    action: Action
    principal: AgentFacts | PersonFacts
    resource: ProposalFacts | MandateFacts | HaltFacts | IdentityFacts | StageFacts

    def request(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the Cedar request and the entities it speaks about."""
        principal, resource = self.principal.entities(), self.resource.entity()
        request = {
            "principal": principal[0]["uid"],
            "action": {"type": "Action", "id": self.action},
            "resource": resource["uid"],
        }
        return request, [*principal, resource]


@dataclass(frozen=True, slots=True)
class AgentQuestion(_Asked):
    """May this agent do what its proposal says?"""

    action: AgentAction
    principal: AgentFacts
    resource: ProposalFacts


@dataclass(frozen=True, slots=True)
class PromoteQuestion(_Asked):
    """May this stage of a rollout begin without a person's signature on it?"""

    principal: AgentFacts
    resource: StageFacts
    action: StageAction = "promote"


@dataclass(frozen=True, slots=True)
class DecideQuestion(_Asked):
    """May this person decide this proposal?"""

    principal: PersonFacts
    resource: ProposalFacts
    action: Literal["decide"] = "decide"


@dataclass(frozen=True, slots=True)
class AuthoriseQuestion(_Asked):
    """May this person sign this mandate?"""

    principal: PersonFacts
    resource: MandateFacts
    action: Literal["authorise"] = "authorise"


@dataclass(frozen=True, slots=True)
class LiftQuestion(_Asked):
    """May this person lift this halt?"""

    principal: PersonFacts
    resource: HaltFacts
    action: Literal["lift"] = "lift"


@dataclass(frozen=True, slots=True)
class MergeQuestion(_Asked):
    """May this person sign that two ids are one customer, or that they are not?"""

    principal: PersonFacts
    resource: IdentityFacts
    action: Literal["merge"] = "merge"


Question = AgentQuestion | PromoteQuestion | DecideQuestion | AuthoriseQuestion | LiftQuestion | MergeQuestion


def proposes(proposal: Proposal) -> AgentQuestion:
    """Ask whether the proposal's agent may put this mutation before a person."""
    return AgentQuestion("propose", AgentFacts.of(proposal), ProposalFacts.of(proposal))


def commits(proposal: Proposal) -> AgentQuestion:
    """Ask whether the proposal's agent is pre-authorised to commit this mutation without a person."""
    return AgentQuestion("commit", AgentFacts.of(proposal), ProposalFacts.of(proposal))


def promotes(stage: StageFacts) -> PromoteQuestion:
    """Ask whether this stage of a rollout may begin without a person's signature on it."""
    return PromoteQuestion(AgentFacts.model_construct(name=stage.agent, tenant=stage.tenant), stage)


def decides(key: EnrolledKey, proposal: Proposal) -> DecideQuestion:
    """Ask whether the holder of `key` may decide this proposal."""
    return DecideQuestion(PersonFacts.of(key), ProposalFacts.of(proposal))


def authorises(key: EnrolledKey, mandate: Mandate) -> AuthoriseQuestion:
    """Ask whether the holder of `key` may sign this mandate."""
    return AuthoriseQuestion(PersonFacts.of(key), MandateFacts.of(mandate))


def lifts(key: EnrolledKey, halt: Halt) -> LiftQuestion:
    """Ask whether the holder of `key` may lift this halt."""
    return LiftQuestion(PersonFacts.of(key), HaltFacts.of(halt))


def merges(key: EnrolledKey, identity: IdentityFacts) -> MergeQuestion:
    """Ask whether the holder of `key` may merge two customers, or split them."""
    return MergeQuestion(PersonFacts.of(key), identity)
