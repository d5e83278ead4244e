"""What a browser is asked for a passkey: made here, bound to one session, answered once.

Nothing that the browser sends back chooses what was asked: it names the prompt, and the prompt is a row. Invariants of
a prompt that may be answered, in the order they are checked:
 (1) its name is 256 random bits whose SHA-256 names a row of this tenant;
 (2) the row was made for the very cookie that comes with the answer, and for this purpose;
 (3) it has not expired;
 (4) its seal is that of its fields: whoever writes rows asks nothing;
 (5) nobody took it before: of two that come at once, one deletes the row.

A sign-in that is begun is no row, because any stranger begins one: rows would have to be bounded, and whoever reaches
the bound closes sign-in for everybody behind the same address. Its name is the random part of its challenge with the
time of its end and a seal over both and the cookie, which (2), (3) and (4) are checked by. That it is answered once is
on the record (`placet.service.sign_in`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import SecretStr

from placet.contracts.times import rfc3339
from placet.errors import UsageError
from placet.governance.signing.seals import Sealer
from placet.interfaces.console.sessions import digest_of_id, is_id, new_id
from placet.storage.console.prompts import PromptRow
from placet.storage.database import Database

Purpose = Literal["sign", "join", "setup", "setup_sign"]

LASTS: Final = timedelta(minutes=3)
"""A statement says when it was signed: it is made when a person asks for it, and not kept long."""

_MOST: Final = 20
"""Of one session at a time."""

GONE: Final = "prompt_gone"
"""Code of the refusal of an answer to what is asked no more."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What was asked.

    Attributes:
        name: What the browser calls it.
        subject: What it is about, as its purpose understands it.
        asked: The exact statement, or the challenge of a registration.
    """

    name: str
    subject: str
    asked: bytes
    expires_at: datetime


class Prompts:
    """The prompts of one tenant.

    Args:
        database: Where they are kept.
        tenant: Whose.
        secret: The installation's own token, from which the key of the seals is derived.
        clock: The time.
    """

    def __init__(self, database: Database, tenant: str, secret: SecretStr, clock: Callable[[], datetime]) -> None:
        self._database, self._tenant, self._clock = database, tenant, clock
        self._sealer = Sealer(secret, "console prompt")
        self._secrets = Sealer(secret, "console secret")
        self._sign_ins = Sealer(secret, "console sign-in")

    def ask(self, session: str, purpose: Purpose, subject: str, asked: bytes) -> str:
        """Keep a prompt for one session; returns its name.

        Raises:
            UsageError: too many of this session are open.
        """
        name, now = new_id(), self._clock()
        row = PromptRow(
            tenant=self._tenant,
            prompt_sha256=digest_of_id(name),
            session_sha256=digest_of_id(session),
            purpose=purpose,
            subject=subject,
            asked=asked,
            expires_at=now + LASTS,
            seal=b"",
        )
        with self._database.transaction() as tx:
            tx.prompts.forget(now)
            if tx.prompts.held(self._tenant, row.session_sha256) >= _MOST:
                raise UsageError("too many questions of this browser are open; answer one, or wait three minutes")
            tx.prompts.add(row.model_copy(update={"seal": self._sealer.seal(_fields(row))}))
        return name

    def begin_sign_in(self, browser: str, random: bytes) -> str:
        """Return the name of a sign-in that a browser begins; `random` is that of its challenge. Nothing is kept."""
        until = str(int((self._clock() + LASTS).timestamp()))
        return f"{random.hex()}.{until}.{self._sign_ins.seal(self._sign_in(browser, random.hex(), until)).hex()}"

    def sign_in_begun(self, browser: str | None, name: str) -> bytes:
        """Return the random part of the challenge of a sign-in that this browser began, and that may be answered.

        Raises:
            UsageError: code `prompt_gone`.
        """
        random, _, rest = name.partition(".")
        until, _, seal = rest.partition(".")
        try:
            if browser is None or not self._sign_ins.holds(self._sign_in(browser, random, until), bytes.fromhex(seal)):
                raise gone()
            if self._clock().timestamp() >= int(until):
                raise gone()
            return bytes.fromhex(random)
        except ValueError as error:
            raise gone() from error

    def _sign_in(self, browser: str, random: str, until: str) -> list[str]:
        return [self._tenant, digest_of_id(browser).hex(), random, until]

    def secret_of(self, subject: str) -> bytes:
        """Derive 256 secret bits from a prompt's subject, so that they are kept nowhere until it is answered."""
        return self._secrets.seal([self._tenant, subject])

    def look(self, session: str | None, name: str, purpose: Purpose) -> Prompt:
        """Return a prompt that may be answered, and leave it.

        Raises:
            UsageError: code `prompt_gone`.
        """
        if not is_id(session) or not is_id(name):
            raise gone()
        with self._database.reading() as tx:
            row = tx.prompts.get(self._tenant, digest_of_id(name))
        if row is None or row.session_sha256 != digest_of_id(session) or row.purpose != purpose:
            raise gone()
        if self._clock() >= row.expires_at or not self._sealer.holds(_fields(row), row.seal):
            raise gone()
        return Prompt(name, row.subject, row.asked, row.expires_at)

    def take(self, session: str | None, name: str, purpose: Purpose) -> Prompt:
        """Return a prompt that is being answered, and take it away: whatever the answer is worth, it was the one.

        Raises:
            UsageError: code `prompt_gone`.
        """
        prompt = self.look(session, name, purpose)
        with self._database.transaction() as tx:
            if not tx.prompts.take(self._tenant, digest_of_id(name)):
                raise gone()
        return prompt


def gone() -> UsageError:
    """Return what somebody is told who answers what is asked no more."""
    return UsageError(
        "This question was answered already, or is older than three minutes, or was put to another session. Nothing "
        "more was done. Open the page again to see what holds now.",
        code=GONE,
    )


def _fields(row: PromptRow) -> tuple[str, ...]:
    return (
        row.tenant,
        row.prompt_sha256.hex(),
        row.session_sha256.hex(),
        row.purpose,
        row.subject,
        row.asked.hex(),
        rfc3339(row.expires_at, "microseconds"),
    )
