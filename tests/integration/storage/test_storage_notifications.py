"""The outbox: each message is kept once, taken by one notifier at a time, and reaches one end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.notification import Channel, Notification
from placet.service.reading.told import list_told
from placet.storage.database import Database
from placet.storage.notifications import Lane, NotificationCount
from tests.support.databases import together

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = "run-" + "0" * 20
OURS = frozenset({"acme"})
MAIL = Lane("email", None)
LEASE = 30.0


class CauseFailedError(Exception):
    """What causes a message goes wrong after the message was added."""


def add(database: Database, fault: Exception | None = None, **changes: Any) -> bool:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "about": RUN,
        "matter": "c" * 64,
        "occasion": "asked",
        "channel": "email",
        "recipient": "lead@operator.example",
        "role": "retention_lead",
        "subject": "a subject",
        "text": "a text",
        "at": AT,
    }
    with database.transaction() as tx:
        new = tx.outbox.add(**{**fields, **changes})
        if fault is not None:
            raise fault
    return new


def claim(database: Database, lane: Lane = MAIL, after_s: float = 0, holder: str = "notifier-1") -> Notification | None:
    now = AT + timedelta(seconds=after_s)
    with database.transaction() as tx:
        return tx.outbox.claim(lane, OURS, holder=holder, now=now, until=now + timedelta(seconds=LEASE))


def kept(database: Database) -> tuple[Notification, ...]:
    with database.reading() as tx:
        return tx.outbox.list("acme")


def due(database: Database, after_s: float = 0) -> tuple[Lane, ...]:
    with database.reading() as tx:
        return tx.outbox.lanes_due(OURS, AT + timedelta(seconds=after_s))


def test_a_retried_step_asks_once_and_what_it_asked_first_stands(database: Database) -> None:
    assert add(database, subject="first") is True
    assert add(database, subject="again") is False
    assert [one.subject for one in kept(database)] == ["first"]


@pytest.mark.parametrize(
    "changes",
    [
        {"about": "run-" + "1" * 20},
        {"matter": "d" * 64},
        {"matter": ""},
        {"occasion": "reminded"},
        {"channel": "webhook"},
        {"recipient": "other@operator.example"},
    ],
)
def test_another_run_proposal_occasion_channel_or_recipient_is_another_message(
    database: Database, changes: dict[str, Any]
) -> None:
    assert add(database) is True
    assert add(database, **changes) is True
    assert len(kept(database)) == 2


def test_a_message_without_a_proposal_is_also_kept_once(database: Database) -> None:
    assert [add(database, matter=""), add(database, matter="")] == [True, False]
    assert kept(database)[0].proposal is None


def test_the_message_goes_when_its_cause_is_rolled_back(database: Database) -> None:
    with pytest.raises(CauseFailedError):
        add(database, fault=CauseFailedError())
    assert kept(database) == ()


def test_the_console_has_its_message_by_its_being_kept(database: Database) -> None:
    add(database, channel="console", recipient="retention_lead")
    (one,) = kept(database)
    assert (one.status, one.delivered_at, one.next_attempt_at, one.attempts) == ("delivered", AT, None, 0)
    assert due(database, after_s=3600) == ()


def test_of_twenty_notifiers_at_once_each_message_has_one(database: Database) -> None:
    for number in range(7):
        add(database, recipient=f"lead{number}@operator.example")
    claims = together(20, lambda number: claim(database, holder=f"notifier-{number}"))
    taken = [one.recipient for one in claims if one is not None]
    # Notifiers that look while another one takes the row they wanted may come away empty-handed; none takes it twice.
    assert len(taken) == len(set(taken)) > 0
    rest = [one for number in range(7) if (one := claim(database, holder=f"later-{number}")) is not None]
    assert sorted([*taken, *(one.recipient for one in rest)]) == [f"lead{n}@operator.example" for n in range(7)]


def test_a_claimed_message_waits_for_its_holder_and_is_taken_over_when_that_one_died(database: Database) -> None:
    add(database)
    first = claim(database)
    assert first is not None
    assert (first.attempts, first.status) == (1, "waiting")
    assert claim(database, after_s=LEASE - 0.001, holder="notifier-2") is None
    second = claim(database, after_s=LEASE, holder="notifier-2")
    assert second is not None
    assert (second.notification_id, second.attempts) == (first.notification_id, 2)


def test_only_the_last_claimant_moves_a_message_on(database: Database) -> None:
    add(database)
    message = claim(database)
    assert message is not None
    claim(database, after_s=LEASE, holder="notifier-2")
    number = message.notification_id
    with database.transaction() as tx:
        assert tx.outbox.delivered(number, holder="notifier-1", at=AT) is False
        assert tx.outbox.failed(number, holder="notifier-1", detail="late") is False
        assert tx.outbox.retry(number, holder="notifier-1", at=AT, detail="late") is False
        assert tx.outbox.delivered(number, holder="notifier-2", at=AT + timedelta(seconds=40)) is True
        assert tx.outbox.delivered(number, holder="notifier-2", at=AT) is False
    (one,) = kept(database)
    assert (one.status, one.delivered_at, one.next_attempt_at) == ("delivered", AT + timedelta(seconds=40), None)


def test_a_failed_message_is_never_taken_again_and_keeps_its_reason_in_one_line(database: Database) -> None:
    add(database)
    message = claim(database)
    assert message is not None
    with database.transaction() as tx:
        assert tx.outbox.failed(message.notification_id, holder="notifier-1", detail="550 no\r\nsuch\x00 user" * 60)
    (one,) = kept(database)
    assert (one.status, one.next_attempt_at, one.attempts) == ("failed", None, 1)
    assert one.detail.startswith("550 no such user550 no such user")
    assert len(one.detail) == 500
    assert claim(database, after_s=10 * LEASE) is None


def test_a_message_is_due_again_when_its_retry_is_and_not_before(database: Database) -> None:
    add(database)
    message = claim(database)
    assert message is not None
    with database.transaction() as tx:
        tx.outbox.retry(message.notification_id, holder="notifier-1", at=AT + timedelta(seconds=60), detail="451 busy")
    assert kept(database)[0].detail == "451 busy"
    assert due(database, after_s=59.999) == ()
    assert claim(database, after_s=59.999) is None
    assert due(database, after_s=60) == (MAIL,)
    again = claim(database, after_s=60)
    assert again is not None
    assert again.attempts == 2


def test_lanes_are_all_mail_and_each_webhook_and_do_not_take_from_one_another(database: Database) -> None:
    add(database)
    add(database, recipient="other@operator.example")
    for name in ("desk", "audit", "desk"):
        add(database, channel="webhook", recipient=name)
    desk = Lane("webhook", "desk")
    assert due(database) == (MAIL, Lane("webhook", "audit"), desk)
    taken = claim(database, desk)
    assert taken is not None
    assert (taken.channel, taken.recipient) == ("webhook", "desk")
    assert claim(database, desk) is None
    assert due(database) == (MAIL, Lane("webhook", "audit"))


def test_the_message_that_is_due_for_longest_goes_first(database: Database) -> None:
    for seconds, name in ((2, "third"), (0, "first"), (1, "second")):
        add(database, recipient=f"{name}@operator.example", at=AT + timedelta(seconds=seconds))
    taken = [claim(database, after_s=5) for _ in range(3)]
    assert [one.recipient.partition("@")[0] for one in taken if one] == ["first", "second", "third"]


def test_another_tenants_messages_are_neither_due_nor_listed_nor_counted(database: Database) -> None:
    add(database, tenant="other")
    assert due(database) == ()
    assert claim(database) is None
    assert kept(database) == ()
    with database.reading() as tx:
        assert tx.outbox.counts("acme", AT) == ()
        assert tx.outbox.lanes_due(frozenset(), AT) == ()


def test_counts_are_by_occasion_channel_and_status_since_a_moment(database: Database) -> None:
    add(database, at=AT - timedelta(seconds=1))
    for number, channel in enumerate(("email", "email", "webhook", "console")):
        add(database, channel=channel, recipient=f"r{number}")
    add(database, occasion="expired", recipient="r9")
    with database.reading() as tx:
        assert tx.outbox.counts("acme", AT) == (
            NotificationCount("asked", "console", "delivered", 1),
            NotificationCount("asked", "email", "waiting", 2),
            NotificationCount("asked", "webhook", "waiting", 1),
            NotificationCount("expired", "email", "waiting", 1),
        )


def test_listing_is_newest_first_and_narrowed_by_status_channel_and_run(database: Database) -> None:
    channels: tuple[Channel, ...] = ("console", "email", "webhook")
    for channel in channels:
        add(database, channel=channel, recipient="r")
    add(database, about="run-" + "1" * 20)
    with database.reading() as tx:
        assert [one.channel for one in tx.outbox.list("acme", limit=2)] == ["email", "webhook"]
        assert [one.channel for one in tx.outbox.list("acme", status="delivered")] == ["console"]
        assert [one.run_id for one in tx.outbox.list("acme", channel="email", run_id=RUN)] == [RUN]
        (newest, *_) = tx.outbox.list("acme")
        assert tx.outbox.get(newest.notification_id) == newest
        assert tx.outbox.get(newest.notification_id + 1) is None


VERSION = "ab" * 32


def of_strategy(database: Database, **changes: Any) -> bool:
    """Add a message about a strategy."""
    fields: dict[str, Any] = {"about": VERSION, "matter": "hold.1", "strategy": "keep", "occasion": "rollout_held"}
    return add(database, **{**fields, **changes})


def test_a_message_about_a_strategy_is_kept_once_for_each_occurrence(database: Database) -> None:
    assert [of_strategy(database), of_strategy(database), of_strategy(database, matter="hold.2")] == [True, False, True]
    assert of_strategy(database, about="cd" * 32)
    one = kept(database)[-1]
    assert (one.run_id, one.proposal, one.strategy, one.version) == (None, None, "keep", VERSION)
    assert one.occurrence == "hold.1"


def test_messages_about_a_strategy_are_found_by_its_name_and_claimed_like_any_other(database: Database) -> None:
    add(database)
    of_strategy(database)
    with database.reading() as tx:
        assert [one.strategy for one in tx.outbox.list("acme", strategy="keep")] == ["keep"]
        assert [one.run_id for one in tx.outbox.list("acme", run_id=RUN)] == [RUN]
    claimed = [claim(database), claim(database)]
    assert {one.about for one in claimed if one is not None} == {RUN, VERSION}


def test_pages_of_both_kinds_follow_one_another(database: Database) -> None:
    for number in range(3):
        add(database, recipient=f"lead{number}@operator.example")
        of_strategy(database, matter=f"hold.{number + 1}")
    seen: list[str] = []
    after = None
    while True:
        page = list_told(database, "acme", after=after, limit=2)
        seen += [one.matter for one in page.told]
        if page.next is None:
            break
        after = page.next
    assert sorted(seen) == sorted(["c" * 64] * 3 + ["hold.1", "hold.2", "hold.3"])
