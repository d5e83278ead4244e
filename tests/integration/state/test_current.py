"""The state of a customer: whoever folds it and when, whatever has aged, and beside whom."""

import io
from datetime import timedelta

import pytest
from sqlalchemy import text

from placet.contracts.events.kinds import EVENT
from placet.decisioning.state.aggregate import micros_of
from placet.entrypoints.beside_worker.state_folding import StateFolding
from placet.errors import StorageError, UsageError
from placet.service.state.current import age_out, fold_waiting, state_of
from placet.service.state.files import bounded_lines, take_lines
from placet.storage.database import Database
from placet.storage.state.events import EventRepository, EventRow
from tests.integration.state.sending import NOW, OLDEST, correct, recharge, take
from tests.support.databases import together


def test_what_retention_takes_away_still_counts_and_a_correction_of_the_rest_undoes(database: Database) -> None:
    consent = {"type": "placet.consent.changed.v1", "data": {"purpose": "marketing", "given": True}}
    take(database, recharge(24 * 95, **consent), recharge(24 * 94, id="old"), recharge(1), recharge(2))
    before = state_of(database, "demo", "C00001", NOW)
    assert age_out(database, "demo", NOW - timedelta(days=90)) == 1
    assert age_out(database, "demo", NOW - timedelta(days=90)) == 0
    with database.reading() as tx:
        assert len(tx.events.of_customer("demo", "C00001")) == 2
    assert state_of(database, "demo", "C00001", NOW) == before
    take(database, correct(1))
    after = state_of(database, "demo", "C00001", NOW)
    assert [window.figure("recharges") for window in after.windows] == [1, 1, 1]
    assert [(one.purpose, one.given) for one in after.consents] == [("marketing", True)]


def test_what_was_corrected_does_not_come_back_when_it_ages(database: Database) -> None:
    take(database, recharge(24 * 80), recharge(1), correct(24 * 80))
    fold_waiting(database, "demo")
    assert age_out(database, "demo", NOW - timedelta(days=60)) == 1
    take(database, recharge(2))  # a customer with a correction is folded anew from all that is kept
    state = state_of(database, "demo", "C00001", NOW)
    assert [window.figure("recharges") for window in state.windows] == [2, 2, 2]


def test_a_past_state_is_what_had_happened_by_then(database: Database) -> None:
    take(database, *(recharge(24 * day) for day in range(20)), correct(48), recharge(0, source="other"))
    then = NOW - timedelta(days=10)
    past = state_of(database, "demo", "C00001", then)
    assert (past.version, past.newest, [one.name for one in past.sources]) == (10, then, ["bss"])
    assert past.window(7).figure("recharges") == 7
    # A correction counts from its own time on: then, nobody had said so yet.
    assert state_of(database, "demo", "C00001", NOW - timedelta(hours=1)).version == 19
    assert state_of(database, "demo", "C00001", NOW).version == 22
    assert state_of(database, "demo", "C00001", NOW - timedelta(days=30)).version == 0
    age_out(database, "demo", NOW - timedelta(days=5))
    with pytest.raises(UsageError, match="were taken away by retention; ask for a later time"):
        state_of(database, "demo", "C00001", then)
    assert state_of(database, "demo", "C00001", NOW - timedelta(days=4)).version == 16


def test_an_event_of_a_clock_that_is_ahead_counts_once_it_has_happened(database: Database) -> None:
    soon = NOW + timedelta(minutes=4)
    take(database, recharge(1), recharge(2, time=soon.isoformat()))
    assert state_of(database, "demo", "C00001", NOW).version == 1
    assert state_of(database, "demo", "C00001", soon).version == 2


def test_a_state_with_simulated_events_says_so_whatever_else_it_has(database: Database) -> None:
    take(database, recharge(1000, source="simulated"), *(recharge(n, source=f"other-{n}") for n in range(40)))
    sources = [one.name for one in state_of(database, "demo", "C00001", NOW).sources]
    assert (len(sources), "simulated" in sources) == (32, True)


def test_a_row_that_cannot_be_read_is_named_and_keeps_nobody_else_from_being_folded(database: Database) -> None:
    take(database, recharge(1), recharge(1, id="b", subject="customer:C00002"))
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_event SET content = '{}' WHERE customer_id = 'C00001'"))
    with pytest.raises(StorageError, match=r"row .C00001. of table 'customer_event' cannot be read"):
        fold_waiting(database, "demo")
    with database.reading() as tx:
        assert tx.events.waiting("demo", 9) == ["C00001"]
    assert state_of(database, "demo", "C00002", NOW).version == 1
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_state SET aggregate = '{}' WHERE customer_id = 'C00002'"))
    with pytest.raises(StorageError, match=r"row .C00002. of table 'customer_state' cannot be read"):
        state_of(database, "demo", "C00002", NOW)
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_state SET aged = '{}' WHERE customer_id = 'C00002'"))
    with pytest.raises(StorageError, match=r"row .C00002. of table 'customer_state' cannot be read"):
        age_out(database, "demo", NOW)


