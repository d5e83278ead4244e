"""The references TM Forum resources make to one another, and the mark of simulated ones."""

from placet.sandbox.money import JsonObject

CUSTOMER_PATH = "/tmf-api/customerManagement/v4/customer"
PREPAY_PATH = "/tmf-api/prepayBalanceManagement/v4"


def account_id(customer_id: str) -> str:
    """Return the id of a customer's billing account."""
    return f"BA-{customer_id}"


def customer_of_account(identifier: str) -> str | None:
    """Return the customer id within a billing account id; None when it is none."""
    return identifier.removeprefix("BA-") if identifier.startswith("BA-") else None


def customer_ref(customer_id: str, origin: str) -> JsonObject:
    """Make a RelatedParty that refers to a customer."""
    return {
        "id": customer_id,
        "href": f"{origin}{CUSTOMER_PATH}/{customer_id}",
        "role": "customer",
        "@referredType": "Customer",
    }


def account_ref(customer_id: str) -> JsonObject:
    """Make a reference to the customer's billing account."""
    return {"id": account_id(customer_id), "name": "Billing account", "@referredType": "BillingAccount"}


def bucket_ref(identifier: str, origin: str) -> JsonObject:
    """Make a reference to a prepay bucket."""
    return {"id": identifier, "href": f"{origin}{PREPAY_PATH}/bucket/{identifier}", "@referredType": "Bucket"}


def simulated(resource: str) -> JsonObject:
    """Name the sub-class of a resource whose figures are derived, not measured (`@type` as TMF630 has it)."""
    return {"@type": f"Simulated{resource}", "@baseType": resource}
