"""`/v1/policies`: which policies are in force, in their authors' own text; and why they answered as they did."""

from threading import Lock
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import Field, field_validator

from placet.contracts.base import AgentName, Digest, Frozen, RunId
from placet.errors import PolicyError, UpstreamUnavailable, UsageError
from placet.governance.policy.authoring import gate_words, lint
from placet.governance.policy.authoring.explain import RunExplained
from placet.governance.policy.authoring.gate_words import PermitGate
from placet.governance.policy.set import policy_document
from placet.governance.policy.source import Finding, PolicyFile, count
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.http.access import posts
from placet.interfaces.http.served import Served
from placet.service.explaining import explain_policy

MOST_POLICIES: Final = 100
"""Of a set that is checked over HTTP: twelve are many."""


class PoliciesInForce(Frozen):
    """The set in force for one agent.

    Attributes:
        policy_set: Its version, as gates and decisions on the record name it; None where there is none in force.
        fault: Why nothing is permitted; empty where the set is in order.
    """

    agent: AgentName
    policy_set: Digest | None
    files: tuple[PolicyFile, ...]
    fault: str


class Policies(Frozen):
    """The set in force for each agent."""

    policies: tuple[PoliciesInForce, ...]


# Built at once: FastAPI looks into the body of a request before pydantic would build it, and complains.
class PolicyDraft(Frozen, defer_build=False):
    """A policy set that is not in force: its files, each name once."""

    files: Annotated[tuple[PolicyFile, ...], Field(min_length=1, max_length=50)]

    @field_validator("files")
    @classmethod
    def _named_once(cls, files: tuple[PolicyFile, ...]) -> tuple[PolicyFile, ...]:
        if len({file.name for file in files}) < len(files):
            raise ValueError("two files have one name")
        return files


class PolicyChecked(Frozen):
    """What there is to say about a draft.

    Attributes:
        policy_set: The version it would have.
        findings: With an error among them the set is refused, and everything denied.
        gates: What each permit to propose asks of people.
    """

    policy_set: Digest
    findings: tuple[Finding, ...]
    gates: tuple[PermitGate, ...]


class PolicyEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served, self._checking = served, Lock()

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1", tags=["policies"])
        router.add_api_route("/policies", self.list_policies, methods=["GET"])
        router.add_api_route("/policies/check", self.check, **posts("read"))
        router.add_api_route("/runs/{run_id}/policy", self.explain, methods=["GET"])
        return router

    def list_policies(self) -> Policies:
        """Show the set in force for each agent, read from its files now."""
        return Policies(policies=tuple(self._in_force(agent) for agent in self._served.agents))

    def check(self, draft: PolicyDraft) -> PolicyChecked:
        """Validate and lint a policy set that is not in force, and show what it would ask of people."""
        files = tuple(sorted(draft.files, key=lambda file: file.name))
        if count(files) > MOST_POLICIES:
            raise UsageError(
                f"a set of more than {MOST_POLICIES} policies is checked on the command line: `placet policy check`",
                code="too_complex",
            )
        # What compares each policy with each other holds a thread and a core: one at a time.
        if not self._checking.acquire(blocking=False):
            raise UpstreamUnavailable("another policy set is being checked; try again in a moment", code="busy")
        try:
            return PolicyChecked(
                policy_set=sha256_hex(policy_document(files)), findings=lint.check(files), gates=gate_words.gates(files)
            )
        finally:
            self._checking.release()

    def explain(self, run_id: RunId) -> RunExplained:
        """Say why policy answered as it did at a run's gate and for each decision, and who could decide it now."""
        served = self._served
        return explain_policy(served.database, served.tenant, run_id, served.policies_of)

    def _in_force(self, agent: str) -> PoliciesInForce:
        try:
            found = self._served.policies_of(agent)
        except PolicyError as error:
            return PoliciesInForce(agent=agent, policy_set=None, files=(), fault=str(error))
        return PoliciesInForce(agent=agent, policy_set=found.digest, files=found.files, fault="")
