"""Temporal or the server goes down in the middle of a batch: what did not arrive is said, or handed out, once."""

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from placet.entrypoints.beside_worker.reconciler import Reconciler
from placet.entrypoints.processes.process import await_condition
from placet.errors import StorageError
from placet.service.deciding import batches, deliveries
from placet.service.deciding.batch_choice import parse_limits, prepare_batch
from placet.service.deciding.batches import sign_prepared
from placet.service.deciding.decisions import deliver_decision
from placet.service.deciding.deliveries import Delivery, go_on_delivering
from placet.storage.console.deliveries import DeliveryRepository, DeliveryRow
from placet.storage.sql.reading import UNREADABLE
from tests.integration.console.keys.test_documents_by_passkey import asked
from tests.support.guard import GUARD
from tests.support.passkeys import enrolled
from tests.support.pressing import asked as asked_of_run
from tests.support.pressing import sign, with_token
from tests.support.servers.console import ConsoleUnderTest


def test_what_did_not_arrive_is_said_and_decided_again(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, device = console.world, enrolled(console.world, console.url, "berta")
    runs = [world.pending(customer, key=secrets.token_hex(8)) for customer in ("C00005", "C00006", "C00009")]
    lost = runs[1]

    async def down_for_one(database: Any, engine: Any, record: Any, share: str) -> None:
        if record.run_id == lost:
            raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")
        await deliver_decision(database, engine, record, share)

    with with_token(console, "berta", "approver") as http:
        with monkeypatch.context() as patch:
            patch.setattr(batches, "deliver_decision", down_for_one)
            place = sign(http, asked(http, runs).headers["location"], device).headers["location"]
            await_condition(lambda: lost in http.get(place).text, seconds=GUARD, what="the outcomes")
        told = http.get(place).text
        of_lost = told.partition(f'title="{lost}"')[2].partition("</tr>")[0]
        assert "Temporal" in of_lost, of_lost
        for run_id in (runs[0], runs[2]):
            world.wait(run_id, "executed")
        assert world.record(lost).state == "awaiting_decision"
        assert sign(http, asked_of_run(http, lost, "approve"), device).status_code == 303
        world.wait(lost, "executed")
    for run_id in runs:
        assert len(world.events(run_id, "approve.decided")) == 1
        assert len(world.events(run_id, "execute.intended")) == 1


def test_what_the_server_did_not_send_before_it_stopped_the_reconciler_hands_out(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, device = console.world, enrolled(console.world, console.url, "bert")
    runs = [world.pending(customer, key=secrets.token_hex(8)) for customer in ("C00005", "C00006", "C00009")]

    async def stopped_after_one(database: Any, engine: Any, record: Any, share: str) -> None:
        if record.run_id != min(runs):
            raise asyncio.CancelledError  # as of a loop that ends
        await deliver_decision(database, engine, record, share)

    with with_token(console, "bert", "approver") as http, monkeypatch.context() as patch:
        patch.setattr(batches, "deliver_decision", stopped_after_one)
        sign(http, asked(http, runs).headers["location"], device)  # nobody is there any more to answer
        world.wait(min(runs), "executed")
    assert {world.record(run_id).state for run_id in runs[1:]} >= {"awaiting_decision"}
    assert world._parts is not None
    reconciler = Reconciler(world.engine, world._parts.context, grace=timedelta(0))
    world.run(reconciler.run_once())
    for run_id in runs:
        world.wait(run_id, "executed")
        assert len(world.events(run_id, "approve.decided")) == 1
        assert len(world.events(run_id, "execute.intended")) == 1
        assert world.events(run_id, "approve.refused") == []
    with world.database.reading() as tx:
        assert tx.deliveries.resting("demo", console.clock()) == ()
    world.run(reconciler.run_once())


def test_a_delivery_that_goes_on_is_taken_by_nobody_else(console: ConsoleUnderTest) -> None:
    world, anna = console.world, console.world.approver("anna")
    runs = [world.pending(customer, key=secrets.token_hex(8)) for customer in ("C00005", "C00006")]
    prepared = prepare_batch(world.database, "demo", "approve", parse_limits({}), runs)
    shares = sign_prepared(prepared, tenant="demo", signer="anna", reason="outage", key=anna.key)
    delivery, now = Delivery.begin(world.database, "demo", shares), datetime.now(UTC)
    ago = now - timedelta(seconds=60)
    assert world.run(go_on_delivering(world.database, world.engine, ["demo"], before=ago, now=now)) == ()
    # Its process is not heard of any more: another one goes on, and whoever was only slow sends nothing.
    late = now + timedelta(seconds=1)
    (said,) = world.run(go_on_delivering(world.database, world.engine, ["demo"], before=late, now=late))
    assert "the rest of its 2 shares was delivered" in said
    assert [one.code for one in world.run(delivery.deliver(world.engine, GUARD))] == ["accepted"] * 2
    for run_id in runs:
        world.wait(run_id, "executed")
        assert world.events(run_id, "approve.refused") == []


def test_a_delivery_that_another_process_took_is_ended_by_that_one_alone(console: ConsoleUnderTest) -> None:
    world, delivery, late = console.world, *_begun(console)
    with world.database.transaction() as tx:
        assert tx.deliveries.take("demo", delivery.batch, "another", before=late, at=late)
    assert [one.code for one in world.run(delivery.deliver(world.engine, 0))] == [None]
    with world.database.transaction() as tx:
        assert delivery.batch in tx.deliveries.resting("demo", late)
        tx.deliveries.end("demo", delivery.batch, "another")


def test_a_database_that_fails_for_a_moment_drops_no_delivery(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, delivery, late = console.world, *_begun(console)

    def gone(*_: object) -> None:
        raise StorageError("the database does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(DeliveryRepository, "get", gone)
        with pytest.raises(StorageError, match="does not answer"):
            world.run(go_on_delivering(world.database, world.engine, ["demo"], before=late, now=late))
    with world.database.reading() as tx:
        assert delivery.batch in tx.deliveries.resting("demo", late)
    world.run(go_on_delivering(world.database, world.engine, ["demo"], before=late, now=late))


def test_a_share_whose_run_cannot_be_read_is_kept_and_tried_again(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, delivery, late = console.world, *_begun(console)

    def unreadable(*_: object) -> None:
        raise StorageError("row 'run-1' of table 'run' cannot be read", code=UNREADABLE)

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "take_shares", unreadable)
        (said,) = world.run(go_on_delivering(world.database, world.engine, ["demo"], before=late, now=late))
    assert said == (
        f"batch {delivery.batch[:16]}: nothing of what was kept can be delivered; 1 share will be tried again: "
        "rows of their runs cannot be read"
    )
    later = late + timedelta(hours=1)
    (said,) = world.run(go_on_delivering(world.database, world.engine, ["demo"], before=later, now=later))
    assert said == f"batch {delivery.batch[:16]}: the rest of its 1 shares was delivered"


def _begun(console: ConsoleUnderTest) -> tuple[Delivery, datetime]:
    """Begin the delivery of a batch of one run; return it with a time at which it rests."""
    world, anna = console.world, console.world.approver("anna")
    run_id = world.pending("C00009", key=secrets.token_hex(8))
    prepared = prepare_batch(world.database, "demo", "approve", parse_limits({}), [run_id])
    shares = sign_prepared(prepared, tenant="demo", signer="anna", reason="outage", key=anna.key)
    return Delivery.begin(world.database, "demo", shares), datetime.now(UTC) + timedelta(seconds=1)


def test_a_row_that_nobody_signed_is_dropped(console: ConsoleUnderTest) -> None:
    world, now = console.world, datetime.now(UTC)
    run_id = world.pending("C00009", key=secrets.token_hex(8))
    for number, shares in enumerate(("no JSON", "[1]", f'{{"{run_id}": "{{}}"}}', '{"run-x": "y"}')):
        row = DeliveryRow(tenant="demo", batch=str(number), shares=shares, holder="x", moved_at=now)
        with world.database.transaction() as tx:
            tx.deliveries.add(row)
    said = world.run(go_on_delivering(world.database, world.engine, ["demo"], before=now, now=now))
    assert len(said) == 4
    assert all("nothing of what was kept can be delivered" in line for line in said)
    assert world.record(run_id).state == "awaiting_decision"
    with world.database.reading() as tx:
        assert tx.deliveries.resting("demo", now) == ()
