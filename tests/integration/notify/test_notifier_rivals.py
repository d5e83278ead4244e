"""Several notifiers, those that die, and messages that cannot be sent: each message has one holder, none is lost."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from placet.contracts.notification import Notification
from placet.entrypoints.processes.process import await_condition
from placet.notify.mail import MailSender, MailServer
from placet.notify.notifier import FIRST_RETRY_SECONDS
from placet.plugin_api.testing.probe import unused_url
from placet.storage.database import Database
from tests.integration.notify.sending import (
    AT,
    DESK,
    KNOWN,
    LEASE,
    MAIL,
    OURS,
    RUN,
    Clock,
    Make,
    ask,
    ask_desk,
    desk_sender,
    entries,
    kept,
    mail_sender,
    statuses,
)
from tests.support.databases import outsider, together
from tests.support.guard import GUARD
from tests.support.servers.smtp import Fault, running_smtp
from tests.support.servers.webhook import Receiver, running_receiver


def test_of_several_notifiers_each_message_has_one(database: Database, notifier: Make, clock: Clock) -> None:
    for number in range(12):
        ask(database, recipient=f"lead{number}@operator.example")
        ask_desk(database, matter=f"{number:064x}")
    with running_smtp() as box, running_receiver() as receiver:
        many = [notifier({MAIL: mail_sender(box), DESK: desk_sender(receiver, clock)}) for _ in range(4)]
        together(4, lambda number: many[number].run_once())
        # One that found its next message in another's hands may have left it; none is left for long.
        many[0].run_once()
    assert sorted(box.recipients()) == sorted(f"lead{number}@operator.example" for number in range(12))
    assert len(receiver.identifiers) == len(set(receiver.identifiers)) == 12
    assert statuses(database) == ["delivered"] * 24
    assert len(entries(database, "notice.delivered")) == 24
    with database.reading() as tx:
        assert tx.audit.verify(RUN) == 24


DYING = """
import sys
from datetime import UTC, datetime
from placet.notify.notifier import Notifier
from placet.notify.mail import MailSender, MailServer
from placet.storage.database import Database
from placet.storage.notifications import Lane
url, port, at = sys.argv[1:]
known = frozenset({"lead@operator.example"})
sender = MailSender(MailServer("127.0.0.1", int(port), "placet@operator.example", "no", 60), known)
with Database(url) as database:
    clock = lambda: datetime.fromisoformat(at)
    Notifier(database, frozenset({"acme"}), {Lane("email", None): sender}, clock, lease_seconds=60).run_once()
"""


@pytest.mark.parametrize("fault", [Fault("RCPT", "stall"), Fault(".", "stall", kept=True)])
def test_a_notifier_killed_while_sending_loses_nothing(
    database: Database, database_url: str, notifier: Make, clock: Clock, fault: Fault
) -> None:
    ask(database)
    with running_smtp(fault) as box:
        arguments = [sys.executable, "-c", DYING, database_url, str(box.port), AT.isoformat()]
        with subprocess.Popen(arguments) as dying:
            try:
                last = "DATA" if fault.kept else "RCPT"
                await_condition(lambda: last in box.verbs, seconds=GUARD, what="the message's being sent")
                await_condition(lambda: len(box.taken) == fault.kept, seconds=GUARD, what="the message's being taken")
            finally:
                dying.send_signal(signal.SIGKILL)
        ours = notifier({MAIL: mail_sender(box)})
        clock.pass_by(LEASE - 0.001)
        ours.run_once()
        assert box.connections == 1
        clock.pass_by(0.001)
        ours.run_once()
    assert statuses(database) == ["delivered"]
    assert {mail.message["Message-ID"] for mail in box.taken} == {box.taken[0].message["Message-ID"]}
    assert len(box.taken) == 1 + fault.kept
    assert [entry.body["attempts"] for entry in entries(database, "notice.delivered")] == [2]


def test_a_message_that_kills_every_notifier_is_given_up(database: Database, notifier: Make, clock: Clock) -> None:
    ask(database)
    for _ in range(3):
        with database.transaction() as tx:
            until = clock() + timedelta(seconds=LEASE)
            assert tx.outbox.claim(MAIL, OURS, holder="killed", now=clock(), until=until) is not None
        clock.pass_by(LEASE)
    with running_smtp() as box:
        notifier({MAIL: mail_sender(box)}, attempts=3).run_once()
    assert box.connections == 0
    assert [(one.status, one.detail) for one in kept(database)] == [("failed", "no attempt came back")]
    assert len(entries(database, "notice.failed")) == 1


def test_a_holder_that_comes_back_too_late_records_nothing(database: Database, notifier: Make, clock: Clock) -> None:
    ask(database)

    class Slow(MailSender):
        def send(self, notification: Notification) -> None:
            super().send(notification)
            clock.pass_by(LEASE)
            notifier({MAIL: mail_sender(box)}).run_once()

    with running_smtp() as box:
        notifier({MAIL: Slow(MailServer(box.host, box.port, "placet@operator.example", "no", 20), KNOWN)}).run_once()
    assert len(box.taken) == 2
    assert [entry.body["attempts"] for entry in entries(database)] == [2]


def test_a_channel_that_is_not_configured_here_is_tried_for_a_while_and_then_has_failed(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask_desk(database)
    ours = notifier({}, attempts=2)
    ours.run_once()
    assert statuses(database) == ["waiting"]
    assert ours.failing["webhook 'desk'"].startswith("webhook 'desk' is not configured here")
    clock.pass_by(FIRST_RETRY_SECONDS)
    ours.run_once()
    assert statuses(database) == ["failed"]


def test_a_defect_of_a_sender_costs_its_message_an_attempt_and_the_others_nothing(
    database: Database, notifier: Make
) -> None:
    ask(database)
    ask(database, recipient="other@operator.example", at=AT + timedelta(microseconds=-1))

    class Broken(MailSender):
        def send(self, notification: Notification) -> None:
            if notification.recipient.startswith("lead"):
                raise ZeroDivisionError("a customer's name")
            super().send(notification)

    with running_smtp() as box:
        notifier({MAIL: Broken(MailServer(box.host, box.port, "placet@operator.example", "no", 20), KNOWN)}).run_once()
    assert box.recipients() == ["other@operator.example"]
    assert [(one.status, one.detail) for one in kept(database)] == [
        ("waiting", "unexpected ZeroDivisionError"),
        ("delivered", ""),
    ]


def test_a_row_that_cannot_be_read_stops_neither_the_others_nor_the_notifier(
    database: Database, database_url: str, notifier: Make
) -> None:
    ask(database)
    ask(database, recipient="other@operator.example", at=AT - timedelta(seconds=1))
    with outsider(database_url) as edit:
        edit("UPDATE notification SET occasion = 'birthday' WHERE recipient = 'other@operator.example'")
    with running_smtp() as box, notifier({MAIL: mail_sender(box)}):
        await_condition(lambda: box.recipients() == ["lead@operator.example"], seconds=GUARD, what="the other message")


def test_a_dead_address_reports_why(database: Database, notifier: Make, clock: Clock) -> None:
    ask_desk(database)
    dead = Receiver(url=unused_url())
    notifier({DESK: desk_sender(dead, clock)}).run_once()
    (one,) = kept(database)
    assert one.status == "waiting"
    assert one.detail.startswith("webhook 'desk' does not answer: ")


def test_another_tenants_messages_are_left_alone(database: Database, notifier: Make) -> None:
    ask(database, tenant="other")
    with running_smtp() as box:
        notifier({MAIL: mail_sender(box)}).run_once()
    assert box.connections == 0
