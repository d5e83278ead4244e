"""From the moment a halt is committed, nothing it is about starts to leave; it is lifted once, and stays on record."""

import base64
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy.dialects import sqlite

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.halt import Halt
from placet.contracts.run import RunRequest, RunState
from placet.errors import StorageError, UsageError
from placet.governance.halts import PLACED
from placet.governance.signing.keys import Signer, public_bytes
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE
from placet.service.documents.halts import place_halt, sign_lift
from placet.service.documents.keys import revoke_key
from placet.storage.database import Database
from placet.storage.governance import halts
from tests.support.databases import disarm, migrated, outsider, sqlite_url, together
from tests.support.enrolment import enroll, new_signer, trusted
from tests.support.guard import GUARD

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def halt(number: int = 1, **changes: Any) -> Halt:
    fields: dict[str, Any] = {
        "halt_id": f"halt-{number:012x}",
        "tenant": "acme",
        "scope": "tenant",
        "subject": "",
        "reason": "wrong price list",
        "placed_by": "olga",
        "placed_at": AT + timedelta(seconds=number),
    }
    return Halt(**{**fields, **changes})


def place(database: Database, *placed: Halt, recorded: bool = True) -> None:
    with database.transaction() as tx:
        for each in placed:
            tx.halts.place(each)
            if not recorded:
                continue
            body = each.model_dump(mode="json", include={"halt_id", "scope", "subject", "reason"})
            tx.record_act(each.tenant, PLACED, each.placed_by, each.placed_at, each.halt_id, body)


def in_force(database: Database, agent: str = "retention", kind: str = "adjust_balance") -> str | None:
    with database.reading() as tx:
        found = tx.halts.in_force("acme", agent=agent, kind=kind)
    return None if found is None else found.halt_id


def test_a_halt_comes_back_as_it_was_placed_and_placing_it_again_changes_nothing(database: Database) -> None:
    place(database, halt())
    place(database, halt())
    with database.reading() as tx:
        assert tx.halts.get(halt().halt_id) == halt()
        assert tx.halts.list("acme") == (halt(),)
        assert tx.halts.get("halt-" + "f" * 12) is None
    with pytest.raises(UsageError, match="exists already"):
        place(database, halt(tenant="other"))


def test_a_halt_stops_what_it_is_about_and_nothing_else(database: Database) -> None:
    place(database, halt(9, tenant="other"))
    assert in_force(database) is None
    place(database, halt(1, scope="kind", subject="adjust_balance"))
    assert in_force(database) == halt(1).halt_id
    assert in_force(database, kind="order_product") is None
    place(database, halt(2, scope="agent", subject="retention"))
    assert in_force(database) == halt(2).halt_id
    assert in_force(database, agent="advance", kind="order_product") is None
    place(database, halt(4), halt(3))
    assert in_force(database) == halt(3).halt_id
    assert in_force(database, agent="advance", kind="order_product") == halt(3).halt_id
    # An agent of a kind's name is not that kind.
    assert in_force(database, agent="adjust_balance", kind="retention") == halt(3).halt_id


def signed(database: Database, root: Signer, what: Halt) -> str:
    """The digest of a document in the store by which `root` lifts a halt."""
    envelope = sign_lift(what, name=root.name, reason="", key=root.key)
    with database.transaction() as tx:
        return tx.artifacts.put("acme", DOCUMENT_MEDIA_TYPE, envelope.encode())


def test_the_same_halted_twice_goes_on_when_both_are_lifted(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path, tenant="acme")
    place(database, halt(1), halt(2))
    for number, left in ((1, halt(2).halt_id), (2, None)):
        document = signed(database, root, halt(number))
        with database.transaction() as tx:
            assert tx.halts.lift(halt(number).halt_id, by="root", at=AT, document=document)
        assert in_force(database) == left
    with database.reading() as tx:
        assert tx.halts.list("acme") == ()
        assert [each.lifted_by for each in tx.halts.list("acme", lifted=True)] == ["root", "root"]


