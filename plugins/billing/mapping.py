"""TM Forum resources to Placet's contracts.

What is not in a contract is dropped here. A value outside the expected ones raises, so that a decision never
rests on a guess about what the operator's system meant; the raised `ValueError`, `KeyError` or `TypeError`
becomes `UpstreamRejected` in `Connector.call`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from placet.contracts.billing import Balance, Bill, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.plugin_api import UnreadableError, money

Record = dict[str, Any]

_CONTRACTS = {"Month-to-month": "month_to_month", "One year": "one_year", "Two year": "two_year"}
_INTERNET = {"DSL": "dsl", "Fiber optic": "fiber_optic", "No": "none"}


def customer_profile(record: Record) -> CustomerProfile:
    """Map a TMF629 Customer to the profile; leave out names, contacts and protected attributes."""
    facts = _characteristics(record["characteristic"])
    accounts = [account["id"] for account in record.get("account", ())]
    return CustomerProfile.model_validate(
        {
            "customer_id": record["id"],
            "status": record["status"],
            "tenure_months": facts["tenureMonths"],
            "facts": named(
                {
                    "contract": _known("contract", facts["contract"], _CONTRACTS),
                    "internet_service": _known("internetService", facts["internetService"], _INTERNET),
                    "payment_method": _word("paymentMethod", facts["paymentMethod"]),
                }
            ),
            "billing_account_id": accounts[0] if accounts else None,
        }
    )


def held_product(record: Record) -> HeldProduct:
    """Map a TMF637 Product to a held product; its price is the recurring one, if there is exactly one.

    The orders behind it are those of its `productOrderItem` links.
    """
    recurring = [price["price"] for price in record.get("productPrice", ()) if price["priceType"] == "recurring"]
    started = record.get("startDate")
    return HeldProduct(
        product_id=record["id"],
        offering_id=record["productOffering"]["id"],
        name=record["name"],
        status=record["status"],
        started_on=day(started) if started is not None else None,
        monthly_price=_price(recurring[0]) if len(recurring) == 1 else None,
        order_ids=tuple(link["productOrderId"] for link in record.get("productOrderItem", ())),
        simulated=simulated(record),
    )


def bill(record: Record) -> Bill:
    """Map a TMF678 CustomerBill; `amount` is what was billed with tax, `amount_due` what is still to be paid."""
    due = record["remainingAmount"] if "remainingAmount" in record else record["amountDue"]
    return Bill(
        bill_id=record["id"],
        issued_on=day(record["billDate"]),
        amount=_tmf_money(record["taxIncludedAmount"]),
        amount_due=_tmf_money(due),
        state=record["state"],
        simulated=simulated(record),
    )


def balance(record: Record) -> Balance | None:
    """Map a TMF654 Bucket to a balance; return None for a bucket of data, voice or messages."""
    if record.get("usageType") in {"data", "voice", "sms"}:
        return None
    return Balance(
        bucket_id=record["id"],
        name=record["name"],
        status=record["status"],
        remaining=remaining(record),
        simulated=simulated(record),
    )


def remaining(record: Record) -> Money:
    """Return what a TMF654 Bucket still holds."""
    value = record["remainingValue"]
    return money(value["amount"], value["units"])


def usage(record: Record) -> Usage:
    """Map a TMF635 Usage to its month, quantity and unit."""
    facts = _characteristics(record["usageCharacteristic"])
    used_on = day(record["usageDate"])
    return Usage(
        usage_id=record["id"],
        kind=record["usageType"],
        month=facts.get("month", f"{used_on:%Y-%m}"),
        quantity=facts["quantity"],
        unit=facts["unit"],
        simulated=simulated(record),
    )


def simulated(record: Record) -> bool:
    """Return whether the resource says that its figures are derived (`@type` is a `Simulated…` sub-class)."""
    return str(record.get("@type", "")).startswith("Simulated")


def day(text: str) -> date:
    """Return the calendar day of an RFC 3339 date-time, in the offset it is written in."""
    return datetime.fromisoformat(text).date()


def _characteristics(items: Iterable[Record]) -> Record:
    facts: Record = {}
    for item in items:
        if item["name"] in facts:
            raise UnreadableError(f"characteristic {item['name']!r} appears twice")
        facts[item["name"]] = item["value"]
    return facts


def _known(name: str, value: object, names: dict[str, str]) -> str:
    if not isinstance(value, str) or value not in names:
        raise UnreadableError(f"{name} {value!r} is not one of {', '.join(names)}")
    return names[value]


def _word(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableError(f"{name} {value!r} is not a word")
    return value


def _tmf_money(value: Record) -> Money:
    return money(value["value"], value["unit"])


def _price(price: Record) -> Money:
    return _tmf_money(price["taxIncludedAmount"] if "taxIncludedAmount" in price else price["dutyFreeAmount"])
