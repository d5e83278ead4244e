"""What could not be taken is listed, tried again after a fix, and lost on no way."""

from datetime import timedelta

import pytest

from placet.errors import UsageError
from placet.service.state.current import state_of
from placet.service.state.dead import count_letters, list_letters, retry_letters
from placet.storage.database import Database
from placet.storage.state.dead_letters import DeadLetter
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
