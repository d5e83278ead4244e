"""What is kept of customers' events ends: by age, and of one customer on request, whatever goes on beside it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from placet.contracts.audit import tenant_stream
from placet.contracts.events.envelope import Unreadable
from placet.errors import UsageError
from placet.interfaces.record_words import in_words
from placet.kafka.binding import event_text
from placet.service.state.current import age_out, fold_waiting, state_of
from placet.service.state.dead import count_letters
from placet.service.state.erasing import erase_customer, let_go
from placet.service.state.taking import take_events
from placet.storage.database import Database
from placet.storage.state.events import EventRepository
from placet.storage.state.states import StateRepository
from placet.tmf688.mapping import events_of
from tests.integration.state.sending import NOW, OLDEST, recharge, take

CUT = NOW - timedelta(days=90)


def erase(database: Database, customer: str = "C00001") -> tuple[int, int, bool]:
    done = erase_customer(database, "demo", customer, by="dana", reason="they asked for it", now=NOW)
    return done.events, done.letters, done.state


@pytest.mark.parametrize("reason", ["", " \n"])
def test_nobody_is_erased_without_a_reason(database: Database, reason: str) -> None:
    take(database, recharge(1))
    with pytest.raises(UsageError, match="write why they are erased"):
        erase_customer(database, "demo", "C00001", by="dana", reason=reason, now=NOW)
    assert state_of(database, "demo", "C00001", NOW).version == 1


def of(customer: str, number: int, **changes: object) -> bytes:
    return recharge(number, id=f"{customer}-{number}", subject=f"customer:{customer}", **changes)


def test_a_notification_of_the_bss_that_could_not_be_taken_goes_with_the_customer_it_names(database: Database) -> None:
    for customer in ("C1", "C2"):
        party = {"id": customer, "@referredType": "Customer"}
        notification = {"eventId": "E1", "eventType": "VoucherCreateEvent", "event": {"x": {"relatedParty": [party]}}}
        text = json.dumps(notification)
        escaped = text.replace(customer, f"\\u0043{customer[1:]}")
        take_events(database, "demo", [*events_of(text.encode()), *events_of(escaped.encode())], now=NOW, oldest=OLDEST)
    assert count_letters(database, "demo") == {"unmapped": 4}
    assert erase(database, "C1") == (0, 2, False)
    assert count_letters(database, "demo") == {"unmapped": 2}


def test_the_aggregate_of_a_customer_goes_once_their_newest_event_is_older_than_events_are_kept(
    database: Database,
) -> None:
    take(database, of("C1", 24 * 95), of("C2", 24 * 95), of("C2", 1))
    fold_waiting(database, "demo")
    assert let_go(database, "demo", CUT) == 0, "its events are there still"
    age_out(database, "demo", CUT)
    assert let_go(database, "demo", CUT) == 1
    assert let_go(database, "demo", CUT) == 0
    with database.reading() as tx:
        assert tx.states.get("demo", "C1") is None
    assert state_of(database, "demo", "C1", NOW).version == 0
    assert state_of(database, "demo", "C2", NOW).version == 2


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([("content-type", b"application/cloudevents-batch+json")], of("C00001", 1)),
        ([("ce_id", b"\xff"), ("ce_subject", b"customer:C00001")], b"{}"),
        ([("ce_id", b"1"), ("ce_subject", b"customer:C00001")], b"x" * 70_000),
    ],
)
def test_a_message_from_kafka_that_is_no_event_goes_with_the_customer_whom_it_names(
    database: Database, headers: list[tuple[str, bytes]], value: bytes
) -> None:
    arrived = event_text(headers, value)
    assert isinstance(arrived, Unreadable)
    take_events(database, "demo", [arrived], now=NOW, oldest=OLDEST)
    assert erase(database) == (0, 1, False)
    assert count_letters(database, "demo") == {}


@pytest.mark.parametrize("cut", [0, 2])
def test_a_notification_about_a_customer_goes_with_them(database: Database, cut: int) -> None:
    for customer in ("C1", "C2"):
        event = {"customer": {"id": customer, "validFor": 1}}
        told = {"eventId": "E", "eventType": "CustomerCreateEvent", "event": event, "eventTime": NOW.isoformat()}
        text = json.dumps(told).encode()
        take_events(database, "demo", events_of(text[: len(text) - cut]), now=NOW, oldest=OLDEST)
    assert count_letters(database, "demo") == {"unmapped": 2}
    assert erase(database, "C1") == (0, 1, False)


def test_a_letter_of_another_goes_not_because_a_part_of_it_reads_like_the_id(database: Database) -> None:
    take(database, recharge(1, subject="customer:1.0"), recharge(2, specversion="1.0", data={"version": "1.0"}))
    other = {"eventId": "1.0", "eventType": "VoucherCreateEvent", "event": {"id": "1.0", "x": {"relatedParty": []}}}
    take_events(database, "demo", events_of(json.dumps(other).encode()), now=NOW, oldest=OLDEST)
    assert sum(count_letters(database, "demo").values()) == 2
    assert erase(database, "1.0") == (1, 0, True)
    assert sum(count_letters(database, "demo").values()) == 2


@pytest.mark.parametrize("filling", range(3))
def test_a_value_in_base64_is_read_to_its_last_byte(database: Database, filling: int) -> None:
    for customer in ("C1", "C12"):
        value = b"x" * filling + b" customer:" + customer.encode()
        take_events(database, "demo", [event_text([("ce_id", b"\xff")], value)], now=NOW, oldest=OLDEST)
    assert erase(database, "C1") == (0, 1, False)
    assert count_letters(database, "demo") == {"unreadable": 1}


@pytest.mark.parametrize("beside", ["fold", "age"])
def test_whoever_folds_or_ages_beside_it_makes_nobody_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    take(database, recharge(24 * 95))
    if beside == "age":
        fold_waiting(database, "demo")
    place, method = (StateRepository, "with_aged") if beside == "age" else (EventRepository, "lacking")
    found = getattr(place, method)

    def then_erased(*arguments: object) -> object:
        monkeypatch.setattr(place, method, found)
        listed = found(*arguments)
        with ThreadPoolExecutor(1) as pool:  # another process, as it were
            pool.submit(erase, database).result()
        return listed

    monkeypatch.setattr(place, method, then_erased)
    if beside == "age":
        age_out(database, "demo", CUT)
    else:
        state_of(database, "demo", "C00001", NOW)
    with database.reading() as tx:
        assert tx.states.count("demo") == 0


def test_a_letter_goes_when_it_is_older_than_events_are_kept(database: Database) -> None:
    take(database, recharge(1, data={}))
    assert let_go(database, "demo", NOW) == 0
    assert let_go(database, "other", NOW + timedelta(seconds=1)) == 0
    assert let_go(database, "demo", NOW + timedelta(seconds=1)) == 1
    assert count_letters(database, "demo") == {}


def test_of_an_erased_customer_no_event_no_aggregate_and_no_letter_is_left(database: Database) -> None:
    take(database, *(of("C00001", hour) for hour in range(5)), of("C000012", 3), of("C2", 3))
    fold_waiting(database, "demo")
    take(database, of("C00001", 7))  # not folded yet
    escaped = json.dumps(json.loads(of("C00001", 8, data={}))).replace("customer:C", "customer\\u003aC").encode()
    broken = of("C00001", 9)[:-1]
    take(database, escaped, broken, of("C000012", 8, data={}), of("C2", 8, data={}))
    assert erase(database) == (6, 2, True)
    with database.reading() as tx:
        assert tx.events.of_customer("demo", "C00001") == []
        assert tx.states.get("demo", "C00001") is None
        assert tx.states.get("demo", "C000012") is not None
        (entry,) = [one for one in tx.audit.read(tenant_stream("demo")) if one.kind == "state.erased"]
    assert count_letters(database, "demo") == {"malformed": 2}
    assert state_of(database, "demo", "C000012", NOW).version == 1
    assert in_words(entry) == (
        "ERASED what was kept of customer C00001: 6 events, 2 dead letters; dana wrote: “they asked for it”"
    )
    with pytest.raises(UsageError, match="no event of customer 'C00001' is kept"):
        erase(database)
    take(database, of("C00001", 1))
    assert state_of(database, "demo", "C00001", NOW).version == 1


def test_an_erased_customer_of_another_tenant_stays(database: Database) -> None:
    take(database, of("C00001", 1))
    with pytest.raises(UsageError):
        erase_customer(database, "other", "C00001", by="dana", reason="asked", now=NOW)
    assert state_of(database, "demo", "C00001", NOW).version == 1
