"""What may be done to a customer's account: one class for each kind, with its own words.

A kind says of itself in one sentence what it does, to what, what it gives, and whether it takes something from the
customer, so that no list of kinds is needed wherever a person reads of one or a rule asks. Names are labels for people:
they are signed with the rest, and nothing is looked up by them.
"""

from typing import Annotated, ClassVar, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from placet.contracts.base import CustomerId, ExternalId, Frozen
from placet.contracts.money import Money
from placet.contracts.text import NAME, one_line, quoted

Label = Annotated[str, Field(max_length=80)]


def _positive(amount: Money) -> Money:
    if amount.amount_minor <= 0:
        raise ValueError(f"the amount {amount} must be positive; a debit says so in `direction`")
    return amount


Amount = Annotated[Money, AfterValidator(_positive)]


class Resource(NamedTuple):
    """Something of the customer's that billing shows, and that a mutation changes."""

    kind: Literal["balance", "product"]
    id: str


class AdjustBalance(Frozen):
    """Credit or debit a monetary bucket once (TMF654 adjustBalance); `amount` is positive, `direction` has the sign.

    Attributes:
        bucket_name: What billing calls the bucket.
    """

    kind: Literal["adjust_balance"] = "adjust_balance"
    customer_id: CustomerId
    bucket_id: ExternalId
    bucket_name: Label = ""
    direction: Literal["credit", "debit"] = "credit"
    amount: Amount
    reason: Annotated[str, Field(max_length=80)]

    PLURAL: ClassVar = "credits and debits"
    KEY_FIELD: ClassVar = "description"
    """Where the standard lets the key of an effect travel, so that it is found again."""

    @property
    def changed(self) -> Resource | None:
        """What of the customer's it changes."""
        return Resource("balance", self.bucket_id)

    @property
    def moved(self) -> Money | None:
        """The money it moves, exactly."""
        return self.amount

    def moving(self, amount: Money) -> "AdjustBalance":
        """Return the same mutation over another amount.

        Raises:
            ValidationError: it is not positive.
        """
        return AdjustBalance.model_validate({**dict(self), "amount": amount})

    @property
    def takes_from_customer(self) -> bool:
        """Whether the customer is left with less."""
        return self.direction == "debit"

    @property
    def what(self) -> str:
        """The kind for people, without any identifier."""
        return f"{self.direction} of a balance"

    @property
    def target(self) -> str:
        """What is changed, by its identifier."""
        return f"balance {one_line(self.bucket_id, NAME)}"

    @property
    def figure(self) -> str:
        """The exact figure that is signed."""
        return f"{self.amount} {self.direction}"

    def price(self, cost: Money) -> str:
        """Say what it costs the operator, or takes from the customer."""
        return f"takes {cost} from the customer" if self.takes_from_customer else f"costs {cost}"

    def describe(self) -> str:
        """Say in one sentence what happens, every figure exact."""
        way = "from" if self.takes_from_customer else "to"
        balance = f"balance {labelled(self.bucket_name, self.bucket_id)}"
        return f"{self.direction} {self.amount} once {way} {balance} of customer {self.customer_id}"


class OrderProduct(Frozen):
    """Add an offering, move a held product to another one, or end a held product (TMF622 productOrder).

    Attributes:
        offering_id: The offering to hold afterwards; for `delete`, the one that is held until then.
        offering_name: What the catalogue, or billing, calls it.
        product_id: The held product that `modify` moves and `delete` ends; None for `add`.
        product_name: What billing calls it.
    """

    kind: Literal["order_product"] = "order_product"
    customer_id: CustomerId
    action: Literal["add", "modify", "delete"]
    offering_id: ExternalId
    offering_name: Label = ""
    product_id: ExternalId | None = None
    product_name: Label = ""

    PLURAL: ClassVar = "orders"
    KEY_FIELD: ClassVar = "externalId"

    @model_validator(mode="after")
    def _names_what_it_changes(self) -> Self:
        if (self.action == "add") != (self.product_id is None):
            raise ValueError(
                f"cannot order {self.action!r} with product_id {self.product_id!r}; "
                "'modify' and 'delete' need the held product, 'add' takes none"
            )
        return self

    @property
    def changed(self) -> Resource | None:
        """What of the customer's it changes; None where it adds something."""
        return None if self.product_id is None else Resource("product", self.product_id)

    @property
    def moved(self) -> Money | None:
        """The money it moves, exactly; None, since an order moves none by itself."""
        return None

    def moving(self, _amount: Money) -> "OrderProduct":
        """Return the same mutation over another amount: itself, since it has none."""
        return self

    _WORDS: ClassVar = {"add": "order of an offering", "modify": "change of a product", "delete": "end of a product"}

    @property
    def takes_from_customer(self) -> bool:
        """Whether the customer is left with less."""
        return self.action == "delete"

    @property
    def what(self) -> str:
        """The kind for people, without any identifier."""
        return self._WORDS[self.action]

    @property
    def target(self) -> str:
        """What is changed, by its identifier."""
        if self.product_id is None:
            return f"offering {one_line(self.offering_id, NAME)}"
        return f"product {one_line(self.product_id, NAME)}"

    @property
    def figure(self) -> str:
        """The exact choice that is signed."""
        return f"{self.action} {one_line(self.offering_id, NAME)}"

    def price(self, cost: Money) -> str:
        """Say what it costs the operator, or takes from the customer."""
        return f"takes from the customer what cost {cost}" if self.takes_from_customer else f"costs {cost}"

    def describe(self) -> str:
        """Say in one sentence what happens."""
        offering = f"offering {labelled(self.offering_name, self.offering_id)}"
        if self.product_id is None:
            return f"add {offering} for customer {self.customer_id}"
        product = f"product {labelled(self.product_name, self.product_id)}"
        if self.action == "delete":
            return f"end {product} of customer {self.customer_id}, {offering}"
        return f"move {product} of customer {self.customer_id} to {offering}"


Mutation = Annotated[AdjustBalance | OrderProduct, Field(discriminator="kind")]
MutationKind = Literal["adjust_balance", "order_product"]
KINDS: dict[MutationKind, type[AdjustBalance] | type[OrderProduct]] = {
    "adjust_balance": AdjustBalance,
    "order_product": OrderProduct,
}


def labelled(name: str, identifier: str) -> str:
    """Return a name in quotation marks beside its identifier, both safe to show: `“Fiber saver” (PO-fiber-saver)`."""
    code = one_line(identifier, NAME)
    return f"{quoted(name, NAME)} ({code})" if name else code
