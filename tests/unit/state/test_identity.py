"""Keys have one standard form, and lead to exactly one customer or to nobody, whatever order their words come in."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.identity.keys import KeyWord
from placet.decisioning.identity.keys import keys_of, masked, normalised
from placet.decisioning.identity.resolving import resolve
from placet.decisioning.state.aggregate import MOST_MATTERS
from placet.decisioning.state.fold import fold
from tests.unit.state.test_fold import NOW, event

NUMBER = "msisdn:+4915112345678"
ADDRESS = f"email:{hashlib.sha256(b'anna@example.org').hexdigest()}"


def word(customer: str, hours: float, *, held: bool = True, since: float | None = None, key: str = NUMBER) -> KeyWord:
    return KeyWord(
        key=key,
        customer_id=customer,
        held=held,
        at=NOW - timedelta(hours=hours),
        since=None if since is None else NOW - timedelta(hours=since),
        source="crm",
        said_by="link",
    )


def declared(number: int, key: str, *, hours: float = 0, **data: Any) -> Any:
    return event(number, "placet.key.declared.v1", {"key": key, **data}, hours=hours)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("msisdn:+4915112345678", NUMBER),
        (" MSISDN: +49 (151) 123-456/78 ", NUMBER),
        ("msisdn:004915112345678", NUMBER),
        (ADDRESS.upper().replace("EMAIL", "Email"), ADDRESS),
        ("device:IMEI-49.1", "device:IMEI-49.1"),
    ],
)
def test_a_key_that_a_person_writes_gets_its_standard_form(text: str, key: str) -> None:
    assert normalised(text) == normalised(key) == key


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("msisdn:015112345678", "write the number with its country code"),
        ("msisdn:+491511234567890123", "country code"),
        ("msisdn:+49151123x5678", "country code"),
        ("email:abc", "64 hexadecimal digits"),
        ("C00001", "is no key: it begins with one of msisdn:, email:, device:"),
        ("device:", "write device: and an id"),
        ("device:" + "x" * 900, "write device:"),
    ],
)
def test_what_is_no_key_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="is no key") as refused:
        normalised(text)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("text", ["email:Anna@Example.org", "anna@example.org", "msisdn:anna@example.org"])
def test_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="an e-mail address is kept nowhere; write email: and the 64") as refused:
        normalised(text)
    assert "nna" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (NUMBER, "msisdn:+49…78"),
        (ADDRESS, f"email:…{ADDRESS[-4:]}"),
        ("device:IMEI490151", "device:…0151"),
        ("device:D1", "device:…"),
    ],
)
def test_a_masked_key_says_little(key: str, shown: str) -> None:
    assert masked(key) == shown


def test_one_customer_is_found_and_otherwise_nobody_with_the_reason() -> None:
    found = resolve(NUMBER, [word("C1", 5), word("C2", 9, held=False), word("C3", 1, key=ADDRESS)], NOW)
    assert (found.customer_id, found.code) == ("C1", None)
    assert [one.customer_id for one in found.words] == ["C1", "C2"]
    nobody = resolve(NUMBER, [word("C1", 5, held=False)], NOW)
    assert (nobody.customer_id, nobody.code) == (None, "unknown_subject")
    assert nobody.reason == f"nobody is known by {NUMBER!r}; who had it gave it up"
    several = resolve(NUMBER, [word("C1", 5), word("C2", 9)], NOW)
    assert (several.customer_id, several.code) == (None, "ambiguous_subject")
    assert several.reason.startswith("2 customers are known by ")


def test_what_happened_while_another_may_have_had_the_key_counts_for_nobody() -> None:
    words = [word("C1", 50, held=False), word("C2", 40, since=45)]
    at = {hours: resolve(NUMBER, words, NOW - timedelta(hours=hours)) for hours in (60, 47, 44)}
    assert [at[hours].customer_id for hours in (60, 47, 44)] == [None, None, "C2"]
    assert "is theirs since" in at[60].reason
    unsaid = [words[0], word("C2", 40)]
    assert resolve(NUMBER, unsaid, NOW - timedelta(hours=60)).reason.startswith("another customer had ")
    assert resolve(NUMBER, unsaid, NOW - timedelta(hours=47)).customer_id == "C2"


words = st.builds(
    word,
    customer=st.sampled_from(["C1", "C2", "C3"]),
    hours=st.integers(0, 9),
    held=st.booleans(),
    since=st.none() | st.integers(0, 9),
)


@given(st.lists(words, max_size=6, unique_by=lambda one: one.customer_id), st.integers(0, 9), st.randoms())
def test_the_answer_depends_on_the_words_and_not_on_their_order(known: list[KeyWord], hours: int, chance: Any) -> None:
    at = NOW - timedelta(hours=hours)
    shuffled = list(known)
    chance.shuffle(shuffled)
    found = resolve(NUMBER, known, at)
    assert found == resolve(NUMBER, shuffled, at)
    holders = [one.customer_id for one in known if one.held]
    assert found.customer_id in (None, *holders)
    if len(holders) != 1:
        assert found.customer_id is None
    assert (found.customer_id is None) == (found.code is not None)


def test_keys_come_from_links_and_from_devices_on_the_mobile_network() -> None:
    seen = {"kind": "phone", "has_line": True}
    events = [
        declared(1, NUMBER, hours=9, since="2026-01-01T00:00:00Z"),
        declared(2, ADDRESS, hours=8),
        declared(3, ADDRESS, hours=2, held=False),
        event(4, "placet.device.seen.v1", {"device_id": "D1", "network": "mobile", **seen}, hours=3),
        event(5, "placet.device.seen.v1", {"device_id": "D1", "network": "home", **seen}, hours=1),
        event(6, "placet.device.seen.v1", {"device_id": "D2", "network": "home", **seen}),
        event(7, "placet.device.seen.v1", {"device_id": "no key of ours", "network": "mobile", **seen}),
    ]
    found = {one.key: one for one in keys_of("C1", fold(events))}
    assert set(found) == {NUMBER, ADDRESS, "device:D1"}
    assert (found[NUMBER].since, found[NUMBER].said_by) == (datetime(2026, 1, 1, tzinfo=UTC), "link")
    assert not found[ADDRESS].held
    assert (found["device:D1"].at, found["device:D1"].said_by) == (NOW - timedelta(hours=3), "device")


def test_many_devices_do_not_crowd_out_the_number() -> None:
    seen = {"kind": "phone", "has_line": True, "network": "mobile"}
    events = [declared(1, NUMBER, hours=500)]
    events += [event(n, "placet.device.seen.v1", {"device_id": f"D{n}", **seen}, hours=n) for n in range(2, 99)]
    kept = [one.key for one in keys_of("C1", fold(events))]
    assert kept.count(NUMBER) == 1
    assert len(kept) == MOST_MATTERS + 1


def test_a_correction_takes_a_link_back() -> None:
    data = {"source": "bss", "id": "1", "reason": "wrong"}
    events = [declared(1, NUMBER), event(2, "placet.event.corrected.v1", data)]
    assert keys_of("C1", fold(events)) == ()
