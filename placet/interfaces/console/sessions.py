"""Who is signed in: sessions of browsers, begun with a personal token or with a passkey.

Invariants of a session that counts, in the order they are checked:
 (1) the cookie holds 256 random bits whose SHA-256 names a row of this tenant;
 (2) it was used within `IDLE`, and began within `LONGEST`;
 (3) what it was begun with counts now: the document of its token or of its passkey's enrolment is verified anew, expiry
     and revocation included;
 (4) the row's seal is the HMAC-SHA-256 of its fields and of the credential's own digest, under a key that the
     installation's token gives: whoever writes rows makes no session, prolongs none, and gives none to another.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeGuard

from pydantic import SecretStr

from placet.contracts.people.access import AccessGrant, AccessRole, SignedInBy, Voucher
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.times import rfc3339
from placet.errors import DecisionRefused
from placet.governance.access.rules import access_roles
from placet.governance.approvals import check_key
from placet.governance.signing.seals import Sealer
from placet.service.documents.access import standing_grant
from placet.storage.console.sessions import SessionRow
from placet.storage.database import Database

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_TOUCH: Final = timedelta(minutes=1)
"""How late the time of the last use may be: a read must not write each time."""

_ID_BYTES: Final = 32
_ID_CHARACTERS: Final = 43

Clock = Callable[[], datetime]
Credential = AccessGrant | EnrolledKey
"""What a session was begun with."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page.

    Attributes:
        name: In whose name the token was issued, or the passkey enrolled.
        roles: What policy is asked about.
        voucher: What vouches for the name, verified for this request.
        session: What the cookie holds.
        form_token: What every form of this session carries.
    """

    name: str
    roles: tuple[AccessRole, ...]
    voucher: Voucher
    session: str
    form_token: str

    @property
    def by_passkey(self) -> bool:
        """Whether a passkey began the session."""
        return isinstance(self.voucher, SignedInBy)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session of a person.

    Attributes:
        voucher: What it was begun with.
        here: Whether it is the one that asks.
    """

    began_at: datetime
    seen_at: datetime
    voucher: Voucher
    here: bool