def test_of_eight_who_lift_it_at_once_one_does(database: Database, tmp_path: Path) -> None:
    root = trusted(database, tmp_path, tenant="acme")
    documents = [signed(database, root, halt()) for _ in range(8)]
    place(database, halt())

    def lift(number: int) -> bool:
        with database.transaction() as tx:
            return tx.halts.lift(halt().halt_id, by="root", at=AT, document=documents[number])

    lifted = together(8, lift)
    assert lifted.count(True) == 1
    with database.reading() as tx:
        found = tx.halts.get(halt().halt_id)
    assert found is not None
    assert (found.lifted_by, found.lift) == ("root", documents[lifted.index(True)])


def test_a_row_lifts_no_halt_that_nobody_signed_for(database: Database, database_url: str, tmp_path: Path) -> None:
    root, stranger = trusted(database, tmp_path, tenant="acme"), new_signer("root")
    revoked = new_signer("rita")
    enroll(database, known(revoked), root)
    revoke_key(database, tenant="acme", key_id=revoked.key.key_id, by=root, reason="left")
    forgeries = {
        "no document": ("root", "d" * 64),
        "nobody's key": ("root", signed(database, stranger, halt(2))),
        "another halt's": ("root", signed(database, root, halt(99))),
        "in another's name": ("anna", signed(database, root, halt(4))),
        "a revoked key's": ("rita", signed(database, revoked, halt(5))),
        "before it was placed": ("root", signed(database, root, halt(6))),
    }
    later = halt(6, placed_at=datetime.now(UTC) + timedelta(days=1))
    place(database, *(halt(number) for number in range(1, 6)), later, recorded=False)
    for number, (by, document) in enumerate(forgeries.values(), 1):
        with database.transaction() as tx:
            assert tx.halts.lift(halt(number).halt_id, by=by, at=AT, document=document)
    with database.reading() as tx:
        assert [one.halt_id for one in tx.halts.list("acme")] == [halt(number).halt_id for number in range(1, 7)]
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance")
    assert found is not None
    assert (found.halt_id, found.lifted_at) == (halt(1).halt_id, None)
    assert found.reason == "wrong price list"
    assert found.doubt == "its row says that root lifted it, which nobody signed"
    # A row that was taken away is missed by who sends.
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell("DELETE FROM halt")
    gone = place_halt(
        database,
        tenant="acme",
        scope="kind",
        subject="order_product",
        by="olga",
        reason="wrong price list",
        agents=("retention",),
    )[0]
    with outsider(database_url) as shell:
        shell("DELETE FROM halt")
    with database.transaction() as tx:
        assert tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is None
        found = tx.halts.in_force("acme", agent="retention", kind="order_product", for_sending=True)
    assert found is not None
    assert (found.halt_id, found.reason) == (gone.halt_id, "wrong price list")
    assert found.doubt == "the record has it, its row was taken away"


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE halt SET scope = 'kind', subject = 'send_nothing'",
        "UPDATE halt SET scope = 'agent', subject = 'nobody'",
        "UPDATE halt SET tenant = 'other'",
    ],
)
def test_a_row_that_says_another_thing_stops_what_the_record_says(
    database: Database, database_url: str, edit: str
) -> None:
    given: Any = {"tenant": "acme", "by": "olga", "reason": "wrong price list", "agents": ("retention",)}
    placed = place_halt(database, scope="tenant", subject="", **given)[0]
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(edit)
    with database.transaction() as tx:
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True)
    assert found is not None
    assert (found.halt_id, found.scope) == (placed.halt_id, "tenant")


def known(signer: Signer) -> EnrolledKey:
    return EnrolledKey(
        tenant="acme",
        name=signer.name,
        roles=("retention_head",),
        limit=None,
        key_id=signer.key.key_id,
        public_key=base64.b64encode(public_bytes(signer.key.private.public_key())).decode(),
        enrolled_by="root",
        enrolled_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE halt SET lifted_at = NULL, lifted_by = NULL, lift = NULL",
        "UPDATE halt SET scope = 'agent', subject = 'nobody'",
        "DELETE FROM halt",
    ],
)
def test_the_database_itself_refuses_to_rewrite_one(database: Database, database_url: str, statement: str) -> None:
    place(database, halt())
    with database.transaction() as tx:
        tx.halts.lift(halt().halt_id, by="rita", at=AT, document="d" * 64)
    with outsider(database_url) as run, pytest.raises(Exception, match=r"(UPDATE|DELETE) refused"):
        run(statement)


