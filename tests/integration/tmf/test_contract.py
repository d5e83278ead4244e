from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.integration.tmf import requests as ask
from tests.integration.tmf import spec
from tests.support.guard import GUARD

pytestmark = pytest.mark.skipif(
    not spec.directory().is_dir(),
    reason=f"no TM Forum specs in {str(spec.directory())!r}; set PLACET_TMF_SPECS to a folder of their Swagger files",
)

NEW = "C00489"
"""Joined this month: no bill, no complete month of usage."""

SOME_CUSTOMERS = ("C00001", "C00002", "C00012", NEW, "C07043")


@pytest.fixture(scope="module")
def bss() -> Iterator[httpx.Client]:
    with running(SandboxConfig(as_of=date(2026, 3, 15))) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


def some(body: Any, api: str, definition: str, *, may_be_empty: bool = False) -> None:
    """At least one resource, unless there may be none, and every one valid."""
    assert isinstance(body, list)
    assert body or may_be_empty
    for resource in body:
        spec.check(api, definition, resource)


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("TMF629", ask.CUSTOMER),
        ("TMF637", ask.PRODUCT),
        ("TMF678", ask.BILL),
        ("TMF654", ask.BUCKET),
        ("TMF635", ask.USAGE),
        ("TMF622", ask.ORDER),
        ("TMF681", ask.MESSAGE),
        ("TMF677", ask.CONSUMPTION),
    ],
)
def test_every_api_is_served_under_the_base_path_of_its_spec(bss: httpx.Client, api: str, path: str) -> None:
    base, _, resource = path.rpartition("/")
    assert base == spec.base_path(api)
    assert bss.get(f"{spec.base_path(api)}/{resource}?limit=1").json() != {}


@pytest.mark.parametrize("customer", SOME_CUSTOMERS)
def test_what_is_read_about_a_customer_is_valid(bss: httpx.Client, customer: str) -> None:
    spec.check("TMF629", "Customer", bss.get(f"{ask.CUSTOMER}/{customer}").json())
    mine = {"relatedParty.id": customer}
    some(bss.get(ask.PRODUCT, params=mine).json(), "TMF637", "Product")
    some(bss.get(ask.BILL, params=mine).json(), "TMF678", "CustomerBill", may_be_empty=customer == NEW)
    some(bss.get(ask.BUCKET, params=mine).json(), "TMF654", "Bucket")
    some(bss.get(f"{ask.PREPAY}/accumulatedBalance", params=mine).json(), "TMF654", "AccumulatedBalance")
    some(bss.get(ask.USAGE, params=mine).json(), "TMF635", "Usage", may_be_empty=customer == NEW)


def test_the_customer_collection_is_valid(bss: httpx.Client) -> None:
    page = bss.get(ask.CUSTOMER, params={"limit": 50, "offset": 5000}).json()
    assert len(page) == 50
    some(page, "TMF629", "Customer")


@pytest.mark.parametrize("adjust_type", ["oneTimeChargeCredit", "oneTimeChargeDebit"])
def test_an_adjustment_is_valid_as_sent_answered_and_listed(bss: httpx.Client, adjust_type: str) -> None:
    bss.post(ask.ADJUST, json=ask.adjustment("C00002", 5)).raise_for_status()
    body = ask.adjustment(
        "C00002",
        4.25,
        adjustType=adjust_type,
        description="placet:contract",
        reason="goodwill",
        channel={"id": "placet", "name": "Placet"},
        requestor={"id": "placet", "role": "system", "@referredType": "Organization"},
    )
    spec.check("TMF654", "AdjustBalance_Create", body)
    response = bss.post(ask.ADJUST, json=body)
    assert response.status_code == 201
    made = response.json()
    spec.check("TMF654", "AdjustBalance", made)
    assert bss.get(f"{ask.ADJUST}/{made['id']}").json() == made
    some(bss.get(ask.ADJUST, params={"bucket.id": "B-C00002"}).json(), "TMF654", "AdjustBalance")
    some(bss.get(f"{ask.PREPAY}/balanceAction").json(), "TMF654", "BalanceAction")
    spec.check("TMF654", "Bucket", bss.get(f"{ask.BUCKET}/B-C00002").json())


