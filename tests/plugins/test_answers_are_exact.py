"""Amounts cross the wire without losing or inventing a cent, and a collection is read whole or not at all."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.errors import UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import UnreadableError, major_units, money, read_all
from placet.plugin_api.answers import MAX_EXACT_MINOR, decode_json
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, ProbeServer
from tests.plugins.support import BUCKETS, ProbeConnector, answer, connector

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD"])


@given(st.integers(-MAX_EXACT_MINOR + 1, MAX_EXACT_MINOR - 1), CURRENCIES)
def test_every_amount_survives_the_wire_exactly(minor: int, currency: str) -> None:
    amount = Money(amount_minor=minor, currency=currency)
    wire = json.dumps(major_units(amount)).encode()
    assert money(decode_json(wire), currency) == amount


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9), CURRENCIES)
def test_an_amount_is_read_exactly_or_refused(amount: Decimal, currency: str) -> None:
    try:
        read = money(amount, currency)
    except UnreadableError:
        digits = {"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}[currency]
        assert amount != round(amount, digits)
    else:
        assert Decimal(read.amount_minor).scaleb(-{"USD": 2, "EUR": 2, "JPY": 0, "KWD": 3}[currency]) == amount


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (True, "USD"),
        ("1.00", "USD"),
        (None, "USD"),
        (1.0, "USD"),
        (1, "MB"),
        (1, None),
        (Decimal("0.001"), "USD"),
        (Decimal("488281.24999999999999999999995304128185519457697334730249207606844578594871"), "USD"),
        (Decimal("1e50"), "USD"),
        (Decimal("1e999999"), "USD"),
        (Decimal("1e-300"), "USD"),
        (Decimal("1e-999999"), "USD"),
    ],
)
def test_what_is_no_exact_amount_is_refused(amount: object, currency: object) -> None:
    with pytest.raises(UnreadableError):
        money(amount, currency)


def test_an_amount_too_large_for_a_json_number_is_not_sent() -> None:
    with pytest.raises(ValueError, match="too large to send exactly"):
        major_units(Money(amount_minor=MAX_EXACT_MINOR, currency="USD"))


def collection(records: list[dict[str, str]], *, cap: int, count: bool) -> ProbeServer:
    def respond(request: ProbeRequest) -> ProbeAnswer:
        query = dict(part.split("=") for part in request.target.partition("?")[2].split("&"))
        offset, limit = int(query["offset"]), min(int(query["limit"]), cap)
        headers = {"X-Total-Count": str(len(records))} if count else {}
        return answer(records[offset : offset + limit], 206, headers)

    return ProbeServer(respond)


def read(plugin: ProbeConnector) -> list[str]:
    return read_all(plugin, BUCKETS, query={"party.id": "C1"}, item=lambda record, _: record["id"], page_size=5)


@pytest.mark.parametrize("count", [True, False])
@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 6, 12])
def test_a_server_that_caps_the_page_is_still_read_to_the_end(size: int, count: bool) -> None:
    records = [{"id": f"B-{number}"} for number in range(size)]
    with collection(records, cap=3, count=count) as server, connector(server.url) as plugin:
        assert read(plugin) == [record["id"] for record in records]


def test_a_server_that_ignores_the_offset_is_refused() -> None:
    with ProbeServer(lambda _: answer([{"id": "B-1"}])) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamRejected, match="does not honour offset"):
            read(plugin)
        assert len(server.requests) == 2


def test_half_a_character_in_an_answer_is_refused_once_and_not_asked_for_again() -> None:
    with ProbeServer(lambda _: answer([{"id": "B-\ud800"}])) as server, connector(server.url) as plugin:
        with pytest.raises(UpstreamRejected, match="a lone surrogate") as refused:
            read(plugin)
        assert (refused.value.code, refused.value.retryable) == ("unreadable_answer", False)
        assert len(server.requests) == 1


def test_a_collection_that_ends_before_its_count_is_not_taken_for_whole() -> None:
    def respond(request: ProbeRequest) -> ProbeAnswer:
        page = [{"id": "B-1"}] if "offset=0" in request.target else []
        return answer(page, headers={"X-Total-Count": "2"})

    with ProbeServer(respond) as server, connector(server.url) as plugin, pytest.raises(UpstreamRejected) as refused:
        read(plugin)
    assert refused.value.code == "incomplete_collection"


def test_a_collection_that_changes_while_it_is_read_is_read_again_later() -> None:
    def respond(request: ProbeRequest) -> ProbeAnswer:
        first = "offset=0" in request.target
        return answer([{"id": "B-1" if first else "B-2"}], headers={"X-Total-Count": "2" if first else "3"})

    with ProbeServer(respond) as server, connector(server.url) as plugin, pytest.raises(UpstreamUnavailable) as changed:
        read(plugin)
    assert changed.value.code == "changed_while_read"


def test_an_endless_collection_is_given_up() -> None:
    def respond(request: ProbeRequest) -> ProbeAnswer:
        return answer([{"id": request.target.partition("offset=")[2]}])

    with ProbeServer(respond) as server, connector(server.url) as plugin, pytest.raises(UpstreamRejected) as refused:
        read_all(plugin, BUCKETS, query={"party.id": "C1"}, item=lambda record, _: record, max_records=10)
    assert refused.value.code == "too_many_records"
