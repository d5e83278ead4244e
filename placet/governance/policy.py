"""Policy questions, answered by Cedar: default deny, `forbid` wins, and the deciding policies are named.

Two questions are asked of a tenant's policy set: may this agent *propose* this mutation, and may this person
*decide* it. No policy set, an invalid one, or an evaluation error all mean no.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import cedarpy

from placet.contracts.approver import EnrolledKey
from placet.contracts.proposal import Proposal
from placet.errors import PolicyError
from placet.governance.canonical import sha256_hex


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One answer. `policies` are the `@id`s of the policies that determined it; empty when nothing permitted."""

    allowed: bool
    policies: tuple[str, ...]
    detail: str


class PolicySet:
    """A validated, parsed policy set. Its digest is its version: a changed file is another set."""

    def __init__(self, text: str) -> None:
        """Parse and validate `text`, Cedar policies.

        Raises:
            PolicyError: it does not parse, or speaks about something the schema does not have.
        """
        schema_text = resources.files("placet.governance").joinpath("policy.cedarschema").read_text()
        try:
            result = cedarpy.validate_policies(text, schema_text)
            self._policies = cedarpy.PolicySet.from_str(text)
            self._schema = cedarpy.Schema.from_str(schema_text)
        except ValueError as error:
            raise PolicyError(f"the policy set does not parse: {_first_line(error)}") from error
        if not result.validation_passed:
            raise PolicyError(f"the policy set is invalid: {_first_line(result.errors[0])}")
        self.digest = sha256_hex(text.encode())

    def may_propose(self, proposal: Proposal) -> PolicyAnswer:
        """May the proposal's agent put this mutation before a person?"""
        agent = {
            "uid": {"type": "Agent", "id": proposal.agent},
            "attrs": {"tenant": proposal.tenant},
            "parents": [],
        }
        return self._ask(agent, "propose", proposal)

    def may_decide(self, person: EnrolledKey, proposal: Proposal) -> PolicyAnswer:
        """May the holder of this key decide this proposal? A key without a limit has a limit of nothing."""
        limit = person.limit
        entity = {
            "uid": {"type": "Person", "id": person.name},
            "attrs": {
                "name": person.name,
                "tenant": person.tenant,
                "limit_minor": limit.amount_minor if limit else -1,
                "limit_currency": limit.currency if limit else "",
            },
            "parents": [{"type": "Role", "id": role} for role in person.roles],
        }
        return self._ask(entity, "decide", proposal)

    def _ask(self, principal: dict[str, Any], action: str, proposal: Proposal) -> PolicyAnswer:
        resource = _proposal_entity(proposal)
        request = {
            "principal": principal["uid"],
            "action": {"type": "Action", "id": action},
            "resource": resource["uid"],
            "context": {},
        }
        roles = [{"uid": uid, "attrs": {}, "parents": []} for uid in principal["parents"]]
        result = cedarpy.is_authorized(request, self._policies, [principal, resource, *roles], self._schema)
        named = result.diagnostics.id_annotations_by_reason
        deciding = tuple(sorted(named.get(reason, reason) for reason in result.diagnostics.reasons))
        if result.diagnostics.errors:
            return PolicyAnswer(False, deciding, f"evaluation failed: {_first_line(result.diagnostics.errors[0])}")
        if result.allowed:
            return PolicyAnswer(True, deciding, "permitted")
        return PolicyAnswer(False, deciding, "forbidden" if deciding else "no policy permits it")


def _proposal_entity(proposal: Proposal) -> dict[str, Any]:
    return {
        "uid": {"type": "Proposal", "id": proposal.run_id},
        "attrs": {
            "tenant": proposal.tenant,
            "agent": proposal.agent,
            "kind": proposal.mutation.kind,
            "treatment": proposal.treatment,
            "cost_minor": proposal.cost.amount_minor,
            "currency": proposal.cost.currency,
            "triggered_by": proposal.triggered_by,
        },
        "parents": [],
    }


def _first_line(error: object) -> str:
    return str(error).strip().splitlines()[0][:300]
