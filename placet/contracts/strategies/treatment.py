"""What a strategy may give: a mutation as a template with its bound, who may have it, and what it is worth."""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt, StringConstraints

from placet.contracts.base import PLAIN, ExternalId, Frozen, ReasonCode
from placet.contracts.strategies.written import Amount, Share

Title = Annotated[str, StringConstraints(min_length=1, max_length=60), PLAIN]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=160), PLAIN]
MOST_CHARACTERS: Final = 4_000
"""Of a condition, as it is written and in its one form."""
Expression = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]
"""A SQL condition over the columns of a customer's state (docs/cohorts.md)."""

Stage = Literal["eligible", "applicable", "suitable"]
"""Whether a customer may have a treatment by rules and consent, whether it fits what they have, whether it is good for
them. Asked in this order; the first that does not hold is the reason that is told."""


class Rule(Frozen):
    """A condition that must hold. What is not known of a customer does not hold.

    Attributes:
        when: The condition.
        code: The reason where it does not hold.
        otherwise: That reason as a sentence about the customer, such as `has an open support ticket`.
    """

    when: Expression
    code: ReasonCode
    otherwise: Sentence


class Because(Frozen):
    """A reason for a treatment, which is told where it holds.

    Attributes:
        says: A whole sentence to the customer, which a care agent may say aloud.
    """

    when: Expression
    code: ReasonCode
    says: Sentence


class CreditBalance(Frozen):
    """Money put on the customer's balance.

    Attributes:
        of_monthly: Share of what the customer spends in a month.
        at_most: Never more than this.
        in_steps_of: Rounded down to a multiple of this; None: to the smallest unit.
    """

    kind: Literal["adjust_balance"]
    of_monthly: Share
    at_most: Amount
    in_steps_of: Amount | None = None


class OfferedMove(Frozen):
    """One offering to order.

    Attributes:
        offering: Its id in the operator's catalogue.
        title: What people call it.
        replaces: The offering that the customer must hold for it; None: it is added.
        costs: What the operator gives up with it.
    """

    offering: ExternalId
    title: Title
    replaces: ExternalId | None = None
    costs: Amount | None = None


class OrderOffering(Frozen):
    """A product order: the first of `moves` that the customer qualifies for.

    Attributes:
        of_monthly: Cost as a share of what the customer spends in a month, on top of the move's own.
        at_most: Nothing is ordered that would cost the operator more.
    """

    kind: Literal["order_product"]
    moves: Annotated[tuple[OfferedMove, ...], Field(min_length=1, max_length=20)]
    of_monthly: Share = 0
    at_most: Amount


Action = Annotated[CreditBalance | OrderOffering, Field(discriminator="kind")]


class Staying(Frozen):
    """A treatment that keeps customers: chance of leaving times the share of it that is removed.

    Attributes:
        removes: Assumption: the share of the chance of leaving that it removes.
    """

    of: Literal["staying"]
    removes: Share


class TakingUp(Frozen):
    """A treatment that customers take up: chance times what they then spend more.

    Attributes:
        chance: Assumption: how many of those who get it take it up.
        worth: What one of them spends more in a month.
        months: For how long.
    """

    of: Literal["taking_up"]
    chance: Share
    worth: Amount
    months: Annotated[StrictInt, Field(ge=1, le=60)]


Value = Annotated[Staying | TakingUp, Field(discriminator="of")]


class StrategyTreatment(Frozen):
    """One thing that a strategy may propose.

    Attributes:
        code: Its name in records, policies and mandates.
        eligible: What rules and consent ask.
        applicable: What the customer must have, or not have, for it to make sense.
        suitable: What makes it good for this customer.
        because: Reasons for it.
    """

    code: ReasonCode
    title: Title
    action: Action
    eligible: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    applicable: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    suitable: Annotated[tuple[Rule, ...], Field(max_length=20)] = ()
    because: Annotated[tuple[Because, ...], Field(max_length=20)] = ()
    value: Value

    def rules(self) -> tuple[tuple[Stage, int, Rule], ...]:
        """Return all rules in the order in which they are asked: stage, place in it, rule."""
        stages: tuple[tuple[Stage, tuple[Rule, ...]], ...] = (
            ("eligible", self.eligible),
            ("applicable", self.applicable),
            ("suitable", self.suitable),
        )
        return tuple((stage, place, rule) for stage, rules in stages for place, rule in enumerate(rules))
