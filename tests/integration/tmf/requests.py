"""Paths of the sandbox's APIs and the request bodies the tests send."""

from typing import Any

import httpx

CUSTOMER = "/tmf-api/customerManagement/v4/customer"
PRODUCT = "/tmf-api/productInventory/v4/product"
BILL = "/tmf-api/customerBillManagement/v4/customerBill"
PREPAY = "/tmf-api/prepayBalanceManagement/v4"
BUCKET = f"{PREPAY}/bucket"
ADJUST = f"{PREPAY}/adjustBalance"
TOPUP = f"{PREPAY}/topupBalance"
USAGE = "/tmf-api/usageManagement/v4/usage"
ORDER = "/tmf-api/productOrderingManagement/v4/productOrder"
MESSAGE = "/tmf-api/communicationManagement/v4/communicationMessage"
CONSUMPTION = "/tmf-api/usageConsumption/v4/queryUsageConsumption"


def adjustment(customer_id: str, amount: float, **more: Any) -> dict[str, Any]:
    """An AdjustBalance_Create that credits `amount` dollars."""
    body = {
        "adjustType": "oneTimeChargeCredit",
        "amount": {"amount": amount, "units": "USD"},
        "bucket": {"id": f"B-{customer_id}"},
    }
    return body | more


def order(customer_id: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A ProductOrder_Create."""
    party = {"id": customer_id, "role": "customer", "@referredType": "Customer"}
    return {"relatedParty": [party], "productOrderItem": list(items), **more}


def add_item(offering_id: str, item_id: str = "1") -> dict[str, Any]:
    """An order item that adds an offering."""
    return {"id": item_id, "action": "add", "productOffering": {"id": offering_id}}


def move_item(product_id: str, offering_id: str) -> dict[str, Any]:
    """An order item that moves a held product to another offering."""
    return {
        "id": "1",
        "action": "modify",
        "product": {"id": product_id},
        "productOffering": {"id": offering_id},
    }


def end_item(product_id: str, **more: Any) -> dict[str, Any]:
    """An order item that ends a held product."""
    return {"id": "1", "action": "delete", "product": {"id": product_id}, **more}


def remaining(client: httpx.Client, customer_id: str) -> float:
    """What the customer's bucket holds, in dollars."""
    response = client.get(f"{BUCKET}/B-{customer_id}")
    assert response.status_code == 200
    return float(response.json()["remainingValue"]["amount"])


def effects(client: httpx.Client, customer_id: str | None = None) -> dict[str, int]:
    """The sandbox's own count of what was really changed."""
    query = {"customer": customer_id} if customer_id else {}
    counts: dict[str, int] = client.get("/sandbox/effects", params=query).json()
    return counts
