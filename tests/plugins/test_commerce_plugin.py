"""An effect happens once, and whether it happened can be found out: against the sandbox BSS and against odd systems."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from placet.contracts.proposal import AdjustBalance, OrderProduct
from placet.errors import NotFound, OutcomeUnknown, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import Confirmation, Sighting
from placet.sandbox.config import SandboxConfig
from plugins.commerce import adjustments, orders
from tests.plugins.mutations import ADJUST, BUCKET, ENDED, ORDER, OTHER, SECONDS, credit, debit, order
from tests.plugins.support import KEY, Bss, bss

TMF = Path(os.environ.get("PLACET_TMF_SPECS", Path(__file__).parents[3] / "shared" / "tmf"))


@pytest.fixture
def system() -> Iterator[Bss]:
    with bss(SandboxConfig()) as running:
        yield running


def perform(system: Bss, mutation: AdjustBalance | OrderProduct, key: str = KEY) -> Confirmation:
    return system.plugins.commerce.perform(mutation, key, timeout_seconds=SECONDS)


def look(system: Bss, mutation: AdjustBalance | OrderProduct, key: str = KEY) -> Sighting:
    return system.plugins.commerce.read_back(mutation, key, sent_after=None, timeout_seconds=SECONDS)


def read_back(system: Bss, mutation: AdjustBalance | OrderProduct, key: str = KEY) -> Confirmation | None:
    seen = look(system, mutation, key)
    assert (seen.confirmation is not None) == (seen.certainty == "certain")
    return seen.confirmation


def remaining(system: Bss) -> int:
    amount: float = system.get(f"{BUCKET}/B-C00002")["remainingValue"]["amount"]
    return round(amount * 100)


def test_a_credit_changes_the_bucket_once_and_is_found_again(system: Bss) -> None:
    before = remaining(system)
    assert read_back(system, credit()) is None
    done = perform(system, credit())
    assert (done.api, done.external_id, done.confirmed_by) == ("TMF654", "ADJ-00000001", "response")
    found = read_back(system, credit())
    assert found is not None
    assert (found.external_id, found.confirmed_by) == (done.external_id, "read_back")
    assert read_back(system, credit(), OTHER) is None
    assert remaining(system) == before + 1250


def test_a_debit_takes_back_a_credit_once_and_is_found_again(system: Bss) -> None:
    before = remaining(system)
    perform(system, credit(), OTHER)
    assert read_back(system, debit()) is None
    done = perform(system, debit())
    found = read_back(system, debit())
    assert found is not None
    assert (found.external_id, found.confirmed_by) == (done.external_id, "read_back")
    assert remaining(system) == before
    record = system.get(f"{ADJUST}/{done.external_id}")
    assert (record["adjustType"], record["amount"]["amount"]) == ("oneTimeChargeDebit", 12.5)


def test_a_debit_of_more_than_is_left_takes_nothing_and_is_looked_up_before_it_counts_as_refused(system: Bss) -> None:
    before = remaining(system)
    with pytest.raises(OutcomeUnknown, match="less than the debit"):
        perform(system, debit(before + 1))
    assert read_back(system, debit(before + 1)) is None
    assert remaining(system) == before


def test_a_credit_is_never_taken_for_the_debit_of_the_same_amount(system: Bss) -> None:
    perform(system, credit(), KEY)
    perform(system, debit(), OTHER)
    for wrong, key in ((debit(), KEY), (credit(), OTHER)):
        with pytest.raises(UpstreamRejected) as mismatch:
            read_back(system, wrong, key)
        assert mismatch.value.code == "effect_mismatch"


def test_a_product_is_ended_once_and_the_order_is_found_again(system: Bss) -> None:
    product = "/tmf-api/productInventory/v4/product?relatedParty.id=C00002"
    before = {held["id"] for held in system.get(product)}
    assert read_back(system, ENDED) is None
    done = perform(system, ENDED)
    assert {held["id"] for held in system.get(product)} == before - {"P-C00002-internet"}
    found = read_back(system, ENDED)
    assert found is not None
    assert (found.external_id, found.confirmed_by) == (done.external_id, "read_back")
    with pytest.raises(UpstreamRejected, match="is not held by"):
        perform(system, ENDED, OTHER)


def test_a_product_that_became_another_offering_is_not_ended(system: Bss) -> None:
    perform(system, order(), OTHER)
    with pytest.raises(UpstreamRejected, match="as 'PO-internet-dsl'"):
        perform(system, ENDED)
    assert read_back(system, ENDED) is None


def test_an_order_moves_the_product_once_and_is_found_again(system: Bss) -> None:
    assert read_back(system, order()) is None
    done = perform(system, order())
    assert (done.api, done.confirmed_by) == ("TMF622", "response")
    found = read_back(system, order())
    assert found is not None
    assert found.external_id == done.external_id
    product = system.get("/tmf-api/productInventory/v4/product/P-C00002-internet")
    assert product["productOffering"]["id"] == "PO-internet-dsl-saver"


def test_an_added_product_is_ordered_once(system: Bss) -> None:
    done = perform(system, order("add", None))
    assert read_back(system, order("add", None)) == done.model_copy(
        update={"confirmed_by": "read_back", "response_sha256": read_back_digest(system, order("add", None))}
    )


def read_back_digest(system: Bss, mutation: OrderProduct) -> str:
    found = read_back(system, mutation)
    assert found is not None
    return found.response_sha256


def test_an_order_sent_twice_is_one_order_and_the_second_answer_is_looked_up(system: Bss) -> None:
    first = perform(system, order())
    with pytest.raises(OutcomeUnknown, match="409"):
        perform(system, order())
    found = read_back(system, order())
    assert found is not None
    assert found.external_id == first.external_id
    assert len(system.get(f"{ORDER}?externalId={KEY}")) == 1


@pytest.mark.parametrize("fault", ["lost", "stall", "status_after=500", "garbage"])
@pytest.mark.parametrize(
    ("mutation", "path"), [(credit(), ADJUST), (debit(), ADJUST), (order(), ORDER), (ENDED, ORDER)]
)
def test_a_lost_answer_is_unknown_and_read_back_finds_the_effect(
    system: Bss, fault: str, mutation: AdjustBalance | OrderProduct, path: str
) -> None:
    perform(system, credit(2000), OTHER)  # so that there is something to debit
    system.fault("POST", path, fault)
    with pytest.raises(OutcomeUnknown):
        perform(system, mutation)
    found = read_back(system, mutation)
    assert found is not None
    assert found.confirmed_by == "read_back"


@pytest.mark.parametrize("fault", ["drop", "hang", "status=503"])
def test_an_effect_that_did_not_happen_is_unknown_first_and_certainly_absent_after_reading(
    system: Bss, fault: str
) -> None:
    before = remaining(system)
    system.fault("POST", ADJUST, fault)
    with pytest.raises(OutcomeUnknown):
        perform(system, credit())
    assert read_back(system, credit()) is None
    assert remaining(system) == before


def test_a_read_back_that_fails_never_says_absent(system: Bss) -> None:
    perform(system, credit())
    for fault in ("status=503", "drop"):
        system.fault("GET", ADJUST, fault)
        with pytest.raises(UpstreamUnavailable):
            read_back(system, credit())
    assert read_back(system, credit()) is not None


def test_two_records_with_one_key_are_reported_and_not_settled(system: Bss) -> None:
    perform(system, credit())
    perform(system, credit())  # what a caller that does not read back would do
    with pytest.raises(UpstreamRejected, match="holds 2 records") as twice:
        read_back(system, credit())
    assert twice.value.code == "duplicate_effect"


@pytest.mark.parametrize("changed", [credit(1251), credit(1250, currency="EUR")])
def test_a_record_with_our_key_but_another_amount_is_not_our_effect(system: Bss, changed: AdjustBalance) -> None:
    perform(system, credit())
    with pytest.raises(UpstreamRejected) as mismatch:
        read_back(system, changed)
    assert mismatch.value.code == "effect_mismatch"


def test_an_order_with_our_key_for_something_else_is_not_our_effect(system: Bss) -> None:
    perform(system, order())
    with pytest.raises(UpstreamRejected) as mismatch:
        read_back(system, order("add", None))
    assert mismatch.value.code == "effect_mismatch"


def test_plain_refusals_are_certain(system: Bss) -> None:
    with pytest.raises(NotFound):
        perform(system, credit(bucket="B-C99999").model_copy(update={"customer_id": "C99999"}))
    with pytest.raises(UpstreamRejected, match="does not belong"):
        perform(system, credit(bucket="B-C00003"))
    with pytest.raises(UpstreamRejected):
        perform(system, credit(currency="EUR"))
    with pytest.raises(UpstreamRejected):
        perform(system, order(product="P-C00003-internet"))
    assert read_back(system, credit()) is None


@pytest.mark.parametrize(
    ("spec", "definition", "body"),
    [
        ("TMF654-PrepayBalance-v4.1.0", "AdjustBalance_Create", adjustments.creation(credit(), KEY)),
        ("TMF654-PrepayBalance-v4.1.0", "AdjustBalance_Create", adjustments.creation(debit(), KEY)),
        ("TMF622-ProductOrdering-v4.0.0", "ProductOrder_Create", orders.creation(order(), KEY)),
        ("TMF622-ProductOrdering-v4.0.0", "ProductOrder_Create", orders.creation(order("add", None), KEY)),
        ("TMF622-ProductOrdering-v4.0.0", "ProductOrder_Create", orders.creation(ENDED, KEY)),
    ],
)
def test_what_is_sent_is_what_the_standard_asks_for(spec: str, definition: str, body: dict[str, Any]) -> None:
    path = TMF / f"{spec}.swagger.json"
    if not path.exists():
        pytest.skip(f"the TM Forum specifications are not part of the project; put {path.name} into PLACET_TMF_SPECS")
    document = json.loads(path.read_text())
    schema = {"$ref": f"#/definitions/{definition}", "definitions": document["definitions"]}
    jsonschema.Draft4Validator(schema).validate(json.loads(json.dumps(body)))
