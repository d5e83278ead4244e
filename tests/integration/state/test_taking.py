"""Events are taken once, in any order, and what cannot be taken is kept with its reason."""

import pytest

from placet.service.state.current import fold_waiting, state_of
from placet.service.state.taking import Taken
from placet.storage.database import Database
from tests.integration.state.sending import NOW, correct, recharge, take
from tests.support.databases import together


def refused(taken: Taken) -> list[tuple[str, str]]:
    """Return code and reason of what was refused."""
    return [(letter.code, letter.reason) for letter in taken.refused]


def test_an_event_counts_once_however_often_it_arrives(database: Database) -> None:
    first = take(database, recharge(1), recharge(2), recharge(1))
    assert (first.accepted, first.repeated, first.refused) == (2, 1, ())
    again = take(database, recharge(2), recharge(3))
    assert (again.accepted, again.repeated) == (1, 1)
    state = state_of(database, "demo", "C00001", NOW)
    assert (state.version, state.window(7).figure("recharges")) == (3, 3)
    assert state.window(7).figure("recharged_minor:USD") == 1500
    assert state_of(database, "other", "C00001", NOW).version == 0


def test_folding_in_parts_gives_what_folding_at_once_gives(database: Database) -> None:
    for number in (5, 1, 3):
        take(database, recharge(number))
        assert fold_waiting(database, "demo") == 1
    take(database, *(recharge(n, id=f"s{n}", subject="customer:C00002") for n in (1, 3, 5)))
    one, other = (state_of(database, "demo", customer, NOW) for customer in ("C00001", "C00002"))
    assert one.model_copy(update={"customer_id": "C00002"}) == other
    assert fold_waiting(database, "demo") == 0


@pytest.mark.parametrize("order", ["before", "after", "folded"])
def test_a_correction_takes_back_whenever_it_comes(database: Database, order: str) -> None:
    if order == "before":
        take(database, correct(1))
        state_of(database, "demo", "C00001", NOW)
    take(database, recharge(1), recharge(2))
    if order == "folded":
        assert state_of(database, "demo", "C00001", NOW).window(7).figure("recharges") == 2
    if order != "before":
        take(database, correct(1))
    state = state_of(database, "demo", "C00001", NOW)
    assert (state.window(7).figure("recharges"), state.version) == (1, 3)


def test_a_correction_cannot_take_back_what_is_of_another_customer(database: Database) -> None:
    take(database, recharge(1), recharge(9, id="x", subject="customer:C00002"))
    data = {"source": "bss", "id": "r1", "reason": "wrong"}
    take(database, recharge(1, id="y", type="placet.event.corrected.v1", data=data, subject="customer:C00002"))
    assert state_of(database, "demo", "C00001", NOW).window(7).figure("recharges") == 1
    assert state_of(database, "demo", "C00002", NOW).window(7).figure("recharges") == 1


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (b"", "malformed", "it is not JSON: EOF"),
        (b"\xff\xfe", "malformed", "it is not JSON"),
        (b'{"id": "\xed\xa0\x80"}', "malformed", "it is not JSON"),
        (b"[" * 50_000, "malformed", "it is not JSON: recursion limit"),
        (recharge(1, time=1772366400), "malformed", "time 1772366400: write a time with its offset"),
        (b" " * 70_000, "too_large", "it has more than 65,536 bytes"),
        (
            recharge(1, type="acme.birthday.v1"),
            "unknown_type",
            "no kind of event is called 'acme.birthday.v1'; ",
        ),
        (recharge(1, type="x" * 900), "unknown_type", "no kind of event is called"),
        (b'{"specversion": "1.0"}', "unknown_type", "it has no type"),
        (recharge(1, data={"amount": {"amount_minor": -1, "currency": "USD"}}), "malformed", "data.amount"),
        (
            recharge(1, data={"amount": {"amount_minor": 1, "currency": "XXX"}}),
            "malformed",
            "data.amount.currency 'XXX'",
        ),
        (recharge(1, time="2026-03-01T09:30:00"), "malformed", "time '2026-03-01T09:30:00': write a time with its"),
        (
            recharge(1, type="placet.survey.answered.v1", data={"survey": "csat", "score": 6}),
            "malformed",
            "data {'survey': 'csat', 'score': 6}: a score of csat is from 1 to 5",
        ),
        (recharge(1, time="2026-03-01T12:06:00Z"), "from_the_future", "it happened at 2026-03-01 12:06:00Z"),
        (recharge(1, time="2016-03-01T12:00:00Z"), "too_old", "it happened at 2016-03-01 12:00:00Z; events are kept"),
        (recharge(1, subject="msisdn:+4915112345678"), "unknown_subject", "nobody is known by 'msisdn:+49"),
        (recharge(1, subject="customer:"), "malformed", "subject 'customer:'"),
        (recharge(1, id="a\u202eb"), "malformed", "id 'a\\u202eb': it holds characters that cannot be seen"),
    ],
)
def test_what_cannot_be_taken_is_kept_with_its_reason(database: Database, text: bytes, code: str, said: str) -> None:
    taken = take(database, text, recharge(7))
    assert taken.accepted == 1  # nothing stops
    ((found, reason),) = refused(taken)
    assert (found, reason[: len(said)]) == (code, said)
    assert "\n" not in reason
    take(database, text)
    with database.reading() as tx:
        assert tx.dead_letters.counts("demo") == {code: 1}


def test_senders_of_the_same_events_in_other_orders_do_not_stop_each_other(database: Database) -> None:
    def work(number: int) -> int:
        events = [recharge(hour) for hour in range(400)]
        return take(database, *(events if number % 2 else reversed(events))).accepted

    for start in range(5):
        assert sum(together(6, work)) == (0 if start else 400)


def test_of_an_event_that_is_refused_each_copy_in_a_batch_is_told_so(database: Database) -> None:
    take(database, recharge(1))
    other = recharge(1, data={"amount": {"amount_minor": 900, "currency": "USD"}})
    spaced = other.replace(b'": ', b'":  ')
    taken = take(database, other, spaced, other)
    assert (taken.accepted, taken.repeated) == (0, 0)
    assert [code for code, _ in refused(taken)] == ["other_content"] * 3


def test_senders_of_the_same_faults_in_other_orders_do_not_stop_each_other(database: Database) -> None:
    def work(number: int) -> int:
        faults = [recharge(hour, type="acme.birthday.v1") for hour in range(300)]
        return len(take(database, *(faults if number % 2 else reversed(faults))).refused)

    for _ in range(5):
        assert together(6, work) == [300] * 6


def test_an_id_with_other_content_is_refused_and_changes_nothing(database: Database) -> None:
    take(database, recharge(1))
    other = recharge(1, data={"amount": {"amount_minor": 900, "currency": "USD"}})
    taken = take(database, other)
    assert refused(taken)[0][0] == "other_content"
    assert refused(take(database, recharge(2), recharge(2, data={"amount": {"amount_minor": 1, "currency": "USD"}})))
    assert state_of(database, "demo", "C00001", NOW).window(7).figure("recharged_minor:USD") == 1000
