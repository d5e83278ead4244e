"""In whose authority a person decides: their own, or what others conferred on them until a date. Pure rules.

Anyone who is enrolled may delegate to anyone, asked or not. So what it costs to review a decision must not grow with
what others signed: few delegations of one person to another stand at a time, and a signature is verified only when its
delegation is reached and would matter.

Invariants:
 (1) a delegation confers no more than its signer holds, neither when it is signed nor when it is used: the roles that
     both name, and the smaller limit;
 (2) it counts while its signer's key is good, inside its own time, and until it is revoked;
 (3) it cannot be passed on: only what a person was enrolled with can be conferred;
 (4) a delegate may do no more than the delegator might in person: policy is asked about both, each by name.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import TypedDict

from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.people.lasting import LONGEST, MOST_DAYS
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import check_key
from placet.governance.policy.answer import PolicyAnswer

MOST_BETWEEN_TWO = 2
"""Delegations of one person to another that may stand at a time: the one in force, and the one that follows it."""

MOST_CONSIDERED = 50
"""Delegations to one person that a review looks at; only as many delegators together could crowd one out."""


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
    delegations: Iterable[DelegationRecord],
    find_key: Callable[[str], EnrolledKey | None],
    now: datetime,
    *,
    verified: Callable[[DelegationRecord], bool],
    roles: Collection[str] | None = None,
) -> Iterator[Authority]:
    """Yield each authority of the holder of `key` at `now`: their own, then those conferred.

    Those conferred come in the order of `delegations`.

    `key` itself must be good already (`placet.governance.approvals.check_key`). A delegation that does not count, for
    whatever reason, confers nothing. Lazy: nothing is looked up or verified for what is not asked for.

    Args:
        key: The key that signs.
        delegations: Candidates, verified or not.
        find_key: Finds the delegator's key.
        now: When all must count.
        verified: Whether the signed document says what the record says; asked last, of what would count otherwise.
        roles: What is conferred must hold one of these; None for any.
    """
    yield Authority(key)
    for record in delegations:
        if roles is not None and not set(roles) & set(record.delegation.roles):
            continue
        authority = authority_under(key, record, find_key, now)
        if authority is None or (roles is not None and not set(roles) & set(authority.person.roles)):
            continue
        if verified(record):
            yield authority


def authority_under(
    key: EnrolledKey, record: DelegationRecord, find_key: Callable[[str], EnrolledKey | None], now: datetime
) -> Authority | None:
    """Return what the holder of `key` may decide with under this very delegation at `now`; None if it does not count.

    That the signed document says what the record says is the caller's to verify.
    """
    delegation = record.delegation
    ours = (delegation.tenant, delegation.delegate) == (key.tenant, key.name)
    if not ours or record.revoked_at is not None or not delegation.valid_from <= now < delegation.valid_until:
        return None
    try:
        delegator, conferred = conferred_by(record, find_key, now)
    except DecisionRefused:
        return None
    return Authority(key.model_copy(update=conferred), delegator, delegation.document_id)


class Conferred(TypedDict):
    """What a delegation confers."""

    roles: tuple[str, ...]
    limit: Money


def conferred_by(
    record: DelegationRecord, find_key: Callable[[str], EnrolledKey | None], now: datetime
) -> tuple[EnrolledKey, Conferred]:
    """Return who delegated, and what of it they hold at `now`; its own time and a revocation are the caller's to check.

    Raises:
        DecisionRefused: it confers nothing; why.
    """
    delegation = record.delegation
    delegator = check_key(find_key(record.key_id), record.key_id, delegation.tenant, now)
    if delegator.name != delegation.signer:
        raise DecisionRefused(f"its key is not one of {delegation.signer!r}", code="other_signer")
    roles = tuple(role for role in delegation.roles if role in delegator.roles)
    if not roles:
        raise DecisionRefused(f"{delegator.name!r} holds none of its roles any more", code="role_not_held")
    limit = _smaller(delegation.limit, delegator.limit)
    if limit is None:
        raise DecisionRefused(f"{delegator.name!r} may decide nothing in its currency any more", code="beyond_limit")
    return delegator, {"roles": roles, "limit": limit}


def in_turn(delegations: Iterable[DelegationRecord]) -> tuple[DelegationRecord, ...]:
    """Choose which of one delegate's delegations are looked at, in what order: at most `MOST_CONSIDERED`.

    Everyone's newest comes before anyone's second newest, and nobody has more than `MOST_BETWEEN_TWO`: however much one
    person signs, what another signed is reached.
    """
    newest = sorted(delegations, key=lambda one: (one.delegation.signed_at, one.delegation.document_id), reverse=True)
    seen: Counter[str] = Counter()
    turns: list[list[DelegationRecord]] = [[] for _ in range(MOST_BETWEEN_TWO)]
    for record in newest:
        signer = record.delegation.signer
        if seen[signer] < MOST_BETWEEN_TWO:
            turns[seen[signer]].append(record)
        seen[signer] += 1
    return tuple(islice(chain.from_iterable(turns), MOST_CONSIDERED))


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
    """Check that the holder of `key` may sign `delegation`: it confers what they hold, and ends in time.

    Raises:
        DecisionRefused: code `role_not_held`, `confers_nothing`, `beyond_limit`, `over` (it ends before it counts) or
            `too_long`.
    """
    missing = sorted(set(delegation.roles) - set(key.roles))
    if missing:
        raise DecisionRefused(
            f"{key.name!r} does not hold the role {missing[0]!r}; held: {', '.join(key.roles)}", code="role_not_held"
        )
    if delegation.limit.amount_minor <= 0:
        raise DecisionRefused(
            f"limit {str(delegation.limit)!r} confers nothing; state the largest cost they may decide",
            code="confers_nothing",
        )
    if _smaller(delegation.limit, key.limit) != delegation.limit:
        own = "nothing" if key.limit is None else key.limit
        other = key.limit is not None and key.limit.currency != delegation.limit.currency
        how = "is in another currency than" if other else "is beyond"
        raise DecisionRefused(
            f"limit {str(delegation.limit)!r} {how} that of {key.name!r}, which is {own}", code="beyond_limit"
        )
    if delegation.valid_until <= now:
        raise DecisionRefused(f"it ended at {moment(delegation.valid_until)} already", code="over")
    if delegation.valid_until - min(delegation.valid_from, now) > LONGEST:
        raise DecisionRefused(f"it lasts longer than {MOST_DAYS} days; set an earlier end", code="too_long")


def check_room(delegation: Delegation, standing: Iterable[DelegationRecord], now: datetime) -> None:
    """Check that with `delegation` no more than `MOST_BETWEEN_TWO` of its signer to its delegate stand.

    One stands while it has neither ended nor been revoked.

    Args:
        delegation: The one to be taken; it may be among `standing`.
        standing: Those of its tenant.
        now: When they must stand to count.

    Raises:
        DecisionRefused: code `too_many`.
    """
    between = (delegation.signer, delegation.delegate)
    others = [
        one
        for one in (record.delegation for record in standing if record.revoked_at is None)
        if (one.signer, one.delegate) == between and one.valid_until > now and one.document_id != delegation.document_id
    ]
    if len(others) >= MOST_BETWEEN_TWO:
        raise DecisionRefused(
            f"{len(others)} delegations of {delegation.signer!r} to {delegation.delegate!r} stand already, and no more "
            f"than {MOST_BETWEEN_TWO} may; revoke one first, see `placet delegation list`",
            code="too_many",
        )


def _smaller(limit: Money, own: Money | None) -> Money | None:
    """Return what both limits allow; None where that is nothing, or where the currencies differ."""
    if own is None or own.currency != limit.currency:
        return None
    return min(limit, own, key=lambda money: money.amount_minor)
