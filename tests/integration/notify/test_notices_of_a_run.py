"""A running system tells people what it needs of them, in one transaction with the record, and obeys no message."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.notification import Notification
from placet.entrypoints.main import Tools
from placet.entrypoints.senders import build_notifier
from placet.interfaces.cli.app import run as command
from placet.notify.address_book import load_address_book
from placet.plugin_api.testing.probe import ProbeAnswer
from tests.support.servers.smtp import Fault, MailBox, running_smtp
from tests.support.servers.webhook import SECRET, Receiver, running_receiver
from tests.support.world import World

BOOK = """
version = 1
console_url = "https://placet.operator.example"

[[email]]
address = "leads@operator.example"
tenants = ["demo"]
roles = ["retention_lead"]
occasions = ["asked", "reminded", "expired", "decided"]

[[email]]
address = "elsewhere@other.example"
tenants = ["other"]
roles = ["retention_lead"]

[[webhook]]
name = "desk"
url = "{url}"
secret_file = "desk.secret"
tenants = ["demo"]
roles = ["retention_lead", "finance"]
"""
ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
NOTICES = ("notice.delivered", "notice.failed")


class Told:
    """A world whose people are told by mail and webhook."""

    def __init__(self, world: World, box: MailBox, receiver: Receiver) -> None:
        self.world = world
        self.box = box
        self.receiver = receiver

    def deliver(self) -> None:
        """Deliver what is due now."""
        settings, world = self.world.settings, self.world
        book = load_address_book(settings.notify_file)
        build_notifier(settings, world.database, book, world.now).run_once()

    def notices(self, run_id: str, occasion: str | None = None) -> list[Notification]:
        """What was told about a run, oldest first."""
        with self.world.database.reading() as tx:
            found = tx.outbox.list(self.world.settings.tenant, run_id=run_id)
        return [one for one in reversed(found) if occasion in (None, one.occasion)]


@pytest.fixture
def told(make_world: Callable[..., World], tmp_path: Path) -> Any:
    """A running world with an address book, a mail server and a receiver of webhooks."""
    with ExitStack() as stack:
        box = stack.enter_context(running_smtp())
        receiver = stack.enter_context(running_receiver())
        book = tmp_path / "notify.toml"
        book.write_text(BOOK.format(url=receiver.url))
        (tmp_path / "desk.secret").write_text(SECRET)
        world = make_world(
            notify_file=book,
            smtp_host=box.host,
            smtp_port=box.port,
            smtp_from="placet@operator.example",
            smtp_starttls="no",
            effect_attempts=2,
        )
        yield Told(world, box, receiver)


def channels(notices: list[Notification]) -> list[tuple[str, str, str]]:
    return [(one.channel, one.recipient, one.role) for one in notices]


def test_opening_the_gate_asks_every_role_on_every_channel_once_and_no_one_elses(told: Told) -> None:
    run_id = told.world.pending("C00005")
    asked = told.notices(run_id)
    assert channels(asked) == [
        ("console", "retention_lead", "retention_lead"),
        ("email", "leads@operator.example", "retention_lead"),
        ("webhook", "desk", "retention_lead"),
    ]
    assert {one.occasion for one in asked} == {"asked"}
    record = told.world.record(run_id)
    assert {one.proposal for one in asked} == {record.proposal}
    told.deliver()
    (mail,) = told.box.taken
    body = mail.message.get_content()
    assert f"placet approve {run_id} --as YOUR-NAME" in body
    assert f"https://placet.operator.example/runs/{run_id}" in body
    assert record.customer_id not in mail.raw.decode()
    (posted,) = told.receiver.accepted.values()
    assert posted["data"]["proposal"] == record.proposal
    assert record.customer_id not in json.dumps(posted)
    entries = [event for event in told.world.events(run_id) if event.kind in NOTICES]
    assert sorted((entry.kind, entry.body["recipient"]) for entry in entries) == [
        ("notice.delivered", "desk"),
        ("notice.delivered", "leads@operator.example"),
    ]


def test_those_who_were_asked_are_told_once_it_is_decided_if_they_wish(told: Told) -> None:
    run_id = told.world.pending("C00005")
    told.world.approve(run_id, told.world.approver())
    assert channels(told.notices(run_id, "decided")) == [
        ("console", "retention_lead", ""),
        ("email", "leads@operator.example", ""),
    ]
    told.deliver()
    assert [mail.message["Subject"].split(":")[1].strip() for mail in told.box.taken] == ["decision asked", "decided"]
    with told.world.database.reading() as tx:
        assert tx.audit.verify(run_id) == len(told.world.events(run_id))


def test_an_outcome_nobody_knows_is_brought_to_whoever_may_settle_it(told: Told) -> None:
    world = told.world
    run_id = world.pending("C00005")
    world.break_bss("POST", ADJUST, "lost", count=1)
    world.break_bss("GET", ADJUST, "status=503", behind="POST")
    world.send(run_id, world.sign(run_id, world.approver()))
    world.wait(run_id, "unknown_outcome")
    parked = told.notices(run_id, "outcome_unknown")
    # The mail entry of this address book does not ask to be told of that.
    assert channels(parked) == [
        ("console", "retention_lead", "retention_lead"),
        ("webhook", "desk", "retention_lead"),
    ]
    assert f"placet settle {run_id} --found executed|not-executed --as YOUR-NAME" in parked[0].text


def test_a_gate_that_closes_undecided_says_so(told: Told) -> None:
    told.world.shorten_gate(timedelta(seconds=4))
    run_id = told.world.pending("C00005")
    told.world.wait(run_id, "expired")
    assert [one[:2] for one in channels(told.notices(run_id, "expired"))] == [
        ("console", "retention_lead"),
        ("email", "leads@operator.example"),
        ("webhook", "desk"),
    ]
    told.deliver()
    assert len(told.receiver.accepted) == 2


def test_neither_a_notifications_text_nor_what_comes_back_approves_anything(told: Told) -> None:
    world = told.world
    run_id = world.pending("C00005")
    anna = world.approver()
    told.receiver.answers.append(ProbeAnswer(status=200, body=world.sign(run_id, anna).encode()))
    told.deliver()
    assert len(told.receiver.accepted) == 1
    asked = told.notices(run_id)
    sayings: list[object] = [one.text for one in asked]
    sayings += [one.subject for one in asked]
    sayings += [told.box.taken[0].raw.decode(), *told.receiver.accepted.values()]
    sayings += [json.loads(request.body) | dict(request.headers) for request in told.receiver.requests]
    for count, said in enumerate(sayings, start=1):
        world.send(run_id, {"said": count, "message": said} if isinstance(said, str) else said)
        world.refusal(run_id, count)
    assert world.record(run_id).state == "awaiting_decision"
    assert world.effects()["adjustments"] == 0
    world.approve(run_id, anna)


def test_a_sick_mail_server_holds_up_no_run(told: Told) -> None:
    world = told.world
    told.box.faults.append(Fault("CONNECT", "stall"))
    book = load_address_book(world.settings.notify_file)
    run_id = world.pending("C00005")
    with build_notifier(world.settings, world.database, book, world.now):
        world.until(lambda: told.box.connections == 1, "the mail server's being asked")
        world.approve(run_id, world.approver())
        asked = told.notices(run_id, "asked")
        told.box.closing.set()
    assert [(one.channel, one.status, one.attempts) for one in asked if one.channel == "email"] == [
        ("email", "waiting", 1)
    ]
    assert told.box.connections == 1


def test_the_command_line_lists_who_was_told(
    told: Told, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = told.world.pending("C00005")
    tools = Tools()
    monkeypatch.setitem(tools.__dict__, "settings", told.world.settings)
    assert command(["notifications", "--json", "--run", run_id], tools) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["channel"], one["status"]) for one in listed] == [
        ("webhook", "waiting"),
        ("email", "waiting"),
        ("console", "delivered"),
    ]
    told.deliver()
    assert command(["notifications", "--status", "waiting"], tools) == 0
    assert capsys.readouterr().out == "no notifications\n"
    assert command(["notifications", "--channel", "email"], tools) == 0
    line = capsys.readouterr().out
    assert line.endswith(f"  {run_id}  asked            delivered  email leads@operator.example as retention_lead\n")
    assert command(["notifications", "--status", "lost"], tools) == 2
    assert "'lost' is not one of" in capsys.readouterr().err


def test_notifications_are_counted_by_occasion_channel_and_status(told: Told) -> None:
    began = datetime.now(UTC)
    told.world.pending("C00005")
    told.deliver()
    with told.world.database.reading() as tx:
        counts = tx.outbox.counts(told.world.settings.tenant, began)
    assert {(one.occasion, one.channel, one.status): one.count for one in counts} == {
        ("asked", "console", "delivered"): 1,
        ("asked", "email", "delivered"): 1,
        ("asked", "webhook", "delivered"): 1,
    }
