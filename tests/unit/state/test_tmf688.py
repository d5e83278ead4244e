"""A notification of a BSS becomes events of ours, exactly, or a dead letter with its reason; never an exception."""

import contextlib
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from placet.contracts.events.envelope import SIMULATED, Unreadable
from placet.contracts.events.kinds import EVENT
from placet.contracts.money import LARGEST_MINOR
from placet.tmf688.fields import UnmappableError, money
from placet.tmf688.mapping import EVENT_TYPES, QUERY, SOURCE, events_of, notification_id

CUSTOMER = {"id": "C00001", "role": "customer", "@referredType": "Customer"}
AT = "2026-03-01T12:00:00.000Z"
NAMES = {
    "CustomerCreateEvent": "customer",
    "CustomerAttributeValueChangeEvent": "customer",
    "AdjustBalanceCreateEvent": "adjustBalance",
    "TopupBalanceCreateEvent": "topupBalance",
    "CustomerBillCreateEvent": "customerBill",
    "UsageCreateEvent": "usage",
    "ProductOrderStateChangeEvent": "productOrder",
}
WHO = {
    "id": "C00001",
    "characteristic": [{"name": "birthYear", "value": 1980}, {"name": "areaType", "value": "rural"}],
    "validFor": {"startDateTime": "2020-02-29T00:00:00Z"},
}
RESOURCES: dict[str, dict[str, Any]] = {
    "CustomerCreateEvent": WHO,
    "CustomerAttributeValueChangeEvent": WHO,
    "AdjustBalanceCreateEvent": {
        "status": "completed",
        "adjustType": "oneTimeChargeDebit",
        "amount": {"amount": 7.5, "units": "USD"},
        "impactedBucket": [{"amountAfter": {"amount": 12.25, "units": "USD"}}],
    },
    "TopupBalanceCreateEvent": {"status": "confirmed", "amount": {"amount": 10, "units": "USD"}},
    "CustomerBillCreateEvent": {"id": "BILL-1", "taxIncludedAmount": {"value": 29.85, "unit": "USD"}},
    "UsageCreateEvent": {
        "usageType": "voice",
        "usageCharacteristic": [{"name": "quantity", "value": 3}, {"name": "unit", "value": "min"}],
    },
    "ProductOrderStateChangeEvent": {
        "state": "completed",
        "productOrderItem": [
            {"id": "a", "action": "add", "product": {"id": "P-9"}, "productOffering": {"id": "PO-streaming-tv"}},
            {"id": "b", "action": "delete", "product": {"id": "P-C00001-internet"}},
        ],
    },
}


