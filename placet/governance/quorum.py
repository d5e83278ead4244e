"""When approvals suffice: k distinct people, optionally each in another role. Pure rules over what was accepted.

Invariants:
 (1) nobody counts twice, neither by another key nor through a delegation: who delegated counts as having acted;
 (2) in distinct roles, every approval is assigned a role of its own (a perfect matching, sought anew each time);
 (3) a rejection ends the question whatever was approved before.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from placet.contracts.gate import Gate
from placet.contracts.people.decision import YES, AcceptedDecision
from placet.errors import DecisionRefused


class Approving(Protocol):
    """Who approves, in whose stead, and in which of the roles asked for."""

    @property
    def approver(self) -> str:
        """Return who approves."""

    @property
    def delegated_by(self) -> str | None:
        """Return in whose stead; None for their own name."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles asked for that they hold, or were delegated."""


def roles_at(gate: Gate, now: datetime) -> tuple[str, ...]:
    """Return the roles whose holders may decide at `now`: those first asked, and after escalation one more."""
    if gate.escalate_at is None or gate.escalate_to is None or now < gate.escalate_at:
        return gate.roles
    return tuple(dict.fromkeys((*gate.roles, gate.escalate_to)))


def stricter(gate: Gate, today: Gate) -> Gate:
    """Return what both the gate on record and today's policy ask: the larger quorum, the earlier closing.

    Which roles both name depends on the time: `roles_of_both`.
    """
    return gate.model_copy(
        update={
            "quorum": max(gate.quorum, today.quorum),
            "distinct_roles": gate.distinct_roles or today.distinct_roles,
            "expires_at": min(gate.expires_at, today.expires_at),
        }
    )


def roles_of_both(gate: Gate, today: Gate, now: datetime) -> tuple[str, ...]:
    """Return the roles whose holders may decide at `now` by the gate on record and by today's policy."""
    named = roles_at(today, now)
    return tuple(role for role in roles_at(gate, now) if role in named)


def admit(gate: Gate, earlier: Sequence[Approving], decision: Approving) -> None:
    """Check that one more approval may be counted beside `earlier` ones of the same proposal.

    Raises:
        DecisionRefused: the person counts already (`same_person`), in their own name or another's, or brings no role
            that the others leave free (`same_role`).
    """
    acted = {name for one in earlier for name in _people(one)}
    again = acted & _people(decision)
    if again:
        raise DecisionRefused(
            f"{min(again)!r} has approved this proposal already; another person must", code="same_person"
        )
    if gate.distinct_roles and not _in_distinct_roles([one.roles for one in (*earlier, decision)]):
        raise DecisionRefused(
            f"{decision.approver!r} holds no role that is still missing; each approval must come in another role",
            code="same_role",
        )


def suffices(gate: Gate, approvals: Sequence[AcceptedDecision]) -> bool:
    """Return whether `approvals` meet the gate's quorum; whatever else was counted must not."""
    people: set[str] = set()
    for one in approvals:
        if one.verdict not in YES or people & _people(one):
            return False
        people |= _people(one)
    if gate.distinct_roles and not _in_distinct_roles([one.roles for one in approvals]):
        return False
    return len(approvals) >= gate.quorum


def _people(decision: Approving) -> set[str]:
    return {decision.approver, decision.delegated_by} - {None}  # type: ignore[return-value]


def _in_distinct_roles(held: Sequence[tuple[str, ...]], taken: frozenset[str] = frozenset()) -> bool:
    """Return whether each of `held` can be given a role of its own; there are at most a handful."""
    if not held:
        return True
    return any(_in_distinct_roles(held[1:], taken | {role}) for role in held[0] if role not in taken)
