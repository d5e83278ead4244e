"""What a customer was given, and what waits to be given: the facts that a contact policy is applied to."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictInt

from placet.contracts.base import Frozen, ReasonCode, RunId
from placet.contracts.money import Money

Standing = Literal["given", "unknown", "pending"]
"""`unknown`: it was sent and nobody can say whether it happened; it counts as given."""


class Contact(Frozen):
    """One treatment of one customer by one run.

    Attributes:
        treatment: None where the proposal that was executed cannot be read any more.
        cost: What the operator gave up; None as above.
        at: When the effect was claimed; for a pending one, when the run was requested.
    """

    run_id: RunId
    treatment: ReasonCode | None
    cost: Money | None
    at: AwareDatetime
    standing: Standing


class ContactHistory(Frozen):
    """The contacts of one customer over all agents of a tenant, oldest first. What was taken back is not among them.

    Attributes:
        days: How far back it reaches.
    """

    days: Annotated[StrictInt, Field(ge=1)]
    contacts: tuple[Contact, ...] = ()
