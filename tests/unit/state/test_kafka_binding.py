"""CloudEvents in Kafka messages, as the Kafka protocol binding says."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.events.envelope import MOST_EVENT_BYTES, Unreadable
from placet.kafka.binding import Headers, event_text

EVENT = b'{"specversion": "1.0", "id": "1"}'
BINARY: Headers = [("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_type", b"t"), ("other", b"\xff")]
JSON = ("content-type", b"application/json")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("trace", b"\xff"), ("trace", None)],
        [("content-type", b"application/cloudevents+json")],
        [("Content-Type", b"application/CloudEvents+json; charset=utf-8"), ("ce_id", b"another")],
        [JSON],
    ],
)
def test_a_whole_event_is_passed_on_as_it_is(headers: Headers) -> None:
    assert event_text(headers, EVENT) == EVENT
    assert event_text(headers, None) == b""


@pytest.mark.parametrize("kind", [None, b"application/json", b"Application/JSON;charset=utf-8"])
def test_in_binary_mode_attributes_are_headers_and_the_value_is_the_data(kind: bytes | None) -> None:
    headers = list(BINARY) if kind is None else [*BINARY, ("content-type", kind)]
    text = event_text(headers, b'{"a": 1}')
    assert isinstance(text, bytes)
    event = json.loads(text)
    assert event.pop("datacontenttype", None) == (None if kind is None else "application/json")
    assert event == {"specversion": "1.0", "id": "1", "type": "t", "data": {"a": 1}}


def test_an_event_without_data_has_none() -> None:
    text = event_text(BINARY, None)
    assert isinstance(text, bytes)
    assert "data" not in json.loads(text)


def test_of_what_is_larger_than_an_event_the_headers_are_kept() -> None:
    found = event_text(BINARY, b"x" * (MOST_EVENT_BYTES + 1))
    assert isinstance(found, Unreadable)
    assert (found.code, found.reason) == ("too_large", "it has more than 65,536 bytes")
    assert json.loads(found.text) == {"ce_specversion": "1.0", "ce_id": "1", "ce_type": "t", "data_base64": ""}


def test_a_value_of_any_depth_becomes_a_text_and_never_an_error() -> None:
    for depth in (*range(900, 1010), 30_000):
        event_text([*BINARY, JSON], b"[" * depth + b"]" * depth)


def test_of_a_message_with_a_faulty_header_all_others_are_kept() -> None:
    found = event_text([("ce_id", b"\xff"), ("ce_subject", b"customer:C00001")], b"{}")
    assert isinstance(found, Unreadable)
    assert found.reason == "its header 'ce_id' is not UTF-8"
    assert json.loads(found.text)["ce_subject"] == "customer:C00001"


@pytest.mark.parametrize(
    ("headers", "value", "reason"),
    [
        ([*BINARY, JSON], b"{", "its value is not JSON"),
        ([*BINARY, JSON], b"[" * 60_000, "its value is not JSON"),
        ([*BINARY, JSON], b"9" * 9_000, "its value is not JSON"),
        ([*BINARY, JSON], b'{"a": "\xff"}', "its value is not JSON"),
        ([*BINARY, ("CE_ID", b"2")], b"{}", "its header 'ce_id' comes twice"),
        ([*BINARY, JSON, JSON], b"{}", "its header 'content-type' comes twice"),
        ([("ce_id", None)], b"{}", "its header 'ce_id' has no value"),
        ([("ce_id", b"\xff")], b"{}", "its header 'ce_id' is not UTF-8"),
        ([*BINARY, ("ce_data", b"{}")], b"{}", "its data are in a header; the data of an event are the value"),
        ([*BINARY, ("content-type", b"text/xml")], b"<a/>", "its data are of type 'text/xml'; send 'application/json'"),
        (
            [("content-type", b"application/cloudevents-batch+json")],
            b"[]",
            "its content type is 'application/cloudevents-batch+json'; a whole event is sent as",
        ),
    ],
)
def test_what_is_no_event_is_kept_with_its_reason(headers: Headers, value: bytes, reason: str) -> None:
    found = event_text(headers, value)
    assert isinstance(found, Unreadable)
    assert found.reason[: len(reason)] == reason
    assert base64.b64decode(json.loads(found.text)["data_base64"]) == value


def test_a_value_cannot_name_attributes() -> None:
    text = event_text(BINARY, b'{}, "type": "other"')
    assert isinstance(text, Unreadable)


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["ce_id", "ce_type", "ce_data", "CE_time", "content-type", "x"]),
            st.none() | st.binary(max_size=20) | st.text(max_size=20),
        ),
        max_size=6,
    ),
    value=st.none() | st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "replace")),
)
def test_any_message_becomes_a_text_and_never_an_error(headers: Headers, value: bytes | None) -> None:
    found = event_text(headers, value)
    text = found.text if isinstance(found, Unreadable) else found
    assert isinstance(text, bytes)
    if isinstance(found, Unreadable):
        assert found.reason
        json.loads(text)
