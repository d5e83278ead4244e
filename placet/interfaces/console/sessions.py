"""Who is signed in: sessions of browsers, begun with a personal token.

Invariants of a session that counts, in the order they are checked:
 (1) the cookie holds 256 random bits whose SHA-256 names a row of this tenant;
 (2) it was used within `IDLE`, and began within `LONGEST`;
 (3) its token opens the API now: the grant's document is verified anew, expiry and revocation included;
 (4) the row's seal is the HMAC-SHA-256 of its fields and of the grant's own digest, under a key that the installation's
     token gives: whoever writes rows makes no session, prolongs none, and gives none to another token.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from placet.contracts.people.access import AccessGrant
from placet.contracts.times import rfc3339
from placet.service.documents.access import grant_of
from placet.storage.database import Database
from placet.storage.sessions import SessionRow

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_TOUCH: Final = timedelta(minutes=1)
"""How late the time of the last use may be: a read must not write each time."""

_ID_BYTES: Final = 32
_ID_CHARACTERS: Final = 43

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page.

    Attributes:
        grant: What the token of the session opens, verified for this request.
        form_token: What every form of this session carries.
    """

    grant: AccessGrant
    form_token: str

    @property
    def name(self) -> str:
        """In whose name the token was issued."""
        return self.grant.name


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
        self._seal_key = _derived(secret, b"placet console session")
        self._form_key = _derived(secret, b"placet console form")

    def begin(self, grant: AccessGrant) -> str:
        """Begin a session for the holder of a token that was just presented; returns what the cookie holds."""
        now, session = self._clock(), secrets.token_urlsafe(_ID_BYTES)
        row = SessionRow(
            tenant=self._tenant,
            session_sha256=_named(session),
            token_id=grant.token_id,
            began_at=now,
            seen_at=now,
            seal=b"",
        )
        with self._database.transaction() as tx:
            tx.sessions.forget(now - LONGEST)
            tx.sessions.add(self._sealed(row, grant))
        return session

    def visitor(self, session: str | None, *, used: bool = True) -> Visitor | None:
        """Return whose session it is; None where it does not count. `used` False prolongs nothing."""
        if session is None or len(session) != _ID_CHARACTERS or not session.isascii():
            return None
        now = self._clock()
        with self._database.reading() as tx:
            row = tx.sessions.get(self._tenant, _named(session))
        if row is None or now >= row.began_at + LONGEST or now >= row.seen_at + IDLE:
            return None
        grant = grant_of(self._database, self._tenant, row.token_id, now)
        if grant is None or not hmac.compare_digest(self._sealed(row, grant).seal, row.seal):
            return None
        if used and now - row.seen_at > _TOUCH:
            with self._database.transaction() as tx:
                tx.sessions.seen(self._sealed(row.model_copy(update={"seen_at": now}), grant))
        return Visitor(grant, self.form_token(session))

    def end(self, session: str | None) -> None:
        """End a session; one that is none is no fault."""
        if session:
            with self._database.transaction() as tx:
                tx.sessions.end(self._tenant, _named(session))

    def form_token(self, session: str) -> str:
        """Return what forms of a session carry; nobody can make it who does not know the cookie and the key."""
        return hmac.digest(self._form_key, session.encode(), "sha256").hex()

    def _sealed(self, row: SessionRow, grant: AccessGrant) -> SessionRow:
        fields = (
            row.tenant,
            row.session_sha256.hex(),
            row.token_id,
            grant.token_sha256,
            rfc3339(row.began_at, "microseconds"),
            rfc3339(row.seen_at, "microseconds"),
        )
        return row.model_copy(update={"seal": hmac.digest(self._seal_key, "\n".join(fields).encode(), "sha256")})


def _derived(secret: SecretStr, what: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=what).derive(secret.get_secret_value().encode())


def _named(session: str) -> bytes:
    return hashlib.sha256(session.encode("utf-8", "replace")).digest()
