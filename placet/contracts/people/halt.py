"""Halts: from one moment on nothing executes, tenant-wide, for one agent, or for one kind of mutation."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, StringConstraints, model_validator

from placet.contracts.base import Digest, Frozen, PersonName, TenantId
from placet.contracts.people.signed import Remark, SignedDocument

HaltId = Annotated[str, StringConstraints(pattern=r"^halt-[0-9a-f]{12}$")]
HaltScope = Literal["tenant", "agent", "kind"]


class Halt(Frozen):
    """One halt. Anyone who operates may place it, stopping is always safe; lifting it takes an entitled signature.

    Attributes:
        subject: The agent or the mutation kind; empty where the whole tenant is halted.
        lift: Digest of the signed document that lifted it.
        doubt: What its row says that the record or a signature does not; empty where they agree.
    """

    halt_id: HaltId
    tenant: TenantId
    scope: HaltScope
    subject: str
    reason: Remark
    placed_by: PersonName
    placed_at: AwareDatetime
    lifted_by: PersonName | None = None
    lifted_at: AwareDatetime | None = None
    lift: Digest | None = None
    doubt: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.scope == "tenant") != (not self.subject):
            raise ValueError(f"scope {self.scope!r} and subject {self.subject!r} do not fit")
        if len({self.lifted_by is None, self.lifted_at is None, self.lift is None}) > 1:
            raise ValueError("a lifted halt names who lifted it, when, and the signed document")
        return self


class Lift(SignedDocument):
    """What an entitled person signs to lift one halt."""

    halt_id: HaltId