def claim(database: Database, number: int, state: RunState = "executing") -> str:
    """An effect that is claimed and about to be sent."""
    run_id, key = f"run-{number:020x}", f"{number:064x}"
    request = RunRequest(
        run_id=run_id,
        tenant="acme",
        customer_id="C00001",
        agent="retention",
        key=str(number),
        requested_by="olga",
        requested_at=AT,
    )
    with database.transaction() as tx:
        tx.runs.request(request)
        tx.runs.set_state(run_id, state, at=AT)
        tx.effects.claim(key, tenant="acme", run_id=run_id, proposal="c" * 64, holder="me", now=AT, lease_seconds=30)
    return key


def send(database: Database, key: str, dawdle: int = 0) -> bool:
    """What `execute` does before a request leaves: look for a halt and count the request, in one transaction."""
    with database.transaction() as tx:
        if tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is not None:
            return False
        for _ in range(dawdle):
            tx.effects.get(key)
        return tx.effects.sending(key, holder="me", now=AT, most=2)


def sent(database: Database, key: str) -> int:
    with database.reading() as tx:
        record = tx.effects.get(key)
    assert record is not None
    return record.sends


def test_no_request_is_counted_after_a_halt_however_many_are_being_sent(database: Database) -> None:
    """Senders go on until they have met the halt three times; once `place` returns, the count stands still for good."""
    keys = [claim(database, number) for number in range(8)]
    running = threading.Barrier(len(keys) + 1, timeout=GUARD)
    placed = threading.Event()
    counted: list[int] = []

    def act(number: int) -> tuple[int, int]:
        if number == len(keys):
            running.wait()
            place(database, halt())
            placed.set()
            counted.append(sum(sent(database, key) for key in keys))
            return 0, 0
        assert send(database, keys[number])
        running.wait()
        went, went_later, refused = 1, 0, 0
        while refused < 3:
            later = placed.is_set()  # read before the transaction begins
            if send(database, keys[number], dawdle=10):
                went, went_later = went + 1, went_later + later
            else:
                refused += 1
        return went, went_later

    went = together(len(keys) + 1, act)
    assert sum(later for _, later in went) == 0
    assert sum(sent(database, key) for key in keys) == sum(ever for ever, _ in went) == counted[0] >= len(keys)


def test_a_halt_waits_for_a_request_that_is_being_counted_and_knows_of_it_then(
    database: Database, database_url: str
) -> None:
    key = claim(database, 1)
    counted, asked = threading.Event(), threading.Event()

    def place_beside() -> tuple[bool, int]:
        # On PostgreSQL a halt outwaits its connection's usual patience: a frozen sender must not keep it out.
        with Database(database_url, lock_timeout_s=5 if "sqlite" in database_url else 0.1) as other:
            asked.set()
            with other.transaction() as tx:
                tx.halts.place(halt())
                return counted.is_set(), len(tx.effects.under_way("acme", AT))

    with ThreadPoolExecutor(1) as beside:
        with database.transaction() as tx:
            assert tx.halts.in_force("acme", agent="retention", kind="adjust_balance", for_sending=True) is None
            placing = beside.submit(place_beside)
            assert asked.wait(GUARD)
            assert tx.effects.sending(key, holder="me", now=AT, most=2)
            with suppress(TimeoutError):
                placing.result(0.5)
            assert not placing.done()
            counted.set()
        assert placing.result(GUARD) == (True, 1)


def test_a_request_waits_for_a_halt_that_is_being_placed_and_is_not_counted_then(
    database: Database, database_url: str
) -> None:
    key = claim(database, 1)
    with Database(database_url, lock_timeout_s=0.1) as other:
        with database.transaction() as tx:
            tx.halts.place(halt())
            with pytest.raises(StorageError) as held_up:
                send(other, key)
        assert held_up.value.code == "storage_locked"
        assert send(other, key) is False


def test_another_tenants_senders_neither_wait_for_a_halt_nor_are_stopped(postgres_url: str) -> None:
    with Database(postgres_url, pool_size=4, lock_timeout_s=1) as database:
        key = claim(database, 1)
        with database.transaction() as tx:
            tx.halts.place(halt(tenant="other"))
            assert send(database, key) is True


