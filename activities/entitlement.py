"""Whether a person may decide a proposal, in their own name or another's, and in which of the roles asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.approver import EnrolledKey
from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused
from placet.governance.delegations import authorities, entitled
from placet.governance.policy import PolicySet
from placet.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Entitlement:
    """By which policies, in which of the roles asked for, and in whose stead a person may decide."""

    policies: tuple[str, ...]
    roles: tuple[str, ...]
    delegated_by: str | None


def entitle(
    tx: Transaction, policies: PolicySet, key: EnrolledKey, proposal: Proposal, roles: Sequence[str], now: datetime
) -> Entitlement:
    """Policy entitles the holder of `key`, by their enrolment or by a delegation, in one of `roles`.

    Raises:
        DecisionRefused: code `unentitled`; the reason is that of their own authority.
    """
    reasons: list[str] = []
    delegations = tx.delegations.active(key.tenant, key.name, now)
    for authority in authorities(key, delegations, tx.approvers.get, now):
        held = tuple(role for role in roles if role in authority.person.roles)
        if not held:
            reasons.append(f"{key.name!r} holds none of the roles that are asked: {', '.join(roles)}")
            continue
        answer = entitled(authority, lambda person: policies.may_decide(person, proposal))
        if answer.allowed:
            return Entitlement(answer.policies, held, authority.delegated_by)
        because = f" by {', '.join(answer.policies)}" if answer.policies else ""
        what = f"a {proposal.treatment} that costs {proposal.cost}"
        reasons.append(f"{key.name!r} may not decide {what}: {answer.detail}{because}")
    raise DecisionRefused(reasons[0] if reasons else f"{key.name!r} holds no authority", code="unentitled")
