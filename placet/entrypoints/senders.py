"""Who delivers notifications in this installation: the address book and the settings, made into senders."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from placet.entrypoints.environment import environment_secret
from placet.entrypoints.settings import Settings
from placet.entrypoints.systems import ca_file
from placet.errors import ConfigurationError
from placet.notify.address_book import AddressBook, WebhookEntry, mail_address
from placet.notify.channel import Sender
from placet.notify.mail import MailSender, MailServer
from placet.notify.notifier import Notifier
from placet.notify.webhook import WebhookSender, parse_secrets
from placet.storage.database import Database
from placet.storage.notifications import Lane

_LEASES = 4
"""How many times the time of one delivery a message waits for a notifier that died: name resolution takes its own."""


def build_senders(settings: Settings, book: AddressBook, clock: Callable[[], datetime]) -> dict[Lane, Sender]:
    """Build a sender for each lane that the address book or the settings configure; nothing connects yet.

    Raises:
        ConfigurationError: a secret is missing or malformed, or e-mail is wanted and its server is not configured.
    """
    trusted = ca_file(settings)
    senders: dict[Lane, Sender] = {
        Lane("webhook", entry.name): WebhookSender(
            entry.name, entry.url, _secrets(settings, entry), clock, settings.notify_timeout_seconds, ca_file=trusted
        )
        for entry in book.webhook
    }
    if settings.smtp_host:
        senders[Lane("email", None)] = MailSender(
            _mail_server(settings), frozenset(entry.address for entry in book.email)
        )
    elif book.email:
        raise ConfigurationError(
            f"the address book names {book.email[0].address!r}, and no mail server is configured; set PLACET_SMTP_HOST"
        )
    return senders


def build_notifier(
    settings: Settings, database: Database, book: AddressBook, clock: Callable[[], datetime]
) -> Notifier:
    """Build the notifier of one worker.

    Raises:
        ConfigurationError: as `build_senders`.
    """
    return Notifier(
        database,
        frozenset(settings.tenants),
        build_senders(settings, book, clock),
        clock,
        settings.notify_interval_seconds,
        attempts=settings.notify_attempts,
        lease_seconds=_LEASES * settings.notify_timeout_seconds,
    )


def _secrets(settings: Settings, entry: WebhookEntry) -> tuple[bytes, ...]:
    if entry.secret_env is not None:
        value = environment_secret(entry.secret_env)
        return parse_secrets("" if value is None else value.get_secret_value(), f"variable {entry.secret_env!r}")
    folder = Path() if settings.notify_file is None else settings.notify_file.parent
    path = folder / str(entry.secret_file)
    try:
        return parse_secrets(path.read_text(encoding="ascii"), f"file {str(path)!r}")
    except (OSError, UnicodeDecodeError) as error:
        # The text is not shown: what does not decode may still be a secret.
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise ConfigurationError(f"the secret of webhook {entry.name!r}, {str(path)!r}: {reason}") from error


def _mail_server(settings: Settings) -> MailServer:
    try:
        mail_address(settings.smtp_from)
    except ValueError as error:
        raise ConfigurationError(
            f"PLACET_SMTP_FROM={settings.smtp_from!r} is not an e-mail address; mail needs one to come from"
        ) from error
    password = "" if settings.smtp_password is None else settings.smtp_password.get_secret_value()
    if bool(settings.smtp_user) != bool(password):
        raise ConfigurationError("PLACET_SMTP_USER and PLACET_SMTP_PASSWORD belong together; set both or none")
    if password and settings.smtp_starttls == "no":
        raise ConfigurationError(
            "PLACET_SMTP_STARTTLS='no' would send the password in clear; set it to 'required', or log in as nobody"
        )
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        starttls=settings.smtp_starttls,
        timeout_seconds=settings.notify_timeout_seconds,
        user=settings.smtp_user,
        password=password,
        ca_file=ca_file(settings),
    )
