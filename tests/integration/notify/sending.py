"""What tests of the notifier share: a clock, senders to the test servers, and what is asked and kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from placet.contracts.audit import AuditEvent
from placet.contracts.notification import Notification
from placet.notify.mail import MailSender, MailServer
from placet.notify.notifier import Notifier
from placet.notify.webhook import WebhookSender, parse_secrets
from placet.storage.database import Database
from placet.storage.notifications import Lane
from tests.support.servers.smtp import MailBox
from tests.support.servers.webhook import SECRET, Receiver

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


RUN = "run-" + "0" * 20


MAIL = Lane("email", None)


DESK = Lane("webhook", "desk")


LEASE = 60.0


OURS = frozenset({"acme"})


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


NAMES = ("lead", "other", *(f"lead{number}" for number in range(50)))


KNOWN = frozenset(f"{name}@operator.example" for name in NAMES)
"""The e-mail addresses of the address book."""


def mail_sender(box: MailBox, seconds: float = 20.0) -> MailSender:
    return MailSender(MailServer(box.host, box.port, "placet@operator.example", "no", seconds), KNOWN)


def desk_sender(receiver: Receiver, clock: Callable[[], datetime], seconds: float = 20.0) -> WebhookSender:
    return WebhookSender("desk", receiver.url, parse_secrets(SECRET, "the test"), clock, seconds)


def ask(database: Database, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "tenant": "acme",
        "about": RUN,
        "matter": "c" * 64,
        "occasion": "asked",
        "channel": "email",
        "recipient": "lead@operator.example",
        "role": "retention_lead",
        "subject": "decision asked",
        "text": "A decision is asked of you.\n.\nAnd a line that is a dot.\n",
        "at": AT,
    }
    with database.transaction() as tx:
        assert tx.outbox.add(**{**fields, **changes})


def ask_desk(database: Database, **changes: Any) -> None:
    ask(database, channel="webhook", recipient="desk", **changes)


def kept(database: Database) -> list[Notification]:
    """Every notification, oldest first."""
    with database.reading() as tx:
        return list(reversed(tx.outbox.list("acme")))


def statuses(database: Database) -> list[str]:
    return [one.status for one in kept(database)]


def entries(database: Database, kind: str | None = None) -> list[AuditEvent]:
    with database.reading() as tx:
        return [event for event in tx.audit.read(RUN) if kind in (None, event.kind)]


Make = Callable[..., Notifier]