def test_a_topup_is_valid_as_sent_answered_and_listed(bss: httpx.Client) -> None:
    body = {"amount": {"amount": 10, "units": "USD"}, "bucket": {"id": "B-C00001"}, "voucher": "V-1"}
    spec.check("TMF654", "TopupBalance_Create", body)
    made = bss.post(ask.TOPUP, json=body).json()
    spec.check("TMF654", "TopupBalance", made)
    assert bss.get(f"{ask.TOPUP}/{made['id']}").json() == made
    spec.check("TMF654", "BalanceAction", bss.get(f"{ask.PREPAY}/balanceAction/{made['id']}").json())


def test_an_order_and_the_products_it_changes_are_valid(bss: httpx.Client) -> None:
    body = ask.order(
        "C00002",
        ask.add_item("PO-streaming-tv", "a"),
        ask.move_item("P-C00002-internet", "PO-internet-fiber") | {"id": "b"},
        externalId="contract-1",
        description="contract test",
    )
    spec.check("TMF622", "ProductOrder_Create", body)
    response = bss.post(ask.ORDER, json=body)
    assert response.status_code == 201
    made = response.json()
    spec.check("TMF622", "ProductOrder", made)
    assert bss.get(f"{ask.ORDER}/{made['id']}").json() == made
    some(bss.get(ask.ORDER, params={"externalId": "contract-1"}).json(), "TMF622", "ProductOrder")
    some(bss.get(ask.PRODUCT, params={"relatedParty.id": "C00002"}).json(), "TMF637", "Product")


def test_an_order_that_ends_a_product_is_valid_as_sent_answered_and_listed(bss: httpx.Client) -> None:
    named = {"productOffering": {"id": "PO-voice"}}
    body = ask.order("C00002", ask.end_item("P-C00002-voice", **named), externalId="contract-end")
    spec.check("TMF622", "ProductOrder_Create", body)
    response = bss.post(ask.ORDER, json=body)
    assert response.status_code == 201
    spec.check("TMF622", "ProductOrder", response.json())
    some(bss.get(ask.ORDER, params={"externalId": "contract-end"}).json(), "TMF622", "ProductOrder")
    gone = bss.get(f"{ask.PRODUCT}/P-C00002-voice")
    assert gone.status_code == 404
    spec.check("TMF637", "Error", gone.json())


def test_a_message_is_valid_as_sent_answered_and_listed(bss: httpx.Client) -> None:
    body = {
        "content": "Hello",
        "messageType": "SMS",
        "receiver": [{"id": "C00001", "phoneNumber": "+12015550100"}],
        "sender": {"name": "Placet"},
    }
    spec.check("TMF681", "CommunicationMessage_Create", body)
    made = bss.post(ask.MESSAGE, json=body).json()
    spec.check("TMF681", "CommunicationMessage", made)
    assert bss.get(f"{ask.MESSAGE}/{made['id']}").json() == made
    some(bss.get(ask.MESSAGE).json(), "TMF681", "CommunicationMessage")


def test_a_usage_query_task_is_valid_as_sent_answered_and_listed(bss: httpx.Client) -> None:
    body = {"relatedParty": [{"id": "C00002", "role": "customer", "@referredType": "Customer"}]}
    spec.check("TMF677", "QueryUsageConsumption_Create", body)
    made = bss.post(ask.CONSUMPTION, json=body).json()
    spec.check("TMF677", "QueryUsageConsumption", made)
    assert bss.get(f"{ask.CONSUMPTION}/{made['id']}").json() == made
    some(bss.get(ask.CONSUMPTION).json(), "TMF677", "QueryUsageConsumption")


@pytest.mark.parametrize(
    ("api", "path", "status"),
    [
        ("TMF629", f"{ask.CUSTOMER}/C99999", 404),
        ("TMF637", f"{ask.PRODUCT}/P-C00001-nothing", 404),
        ("TMF678", f"{ask.BILL}/BILL-C00001-002", 404),
        ("TMF654", f"{ask.ADJUST}/ADJ-1", 404),
        ("TMF635", f"{ask.USAGE}?colour=blue", 400),
        ("TMF622", f"{ask.ORDER}/cancel/1", 404),
    ],
)
def test_errors_have_the_standard_body(bss: httpx.Client, api: str, path: str, status: int) -> None:
    response = bss.get(path)
    assert response.status_code == status
    spec.check(api, "Error", response.json())


def test_the_check_itself_can_fail() -> None:
    bucket = {"id": "B-1", "remainingValue": {"amount": "12", "units": "USD"}, "colour": "blue"}
    with pytest.raises(AssertionError) as failure:
        spec.check("TMF654", "Bucket", bucket)
    assert "'12' is not of type 'number'" in str(failure.value)
    assert "'colour'" in str(failure.value)
