from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.sandbox.books.buckets import ActionQuery, Buckets, Change
from placet.sandbox.config import SandboxConfig
from placet.sandbox.errors import TmfError
from placet.sandbox.seed import load_customers
from placet.sandbox.server import running
from placet.sandbox.store import Database
from tests.integration.tmf.requests import (
    ADJUST,
    BUCKET,
    PREPAY,
    TOPUP,
    adjustment,
    effects,
    remaining,
)
from tests.support.guard import GUARD

CUSTOMERS = load_customers()
PREPAID, CREDIT = "C00001", "C00002"


@pytest.fixture(scope="module")
def bss() -> Iterator[httpx.Client]:
    with running(SandboxConfig()) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


def test_every_customer_has_one_active_monetary_bucket(bss: httpx.Client) -> None:
    for customer, name in ((PREPAID, "Prepaid main balance"), (CREDIT, "Account credit")):
        (bucket,) = bss.get(BUCKET, params={"relatedParty.id": customer}).json()
        assert bucket["id"] == f"B-{customer}"
        assert (bucket["name"], bucket["status"]) == (name, "active")
        assert bucket["partyAccount"]["id"] == f"BA-{customer}"
        assert bucket["remainingValue"]["units"] == "USD"
        by_account = bss.get(BUCKET, params={"partyAccount.id": f"BA-{customer}"}).json()
        assert by_account == [bucket]


def test_a_credit_raises_and_a_debit_lowers_the_bucket_and_both_are_on_record(bss: httpx.Client) -> None:
    before = bss.get(ADJUST, params={"bucket.id": "B-C00011"}).headers["X-Total-Count"]
    start = remaining(bss, "C00011")
    credit = bss.post(ADJUST, json=adjustment("C00011", 12.34, description="placet:abc"))
    assert credit.status_code == 201
    assert remaining(bss, "C00011") == round(start + 12.34, 2)
    debit = bss.post(ADJUST, json=adjustment("C00011", 2.3, adjustType="oneTimeChargeDebit"))
    assert debit.status_code == 201
    assert remaining(bss, "C00011") == round(start + 10.04, 2)

    (impact,) = credit.json()["impactedBucket"]
    assert impact["amountBefore"]["amount"] == start
    assert impact["amountAfter"]["amount"] == round(start + 12.34, 2)
    listed = bss.get(ADJUST, params={"bucket.id": "B-C00011"})
    assert before == "0"
    assert listed.json() == [credit.json(), debit.json()]
    assert effects(bss, "C00011") == {"adjustments": 2, "topups": 0, "netMinor": 1004, "orders": 0}
    accumulated = bss.get(f"{PREPAY}/accumulatedBalance/AB-C00011").json()
    assert accumulated["totalBalance"] == {"amount": round(start + 10.04, 2), "units": "USD"}


def test_an_adjustment_is_found_again_by_its_description(bss: httpx.Client) -> None:
    made = bss.post(ADJUST, json=adjustment("C00012", 1, description="placet:read-back")).json()
    bss.post(ADJUST, json=adjustment("C00012", 1, description="placet:another"))
    found = bss.get(ADJUST, params={"bucket.id": "B-C00012", "description": "placet:read-back"}).json()
    assert found == [made]
    assert found[0]["description"] == "placet:read-back"
    assert bss.get(f"{ADJUST}/{made['id']}").json() == made


def test_the_same_adjustment_sent_twice_acts_twice_as_the_standard_has_no_idempotency(bss: httpx.Client) -> None:
    start = remaining(bss, "C00014")
    body = adjustment("C00014", 3, description="placet:same")
    first, second = (bss.post(ADJUST, json=body).json() for _ in range(2))
    assert first["id"] != second["id"]
    assert remaining(bss, "C00014") == start + 6


