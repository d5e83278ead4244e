"""What a treatment does, as a template: one class for each kind of mutation, with its cost, rules and mutation.

A kind of mutation is one class here, one in `placet.contracts.mutation` and one module of the plugin that causes it.
All rates are basis points (1/10,000), all amounts minor units of the catalogue's currency; every rounding favours
caution.
"""

from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.money import Money
from placet.contracts.mutation import AdjustBalance, OrderProduct
from placet.contracts.proposal import Reason
from placet.contracts.text import shortened
from placet.decisioning import words
from placet.decisioning.facts import ACTIVE, NO_BUCKET, Facts

WHOLE: Final = 10_000
"""One, in basis points."""

BasisPoints = Annotated[StrictInt, Field(ge=0)]
Minor = Annotated[StrictInt, Field(ge=0)]
_Offering = Annotated[str, Field(min_length=1, max_length=80)]

_DETAIL: Final = 160
_LABEL: Final = 80


class Credit(Frozen):
    """Money put on the customer's bucket; it is its own cost.

    Attributes:
        of_monthly_bp: Share of one monthly charge.
        max_minor: Never more than this.
        round_to_minor: Rounded down to a multiple of this.
    """

    kind: Literal["adjust_balance"] = "adjust_balance"
    of_monthly_bp: BasisPoints
    max_minor: Minor
    round_to_minor: Annotated[StrictInt, Field(ge=1)] = 1

    def cost_minor(self, facts: Facts) -> int:
        """Return the credit: its share of the monthly charge, capped, rounded down."""
        raw = min(facts.monthly_charge_minor * self.of_monthly_bp // WHOLE, self.max_minor)
        return raw - raw % self.round_to_minor

    def reasons_against(self, facts: Facts) -> tuple[Reason, ...]:
        """Say why there is nothing to put it on, and where it would be nothing."""
        found = list(_bucket_reasons(facts))
        if self.cost_minor(facts) == 0:
            found.append(Reason(code="amount_rounds_to_zero", detail="the credit would be nothing"))
        return tuple(found)

    def mutation(self, name: str, facts: Facts) -> AdjustBalance:
        """Make the mutation that is proposed where this action is eligible; `name` is the treatment's."""
        return AdjustBalance(
            customer_id=facts.customer_id,
            bucket_id=facts.bucket_id,
            bucket_name=shortened(facts.bucket_name, _LABEL),
            amount=Money(amount_minor=self.cost_minor(facts), currency=facts.currency),
            reason=name,
        )


class Move(Frozen):
    """One offering to order. `replaces` is the offering the customer must hold for it (TMF622 `modify`).

    Attributes:
        name: What people call the offering.
    """

    offering_id: _Offering
    name: _Offering
    replaces: _Offering | None = None
    cost_minor: Minor = 0


class Order(Frozen):
    """A product order: the first of `moves` the customer qualifies for.

    Attributes:
        of_monthly_bp: Cost as a share of one monthly charge, on top of the move's own cost.
    """

    kind: Literal["order_product"] = "order_product"
    moves: Annotated[tuple[Move, ...], Field(min_length=1)]
    of_monthly_bp: BasisPoints = 0

    def cost_minor(self, facts: Facts) -> int:
        """Return what the operator gives up with it, rounded up; 0 where no move applies."""
        move = self._move(facts)
        if move is None:
            return 0
        return -(-facts.monthly_charge_minor * self.of_monthly_bp // WHOLE) + move.cost_minor

    def reasons_against(self, facts: Facts) -> tuple[Reason, ...]:
        """Say why none of its moves applies."""
        if self._move(facts) is None:
            return (Reason(code="no_product_to_move", detail="holds no product this order applies to"),)
        return ()

    def mutation(self, _name: str, facts: Facts) -> OrderProduct:
        """Make the mutation that is proposed where this action is eligible.

        Raises:
            ValueError: none of its moves applies.
        """
        move = self._move(facts)
        if move is None:
            raise ValueError("none of the moves applies")
        held = (product for product in facts.held if product.offering_id == move.replaces)
        replaced = min(held, key=lambda product: product.product_id, default=None)
        return OrderProduct(
            customer_id=facts.customer_id,
            action="modify" if replaced else "add",
            offering_id=move.offering_id,
            offering_name=move.name,
            product_id=replaced.product_id if replaced else None,
            product_name=shortened(replaced.name, _LABEL) if replaced else "",
        )

    def _move(self, facts: Facts) -> Move | None:
        """Return the first move whose replaced offering is held and whose own offering is not."""
        held = {product.offering_id for product in facts.held}
        for move in self.moves:
            if move.offering_id not in held and (move.replaces is None or move.replaces in held):
                return move
        return None


Action = Annotated[Credit | Order, Field(discriminator="kind")]


def _bucket_reasons(facts: Facts) -> tuple[Reason, ...]:
    if facts.bucket_id == NO_BUCKET:
        return (Reason(code="no_bucket", detail="has no balance to credit"),)
    if facts.bucket_status != ACTIVE:
        stands = shortened(words.statement("bucket_status", facts), _DETAIL)
        return (Reason(code="bucket_not_active", detail=stands),)
    if facts.bucket_currency != facts.currency:
        held = words.statement("bucket_currency", facts)
        return (Reason(code="bucket_currency", detail=f"{held}, is billed in {facts.currency}"),)
    return ()