class Sessions:
    """The sessions of one tenant.

    Args:
        database: Where they are kept.
        tenant: Whose.
        secret: The installation's own token; the keys are derived from it, so that a new one ends all sessions.
        clock: The time.
    """

    def __init__(self, database: Database, tenant: str, secret: SecretStr, clock: Clock) -> None:
        self._database, self._tenant, self._clock = database, tenant, clock
        self._sealer = Sealer(secret, "console session")
        self._forms = Sealer(secret, "console form")
        self._notes = Sealer(secret, "console note")

    def begin(self, credential: Credential) -> str:
        """Begin a session for the holder of a token or passkey that was just presented; returns the cookie's content.

        A passkey must hold a role of access; every enrolled role is one, or makes its holder an approver.
        """
        now, session = self._clock(), new_id()
        row = SessionRow(
            tenant=self._tenant,
            session_sha256=digest_of_id(session),
            token_id=credential.token_id if isinstance(credential, AccessGrant) else None,
            key_id=credential.key_id if isinstance(credential, EnrolledKey) else None,
            began_at=now,
            seen_at=now,
            seal=b"",
        )
        with self._database.transaction() as tx:
            tx.sessions.forget(now - LONGEST)
            tx.sessions.add(self._sealed(row, credential))
        return session

    def visitor(self, session: str | None, *, used: bool = True) -> Visitor | None:
        """Return whose session it is; None where it does not count. `used` False prolongs nothing."""
        if not is_id(session):
            return None
        now = self._clock()
        with self._database.reading() as tx:
            row = tx.sessions.get(self._tenant, digest_of_id(session))
        if row is None or now >= row.began_at + LONGEST or now >= row.seen_at + IDLE:
            return None
        credential = self._credential(row, now)
        if credential is None or not self._sealer.holds(_fields(row, credential), row.seal):
            return None
        if used and now - row.seen_at > _TOUCH:
            with self._database.transaction() as tx:
                tx.sessions.seen(self._sealed(row.model_copy(update={"seen_at": now}), credential))
        roles = credential.roles if isinstance(credential, AccessGrant) else access_roles(credential.roles)
        return Visitor(credential.name, roles, _voucher(credential), session, self.form_token(session))

    def end(self, session: str | None) -> None:
        """End a session; one that is none is no fault."""
        if session:
            with self._database.transaction() as tx:
                tx.sessions.end(self._tenant, digest_of_id(session))

    def of(self, visitor: Visitor) -> tuple[OpenSession, ...]:
        """Return the sessions in a visitor's name that count now, whatever each was begun with; this one first."""
        own = digest_of_id(visitor.session)
        found = [
            OpenSession(row.began_at, row.seen_at, _voucher(credential), row.session_sha256 == own)
            for row, credential in self._in_name_of(visitor.name)
        ]
        return tuple(sorted(found, key=lambda one: not one.here))

    def end_others(self, visitor: Visitor) -> int:
        """End the sessions in a visitor's name but the one that asks; returns how many there were."""
        own = digest_of_id(visitor.session)
        others = [row for row, _ in self._in_name_of(visitor.name) if row.session_sha256 != own]
        with self._database.transaction() as tx:
            for row in others:
                tx.sessions.end(self._tenant, row.session_sha256)
        return len(others)

    def _in_name_of(self, name: str) -> list[tuple[SessionRow, Credential]]:
        now = self._clock()
        with self._database.reading() as tx:
            rows = tx.sessions.live(self._tenant, began_after=now - LONGEST, seen_after=now - IDLE)
        # A row does not say whose it is: what it was begun with does, and many may share that.
        credentials: dict[tuple[str | None, str | None], Credential | None] = {}
        found = []
        for row in rows:
            by = (row.token_id, row.key_id)
            if by not in credentials:
                credentials[by] = self._credential(row, now)
            credential = credentials[by]
            if credential is None or credential.name != name:
                continue
            if self._sealer.holds(_fields(row, credential), row.seal):
                found.append((row, credential))
        return found

    def form_token(self, session: str) -> str:
        """Return what forms of a session carry; nobody can make it who does not know the cookie and the key."""
        return self._forms.seal([session]).hex()

    def sealed_note(self, session: str, name: str, subject: str, value: str) -> str:
        """Return what an address carries so that the next page of this session, and of no other, says what was done."""
        return f"{value}.{self._notes.seal([session, name, subject, value]).hex()}"

    def note_of(self, session: str, name: str, subject: str, text: str) -> str | None:
        """Return what was sealed so; None of what anybody else wrote into an address."""
        value, _, seal = text.rpartition(".")
        try:
            return value if self._notes.holds([session, name, subject, value], bytes.fromhex(seal)) else None
        except ValueError:
            return None

    def _credential(self, row: SessionRow, now: datetime) -> Credential | None:
        if row.key_id is None:
            return None if row.token_id is None else standing_grant(self._database, self._tenant, row.token_id, now)
        with self._database.reading() as tx:
            key = tx.approvers.get(row.key_id)
        try:
            return check_key(key, row.key_id, self._tenant, now)
        except DecisionRefused:
            return None

    def _sealed(self, row: SessionRow, credential: Credential) -> SessionRow:
        return row.model_copy(update={"seal": self._sealer.seal(_fields(row, credential))})


def new_id() -> str:
    """Return what a cookie holds: 256 random bits."""
    return secrets.token_urlsafe(_ID_BYTES)


def is_id(text: str | None) -> TypeGuard[str]:
    """Return whether a text has the form of `new_id`."""
    return text is not None and len(text) == _ID_CHARACTERS and text.isascii()


def digest_of_id(text: str) -> bytes:
    """Return what a row is found by: who reads the table cannot present it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _voucher(credential: Credential) -> Voucher:
    return credential.token_id if isinstance(credential, AccessGrant) else SignedInBy(credential.key_id)


def _fields(row: SessionRow, credential: Credential) -> tuple[str | None, ...]:
    return (
        row.tenant,
        row.session_sha256.hex(),
        row.token_id,
        row.key_id,
        credential.token_sha256 if isinstance(credential, AccessGrant) else credential.public_key,
        rfc3339(row.began_at, "microseconds"),
        rfc3339(row.seen_at, "microseconds"),
    )
