"""What the record says policy answered in a run, asked again of the very set that was in force."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, ValidationError

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Digest, Frozen
from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.proposal import Proposal
from placet.governance.policy.authoring.gate_words import gate_in_words
from placet.governance.policy.authoring.why import Explained, explain
from placet.governance.policy.question import Question, commits, decides, proposes
from placet.governance.policy.set import PolicySet

_NOT_KEPT = "the text of that set is not kept, or speaks an older schema"


class Recorded(Frozen):
    """One answer of policy as it stands on the record, explained by the set that was in force.

    Attributes:
        policies: The deciding policies, as recorded.
        policy_set: Version of the set in force; None where there was none.
        terms: What a gate asks of people, in words; empty where it asks nobody.
        explained: The same question asked again of the stored set; None where it cannot be.
        unexplained: Why it cannot be asked again; empty where it was, and where policy was not asked.
        agrees: Whether that gives the recorded answer; None where that cannot be told.
    """

    at: AwareDatetime
    who: str
    outcome: str
    detail: str
    policies: tuple[str, ...]
    policy_set: Digest | None
    terms: str = ""
    explained: Explained | None
    unexplained: str = ""
    agrees: bool | None


@dataclass(slots=True)
class RunRecord:
    """Reads a run's entries in their order.

    Attributes:
        proposals: Finds a proposal by its digest: an amendment makes another one of it.
        stored: Finds the text of a set by its version; None when it was not kept.
        holders: Keys enrolled for the run's tenant, by their id.
        version: The set that the gate was last asked of.
        gate: The gate that stands; None before there is one, or where its entry is of an older form.
    """

    proposals: Callable[[str], Proposal | None]
    stored: Callable[[str], PolicySet | None]
    holders: Mapping[str, EnrolledKey]
    version: str | None = None
    gate: Gate | None = None

    def opened(self, event: AuditEvent) -> Recorded:
        """Explain the entry of a gate, as it was opened or as an amendment changed it."""
        body: dict[str, Any] = event.body
        gate, proposal = body["gate"], self.proposals(str(body["proposal"]))
        self.version, self.gate = gate["policy_set"], _gate(gate)
        verdict = gate["verdict"]
        asked = None if proposal is None else (commits if verdict == "cleared" else proposes)(proposal)
        explained = self._again(self.version, asked)
        agent = f"agent {proposal.agent}" if proposal else "agent"
        return Recorded(
            at=event.at,
            who=f"{agent}, amended by {event.actor}" if event.kind == "approve.amended" else agent,
            outcome={"denied": "denied", "cleared": "cleared"}.get(verdict, "permitted"),
            detail=gate["reason"],
            policies=gate["policies"],
            policy_set=self.version,
            terms=gate_in_words(self.gate) if self.gate else "",
            explained=explained,
            unexplained="" if explained else _NOT_KEPT,
            agrees=_gate_agrees(explained, verdict != "denied", gate["policies"]),
        )

    def decided(self, event: AuditEvent) -> Recorded:
        """Explain the entry of a decision that was accepted."""
        body: dict[str, Any] = event.body
        # An entry that does not say which set was asked may mean the gate's or a later one: then only agreement tells.
        version, stead = body.get("policy_set", self.version), body.get("delegated_by")
        proposal, key = self.proposals(str(body.get("proposal", ""))), self.holders.get(body["key_id"])
        # What was conferred then is not what the key was enrolled with: that question would be another one.
        asked = decides(key, proposal) if key and proposal and not stead else None
        explained = self._again(version, asked)
        agrees = _agrees(explained, True, body["policies"])
        return Recorded(
            at=event.at,
            who=f"{event.actor}, in the stead of {stead}" if stead else event.actor,
            outcome=f"{body['verdict']} accepted, entitled",
            detail=str(body["reason"]),
            policies=body["policies"],
            policy_set=version,
            explained=explained,
            unexplained="" if explained else (f"{stead} had delegated it" if stead else _NOT_KEPT),
            agrees=agrees if agrees or "policy_set" in body else None,
        )

    def refused(self, event: AuditEvent) -> Recorded:
        """Return the entry of a decision that did not count. Who sent it is not known; who signed it may be."""
        signer = event.body.get("signer")
        return Recorded(
            at=event.at,
            who=f"signed by {signer}" if signer else "unverified sender",
            outcome=f"refused ({event.body['code']})",
            detail=str(event.body["detail"]),
            policies=(),
            policy_set=self.version,
            explained=None,
            agrees=None,
        )

    def _again(self, version: str | None, question: Question | None) -> Explained | None:
        policies = self.stored(version) if version and question else None
        usable = policies is not None and policies.current
        return explain(policies, question) if usable and policies and question else None


def _gate(body: dict[str, Any]) -> Gate | None:
    try:
        return Gate.model_validate(body)
    except ValidationError:
        return None  # of an older form


def _gate_agrees(explained: Explained | None, passed: bool, policies: tuple[str, ...]) -> bool | None:
    agrees = _agrees(explained, passed, policies)
    if agrees is False and not passed and _agrees(explained, True, policies) and policies:
        # Permits that let it be proposed and a gate that is denied: what they asked of people contradicted the
        # application's defaults of that time, which are not part of the set.
        return None
    return agrees


def _agrees(explained: Explained | None, allowed: bool, policies: tuple[str, ...]) -> bool | None:
    if explained is None:
        return None
    return explained.allowed is allowed and sorted(explained.policies) == sorted(policies)
