from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest

from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.integration.tmf.requests import ORDER, PRODUCT, add_item, effects, end_item, move_item, order
from tests.support.guard import GUARD

PRICE = [{"priceType": "recurring", "price": {"taxIncludedAmount": {"unit": "USD", "value": 7.5}}}]


@pytest.fixture(scope="module")
def bss() -> Iterator[httpx.Client]:
    with running(SandboxConfig(as_of=date(2026, 3, 15))) as url, httpx.Client(base_url=url, timeout=GUARD) as client:
        yield client


def products(client: httpx.Client, customer_id: str) -> dict[str, Any]:
    held = client.get(PRODUCT, params={"relatedParty.id": customer_id}).json()
    return {product["id"]: product for product in held}


def price(product: dict[str, Any]) -> float:
    return float(product["productPrice"][0]["price"]["taxIncludedAmount"]["value"])


def test_an_added_offering_becomes_a_product_in_the_inventory(bss: httpx.Client) -> None:
    before = products(bss, "C00002")
    made = bss.post(ORDER, json=order("C00002", add_item("PO-streaming-tv"))).json()
    assert made["state"] == "completed"
    assert made["productOrderItem"][0]["state"] == "completed"
    after = products(bss, "C00002")
    (new,) = after.keys() - before.keys()
    assert after[new]["productOffering"] == {
        "id": "PO-streaming-tv",
        "name": "Streaming TV",
        "@referredType": "ProductOffering",
    }
    assert after[new]["startDate"] == "2026-03-15T00:00:00Z"
    assert after[new]["productOrderItem"] == [{"productOrderId": made["id"], "orderItemId": "1"}]
    assert price(after[new]) == 10.0
    assert bss.get(f"{PRODUCT}/{new}").json() == after[new]
    assert {key: after[key] for key in before} == before


def test_a_modified_product_moves_to_the_new_offering_and_keeps_its_identity(bss: httpx.Client) -> None:
    before = products(bss, "C00004")
    held = before["P-C00004-internet"]
    assert held["productOffering"]["id"] == "PO-internet-dsl"
    body = order("C00004", move_item(held["id"], "PO-internet-fiber-saver"))
    assert bss.post(ORDER, json=body).status_code == 201
    after = products(bss, "C00004")
    assert after.keys() == before.keys()
    moved = after[held["id"]]
    assert moved["productOffering"]["id"] == "PO-internet-fiber-saver"
    assert moved["startDate"] == held["startDate"]
    assert price(moved) == 42.0
    again = order("C00004", move_item(held["id"], "PO-internet-dsl"))
    assert bss.post(ORDER, json=again).status_code == 201
    assert products(bss, "C00004")[held["id"]]["productOffering"]["id"] == "PO-internet-dsl"


def test_a_product_that_an_order_added_can_be_moved_too(bss: httpx.Client) -> None:
    bss.post(ORDER, json=order("C00005", add_item("PO-contract-12m")))
    added = next(key for key, value in products(bss, "C00005").items() if "productOrderItem" in value)
    assert bss.post(ORDER, json=order("C00005", move_item(added, "PO-contract-24m"))).status_code == 201
    assert products(bss, "C00005")[added]["name"] == "Two-year contract"


def test_an_ended_product_leaves_the_inventory_for_good(bss: httpx.Client) -> None:
    before = products(bss, "C00013")
    assert before["P-C00013-voice"]["productOffering"]["id"] == "PO-voice-multi"
    made = bss.post(ORDER, json=order("C00013", end_item("P-C00013-voice"))).json()
    assert (made["state"], made["productOrderItem"][0]["state"]) == ("completed", "completed")
    assert products(bss, "C00013") == {key: value for key, value in before.items() if key != "P-C00013-voice"}
    assert bss.get(f"{PRODUCT}/P-C00013-voice").status_code == 404
    for item in (end_item("P-C00013-voice"), move_item("P-C00013-voice", "PO-voice")):
        assert bss.post(ORDER, json=order("C00013", item)).status_code == 400
    assert effects(bss, "C00013")["orders"] == 1