def test_a_topup_credits_and_appears_among_the_balance_actions(bss: httpx.Client) -> None:
    start = remaining(bss, "C00017")
    body = {"amount": {"amount": 20, "units": "USD"}, "bucket": {"id": "B-C00017"}}
    made = bss.post(TOPUP, json=body).json()
    adjusted = bss.post(ADJUST, json=adjustment("C00017", 1)).json()
    assert remaining(bss, "C00017") == start + 21
    actions = bss.get(f"{PREPAY}/balanceAction", params={"bucket.id": "B-C00017"}).json()
    assert [action["id"] for action in actions] == [made["id"], adjusted["id"]]
    assert bss.get(f"{ADJUST}/{made['id']}").status_code == 404
    assert bss.get(f"{PREPAY}/balanceAction/{adjusted['id']}").status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"bucket": {"id": "B-C99999"}}, 404, "notFound"),
        ({"bucket": {"id": "C00022"}}, 404, "notFound"),
        ({"relatedParty": [{"id": "C00001", "@referredType": "Customer"}]}, 400, "invalidBody"),
        ({"relatedParty": "C00022"}, 400, "invalidBody"),
        ({"bucket": {}}, 400, "invalidBody"),
        ({"bucket": "B-C00022"}, 400, "invalidBody"),
        ({"amount": {"amount": 0, "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": -5, "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": 0.001, "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": 1e300, "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": "5", "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": True, "units": "USD"}}, 400, "invalidBody"),
        ({"amount": {"amount": 5, "units": "EUR"}}, 400, "invalidBody"),
        ({"amount": {"amount": 5}}, 400, "invalidBody"),
        ({"adjustType": "recurringChargeDebit"}, 400, "invalidBody"),
        ({"adjustType": None}, 400, "invalidBody"),
        ({"description": 7}, 400, "invalidBody"),
        ({"adjustType": "oneTimeChargeDebit", "amount": {"amount": 5000, "units": "USD"}}, 409, "insufficientBalance"),
    ],
)
def test_a_refused_adjustment_says_why_and_changes_nothing(
    bss: httpx.Client, change: dict[str, Any], status: int, code: str
) -> None:
    start = remaining(bss, "C00022")
    response = bss.post(ADJUST, json=adjustment("C00022", 5) | change)
    assert response.status_code == status
    assert response.json()["code"] == code
    assert response.json()["reason"] == response.json()["message"] != ""
    assert remaining(bss, "C00022") == start
    assert effects(bss, "C00022")["adjustments"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"amount": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(bss: httpx.Client, body: bytes) -> None:
    response = bss.post(ADJUST, content=body)
    assert (response.status_code, response.json()["code"]) == (400, "invalidBody")


def test_a_bucket_that_is_not_active_refuses_every_change(bss: httpx.Client) -> None:
    assert bss.patch("/sandbox/buckets/B-C00021", json={"status": "suspended"}).status_code == 200
    start = remaining(bss, "C00021")
    response = bss.post(ADJUST, json=adjustment("C00021", 5))
    assert (response.status_code, response.json()["code"]) == (409, "bucketNotActive")
    assert remaining(bss, "C00021") == start
    bss.patch("/sandbox/buckets/B-C00021", json={"status": "active"})
    assert bss.post(ADJUST, json=adjustment("C00021", 5)).status_code == 201


def test_fifty_concurrent_adjustments_over_two_servers_on_one_file_sum_exactly(tmp_path: Path) -> None:
    config = SandboxConfig(database=tmp_path / "bss.sqlite")
    with running(config) as one, running(config) as other, httpx.Client(timeout=GUARD) as client:
        start = float(client.get(f"{one}{BUCKET}/B-C00001").json()["remainingValue"]["amount"])

        def credit(number: int) -> int:
            base = (one, other)[number % 2]
            return client.post(f"{base}{ADJUST}", json=adjustment("C00001", number / 100), timeout=GUARD).status_code

        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(credit, range(1, 51))) == {201}
        for base in (one, other):
            end = client.get(f"{base}{BUCKET}/B-C00001").json()["remainingValue"]["amount"]
            assert end == round(start + 12.75, 2)
            counts = client.get(f"{base}/sandbox/effects").json()
            assert (counts["adjustments"], counts["netMinor"]) == (50, 1275)


def test_what_was_changed_is_still_there_after_a_restart(tmp_path: Path) -> None:
    config = SandboxConfig(database=tmp_path / "bss.sqlite")
    with running(config) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        client.post(ADJUST, json=adjustment("C00001", 5, description="placet:kept"))
        end = remaining(client, "C00001")
    with running(config) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        assert remaining(client, "C00001") == end
        assert client.get(ADJUST).json()[0]["description"] == "placet:kept"


@settings(max_examples=40)
@given(deltas=st.lists(st.integers(-3000, 3000).filter(bool), max_size=12))
def test_a_bucket_never_goes_negative_and_always_equals_its_record(deltas: list[int]) -> None:
    database = Database(None)
    buckets = Buckets(database, {PREPAID: CUSTOMERS[PREPAID]})
    expected = buckets.bucket("B-C00001").remaining
    accepted = []
    for delta in deltas:
        change = Change("adjust", "B-C00001", delta, "oneTimeChargeCredit", None, None, "{}")
        if expected + delta < 0:
            with pytest.raises(TmfError, match="less than the debit"):
                buckets.change(change)
        else:
            buckets.change(change)
            expected += delta
            accepted.append(expected)
    assert buckets.bucket("B-C00001").remaining == expected
    total, rows = buckets.actions(ActionQuery(bucket_id="B-C00001"), 0, 100)
    assert total == len(accepted)
    assert [row.after_minor for row in rows] == accepted
    database.close()