def event(kind: str, resource: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    given = {"relatedParty": [CUSTOMER], **(RESOURCES.get(kind, {}) if resource is None else resource)}
    inner = {"id": "E1", "eventId": "E1", "eventType": kind, "eventTime": AT, "event": {NAMES.get(kind, "x"): given}}
    return {**inner, **changes}


def wrapped(inner: dict[str, Any]) -> bytes:
    return json.dumps({"eventId": "E1", "eventType": "EventCreateEvent", "event": {"event": inner}}).encode()


def said(inner: dict[str, Any]) -> list[dict[str, Any]]:
    found = events_of(wrapped(inner))
    for one in found:
        assert isinstance(one, bytes), one
        EVENT.validate_json(one)
    return [json.loads(one) for one in found if isinstance(one, bytes)]


def reason(inner: dict[str, Any]) -> str:
    (one,) = events_of(wrapped(inner))
    assert isinstance(one, Unreadable)
    assert one.text == wrapped(inner)
    return one.reason


def usd(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "USD"}


@pytest.mark.parametrize(
    ("kind", "type_", "data"),
    [
        (
            "AdjustBalanceCreateEvent",
            "placet.balance.adjusted.v1",
            {"direction": "debit", "amount": usd(750), "remaining": usd(1225)},
        ),
        ("TopupBalanceCreateEvent", "placet.balance.recharged.v1", {"amount": usd(1000)}),
        ("CustomerBillCreateEvent", "placet.bill.issued.v1", {"bill_id": "BILL-1", "amount": usd(2985)}),
        ("UsageCreateEvent", "placet.usage.recorded.v1", {"service": "voice", "quantity": 180}),
        *(
            (
                kind,
                "placet.customer.described.v1",
                {"birth_year": 1980, "area": "rural", "customer_since": "2020-02-29"},
            )
            for kind in ("CustomerCreateEvent", "CustomerAttributeValueChangeEvent")
        ),
    ],
)
def test_what_happened_is_said_in_our_words_to_the_cent(kind: str, type_: str, data: dict[str, Any]) -> None:
    assert said(event(kind)) == [
        {
            "specversion": "1.0",
            "id": "E1",
            "source": SOURCE,
            "subject": "customer:C00001",
            "time": AT,
            "type": type_,
            "data": data,
        }
    ]


def test_an_order_says_what_became_of_each_product() -> None:
    told = [(one["id"], one["data"]) for one in said(event("ProductOrderStateChangeEvent"))]
    assert told == [
        ("E1/a", {"product_id": "P-9", "line": "tv", "offering_id": "PO-streaming-tv"}),
        ("E1/b", {"product_id": "P-C00001-internet", "line": "internet", "offering_id": None}),
    ]


def test_what_has_not_happened_yet_says_nothing() -> None:
    for kind, state in (
        ("AdjustBalanceCreateEvent", {"status": "rejected"}),
        ("TopupBalanceCreateEvent", {"status": "inProgress"}),
        ("ProductOrderStateChangeEvent", {"state": "acknowledged"}),
    ):
        assert said(event(kind, {**RESOURCES[kind], **state})) == []


def test_a_notification_of_the_resources_own_api_is_understood_as_well() -> None:
    assert events_of(json.dumps(event("TopupBalanceCreateEvent")).encode()) == events_of(
        wrapped(event("TopupBalanceCreateEvent"))
    )


def test_what_the_bss_derives_is_said_to_be_simulated() -> None:
    resource = {**RESOURCES["CustomerBillCreateEvent"], "@type": "SimulatedCustomerBill"}
    (one,) = said(event("CustomerBillCreateEvent", resource))
    assert (one["source"], one["id"]) == (SIMULATED, "bss/E1")


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        (event("BucketDeleteEvent"), "'BucketDeleteEvent' is no kind that is understood; kinds: AdjustBalance"),
        (event("TopupBalanceCreateEvent", {"relatedParty": []}), "relatedParty names no customers"),
        (
            event("TopupBalanceCreateEvent", relatedParty=[{**CUSTOMER, "id": "C00002"}]),
            "relatedParty names 2 customers; it must name one",
        ),
        (
            event("TopupBalanceCreateEvent", {"status": "completed", "amount": {"amount": 0.001, "units": "USD"}}),
            "finer than the minor unit of USD",
        ),
        (
            event("TopupBalanceCreateEvent", {"status": "completed", "amount": {"amount": 1, "units": "XXX"}}),
            "currency 'XXX' is not an active ISO 4217 code",
        ),
        (event("UsageCreateEvent", {"usageType": "voice", "usageCharacteristic": []}), "usage of 'voice' in 'None'"),
        (event("AdjustBalanceCreateEvent", {"status": "completed", "adjustType": "gift"}), "'gift' is neither"),
        (event("TopupBalanceCreateEvent", event=None), "event is missing, or no object"),
    ],
)
def test_what_cannot_be_mapped_says_why_in_one_line(inner: dict[str, Any], why: str) -> None:
    assert why in reason(inner)
    assert reason(inner).startswith("a notification of the BSS: ")
    assert "\n" not in reason(inner)


def test_the_kinds_that_are_understood_are_the_ones_that_are_asked_for() -> None:
    assert set(EVENT_TYPES) == set(NAMES)
    assert f"eventType={','.join(EVENT_TYPES)}" == QUERY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@example(b'{"eventId": "\\ud800"}')
@example(b'{"eventId": "E", "value": 1e9999999999999999999}')
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_nothing_that_is_posted_raises(text: bytes) -> None:
    (one,) = events_of(text)
    assert isinstance(one, Unreadable)
    with contextlib.suppress(UnmappableError):
        notification_id(text).encode()


@given(st.data(), st.sampled_from(sorted(RESOURCES)))
def test_any_attribute_may_have_any_shape(data: st.DataObject, kind: str) -> None:
    resource = json.loads(json.dumps({**RESOURCES[kind], "relatedParty": [CUSTOMER]}))
    node, name = resource, data.draw(st.sampled_from(sorted(resource)))
    while isinstance(node[name], dict) and node[name] and data.draw(st.booleans()):
        node = node[name]
        name = data.draw(st.sampled_from(sorted(node)))
    node[name] = data.draw(JSON)
    for one in events_of(wrapped(event(kind, resource))):
        assert isinstance(one, bytes | Unreadable)


@given(st.integers(-LARGEST_MINOR, LARGEST_MINOR), st.sampled_from([("USD", 2), ("JPY", 0), ("KWD", 3)]))
def test_amounts_are_exact_in_every_currency(minor: int, currency: tuple[str, int]) -> None:
    code, digits = currency
    written = json.loads(str(Decimal(minor).scaleb(-digits)), parse_float=Decimal)
    assert money(written, code) == {"amount_minor": minor, "currency": code}


@pytest.mark.parametrize("amount", [Decimal("1e400"), Decimal("1e-400"), 10**30, True, "5", None, Decimal("1.005")])
def test_an_amount_that_is_none_is_refused(amount: object) -> None:
    with pytest.raises(UnmappableError):
        money(amount, "USD")
