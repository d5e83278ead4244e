"""What is due is delivered at least once, never by two at once, and what becomes of it is on the run's record."""

from datetime import timedelta

import pytest

from placet.contracts.audit import AuditEvent
from placet.entrypoints.processes.process import await_condition, free_port
from placet.notify.mail import MailSender, MailServer
from placet.notify.notifier import FIRST_RETRY_SECONDS
from placet.plugin_api.testing.probe import ProbeAnswer
from placet.storage.database import Database
from tests.integration.notify.sending import (
    AT,
    DESK,
    KNOWN,
    MAIL,
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
from tests.support.guard import GUARD
from tests.support.servers.smtp import Fault, running_smtp
from tests.support.servers.webhook import SECRET, running_receiver, verified


def test_mail_reaches_a_real_server_as_it_was_written_and_its_delivery_is_on_record(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask(database)
    with running_smtp() as box:
        notifier({MAIL: mail_sender(box)}).run_once()
    (mail,) = box.taken
    assert (mail.sender, mail.recipient) == ("placet@operator.example", "lead@operator.example")
    assert mail.message["Subject"] == "decision asked"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert (
        mail.raw.decode()
        .replace("\r\n", "\n")
        .endswith("\n\nA decision is asked of you.\n.\nAnd a line that is a dot.\n")
    )
    (one,) = kept(database)
    assert (one.status, one.attempts, one.delivered_at, one.next_attempt_at) == ("delivered", 1, AT, None)
    (entry,) = entries(database)
    assert (entry.kind, entry.actor, entry.run_id, entry.at) == ("notice.delivered", "notifier", RUN, AT)
    assert entry.body == {
        "notification": mail.message["Message-ID"].strip("<>").partition("@")[0],
        "occasion": "asked",
        "proposal": "c" * 64,
        "channel": "email",
        "recipient": "lead@operator.example",
        "role": "retention_lead",
        "attempts": 1,
    }


def test_a_webhook_is_posted_signed_and_its_delivery_is_on_record(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask_desk(database)
    with running_receiver() as receiver:
        notifier({DESK: desk_sender(receiver, clock)}).run_once()
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/notices")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert verified(request)
    assert not verified(request, "whsec_" + "QUFB" * 8)
    (posted,) = receiver.accepted.values()
    assert posted["type"] == "placet.notice.asked"
    assert posted["data"]["run_id"] == RUN
    (entry,) = entries(database, "notice.delivered")
    assert (entry.body["notification"], entry.body["recipient"]) == (receiver.identifiers[0], "desk")
    assert SECRET not in entry.model_dump_json()


OF_STRATEGY = {"about": "ab" * 32, "matter": "move.2", "strategy": "keep", "occasion": "stage_asked"}


def of_tenant(database: Database) -> list[AuditEvent]:
    with database.reading() as tx:
        return tx.audit.read("tenant/acme")


def test_what_is_told_of_a_strategy_is_delivered_and_on_its_tenants_record(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask(database, **OF_STRATEGY)
    ask_desk(database, **OF_STRATEGY)
    with running_smtp() as box, running_receiver() as receiver:
        notifier({MAIL: mail_sender(box), DESK: desk_sender(receiver, clock)}).run_once()
    assert (len(box.taken), statuses(database)) == (1, ["delivered", "delivered"])
    (posted,) = receiver.accepted.values()
    assert posted["type"] == "placet.notice.stage_asked"
    assert (posted["data"]["run_id"], posted["data"]["strategy"]) == (None, "keep")
    assert entries(database) == []
    found = {one.body["channel"]: one for one in of_tenant(database)}
    assert {one.kind for one in found.values()} == {"notice.delivered"}
    body = found["email"].body
    assert (body["strategy"], body["version"], body["occurrence"]) == ("keep", "ab" * 32, "move.2")
    assert body["notification"] == box.taken[0].message["Message-ID"].strip("<>").partition("@")[0]


def test_what_is_told_of_a_strategy_and_refused_for_good_has_failed_with_its_reason(
    database: Database, notifier: Make
) -> None:
    ask(database, **OF_STRATEGY)
    with running_smtp(Fault("RCPT", "550 5.1.1 no such user")) as box:
        notifier({MAIL: mail_sender(box)}).run_once()
    assert statuses(database) == ["failed"]
    (entry,) = of_tenant(database)
    assert (entry.kind, entry.body["strategy"]) == ("notice.failed", "keep")
    assert "no such user" in entry.body["detail"]


def test_a_recipient_put_off_is_tried_again_with_the_same_identifier_and_delays_no_one(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask(database)
    ask(database, recipient="other@operator.example", at=AT + timedelta(microseconds=1))
    clock.pass_by(1)
    with running_smtp(Fault("RCPT", "451 4.7.1 greylisted, come back later")) as box:
        ours = notifier({MAIL: mail_sender(box)})
        ours.run_once()
        assert box.recipients() == ["other@operator.example"]
        first, other = kept(database)
        assert (first.status, other.status) == ("waiting", "delivered")
        assert first.detail.endswith("refuses the recipient: 451 4.7.1 greylisted, come back later")
        clock.pass_by(FIRST_RETRY_SECONDS - 0.001)
        ours.run_once()
        assert box.connections == 2
        clock.pass_by(0.001)
        ours.run_once()
    assert box.recipients() == ["other@operator.example", "lead@operator.example"]
    assert [entry.body["attempts"] for entry in entries(database, "notice.delivered")] == [1, 2]


@pytest.mark.parametrize(
    ("step", "reply", "said"),
    [("RCPT", "550 5.1.1 no such user", "the recipient: 550"), (".", "554 5.7.1 not wanted", "the message: 554")],
)
def test_what_the_mail_server_refuses_for_good_has_failed_at_once_with_its_reason(
    database: Database, notifier: Make, step: str, reply: str, said: str
) -> None:
    ask(database)
    ask(database, recipient="other@operator.example")
    with running_smtp(Fault(step, reply)) as box:
        notifier({MAIL: mail_sender(box)}).run_once()
    assert len(box.taken) == 1
    assert sorted(statuses(database)) == ["delivered", "failed"]
    (entry,) = entries(database, "notice.failed")
    assert entry.body["attempts"] == 1
    assert said in entry.body["detail"]
    assert reply.partition(" ")[2] in entry.body["detail"]


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_mail_server_that_hangs_up_at_any_step_costs_an_attempt_and_nothing_else(
    database: Database, notifier: Make, clock: Clock, step: str
) -> None:
    ask(database)
    with running_smtp(Fault(step)) as box:
        ours = notifier({MAIL: mail_sender(box)})
        ours.run_once()
        assert box.taken == []
        assert (statuses(database), entries(database)) == (["waiting"], [])
        assert list(ours.failing) == ["email"]
        clock.pass_by(FIRST_RETRY_SECONDS)
        ours.run_once()
        assert ours.failing == {}
    assert len(box.taken) == 1
    assert statuses(database) == ["delivered"]


def test_an_acceptance_that_was_lost_is_repeated_under_the_same_identifier(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask(database)
    ask_desk(database)
    lost = ProbeAnswer(lost=True)
    with running_smtp(Fault(".", None, kept=True)) as box, running_receiver(lost) as receiver:
        ours = notifier({MAIL: mail_sender(box), DESK: desk_sender(receiver, clock)})
        ours.run_once()
        assert statuses(database) == ["waiting", "waiting"]
        clock.pass_by(FIRST_RETRY_SECONDS)
        ours.run_once()
    assert statuses(database) == ["delivered", "delivered"]
    assert len(box.taken) == len(receiver.requests) == 2
    assert box.taken[0].raw == box.taken[1].raw
    assert receiver.identifiers[0] == receiver.identifiers[1]
    assert receiver.requests[0].body == receiver.requests[1].body
    assert [int(one.headers["webhook-timestamp"]) - int(AT.timestamp()) for one in receiver.requests] == [0, 15]
    assert all(verified(request) for request in receiver.requests)
    assert len(entries(database, "notice.delivered")) == 2


def test_an_error_after_the_mail_was_taken_does_not_send_it_again(database: Database, notifier: Make) -> None:
    ask(database)
    with running_smtp(Fault("QUIT")) as box:
        notifier({MAIL: mail_sender(box)}).run_once()
    assert len(box.taken) == 1
    assert statuses(database) == ["delivered"]


@pytest.mark.parametrize("reply", ["drip", "stall"])
@pytest.mark.parametrize("step", ["CONNECT", "RCPT", "."])
def test_a_mail_server_that_never_comes_to_an_end_is_left_and_holds_up_no_webhook(
    database: Database, notifier: Make, clock: Clock, step: str, reply: str
) -> None:
    ask(database)
    ask_desk(database)
    with running_smtp(Fault(step, reply)) as box, running_receiver() as receiver:
        sender = mail_sender(box, seconds=0.6)
        with notifier({MAIL: sender, DESK: desk_sender(receiver, clock)}) as ours:
            await_condition(lambda: len(receiver.accepted) == 1, seconds=GUARD, what="the webhook")
            await_condition(lambda: "email" in ours.failing, seconds=GUARD, what="giving up on the mail server")
    assert statuses(database) == ["waiting", "delivered"]
    assert kept(database)[0].attempts == 1


def test_a_webhook_that_never_answers_is_left_and_holds_up_no_mail(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask_desk(database)
    ask(database)
    with running_receiver(ProbeAnswer(delay_seconds=60)) as receiver, running_smtp() as box:
        sender = desk_sender(receiver, clock, seconds=0.3)
        with notifier({MAIL: mail_sender(box), DESK: sender}) as ours:
            await_condition(lambda: len(box.taken) == 1, seconds=GUARD, what="the mail")
            await_condition(lambda: "webhook 'desk'" in ours.failing, seconds=GUARD, what="giving up on the webhook")
    assert statuses(database) == ["waiting", "delivered"]


def test_a_webhook_is_tried_at_doubling_intervals_until_its_last_attempt_has_failed(
    database: Database, notifier: Make, clock: Clock
) -> None:
    ask_desk(database)
    answers = [ProbeAnswer(status=status) for status in (500, 503, 404, 429)]
    with running_receiver(*answers) as receiver:
        ours = notifier({DESK: desk_sender(receiver, clock)}, attempts=4)
        for gap in (15, 30, 60):
            ours.run_once()
            clock.pass_by(gap - 0.001)
            ours.run_once()
            clock.pass_by(0.001)
        ours.run_once()
        assert len(receiver.requests) == 4
        clock.pass_by(10**6)
        ours.run_once()
        assert len(receiver.requests) == 4
    assert len(set(receiver.identifiers)) == 1
    (one,) = kept(database)
    assert (one.status, one.attempts, one.detail) == ("failed", 4, "webhook 'desk' answered 429")
    (entry,) = entries(database)
    assert (entry.kind, entry.body["attempts"], entry.body["detail"]) == ("notice.failed", 4, one.detail)


def test_an_address_that_is_gone_has_failed_at_once(database: Database, notifier: Make, clock: Clock) -> None:
    ask_desk(database)
    with running_receiver(ProbeAnswer(status=410)) as receiver:
        notifier({DESK: desk_sender(receiver, clock)}).run_once()
    assert [(one.status, one.attempts) for one in kept(database)] == [("failed", 1)]
    assert "it is gone" in entries(database, "notice.failed")[0].body["detail"]


def test_a_redirect_is_not_followed(database: Database, notifier: Make, clock: Clock) -> None:
    ask_desk(database)
    with running_receiver() as elsewhere:
        away = ProbeAnswer(status=307, headers={"Location": elsewhere.url})
        with running_receiver(away) as receiver:
            notifier({DESK: desk_sender(receiver, clock)}).run_once()
        assert elsewhere.requests == []
    assert [(one.status, one.detail) for one in kept(database)] == [("waiting", "webhook 'desk' answered 307")]


def test_while_a_server_is_down_one_message_at_a_time_finds_out_and_the_rest_keep_their_attempts(
    database: Database, notifier: Make, clock: Clock
) -> None:
    for number in range(5):
        ask(database, recipient=f"lead{number}@operator.example")
    down = MailSender(MailServer("127.0.0.1", free_port(), "placet@operator.example", "no", 5), KNOWN)
    ours = notifier({MAIL: down})
    ours.run_once()
    ours.run_once()
    assert sum(one.attempts for one in kept(database)) == 1
    clock.pass_by(1)
    ours.run_once()
    assert sum(one.attempts for one in kept(database)) == 2
    clock.pass_by(1.999)
    ours.run_once()
    assert sum(one.attempts for one in kept(database)) == 2
    clock.pass_by(60)
    with running_smtp() as box:
        ours = notifier({MAIL: mail_sender(box)})
        ours.run_once()
    assert sorted(box.recipients()) == [f"lead{number}@operator.example" for number in range(5)]
    assert statuses(database) == ["delivered"] * 5
