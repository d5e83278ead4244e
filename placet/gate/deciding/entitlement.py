"""Whether a person may decide a proposal, in their own name or another's, and in which of the roles asked for."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.proposal import Proposal
from placet.contracts.text import spoken_list
from placet.errors import DecisionRefused
from placet.governance.approvals import check_key
from placet.governance.authority.delegations import Authority, authorities, authority_under, entitled
from placet.governance.policy.set import PolicySet
from placet.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Entitlement:
    """By which policies, in which of the roles asked for, and in whose stead a person may decide."""

    policies: tuple[str, ...]
    roles: tuple[str, ...]
    delegated_by: str | None
    delegation_id: str | None


class Entitlements:
    """What people may do about one proposal at one moment.

    Args:
        tx: Keys and delegations.
        policies: The set in force.
        proposal: What is decided.
        roles: The roles that are asked; holding one of them is required.
        now: When keys and delegations must count.
    """

    def __init__(
        self, tx: Transaction, policies: PolicySet, proposal: Proposal, roles: Collection[str], now: datetime
    ) -> None:
        self._tx, self._policies, self._proposal = tx, policies, proposal
        self._roles, self._now = tuple(roles), now

    def of(self, key: EnrolledKey) -> Iterator[Entitlement]:
        """Yield every way in which the holder of `key` may decide: in their own name first, then by each delegation.

        Raises:
            DecisionRefused: code `unentitled`; there is none, and the reason is that of their own authority.
        """
        refusal: DecisionRefused | None = None
        found = False
        delegations = self._tx.delegations.active(key.tenant, key.name, self._now)
        for authority in authorities(
            key,
            delegations,
            self._tx.approvers.get,
            self._now,
            verified=lambda record: self._tx.delegations.signed(record, self._now),
            roles=self._roles,
        ):
            try:
                yield self._under(authority)
                found = True
            except DecisionRefused as error:
                refusal = refusal or error
        if not found:
            raise refusal or DecisionRefused(f"{key.name!r} holds no authority", code="unentitled")

    def still(self, decision: AcceptedDecision) -> AcceptedDecision:
        """Return an accepted decision as it counts now, with the roles that it still holds.

        Its key must be good, and its very authority must still hold.

        Raises:
            DecisionRefused: it counts no longer.
        """
        key_id = decision.key_id
        key = check_key(self._tx.approvers.get(key_id), key_id, self._proposal.tenant, self._now)
        authority: Authority | None = Authority(key)
        if decision.delegation_id is not None:
            record = self._tx.delegations.get(key.tenant, decision.delegation_id)
            authority = None
            if record is not None and self._tx.delegations.signed(record, self._now):
                authority = authority_under(key, record, self._tx.approvers.get, self._now)
        if authority is None:
            raise DecisionRefused(
                f"the delegation under which {decision.approver!r} decided no longer counts", code="unentitled"
            )
        held = self._under(authority)
        return decision.model_copy(
            update={"roles": held.roles, "delegated_by": held.delegated_by, "delegation_id": held.delegation_id}
        )

    def _under(self, authority: Authority) -> Entitlement:
        person = authority.person
        held = tuple(role for role in self._roles if role in person.roles)
        if not held:
            asked = spoken_list(self._roles) or "none that policy and the gate both name"
            raise DecisionRefused(f"{person.name!r} holds none of the roles that are asked: {asked}", code="unentitled")
        answer = entitled(authority, lambda one: self._policies.may_decide(one, self._proposal))
        if answer.allowed:
            return Entitlement(answer.policies, held, authority.delegated_by, authority.delegation_id)
        because = f" by {', '.join(answer.policies)}" if answer.policies else ""
        what = f"a {self._proposal.treatment} that costs {self._proposal.cost}"
        raise DecisionRefused(f"{person.name!r} may not decide {what}: {answer.detail}{because}", code="unentitled")