def test_many_rows_that_cannot_be_read_keep_nobody_else_waiting(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.entrypoints.beside_worker.state_folding._AT_ONCE", 2)
    of_each = [recharge(24 * 300, id=f"e{n}", subject=f"customer:C{n:05}") for n in range(9)]
    take(database, *of_each)
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_event SET content = '{}' WHERE customer_id < 'C00006'"))
    folding = StateFolding(database, ["demo"], lambda: NOW, events_days=400)
    folding.round()
    folding.round()
    assert [state_of(database, "demo", f"C{n:05}", NOW).version for n in (6, 7, 8)] == [1, 1, 1]
    (told,) = [one.getMessage() for one in caplog.records]
    assert "of table 'customer_event' cannot be read" in told
    assert told.endswith("nor can rows of 5 more customers")
    with database.transaction() as tx:
        tx.connection.execute(text("UPDATE customer_state SET aged = '{}' WHERE customer_id < 'C00008'"))
    StateFolding(database, ["demo"], lambda: NOW, events_days=200).round()
    with database.reading() as tx:
        kept = [tx.events.of_customer("demo", f"C{n:05}") for n in (6, 7, 8)]
    assert [len(contents) for contents in kept] == [1, 1, 0]


def test_an_event_that_arrives_while_a_customer_is_folded_anew_counts_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(database, recharge(1), correct(1), recharge(2))
    fold = EventRepository.fold

    def another_arrives(self: EventRepository, tenant: str, customer_id: str) -> list[tuple[str, str]]:
        monkeypatch.setattr(EventRepository, "fold", fold)
        pending = fold(self, tenant, customer_id)
        content = EVENT.validate_json(recharge(3)).model_dump_json()
        row = EventRow(
            source="bss",
            event_id="r3",
            customer_id=customer_id,
            type="placet.balance.recharged.v1",
            happened_us=micros_of(NOW - timedelta(hours=3)),
            content=content,
        )
        assert self.add(tenant, [row], micros_of(NOW))
        return pending

    monkeypatch.setattr(EventRepository, "fold", another_arrives)
    fold_waiting(database, "demo")
    then = state_of(database, "demo", "C00001", NOW - timedelta(hours=2))
    assert (then.version, then.window(7).figure("recharges")) == (2, 2)
    state = state_of(database, "demo", "C00001", NOW)
    assert (state.version, state.window(7).figure("recharges")) == (4, 2)


def test_a_state_with_nothing_to_fold_is_read_without_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(database, recharge(1))
    before = state_of(database, "demo", "C00001", NOW)
    monkeypatch.setattr(Database, "transaction", None)
    assert state_of(database, "demo", "C00001", NOW) == before
    assert state_of(database, "demo", "C00009", NOW).version == 0


def test_whoever_asks_while_another_folds_sees_what_was_folded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.name.startswith("sqlite"):
        pytest.skip("SQLite has one writer at a time")
    take(database, recharge(1))
    lacking = EventRepository.lacking

    def folded_meanwhile(self: EventRepository, tenant: str, customer_id: str) -> bool:
        monkeypatch.setattr(EventRepository, "lacking", lacking)
        assert fold_waiting(database, "demo") == 1
        return lacking(self, tenant, customer_id)

    monkeypatch.setattr(EventRepository, "lacking", folded_meanwhile)
    assert state_of(database, "demo", "C00001", NOW).version == 1


def test_of_many_who_fold_and_send_at_once_none_counts_twice(database: Database) -> None:
    def work(number: int) -> int:
        take(database, *(recharge(hour) for hour in range(number, number + 10)))
        fold_waiting(database, "demo")
        return state_of(database, "demo", "C00001", NOW).version

    assert max(together(6, work)) == 15
    state = state_of(database, "demo", "C00001", NOW)
    assert (state.version, state.window(7).figure("recharges")) == (15, 15)


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (b"", []),
        (b"\n\n  \r\n", []),
        (b"a\r\nb", [b"a", b"b"]),
        (b"x" * 200_000 + b"\nb\n", [b"x" * 65_538, b"b"]),
        (b"x" * 300_000, [b"x" * 65_538]),
        (b"{}" + b" " * 300_000 + b"x\nb", [b"{}" + b" " * 65_536, b"b"]),
        (b"x" * 65_536 + b"\nb", [b"x" * 65_536, b"b"]),
    ],
    ids=range(7),
)
def test_a_line_of_any_length_is_one_line(given: bytes, lines: list[bytes]) -> None:
    assert [line for _, line in bounded_lines(io.BytesIO(given))] == lines
    assert [number for number, _ in bounded_lines(io.BytesIO(b"a\n\n" + given))][1:] == [*range(3, 3 + len(lines))]


def test_a_file_of_many_batches_is_taken_whole_and_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placet.service.state.files.MOST_IN_A_BATCH", 7)
    given = b"\n".join([*(recharge(number) for number in range(40)), b"{", recharge(50, data={})])
    done = take_lines(database, "demo", io.BytesIO(given), now=NOW, oldest=OLDEST)
    assert (done.accepted, done.repeated, dict(done.refused)) == (40, 0, {"malformed": 2})
    assert done.reasons["malformed"].startswith("it is not JSON")
    assert done.lines == {"malformed": 41}
    again = take_lines(database, "demo", io.BytesIO(given), now=NOW, oldest=OLDEST)
    assert (again.accepted, again.repeated) == (0, 40)
