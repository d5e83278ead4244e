"""What the billing plugin reads, in our words: facts normalised from TM Forum resources.

`simulated` marks facts that the sandbox derived; an operator's own billing system leaves it False.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictInt

from placet.contracts.base import Digest, ExternalId, ExternalWord, Frozen
from placet.contracts.contact import ContactHistory
from placet.contracts.customer import CustomerProfile
from placet.contracts.money import Money
from placet.contracts.mutation import Resource
from placet.contracts.state import StateRead

ForeignName = Annotated[str, Field(max_length=200)]
"""What another system calls a thing for people: kept as it says it, shown by `placet.contracts.text`."""

ReadOperation = Literal["customer", "products", "bills", "balances", "usage"]
"""The reads an agent may ask for. What they may reach is the allowlist's business."""


class BillingQuery(Frozen):
    """One bounded read that the assessment wants; `months` bounds series (bills, usage)."""

    operation: ReadOperation
    months: Annotated[int, Field(ge=1, le=12)] = 6


class HeldProduct(Frozen):
    """TMF637 Product in the customer's inventory; `order_ids` are the orders that created or changed it, as it says."""

    product_id: ExternalId
    offering_id: ExternalId
    name: ForeignName
    status: ExternalWord
    started_on: date | None = None
    monthly_price: Money | None = None
    order_ids: tuple[ExternalId, ...] = ()
    simulated: bool = False


class Bill(Frozen):
    """TMF678 CustomerBill."""

    bill_id: ExternalId
    issued_on: date
    amount: Money
    amount_due: Money
    state: ExternalWord
    simulated: bool = False


class Balance(Frozen):
    """TMF654 Bucket holding money; `remaining` is what the customer may still spend."""

    bucket_id: ExternalId
    name: ForeignName
    status: ExternalWord
    remaining: Money
    simulated: bool = False


class Usage(Frozen):
    """TMF635 Usage, one month of one kind: `quantity` in `unit` (MB, min, SMS)."""

    usage_id: ExternalId
    kind: ExternalWord
    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
    quantity: Annotated[StrictInt, Field(ge=0)]
    unit: ExternalWord
    simulated: bool = False


class SourceCall(Frozen):
    """One HTTP exchange behind the evidence: which API, which path, and the digest of what it returned."""

    api: str
    method: str
    path: str
    status: int
    response_sha256: Digest
    at: AwareDatetime


class Evidence(Frozen):
    """Everything one run read about one customer. Parts that were not asked for stay empty.

    Attributes:
        history: What our own record shows that the customer was given, and what is pending.
        state: What events of the customer had led to, as the analysis saw it; None where it was not read: for a
            reversal, and by earlier versions.
    """

    customer: CustomerProfile
    products: tuple[HeldProduct, ...] = ()
    bills: tuple[Bill, ...] = ()
    balances: tuple[Balance, ...] = ()
    usage: tuple[Usage, ...] = ()
    operations: tuple[ReadOperation, ...] = ()
    calls: tuple[SourceCall, ...] = ()
    history: ContactHistory | None = None
    state: StateRead | None = None
    read_at: datetime

    @property
    def resources(self) -> frozenset[Resource]:
        """What billing showed to be the customer's, of what a mutation can change."""
        return frozenset(
            (
                *(Resource("balance", one.bucket_id) for one in self.balances),
                *(Resource("product", one.product_id) for one in self.products),
            )
        )
