"""What could not be taken is listed, tried again after a fix, and lost on no way."""

import json
from datetime import timedelta
from typing import Any

import pytest

from placet.errors import UsageError
from placet.service.state.current import state_of
from placet.service.state.dead import count_letters, list_letters, retry_letters
from placet.service.state.erasing import erase_customer
from placet.service.state.taking import take_events
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
from placet.tmf688.mapping import events_of
from tests.integration.state.sending import NOW, OLDEST, recharge, take


def retry(database: Database, letter_id: str | None = None, code: str | None = None) -> tuple[int, int]:
    done = retry_letters(database, "demo", letter_id, code=code, now=NOW, oldest=OLDEST)
    return done.taken, done.still


def test_a_letter_becomes_an_event_once_what_was_wrong_is_mended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = recharge(1, time="2026-03-01T12:20:00Z")
    take(database, late, recharge(2, data={}), b"{", recharge(3))
    assert count_letters(database, "demo") == {"from_the_future": 1, "malformed": 2}
    assert retry(database) == (0, 3)
    (ahead,) = list_letters(database, "demo", code="from_the_future")
    assert ahead.content == late
    monkeypatch.setattr("placet.service.state.taking.MOST_AHEAD", timedelta(hours=1))
    assert retry(database, code="malformed") == (0, 2)
    assert retry(database, ahead.letter_id) == (1, 0)
    assert count_letters(database, "demo") == {"malformed": 2}
    assert state_of(database, "demo", "C00001", NOW + timedelta(hours=1)).version == 2
    with pytest.raises(UsageError, match="no dead letter"):
        retry(database, ahead.letter_id)


def test_a_letter_that_stays_has_the_newest_reason_and_its_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(database, recharge(1, time="2026-03-01T12:20:00Z", subject="msisdn:+4915112345678"))
    (before,) = list_letters(database, "demo")
    monkeypatch.setattr("placet.service.state.taking.MOST_AHEAD", timedelta(hours=1))
    assert retry(database) == (0, 1)
    (after,) = list_letters(database, "demo")
    assert (before.code, after.code) == ("from_the_future", "unknown_subject")
    assert after.reason.startswith("nobody is known by")
    assert after.received_at == before.received_at


def test_all_letters_are_tried_though_they_fill_many_pages(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placet.service.state.dead._PAGE", 3)
    good = [recharge(number, time=f"2026-03-01T12:2{number}:00Z") for number in range(8)]
    bad = [recharge(100 + number, data={}) for number in range(8)]
    take(database, *(one for pair in zip(good, bad, strict=True) for one in pair))
    monkeypatch.setattr("placet.service.state.taking.MOST_AHEAD", timedelta(hours=1))
    assert retry(database) == (8, 8)
    assert count_letters(database, "demo") == {"malformed": 8}
    seen: list[DeadLetter] = []
    after: str | None = None
    while page := list_letters(database, "demo", after=after, limit=3):
        seen += page
        after = page[-1].letter_id
    assert len({one.letter_id for one in seen}) == 8


def test_what_was_too_large_stays_and_is_no_new_letter(database: Database) -> None:
    take(database, b"x" * 100_000)
    assert retry(database) == (0, 1)
    assert count_letters(database, "demo") == {"too_large": 1}


def test_a_call_tries_a_bounded_number_and_says_where_to_go_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.service.state.dead._PAGE", 3)
    monkeypatch.setattr("placet.service.state.dead.MOST_RETRIED", 6)
    take(database, *(recharge(number, data={}) for number in range(12)))
    first = retry_letters(database, "demo", None, now=NOW, oldest=OLDEST)
    assert (first.taken, first.still, first.more) == (0, 6, True)
    rest = retry_letters(database, "demo", None, after=first.last, now=NOW, oldest=OLDEST)
    assert (rest.taken, rest.still, rest.more, rest.last) == (0, 6, False, None)


def test_what_came_as_a_notification_is_tried_as_one_and_as_nothing_else(database: Database) -> None:
    """Who may only notify of the BSS sends no event through a dead letter, and the other way round."""
    take_events(database, "demo", events_of(recharge(1)), now=NOW, oldest=OLDEST)
    party = {"id": "C00001", "@referredType": "Customer"}
    bill = {"id": "B1", "taxIncludedAmount": {"unit": "USD", "value": 9}, "relatedParty": [party]}
    told = {"eventId": "E1", "eventType": "CustomerBillCreateEvent", "event": {"customerBill": bill}}
    told["eventTime"] = NOW.isoformat()
    take(database, json.dumps(told).encode())
    before = count_letters(database, "demo")
    assert sum(before.values()) == 2
    assert retry_letters(database, "demo", None, now=NOW, oldest=OLDEST).taken == 0
    assert count_letters(database, "demo") == before


@pytest.mark.parametrize("meanwhile", ["erased", "tried"])
def test_a_letter_that_goes_while_it_is_tried_again_leaves_no_event(
    database: Database, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    take(database, recharge(1, time="2026-03-01T12:20:00Z"), recharge(2, data={}))
    monkeypatch.setattr("placet.service.state.taking.MOST_AHEAD", timedelta(hours=1))
    lettered = list_letters

    def then_gone(*arguments: Any, **named: Any) -> tuple[DeadLetter, ...]:
        monkeypatch.setattr("placet.service.state.dead.list_letters", lettered)
        found = lettered(*arguments, **named)
        if meanwhile == "erased":
            erase_customer(database, "demo", "C00001", by="dana", reason="they asked for it", now=NOW)
        else:
            assert retry(database) == (1, 1)
        return found

    monkeypatch.setattr("placet.service.state.dead.list_letters", then_gone)
    retry(database)
    kept = 1 if meanwhile == "tried" else 0
    assert state_of(database, "demo", "C00001", NOW + timedelta(hours=1)).version == kept
    assert count_letters(database, "demo") == ({"malformed": 1} if kept else {})
