"""What tests of the commerce plugin ask it to do, and how long they let it."""

from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, OrderProduct
from plugins.commerce import adjustments, orders

SECONDS = 4.0
"""What a request may take: a test in which none is answered waits for it, a busy machine stays well below."""


OTHER = "0f" * 32


ADJUST, ORDER = adjustments.ADJUSTMENTS, orders.ORDERS


BUCKET = "/tmf-api/prepayBalanceManagement/v4/bucket"


def credit(minor: int = 1250, bucket: str = "B-C00002", currency: str = "USD") -> AdjustBalance:
    amount = Money(amount_minor=minor, currency=currency)
    return AdjustBalance(customer_id="C00002", bucket_id=bucket, amount=amount, reason="goodwill")


def debit(minor: int = 1250) -> AdjustBalance:
    return credit(minor).model_copy(update={"direction": "debit"})


def order(
    action: str = "modify", product: str | None = "P-C00002-internet", offering: str = "PO-internet-dsl-saver"
) -> OrderProduct:
    return OrderProduct.model_validate(
        {"customer_id": "C00002", "action": action, "offering_id": offering, "product_id": product}
    )


ENDED = order("delete", offering="PO-internet-dsl")
