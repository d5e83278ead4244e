"""Events that name their customer by a key: taken where it is known whose it is, or once it becomes known."""

import json
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from placet.entrypoints.beside_worker.state_folding import StateFolding
from placet.errors import UsageError
from placet.service.state.current import age_out, fold_waiting, state_of
from placet.service.state.dead import count_letters, retry_letters
from placet.service.state.erasing import erase_customer, let_go
from placet.service.state.identifying import identify
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.integration.state.sending import NOW, OLDEST, correct, recharge, take

NUMBER = "msisdn:+4915112345678"


def link(customer: str, key: str = NUMBER, hours: int = 24, **data: Any) -> bytes:
    return recharge(
        hours,
        id=f"link-{customer}-{key}-{hours}",
        type="placet.key.declared.v1",
        subject=f"customer:{customer}",
        data={"key": key, **data},
    )


def by_number(number: int, **changes: Any) -> bytes:
    return recharge(number, id=f"n{number}", **{"subject": NUMBER, **changes})


def recharges(database: Database, customer: str = "C1", tenant: str = "demo") -> int:
    return state_of(database, tenant, customer, NOW).window(7).figure("recharges")


def whose(database: Database, key: str = NUMBER, at: datetime = NOW, tenant: str = "demo") -> str | None:
    return identify(database, tenant, key, at).customer_id


def test_an_event_about_a_number_counts_for_the_customer_whose_it_is(database: Database) -> None:
    assert take(database, link("C1")).accepted == 1
    assert take(database, by_number(1), by_number(2), by_number(1)).accepted == 2
    assert recharges(database) == 2
    assert take(database, by_number(2)).repeated == 1
    assert whose(database, "msisdn:0049 151 1234-5678") == "C1"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_link_and_what_it_is_for_may_come_in_one_batch_in_any_order(database: Database, order: Any) -> None:
    sent = [link("C1"), by_number(1), by_number(2)]
    taken = take(database, *(sent[place] for place in order))
    assert (taken.accepted, taken.refused) == (3, ())
    assert recharges(database) == 2


def test_a_number_that_nobody_has_waits_as_a_dead_letter_until_somebody_has_it(database: Database) -> None:
    taken = take(database, by_number(1), by_number(1), by_number(2))
    assert {letter.code for letter in taken.refused} == {"unknown_subject"}
    assert len(taken.refused) == 3
    assert retry_letters(database, "demo", None, now=NOW, oldest=OLDEST).still == 2
    take(database, link("C1"))
    assert recharges(database) == 0
    loop = StateFolding(database, ("demo", "other"), lambda: NOW, 400)
    loop.round()
    loop.round()
    assert recharges(database) == 2
    assert count_letters(database, "demo") == {}


def test_dead_letters_are_taken_when_they_are_tried_again(database: Database) -> None:
    take(database, by_number(1))
    take(database, link("C1"))
    assert retry_letters(database, "demo", None, now=NOW, oldest=OLDEST).taken == 1
    assert recharges(database) == 1


def test_a_number_that_two_customers_have_counts_for_neither_until_one_gives_it_up(database: Database) -> None:
    take(database, link("C1"), link("C2"))
    (letter,) = take(database, by_number(1)).refused
    assert (letter.code, letter.subject) == ("ambiguous_subject", NUMBER)
    assert letter.reason.startswith("2 customers are known by 'msisdn:+4915112345678'")
    take(database, link("C1", hours=2, held=False))
    StateFolding(database, ("demo",), lambda: NOW, 400).round()
    StateFolding(database, ("demo",), lambda: NOW, 400).round()
    assert (recharges(database, "C1"), recharges(database, "C2")) == (0, 1)
    # It was the other's until two hours ago: whose this was is not known.
    (letter,) = take(database, by_number(3)).refused
    assert letter.code == "unclear_subject"
    StateFolding(database, ("demo",), lambda: NOW, 400).round()
    assert count_letters(database, "demo") == {"unclear_subject": 1}


def test_what_was_taken_stays_a_repetition_when_the_number_is_given_up(database: Database) -> None:
    take(database, link("C1"))
    take(database, by_number(1))
    take(database, link("C1", hours=0, held=False))
    assert whose(database) is None
    assert take(database, by_number(1)).repeated == 1
    assert take(database, by_number(0)).refused[0].code == "unknown_subject"


