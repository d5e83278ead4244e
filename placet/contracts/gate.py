"""The gate: what policy asks for between a proposal and its execution, and until when."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from placet.contracts.base import Digest, Frozen
from placet.contracts.people.approver import RoleName
from placet.contracts.people.mandate import Clearance

MOST_APPROVERS = 5
"""Largest quorum a policy may ask for."""

Seconds = Annotated[StrictInt, Field(ge=1, le=90 * 86_400)]


class GateTerms(Frozen):
    """What a policy asks of people before a proposal may execute.

    Attributes:
        roles: An approver must hold one of them.
        quorum: How many distinct people must approve.
        distinct_roles: Whether each of them must do so in another one of `roles`.
        remind_after: When those who were asked are reminded, in seconds after the gate opened; None: never.
        escalate_after: When the holders of `escalate_to` may decide as well, and are asked to.
        expire_after: When the gate closes.
    """

    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    quorum: Annotated[StrictInt, Field(ge=1, le=MOST_APPROVERS)] = 1
    distinct_roles: bool = False
    remind_after: Seconds | None = None
    escalate_after: Seconds | None = None
    escalate_to: RoleName | None = None
    expire_after: Seconds

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError(f"roles {self.roles!r} name one twice")
        if (self.escalate_after is None) != (self.escalate_to is None):
            raise ValueError("an escalation needs both a time and a role")
        reachable = len({*self.roles, self.escalate_to} - {None})
        if self.distinct_roles and self.quorum > reachable:
            raise ValueError(f"quorum {self.quorum} cannot be met in distinct roles out of {reachable}")
        for name in ("remind_after", "escalate_after"):
            due = getattr(self, name)
            if due is not None and due >= self.expire_after:
                raise ValueError(f"{name} {due} s is not before the gate closes, {self.expire_after} s")
        return self


class Gate(Frozen):
    """What stands between a proposal and its execution.

    Attributes:
        verdict: `denied` by policy, `cleared` by a mandate, or `human`: named persons must decide.
        policies: Identifiers of the policies that determined the verdict.
        roles: An approver must hold one of them.
        quorum: How many distinct people must approve.
        distinct_roles: Whether each must do so in another role.
        remind_at: When those who were asked are reminded.
        escalate_at: When the holders of `escalate_to` may decide as well.
        clearance: Which mandate cleared it.
    """

    verdict: Literal["denied", "cleared", "human"]
    reason: str
    policy_set: Digest | None
    policies: tuple[str, ...]
    roles: tuple[RoleName, ...] = ()
    quorum: int = 1
    distinct_roles: bool = False
    opened_at: AwareDatetime
    remind_at: AwareDatetime | None = None
    escalate_at: AwareDatetime | None = None
    escalate_to: RoleName | None = None
    expires_at: AwareDatetime
    clearance: Clearance | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.verdict == "cleared") != (self.clearance is not None):
            raise ValueError(f"verdict {self.verdict!r} and clearance do not fit")
        if self.verdict == "human" and not self.roles:
            raise ValueError("a gate for people names the roles it asks")
        return self


Milestone = Literal["reminded", "escalated"]
"""What happens to a gate that nobody has passed yet."""
