from collections.abc import Iterator
from datetime import date

import httpx
import pytest
from pydantic import SecretStr

from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.integration.tmf.requests import (
    ADJUST,
    BILL,
    BUCKET,
    CONSUMPTION,
    CUSTOMER,
    MESSAGE,
    ORDER,
    PRODUCT,
    USAGE,
    adjustment,
)
from tests.support.guard import GUARD


@pytest.fixture(scope="module")
def bss() -> Iterator[httpx.Client]:
    with running(SandboxConfig(as_of=date(2026, 3, 15))) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


def counts(response: httpx.Response) -> tuple[str, str]:
    return response.headers["X-Total-Count"], response.headers["X-Result-Count"]


def test_pages_of_a_collection_are_complete_and_do_not_overlap(bss: httpx.Client) -> None:
    whole = bss.get(BILL, params={"relatedParty.id": "C00002"})
    assert counts(whole) == ("34", "34")
    pages = []
    for offset in range(0, 40, 10):
        page = bss.get(BILL, params={"relatedParty.id": "C00002", "offset": offset, "limit": 10})
        assert page.headers["X-Total-Count"] == "34"
        pages += page.json()
    assert pages == whole.json()


def test_stored_collections_are_paged_too(bss: httpx.Client) -> None:
    for number in range(5):
        bss.post(ADJUST, json=adjustment("C00005", 1 + number))
    page = bss.get(ADJUST, params={"bucket.id": "B-C00005", "offset": 3, "limit": 1})
    assert counts(page) == ("5", "1")
    assert page.json()[0]["amount"]["amount"] == 4


def test_a_collection_without_a_limit_is_not_the_whole_base(bss: httpx.Client) -> None:
    response = bss.get(CUSTOMER)
    assert counts(response) == ("5263", "100")
    assert [item["id"] for item in response.json()[:2]] == ["C00001", "C00002"]


