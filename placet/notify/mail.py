"""E-mail over SMTP (RFC 5321), handed to the operator's own server; STARTTLS by RFC 3207."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final, Literal, NoReturn

from placet.contracts.notification import Notification
from placet.contracts.text import NAME, quoted, shortened
from placet.errors import UpstreamRejected, UpstreamUnavailable
from placet.network.tls import tls_context
from placet.notify.channel import DEFERRED
from placet.notify.notices import message_id

StartTls = Literal["required", "yes", "no"]
"""`required`: without it nothing is sent; `yes`: where the server offers it; `no`: never."""

_FOR_NOW: Final = range(400, 500)
_FOR_GOOD: Final = range(500, 600)
_SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mail.

    Attributes:
        sender: Address in `From` and of the envelope; bounces go there.
        user: Whom to log in as; empty: no login.
        timeout_seconds: For one whole delivery, name resolution apart.
        ca_file: Certificate authorities that vouch for it (PEM); None: the public ones.
    """

    host: str
    port: int
    sender: str
    starttls: StartTls
    timeout_seconds: float
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None


def mail_of(notification: Notification, sender: str) -> EmailMessage:
    """Make the message; it has the same bytes at every attempt, its identifier included.

    Raises:
        ValueError: something in it would break a header.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = _header(notification.recipient)
    message["Subject"] = _header(notification.subject)
    message["Date"] = format_datetime(notification.created_at)
    message["Message-ID"] = f"<{message_id(notification)}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no out-of-office answers. An answer would reach nobody who could act on it anyway.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notification.text)
    return message


class MailSender:
    """Sends each message over a connection of its own: one that went stale overnight delays nothing.

    Args:
        server: Who takes it.
        known: The addresses of the address book. A row of the outbox may name any other; nobody else gets mail of ours.
    """

    def __init__(self, server: MailServer, known: frozenset[str]) -> None:
        self._server, self._known = server, known
        self._tls = None if server.starttls == "no" else tls_context(server.ca_file)

    def send(self, notification: Notification) -> None:
        """Hand one message to the server.

        Raises:
            UpstreamRejected: it refuses this recipient or this message for good (5yz).
            UpstreamUnavailable: it does not answer, does not let us in, or cannot take the message now; or the address
                is not in the address book, which another worker may have read since.
        """
        if notification.recipient not in self._known:
            shown = quoted(notification.recipient, NAME)
            raise UpstreamUnavailable(f"{shown} is not in the address book (PLACET_NOTIFY_FILE)", code=DEFERRED)
        try:
            message = mail_of(notification, self._server.sender)
        except ValueError as error:
            raise UpstreamRejected(f"the message cannot be written as e-mail: {error}") from error
        with self._errors(), self._connected() as client:
            client.send_message(message, self._server.sender, [notification.recipient])
            # It is theirs now: an error in taking leave must not send it twice.
            with suppress(smtplib.SMTPException, OSError):
                client.quit()

    def close(self) -> None:
        """Do nothing: nothing stays open."""

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        client = _BoundedClient(server.host, server.port, server.timeout_seconds)
        try:
            client.ehlo_or_helo_if_needed()
            if self._tls is not None and (server.starttls == "required" or client.has_extn("starttls")):
                client.starttls(context=self._tls)
                client.ehlo()
            if server.user:
                self._log_in(client)
            yield client
        finally:
            client.close()

    def _log_in(self, client: smtplib.SMTP) -> None:
        if not isinstance(client.sock, ssl.SSLSocket):
            raise UpstreamUnavailable(f"{self._name} offers no STARTTLS, and the password does not cross in clear")
        client.login(self._server.user, self._server.password)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            self._refused("the recipient", code, said)
        except smtplib.SMTPDataError as error:
            self._refused("the message", error.smtp_code, error.smtp_error)
        except smtplib.SMTPAuthenticationError as error:
            # What the server says to that may repeat what it was told.
            raise UpstreamUnavailable(f"{self._name} refuses our user and password ({error.smtp_code})") from error
        except smtplib.SMTPResponseException as error:
            raise UpstreamUnavailable(f"{self._name} answered {error.smtp_code} {_text(error.smtp_error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise UpstreamUnavailable(f"{self._name} failed: {_text(str(error)) or type(error).__name__}") from error

    def _refused(self, what: str, code: int, said: bytes | str) -> NoReturn:
        line = f"{self._name} refuses {what}: {code} {_text(said)}"
        if code in _FOR_GOOD:
            raise UpstreamRejected(line)
        if code in _FOR_NOW:
            raise UpstreamUnavailable(line, code=DEFERRED)
        # No answer that RFC 5321 knows: half a line, where the connection broke.
        raise UpstreamUnavailable(line)

    @property
    def _name(self) -> str:
        return f"mail server '{self._server.host}:{self._server.port}'"


class _BoundedClient(smtplib.SMTP):
    """smtplib bounds each wait on the socket; this one bounds all of them together.

    A server that answers one byte at a time would otherwise hold the sender for ever.
    """

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self.sock: socket.socket | None = None
        self._over = threading.Timer(seconds, self._hang_up)
        self._over.daemon = True
        self._over.start()
        try:
            # Named, since smtplib would otherwise ask a name server that may be as unwell as the mail server.
            super().__init__(host, port, local_hostname=socket.gethostname(), timeout=seconds)
        except BaseException:
            self._over.cancel()
            raise

    def close(self) -> None:
        """Close the connection, and stop watching over it."""
        self._over.cancel()
        super().close()

    def _hang_up(self) -> None:
        connection = self.sock
        if connection is not None:
            with suppress(OSError):
                # Below TLS, which is not ours to touch from this thread: the reader meets the end of the stream.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _header(value: str) -> str:
    # The standard library refuses a line break in a header, but not one carriage return at its end.
    if not (value.isascii() and value.isprintable()):
        raise ValueError(f"header value {value!r} is not printable ASCII")
    return value


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return shortened(" ".join(text.split()), _SHOWN)
