"""A small real SMTP server (RFC 5321, STARTTLS, AUTH PLAIN) that takes mail, or fails to, as told."""

import base64
import email
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage

_IDLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Fault:
    """What one connection meets at one step.

    Attributes:
        at: `CONNECT`, a verb, or `.` for the end of the message.
        reply: What is answered instead; None hangs up; `drip` sends a byte at a time without end; `stall` says nothing.
        kept: At `.`: the message is taken all the same.
    """

    at: str
    reply: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """One message that was taken."""

    sender: str
    recipient: str
    raw: bytes
    encrypted: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        return email.message_from_bytes(self.raw, _class=EmailMessage, policy=policy.SMTP)


@dataclass
class MailBox:
    """One server: what it took, and what it is to do. Each connection uses up one of `faults`; None is a good one."""

    tls: ssl.SSLContext | None = None
    users: dict[str, str] = field(default_factory=dict)
    faults: list[Fault | None] = field(default_factory=list)
    taken: list[Mail] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    connections: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def recipients(self) -> list[str]:
        """To whom mail was taken, in order."""
        return [mail.recipient for mail in self.taken]


class _Conversation(socketserver.StreamRequestHandler):
    timeout = _IDLE_SECONDS
    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.box = self.server.box
        self.box.connections += 1
        self.fault = self.box.faults.pop(0) if self.box.faults else None
        self.mail_from = self.recipient = self.user = ""
        self.encrypted = False

    def handle(self) -> None:
        # The other end may hang up at any step: that is what many a test is about.
        with suppress(OSError):
            if not self._fails("CONNECT"):
                self._say("220 mail.test ESMTP")
                while self._next():
                    pass

    def _next(self) -> bool:
        line = self.rfile.readline(1000).decode("ascii", "replace").strip()
        if not line:
            return False
        verb = line.split()[0].upper()
        self.box.verbs.append(verb)
        if self._fails(verb):
            return self.fault is not None and self.fault.reply not in (None, "drip", "stall")
        answer = getattr(self, f"_{verb.lower()}", None)
        if answer is None:
            self._say("502 not implemented")
            return True
        return bool(answer(line))

    def _fails(self, step: str) -> bool:
        fault = self.fault
        if fault is None or fault.at != step:
            return False
        if fault.reply == "drip":
            while not self.box.closing.wait(0.05):
                self.wfile.write(b"2")
        elif fault.reply == "stall":
            self.box.closing.wait(_IDLE_SECONDS)
        elif fault.reply is not None:
            self._say(fault.reply)
        return True

    def _say(self, line: str) -> bool:
        self.wfile.write(f"{line}\r\n".encode())
        return True

    def _ehlo(self, _line: str) -> bool:
        offers = ["mail.test", "SIZE 1000000"]
        if self.box.tls is not None and not self.encrypted:
            offers.append("STARTTLS")
        if self.box.users:
            offers.append("AUTH PLAIN")
        *more, last = offers
        self.wfile.write("".join([*(f"250-{offer}\r\n" for offer in more), f"250 {last}\r\n"]).encode())
        return True

    def _starttls(self, _line: str) -> bool:
        if self.box.tls is None:
            return self._say("502 not implemented")
        self._say("220 go ahead")
        self.request = self.connection = self.box.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.encrypted = True
        return True

    def _auth(self, line: str) -> bool:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        if self.box.users.get(user) != password:
            return self._say(f"535 5.7.8 {user} with {password} is not right")
        self.user = user
        return self._say("235 welcome")

    def _mail(self, line: str) -> bool:
        self.mail_from = line.partition("<")[2].partition(">")[0]
        return self._say("250 ok")

    def _rcpt(self, line: str) -> bool:
        self.recipient = line.partition("<")[2].partition(">")[0]
        return self._say("250 ok")

    def _rset(self, _line: str) -> bool:
        return self._say("250 ok")

    def _data(self, _line: str) -> bool:
        self._say("354 go ahead")
        lines = []
        while (line := self.rfile.readline(2000)) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        fault = self.fault
        fails = fault is not None and fault.at == "."
        if fault is None or not fails or fault.kept:
            self.box.taken.append(Mail(self.mail_from, self.recipient, b"".join(lines), self.encrypted, self.user))
        if self._fails("."):
            return fault is not None and fault.reply not in (None, "drip", "stall")
        return self._say("250 taken")

    def _quit(self, _line: str) -> bool:
        self._say("221 bye")
        return False


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, box: MailBox) -> None:
        self.box = box
        super().__init__(("127.0.0.1", 0), _Conversation)

    def handle_error(self, request: object, client_address: object) -> None:
        """A conversation that ended badly is the tests' business, not stderr's."""


@contextmanager
def running_smtp(
    *faults: Fault | None, tls: ssl.SSLContext | None = None, users: dict[str, str] | None = None
) -> Iterator[MailBox]:
    """A mail server on a free port of the loopback interface, which runs for the block."""
    box = MailBox(tls=tls, users=users or {}, faults=list(faults))
    server = _Server(box)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    box.port = server.server_address[1]
    try:
        yield box
    finally:
        box.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
