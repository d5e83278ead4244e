"""Temporal goes down in the middle of a batch: what was recorded is said, the rest is decided again, nothing twice."""

import secrets
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from placet.entrypoints.processes.process import await_condition
from placet.interfaces.console.pages.governance import batches
from placet.service.decisions import deliver_decision
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