def test_a_product_that_an_order_added_can_be_ended_and_the_offering_added_again(bss: httpx.Client) -> None:
    before = products(bss, "C00009")
    bss.post(ORDER, json=order("C00009", add_item("PO-contract-12m"))).raise_for_status()
    (added,) = products(bss, "C00009").keys() - before.keys()
    named = end_item(added, productOffering={"id": "PO-contract-12m"})
    assert bss.post(ORDER, json=order("C00009", named)).status_code == 201
    assert products(bss, "C00009") == before
    bss.post(ORDER, json=order("C00009", add_item("PO-contract-12m"))).raise_for_status()
    (again,) = products(bss, "C00009").keys() - before.keys()
    assert again != added


def test_one_order_may_end_a_product_once_only(bss: httpx.Client) -> None:
    before = products(bss, "C00014")
    ended = next(iter(before))
    twice = order("C00014", end_item(ended), end_item(ended, id="2"))
    assert bss.post(ORDER, json=twice).status_code == 400
    assert products(bss, "C00014") == before


def test_an_offering_the_catalogue_does_not_know_is_taken_with_the_stated_price(bss: httpx.Client) -> None:
    held = products(bss, "C00007")["P-C00007-internet"]
    item = move_item(held["id"], "PO-loyal") | {"itemPrice": PRICE}
    assert bss.post(ORDER, json=order("C00007", item)).status_code == 201
    moved = products(bss, "C00007")[held["id"]]
    assert (moved["name"], price(moved)) == ("PO-loyal", 7.5)
    assert bss.post(ORDER, json=order("C00007", move_item(held["id"], "PO-other"))).status_code == 201
    assert price(products(bss, "C00007")[held["id"]]) == 7.5


def test_an_external_id_is_used_once_even_when_sent_concurrently(bss: httpx.Client) -> None:
    body = order("C00011", add_item("PO-tech-support"), externalId="once")
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: bss.post(ORDER, json=body), range(8)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 7
    refused = next(response for response in responses if response.status_code == 409)
    assert refused.json()["code"] == "duplicateExternalId"
    found = bss.get(ORDER, params={"externalId": "once"}).json()
    assert [entry["externalId"] for entry in found] == ["once"]
    assert found[0]["id"] in refused.json()["reason"]
    assert effects(bss, "C00011")["orders"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (order("C99999", add_item("PO-voice")), 404),
        ({"productOrderItem": [add_item("PO-voice")]}, 400),
        (order("C00012"), 400),
        (order("C00012", {"id": "1", "action": "add"}), 400),
        (order("C00012", {"id": "1", "action": "noChange", "product": {"id": "P-C00012-voice"}}), 400),
        (order("C00012", {"id": "1", "action": "delete"}), 400),
        (order("C00012", {"id": "1", "action": "delete", "productOffering": {"id": "PO-voice"}}), 400),
        (order("C00012", end_item("P-C00001-internet")), 400),
        (order("C00012", end_item("P-C00012-voice", productOffering={"id": "PO-internet-dsl"})), 400),
        (order("C00012", add_item("PO-voice", "a/b")), 400),
        (order("C00012", add_item("PO-voice"), add_item("PO-tech-support")), 400),
        (order("C00012", {"id": "1", "action": "modify", "productOffering": {"id": "PO-voice"}}), 400),
        (order("C00012", add_item("PO-tech-support"), move_item("P-C00001-internet", "PO-voice") | {"id": "2"}), 400),
        (
            order("C00012", add_item("PO-voice") | {"itemPrice": [{"price": {"taxIncludedAmount": {"unit": "EUR"}}}]}),
            400,
        ),
    ],
)
def test_a_refused_order_changes_nothing(bss: httpx.Client, body: dict[str, Any], status: int) -> None:
    before = products(bss, "C00012")
    assert bss.post(ORDER, json=body).status_code == status
    assert products(bss, "C00012") == before
    assert effects(bss, "C00012")["orders"] == 0