def test_letters_of_an_event_that_was_taken_since_go_when_they_are_tried(database: Database) -> None:
    variants = [json.dumps({**json.loads(by_number(1)), "extra": str(one)}).encode() for one in range(5)]
    take(database, *variants)
    assert count_letters(database, "demo") == {"unknown_subject": 5}
    take(database, link("C1"))
    assert take(database, by_number(1)).accepted == 1
    take(database, link("C2", hours=0, held=False))
    loop = StateFolding(database, ("demo",), lambda: NOW, 400)
    loop.round()
    loop.round()
    assert count_letters(database, "demo") == {}
    assert recharges(database) == 1


def test_a_correction_takes_a_link_back(database: Database) -> None:
    take(database, recharge(1, type="placet.key.declared.v1", data={"key": NUMBER}, subject="customer:C1"))
    assert whose(database) == "C1"
    take(database, correct(1, subject="customer:C1"))
    assert whose(database) is None


def test_another_tenant_sees_no_key(database: Database) -> None:
    take(database, link("C1"))
    assert whose(database, tenant="other") is None
    taken = take_events(database, "other", [by_number(1)], now=NOW, oldest=OLDEST)
    assert taken.refused[0].code == "unknown_subject"
    with database.reading() as tx:
        assert tx.keys.of_customer("other", "C1") == ()


def test_an_event_about_a_household_is_a_dead_letter(database: Database) -> None:
    (letter,) = take(database, recharge(1, subject="household:H1")).refused
    assert letter.reason.startswith("it is about a household, 'household:H1'; send it about the customer")


@pytest.mark.parametrize(
    "data",
    [
        {"key": "email:anna@example.org"},
        {"key": "msisdn:015112345678"},
        {"key": "customer:C2"},
        {"key": NUMBER, "held": "yes"},
    ],
)
def test_a_link_whose_key_is_none_is_a_dead_letter(database: Database, data: dict[str, Any]) -> None:
    bad = recharge(1, type="placet.key.declared.v1", subject="customer:C1", data=data)
    assert take(database, bad).refused[0].code == "malformed"


def test_of_an_erased_customer_no_key_is_left_and_no_letter_that_names_one(database: Database) -> None:
    shared = "device:D1"
    take(database, link("C1"), link("C1", shared), link("C2", shared))
    bad = json.dumps(json.loads(by_number(1, data={}))).replace("msisdn:+", "msisdn\\u003a\\u002b").encode()
    take(database, by_number(0, time=(NOW + timedelta(minutes=9)).isoformat()), bad, by_number(3, subject=shared))
    assert count_letters(database, "demo") == {"from_the_future": 1, "malformed": 1, "ambiguous_subject": 1}
    done = erase_customer(database, "demo", "C1", by="dana", reason="asked", now=NOW)
    assert (done.events, done.letters, done.keys) == (2, 3, 2)
    assert whose(database) is None
    assert whose(database, shared) == "C2"
    assert count_letters(database, "demo") == {}, "a letter that may be of the erased one becomes nobody else's event"


def test_a_link_that_is_not_folded_yet_is_erased_as_well(database: Database) -> None:
    take(database, by_number(1))
    take(database, link("C1"))
    assert erase_customer(database, "demo", "C1", by="dana", reason="asked", now=NOW).letters == 1
    assert fold_waiting(database, "demo") == 0
    assert whose(database) is None


def test_keys_go_with_the_state_when_it_is_let_go(database: Database) -> None:
    take(database, link("C1", hours=24 * 95), link("C2", hours=1))
    fold_waiting(database, "demo")
    cut = NOW - timedelta(days=90)
    age_out(database, "demo", cut)
    assert whose(database, at=NOW) is None
    assert let_go(database, "demo", cut) == 1
    assert whose(database) == "C2"


@pytest.mark.parametrize(
    ("key", "said"), [("anna@example.org", "kept nowhere"), ("msisdn:0151", "country code"), ("C1", "begins with")]
)
def test_what_is_no_key_is_refused_in_one_line(database: Database, key: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        identify(database, "demo", key, NOW)
