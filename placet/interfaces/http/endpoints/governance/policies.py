"""`/v1/policies`: which policies are in force, in their authors' own text; why they answered so; who signed them."""

from threading import Lock
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import Field, field_validator

from placet.contracts.base import AgentName, Digest, Frozen, RunId
from placet.errors import PolicyError, UpstreamUnavailable, UsageError
from placet.governance.policy.authoring import gate_words, lint
from placet.governance.policy.authoring.explain import RunExplained
from placet.governance.policy.authoring.gate_words import PermitGate
from placet.governance.policy.set import policy_document
from placet.governance.policy.source import Finding, PolicyFile, count
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.common import Signed, Why, text_of
from placet.interfaces.http.served import Served
from placet.service.documents.policy_signatures import (
    ShownSignature,
    list_signatures,
    take_signature,
    withdraw_signature,
)
from placet.service.explaining import explain_policy

MOST_POLICIES: Final = 100
"""Of a set that is checked over HTTP: twelve are many."""
SignatureId = Annotated[str, Path(pattern=r"^[0-9a-f]{8,32}$", description="its id, or an unambiguous beginning of it")]


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


class PolicySignatures(Frozen):
    """Signatures on policy sets, the newest first."""

    signatures: tuple[ShownSignature, ...]


class PolicyEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served, self._checking = served, Lock()

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1", tags=["policies"])
        router.add_api_route("/policies", self.list_policies, methods=["GET"])
        router.add_api_route("/policies/check", self.check, **posts("read"))
        router.add_api_route("/policies/signatures", self.list_signatures, methods=["GET"])
        router.add_api_route("/policies/signatures", self.take, **posts("deliver"), status_code=201)
        router.add_api_route("/policies/signatures/{signature_id}/withdraw", self.withdraw, **posts("withdraw"))
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

    def list_signatures(self) -> PolicySignatures:
        """List who signed which policy set, so that it may begin stages of rollouts, and where each stands."""
        served = self._served
        return PolicySignatures(signatures=list_signatures(served.database, served.tenant, served.policies_of))

    def take(self, envelope: Signed) -> ShownSignature:
        """Take a signature on the policy set in force; the same again changes nothing. See `PolicySignature`.

        It may then begin stages of rollouts without a signature on each, where one of its policies permits `promote`.
        """
        served = self._served
        return take_signature(served.database, text_of(envelope), tenant=served.tenant, policies=served.policies_of)

    def withdraw(self, signature_id: SignatureId, why: Why, operator: Operator) -> ShownSignature:
        """Withdraw a signature on a policy set: it begins no more stages, and those that it began stay."""
        served = self._served
        return withdraw_signature(
            served.database,
            tenant=served.tenant,
            signature_id=signature_id,
            by=operator.name,
            reason=why.reason,
            policies=served.policies_of,
            voucher=operator.token_id,
        )

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
