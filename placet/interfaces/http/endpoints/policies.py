"""`/v1/policies`: which policies are in force, in their authors' own text; and why they answered as they did."""

from fastapi import APIRouter

from placet.contracts.base import AgentName, Digest, Frozen, RunId
from placet.errors import PolicyError
from placet.governance.policy.authoring.explain import RunExplained
from placet.governance.policy.source import PolicyFile
from placet.interfaces.http.served import Served
from placet.service.explaining import explain_policy


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


class PolicyEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Its route."""
        router = APIRouter(prefix="/v1", tags=["policies"])
        router.add_api_route("/policies", self.list_policies, methods=["GET"])
        router.add_api_route("/runs/{run_id}/policy", self.explain, methods=["GET"])
        return router

    def list_policies(self) -> Policies:
        """Show the set in force for each agent, read from its files now."""
        return Policies(policies=tuple(self._in_force(agent) for agent in self._served.agents))

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
