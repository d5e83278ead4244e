"""In whose authority a person decides: their own, or what others conferred on them until a date. Pure rules.

Invariants:
 (1) a delegation confers no more than its signer holds, neither when it is signed nor when it is used: the roles that
     both name, and the smaller limit;
 (2) it counts while its signer's key is good, inside its own time, and until it is revoked;
 (3) it cannot be passed on: only what a person was enrolled with can be conferred;
 (4) a delegate may do no more than the delegator might in person: policy is asked about both, each by name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from placet.contracts.approver import EnrolledKey
from placet.contracts.delegation import Delegation, DelegationRecord
from placet.contracts.money import Money
from placet.errors import DecisionRefused
from placet.governance.approvals import check_key
from placet.governance.policy import PolicyAnswer

LONGEST_DELEGATION = timedelta(days=366)
"""Whoever is away for longer has a successor, who is enrolled in their own right."""


@dataclass(frozen=True, slots=True)
class Authority:
    """What a person may decide with.

    Attributes:
        person: Who decides, with the roles and the limit that count under this authority.
        delegator: In whose stead, as enrolled; None for the person's own authority.
        delegation_id: Under which delegation.
    """

    person: EnrolledKey
    delegator: EnrolledKey | None = None
    delegation_id: str | None = None

    @property
    def delegated_by(self) -> str | None:
        """In whose stead the person decides."""
        return None if self.delegator is None else self.delegator.name


def authorities(
    key: EnrolledKey,
    delegations: Sequence[DelegationRecord],
    find_key: Callable[[str], EnrolledKey | None],
    now: datetime,
) -> tuple[Authority, ...]:
    """Every authority the holder of `key` has at `now`: their own first, then each that was conferred and counts.

    `key` itself must be good already (`placet.governance.approvals.check_key`). A delegation that does not count, for
    whatever reason, confers nothing.
    """
    conferred = (_conferred(key, record, find_key, now) for record in delegations)
    return (Authority(key), *(authority for authority in conferred if authority is not None))


def entitled(authority: Authority, ask: Callable[[EnrolledKey], PolicyAnswer]) -> PolicyAnswer:
    """Ask policy about the person and, where they act for somebody, about the delegator in person as well (4).

    The answer names the policies that determined either; a refusal says whom it is about.
    """
    answer = ask(authority.person)
    if authority.delegator is None or not answer.allowed:
        return answer
    theirs = ask(authority.delegator)
    if not theirs.allowed:
        return PolicyAnswer(
            False, theirs.policies, f"{authority.delegated_by!r}, who delegated it, may not either: {theirs.detail}"
        )
    return PolicyAnswer(True, tuple(sorted({*answer.policies, *theirs.policies})), answer.detail)


def check_conferred(delegation: Delegation, key: EnrolledKey, now: datetime) -> None:
    """The holder of `key` may sign `delegation`: it confers what they hold, and ends in time.

    Raises:
        DecisionRefused: code `role_not_held`, `beyond_limit`, `over` (it ends before it counts) or `too_long`.
    """
    missing = sorted(set(delegation.roles) - set(key.roles))
    if missing:
        raise DecisionRefused(
            f"{key.name!r} does not hold the role {missing[0]!r}; held: {', '.join(key.roles)}", code="role_not_held"
        )
    if delegation.limit.amount_minor > 0 and _smaller(delegation.limit, key.limit) != delegation.limit:
        own = "nothing" if key.limit is None else key.limit
        raise DecisionRefused(
            f"limit {str(delegation.limit)!r} is beyond that of {key.name!r}, which is {own}", code="beyond_limit"
        )
    if delegation.valid_until <= now:
        raise DecisionRefused(f"it ended at {delegation.valid_until:%Y-%m-%d %H:%M:%S}Z already", code="over")
    if delegation.valid_until - min(delegation.valid_from, now) > LONGEST_DELEGATION:
        raise DecisionRefused(
            f"it lasts longer than {LONGEST_DELEGATION.days} days; set an earlier end", code="too_long"
        )


def _conferred(
    key: EnrolledKey, record: DelegationRecord, find_key: Callable[[str], EnrolledKey | None], now: datetime
) -> Authority | None:
    delegation = record.delegation
    ours = (delegation.tenant, delegation.delegate) == (key.tenant, key.name)
    if not ours or record.revoked_at is not None or not delegation.valid_from <= now < delegation.valid_until:
        return None
    try:
        delegator = check_key(find_key(record.key_id), record.key_id, key.tenant, now)
    except DecisionRefused:
        return None
    roles = tuple(role for role in delegation.roles if role in delegator.roles)
    limit = _smaller(delegation.limit, delegator.limit)
    if delegator.name != delegation.signer or not roles or limit is None:
        return None
    person = key.model_copy(update={"roles": roles, "limit": limit})
    return Authority(person, delegator, delegation.document_id)


def _smaller(limit: Money, own: Money | None) -> Money | None:
    """What both allow: None where that is nothing at all, and where currencies differ, which nobody compares."""
    if own is None or own.currency != limit.currency:
        return None
    return min(limit, own, key=lambda money: money.amount_minor)