@pytest.mark.parametrize("query", ["limit=-1", "limit=1001", "limit=ten", "offset=%20", "limit=1&limit=2"])
def test_a_malformed_page_is_refused(bss: httpx.Client, query: str) -> None:
    response = bss.get(f"{CUSTOMER}?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "invalidQuery")


def test_fields_select_attributes_but_never_hide_what_a_resource_is(bss: httpx.Client) -> None:
    (bucket,) = bss.get(BUCKET, params={"relatedParty.id": "C00002", "fields": "remainingValue"}).json()
    assert bucket.keys() == {"id", "href", "@type", "@baseType", "remainingValue"}
    bill = bss.get(f"{BILL}/BILL-C00002-034", params={"fields": "billNo,state"}).json()
    assert bill.keys() == {"id", "href", "@type", "@baseType", "billNo", "state"}


def test_filters_select_and_dates_compare(bss: httpx.Client) -> None:
    recent = bss.get(BILL, params={"relatedParty.id": "C00002", "billDate.gte": "2026-01-01"}).json()
    assert [bill["billDate"][:7] for bill in recent] == ["2026-02", "2026-01"]
    data = bss.get(USAGE, params={"relatedParty.id": "C00002", "usageType": "data"})
    assert counts(data) == ("12", "12")
    dsl = bss.get(PRODUCT, params={"relatedParty.id": "C00002", "productOffering.id": "PO-internet-dsl"}).json()
    assert [product["id"] for product in dsl] == ["P-C00002-internet"]
    assert bss.get(BILL, params={"relatedParty.id": "C00002", "billingAccount.id": "BA-C00004"}).json() == []


@pytest.mark.parametrize(
    "path",
    [
        f"{BILL}?relatedParty.id=C00002&billdate.gte=2026-01-01",
        f"{BUCKET}?relatedParty.id=C00002&colour=blue",
        f"{ADJUST}?bucketId=B-C00002",
        f"{ORDER}?externalID=1",
        f"{CUSTOMER}/C00002?status=Active",
        BILL,
        PRODUCT,
        USAGE,
        BUCKET,
    ],
)
def test_a_filter_nobody_knows_or_a_missing_customer_is_refused_not_ignored(bss: httpx.Client, path: str) -> None:
    response = bss.get(path)
    assert (response.status_code, response.json()["code"]) == (400, "invalidQuery")


def test_a_filter_by_an_unknown_customer_finds_nothing(bss: httpx.Client) -> None:
    for path in (BILL, PRODUCT, USAGE, BUCKET):
        response = bss.get(path, params={"relatedParty.id": "C99999"})
        assert (response.status_code, response.json(), counts(response)) == (200, [], ("0", "0"))


@pytest.mark.parametrize(
    "path",
    [
        f"{CUSTOMER}/C99999",
        f"{PRODUCT}/P-C00001-voice",
        f"{PRODUCT}/P-C99999-voice",
        f"{BILL}/BILL-C00002-035",
        f"{BILL}/C00002",
        f"{USAGE}/U-C00002-2026-03-data",
        f"{BUCKET}/B-C99999",
        f"{BUCKET}/C00002",
        f"{ADJUST}/ADJ-00000099",
        f"{ADJUST}/ADJ-99999999999999999999",
        f"{ORDER}/ORD-1",
        f"{MESSAGE}/MSG-00000001",
        f"{CONSUMPTION}/QUC-x",
        "/tmf-api/prepayBalanceManagement/v4/accumulatedBalance/C00002",
        "/nowhere",
    ],
)
def test_what_does_not_exist_is_404_with_a_reason(bss: httpx.Client, path: str) -> None:
    response = bss.get(path)
    assert response.status_code == 404
    assert response.json()["status"] == "404"
    assert response.json()["reason"] != ""


def test_every_listed_resource_is_found_under_its_id_and_its_address(bss: httpx.Client) -> None:
    for path in (BILL, PRODUCT, USAGE, BUCKET):
        for resource in bss.get(path, params={"relatedParty.id": "C00002"}).json()[-3:]:
            assert bss.get(f"{path}/{resource['id']}").json() == resource
            assert bss.get(resource["href"]).json() == resource


def test_a_method_that_is_not_served_is_405(bss: httpx.Client) -> None:
    response = bss.delete(f"{BUCKET}/B-C00002")
    assert (response.status_code, response.json()["code"]) == (405, "notServed")


def test_a_body_beyond_the_limit_is_refused(bss: httpx.Client) -> None:
    response = bss.post(ADJUST, content=b"{" + b" " * 300_000 + b"}")
    assert response.status_code == 413


def test_derived_resources_are_marked_simulated(bss: httpx.Client) -> None:
    for path, kind in ((BILL, "CustomerBill"), (PRODUCT, "Product"), (USAGE, "Usage"), (BUCKET, "Bucket")):
        for resource in bss.get(path, params={"relatedParty.id": "C00002"}).json():
            assert (resource["@type"], resource["@baseType"]) == (f"Simulated{kind}", kind)


def test_the_churn_label_is_never_served(bss: httpx.Client) -> None:
    for path in (f"{CUSTOMER}/C00005", *(f"{p}?relatedParty.id=C00005" for p in (BILL, PRODUCT, USAGE, BUCKET))):
        assert "churn" not in bss.get(path).text.lower().replace("ibm telco customer churn sample", "")


def test_a_customer_status_can_be_changed_and_is_filtered_by(bss: httpx.Client) -> None:
    assert bss.get(f"{CUSTOMER}/C00009").json()["status"] == "Active"
    assert bss.patch("/sandbox/customers/C00009", json={"status": "Suspended"}).status_code == 200
    assert bss.get(f"{CUSTOMER}/C00009").json()["status"] == "Suspended"
    found = bss.get(CUSTOMER, params={"status": "Suspended"}).json()
    assert [customer["id"] for customer in found] == ["C00009"]
    assert bss.patch("/sandbox/customers/C00009", json={"status": "Gone"}).status_code == 400


def test_a_usage_query_counts_the_month_under_way(bss: httpx.Client) -> None:
    party = {"id": "C00002", "role": "customer", "@referredType": "Customer"}
    made = bss.post(CONSUMPTION, json={"searchCriteria": {"relatedParty": [party]}}).json()
    (consumption,) = made["usageConsumption"]
    assert consumption["state"] == "done"
    assert [bucket["usageType"] for bucket in consumption["bucketRefOrValue"]] == ["data", "voice", "sms"]
    assert bss.post(CONSUMPTION, json={}).status_code == 400


def test_without_the_token_nothing_is_served_but_health() -> None:
    config = SandboxConfig(token=SecretStr("let-me-in"))
    with running(config) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "let-me-in"}):
            response = client.get(f"{CUSTOMER}/C00001", headers=headers)
            assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert response.json()["code"] == "unauthorized"
            assert client.get("/sandbox/effects", headers=headers).status_code == 401
        assert client.get("/sandbox/health").json() == {"status": "ok"}
        granted = client.get(f"{CUSTOMER}/C00001", headers={"Authorization": "Bearer let-me-in"})
        assert granted.json()["id"] == "C00001"