def test_a_database_with_other_defaults_cannot_make_a_sender_miss_a_halt(postgres_url: str) -> None:
    change = "ALTER DATABASE %I SET default_transaction_isolation = 'serializable'"
    with outsider(postgres_url) as run:
        run(f"DO $$ BEGIN EXECUTE format($c${change}$c$, current_database()); END $$")
    with Database(postgres_url) as database:
        key = claim(database, 1)
        place(database, halt())
        assert send(database, key) is False


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_nothing_is_sent_through_connections_whose_transactions_could_miss_a_halt(
    postgres_url: str, level: str
) -> None:
    escaped = level.replace(" ", "\\ ")
    insisting = quote(f"-c default_transaction_isolation={escaped}")
    with Database(f"{postgres_url}{'&' if '?' in postgres_url else '?'}options={insisting}") as database:
        key = claim(database, 1)
        for act in (lambda: send(database, key), lambda: place(database, halt())):
            with pytest.raises(StorageError) as refused:
                act()
            assert refused.value.code == "storage_isolation"
        assert sent(database, key) == 0


def test_what_is_under_way_is_what_was_counted_and_may_still_arrive(database: Database) -> None:
    keys = [claim(database, number) for number in range(5)]
    for key in keys[1:4]:
        assert send(database, key)
    with database.transaction() as tx:
        tx.effects.fail(keys[3], holder="me", code="conflict", detail="")
        tx.effects.not_sent(keys[2], holder="me")
        tx.effects.release(keys[2], holder="me", now=AT)
    with database.reading() as tx:
        assert [effect.effect_key for effect in tx.effects.under_way("acme", AT)] == [keys[1]]
        assert tx.effects.under_way("other", AT) == ()
        assert tx.effects.under_way("acme", AT + timedelta(seconds=30)) == ()


def test_a_sender_does_not_go_through_its_tenants_stream(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    migrated(url).close()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        compiled = halts._PLACED.compile(dialect=sqlite.dialect(paramstyle="named"))
        plan = file.execute(f"EXPLAIN QUERY PLAN {compiled}", {**compiled.params, "of_stream": "tenant/acme"})
        steps = [str(row[3]) for row in plan]
    assert "SEARCH audit_event USING INDEX ix_audit_event_placed_halt (stream=?)" in steps


@pytest.mark.parametrize(
    "edit", ["scope = 'kind', subject = 'order_product'", "placed_by = 'mallory'", "reason = 'a typing error'"]
)
def test_a_row_that_says_otherwise_than_the_record_is_shown_as_the_record_says(
    database: Database, database_url: str, edit: str
) -> None:
    """Whoever lifts a halt sees what it stops and who placed it by the record, and four eyes rest on that."""
    place(database, halt())
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(f"UPDATE halt SET {edit}")  # noqa: S608
    with database.reading() as tx:
        found, listed = tx.halts.get(halt().halt_id), tx.halts.list("acme")
    assert found is not None
    assert listed == (found,)
    assert found.doubt.startswith("its row says otherwise than the record")
    assert found.model_copy(update={"doubt": ""}) == halt()


def test_a_row_that_nothing_on_the_record_placed_is_shown_as_such(database: Database) -> None:
    place(database, halt(), recorded=False)
    with database.reading() as tx:
        (found,) = tx.halts.list("acme")
    assert found.doubt == "nothing on the record says that it was placed"


def test_a_halt_whose_row_was_taken_away_or_is_another_tenants_still_stands(
    database: Database, database_url: str
) -> None:
    place(database, halt(), halt(2, scope="kind", subject="order_product"))
    disarm(database_url, "halt")
    with outsider(database_url) as shell:
        shell(f"DELETE FROM halt WHERE halt_id = '{halt().halt_id}'")  # noqa: S608
        shell("UPDATE halt SET tenant = 'other'")
    with database.reading() as tx:
        assert {one.halt_id for one in tx.halts.standing("acme")} == {halt().halt_id, halt(2).halt_id}
        found = tx.halts.in_force("acme", agent="retention", kind="adjust_balance")
    assert found is not None
    assert found.halt_id == halt().halt_id
