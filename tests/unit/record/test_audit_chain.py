"""Promise 5: an entry's hash is over its RFC 8785 form, however quickly that form is put together."""

import enum
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from placet.contracts.audit import GENESIS
from placet.governance.log.body import read_body, write_body
from placet.governance.log.chain import entry_hash, link, verify_chain

LARGEST = 2**53 - 1

# Characters on which encoders and key orders fall apart: controls, quotes, delete, both sides of the UTF-16 surrogates.
_texts = st.text(max_size=12) | st.text(
    '\x00\x1f"\\\b\f\n\r\t/\x7f\x80\u2028\ue000\ufb33\uffff\U00010000\U0001f600a', max_size=8
)
_numbers = (
    st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, 1e20, 1e21, 1e-7, 5e-324, LARGEST, -LARGEST])
)
_scalars = _numbers | st.none() | st.booleans() | _texts
_json = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=5))
_bodies = st.dictionaries(_texts, _json, max_size=5)
_ascii_bodies = st.dictionaries(
    st.text('abcXYZ_ "\\\n\x01\x7f', max_size=6),
    st.recursive(
        _numbers | st.none() | st.booleans() | st.text('az09"\\\t\x00', max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abz", max_size=3), inner, max_size=3),
    ),
    max_size=5,
)
_instants = st.datetimes(timezones=st.just(UTC)) | st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(2200, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.integers(-839, 839).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
_places = st.fixed_dictionaries(
    {
        "stream": _texts,
        "seq": st.integers(1, LARGEST),
        "prev_hash": st.text("0123456789abcdef", min_size=64, max_size=64),
        "tenant": st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
        "run_id": st.none() | st.from_regex(r"run-[0-9a-f]{20}", fullmatch=True),
        "kind": st.from_regex(r"[a-z_]{1,20}\.[a-z_]{1,20}", fullmatch=True),
        "actor": _texts,
        "at": _instants,
        "step_key": _texts,
    }
)


def fields(**changes: Any) -> dict[str, Any]:
    return {
        "stream": "run-0123456789abcdef0123",
        "seq": 7,
        "prev_hash": "a" * 64,
        "tenant": "acme",
        "run_id": "run-0123456789abcdef0123",
        "kind": "execute.settled",
        "actor": "worker",
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "step_key": "execute.settled",
        "body": {"n": 1},
        **changes,
    }


@given(place=_places, body=_bodies | _ascii_bodies)
def test_the_hash_of_a_linked_entry_is_over_its_rfc_8785_form(place: dict[str, Any], body: dict[str, Any]) -> None:
    event = link(**place, body=body)
    written, said = write_body(body)
    assert event.hash == entry_hash(event)
    assert link(**place, body=said, written=written) == event


@given(body=_bodies | _ascii_bodies)
@example(body={"n": 1.0})
@example(body={"n": [-0.0, 1e20, 1e-7, 0.1]})
@example(body={"n": [LARGEST, -LARGEST, True, None]})
@example(body={"\U00010000": 1, "\ufb33": 2, "a": 3})
def test_a_body_is_written_in_its_rfc_8785_form_and_reads_as_it_was_returned(body: dict[str, Any]) -> None:
    written, said = write_body(body)
    assert written == rfc8785.dumps(body).decode()
    # By `repr`: 1, 1.0 and True are equal, and are not the same on the record.
    assert repr(said) == repr(read_body(written))
    assert said == body
    assert write_body(said) == (written, said)


@pytest.mark.parametrize(
    ("changes", "hashed"),
    [
        (
            {
                "actor": 'M\u00fcller "M"\n',
                "at": datetime(2026, 3, 1, 12, 0, 0, 120000, tzinfo=timezone(timedelta(hours=2))),
                "body": {
                    "\ufb33": 1,
                    "\U0001f600": [1.5, 1e21, -0.0, True, None],
                    "z": {"b": "\u20ac", "a": "\u001f\\"},
                },
            },
            "81a2be39f7e0e5caf341a22a5af3016ceaf1d1413d990fa2d5d1fad5e7d34b85",
        ),
        ({"run_id": None}, "051a0f1b65d9689c194462b5b248209503d484367051d8560ece34a61046f47c"),
    ],
)
def test_an_entry_has_the_hash_it_has_always_had(changes: dict[str, Any], hashed: str) -> None:
    event = link(**fields(**changes))
    assert (event.hash, entry_hash(event)) == (hashed, hashed)


def test_a_chain_of_linked_entries_verifies() -> None:
    first = link(**fields(seq=1, prev_hash=GENESIS, step_key="a"))
    assert verify_chain([first, link(**fields(seq=2, prev_hash=first.hash, step_key="b"))]) == 2


class _Colour(enum.StrEnum):
    RED = "red"


def test_what_json_has_no_word_for_is_recorded_as_the_word_it_has() -> None:
    body = {"b": (1, 2), "a": _Colour.RED, 3: datetime(2026, 3, 1, tzinfo=UTC)}
    written, said = write_body(body)  # type: ignore[arg-type]
    assert written == '{"3":"2026-03-01T00:00:00Z","a":"red","b":[1,2]}'
    assert said == {"3": "2026-03-01T00:00:00Z", "a": "red", "b": [1, 2]}
    assert type(said["a"]) is str


@pytest.mark.parametrize(
    "body",
    [
        {"n": float("nan")},
        {"n": float("inf")},
        {"n": LARGEST + 1},
        {"n": [-LARGEST - 1]},
        {"n": "\ud800"},
        {"n": object()},
    ],
)
def test_a_body_that_json_cannot_carry_exactly_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        write_body(body)
    with pytest.raises(ValueError, match=r".+"):
        link(**fields(body=body))


@pytest.mark.parametrize(
    "changes",
    [
        {"at": datetime(2026, 3, 1, 12)},  # noqa: DTZ001 - a time without an offset is the case
        {"seq": 0},
        {"prev_hash": 'x","seq":1,"x":"'},
        {"tenant": "ACME"},
        {"run_id": "run-1"},
        {"kind": "nothing"},
        {"actor": object()},
        {"actor": 5},
        {"actor": "\ud800"},
        {"step_key": None},
    ],
)
def test_a_malformed_field_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        link(**fields(**changes))
