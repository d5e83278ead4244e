"""The first administrator in the browser: a one-time code of this machine, and a passkey that is pinned (ADR 0037).

The code, the pin and the record are two files and a database: no transaction holds them together. So that a crash
between any two of them leaves nobody outside:
 (1) the code is used up; after a crash here there is no administrator, and a new code may be printed;
 (2) the signed enrolment is kept in a file beside the code's; on its own it counts for nothing;
 (3) the passkey is pinned;
 (4) the enrolment is taken on the record, and the file of (2) is removed.
`finish_first` does (4) for whoever was pinned and not enrolled. The console calls it when it starts, and the page of
the setup each time that it is asked for.
"""

import json
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final, NamedTuple

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.enrolment import ADMINISTRATOR, Enrolment
from placet.contracts.people.passkey import EnrolmentRequest, decoded_key
from placet.errors import ConfigurationError, DecisionRefused, UsageError
from placet.files import cause, read_own, write_file
from placet.governance.authority.enrolment import verify_enrolment
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.pins import PinnedKey
from placet.service.documents.keys import check_may_be_first, draft_enrolment, take_enrolment
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)
MOST_WRONG: Final = 5
LASTS: Final = timedelta(hours=24)
_LETTERS: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_GROUPS, _GROUP = 5, 5
"""25 of 30 letters: 122 bits. None of them is mistaken for another."""


class WaitingCode(NamedTuple):
    """What is known of a code that waits.

    Attributes:
        until: First moment at which it no longer opens the door.
        wrong: How often another code was tried.
    """

    until: datetime
    wrong: int


class SetupCode:
    """The code that makes a tenant's first administrator, once.

    The file holds the code's SHA-256, its tenant, its end and the wrong tries. There is one file for all tenants of an
    installation: a code of another tenant opens nothing.

    Args:
        path: The file, which its owner alone may read; None: there is no door.
        tenant: Whose first administrator.
    """

    def __init__(self, path: Path | None, tenant: str) -> None:
        self._path, self._tenant = path, tenant
        self._lock = threading.Lock()
        self.finishing = threading.Lock()
        """Held while somebody is made the administrator: who looks meanwhile must not take it for a crash."""

    def issue(self) -> str:
        """Make a new code, in place of any other one.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
        with self._lock:
            until = (datetime.now(UTC) + LASTS).isoformat()
            if self._path is None:
                raise ConfigurationError("there is no file for a setup code")
            _write(self._path, {"sha256": _digest(code), "tenant": self._tenant, "until": until, "wrong": 0})
        return code

    def is_open(self) -> bool:
        """Return whether a code is waiting to be used."""
        return self._read() is not None

    def waiting(self) -> WaitingCode | None:
        """Return what is known of the code that waits; None where none does."""
        known = self._read()
        return None if known is None else WaitingCode(datetime.fromisoformat(known["until"]), known["wrong"])

    def check(self, code: str) -> bool:
        """Return whether it is the code. A wrong one is counted, and the last of `MOST_WRONG` closes the door."""
        with self._lock:
            known = self._read()
            if known is None:
                return False
            if compare_digest(known["sha256"], _digest(code)):
                return True
            self._count_wrong(known["sha256"])
            return False

    def claim(self, digest: str) -> bool:
        """Use the code up, named by its SHA-256; True for the one who did, of however many try at once."""
        with self._lock:
            known = self._read()
            return known is not None and compare_digest(known["sha256"], digest) and self._take_away(digest)

    def keep_enrolment(self, envelope: str) -> None:
        """Keep the enrolment of whoever used the code up, until it is on the record."""
        if self._path is not None:
            write_file(self._enrolment(self._path), envelope)

    def kept_enrolment(self) -> str | None:
        """Return the enrolment that is kept; None where none is.

        Raises:
            ConfigurationError: it cannot be read, or others can write it.
        """
        if self._path is None or not self._enrolment(self._path).exists():
            return None
        try:
            return (read_own(self._enrolment(self._path)) or b"").decode("utf-8", "replace")
        except OSError as error:
            raise ConfigurationError(f"cannot read {str(self._enrolment(self._path))!r}: {cause(error)}") from error

    def drop_enrolment(self) -> None:
        """Keep the enrolment no longer."""
        if self._path is not None:
            self._enrolment(self._path).unlink(missing_ok=True)

    def _enrolment(self, path: Path) -> Path:
        return path.with_suffix(f".{self._tenant}.enrolment")

    def close(self) -> None:
        """Withdraw the code, if there is one of this tenant."""
        known = self._read()
        if known is not None:
            self._take_away(known["sha256"])

    def _take_away(self, sha256: str) -> bool:
        """Take the file away if it holds this code; True for the one who did, of however many processes try at once."""
        with self._aside(sha256) as taken:
            return taken is not None

    def _count_wrong(self, sha256: str) -> None:
        """Count a wrong try at a code. Whoever uses the code up in another process meanwhile is not undone by it."""
        with self._aside(sha256) as taken:
            if taken is None:
                return
            aside, known = taken
            known["wrong"] += 1
            if known["wrong"] < MOST_WRONG:
                _write(aside, known)
                self._put_back(aside)

    @contextmanager
    def _aside(self, sha256: str) -> Iterator[tuple[Path, dict[str, Any]] | None]:
        """Take the file out of everybody's sight if it holds this code; None where it does not, or another has it.

        A crash meanwhile leaves no code: a new one is printed.
        """
        if self._path is None:
            yield None
            return
        aside = self._path.with_suffix(f".{secrets.token_hex(8)}.used")
        try:
            self._path.rename(aside)  # of several processes, one does
        except OSError:
            yield None
            return
        try:
            found = self._read(aside)
            if found is not None and compare_digest(found["sha256"], sha256):
                yield aside, found
            else:
                self._put_back(aside)
                yield None
        finally:
            aside.unlink(missing_ok=True)

    def _put_back(self, aside: Path) -> None:
        if self._path is None:
            return
        try:
            self._path.hardlink_to(aside)
        except FileExistsError:  # another process put a newer one there since
            pass
        except OSError:  # a file system without hard links
            if not self._path.exists():
                aside.rename(self._path)

    def _read(self, path: Path | None = None) -> dict[str, Any] | None:
        path = path or self._path
        if path is None:
            return None
        try:
            known = json.loads(read_own(path) or b"{}")
            open_still = datetime.now(UTC) < datetime.fromisoformat(known["until"]) and int(known["wrong"]) < MOST_WRONG
            if open_still and known["tenant"] == self._tenant:
                return {**known, "sha256": str(known["sha256"]), "wrong": int(known["wrong"])}
        except (OSError, ConfigurationError, ValueError, KeyError, TypeError):
            pass
        return None


def _write(path: Path, known: dict[str, Any]) -> None:
    try:
        write_file(path, json.dumps(known))
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(path)!r}: {cause(error)}") from error


def digest_of_code(code: str) -> str:
    """Return what `SetupCode.claim` knows a code by; spaces, dashes and small letters make no difference."""
    return _digest(code)


def draft_first(*, tenant: str, request: EnrolmentRequest) -> Enrolment:
    """Return what the holder of a registered passkey is to sign of themselves.

    Raises:
        UsageError: a value is malformed.
        DecisionRefused: the key is not an acceptable one.
    """
    return draft_enrolment(
        name=request.name,
        tenant=tenant,
        roles=(ADMINISTRATOR,),
        limit=None,
        public_key=decoded_key(request.public_key),
        by=request.name,
        expires_at=None,
        passkey=request.passkey,
    )


def take_first(
    database: Database, envelope: str, *, tenant: str, request: EnrolmentRequest, code: SetupCode, digest: str
) -> EnrolledKey:
    """Pin a passkey that signed its own enrolment, and take that on the record; the code is used up by it.

    Args:
        database: Where the record is.
        envelope: The enrolment, signed by the passkey.
        tenant: Whose first administrator.
        request: What was registered.
        code: The door.
        digest: Of the code that was presented.

    Raises:
        UsageError: code `administrator_pinned` or `key_already_enrolled`. Code `setup_closed`: the code was used, or
            is another one by now.
        DecisionRefused: the enrolment does not verify.
        ConfigurationError: the administrators file cannot be read or written.
    """
    check_may_be_first(database, tenant=tenant, name=request.name, key_id=request.key_id)
    raw = decoded_key(request.public_key)
    pinned = {request.key_id: PinnedKey(raw, request.passkey)}
    verified = verify_enrolment(envelope, tenant=tenant, pinned=pinned, find_key=lambda _: None, now=datetime.now(UTC))
    if verified.document.name != request.name or verified.key.key_id != request.key_id:
        raise UsageError("the signed enrolment is another one's")
    with code.finishing:
        if not code.claim(digest):  # (1)
            raise closed()
        code.keep_enrolment(envelope)  # (2)
        database.trust.administrators.add(tenant, request.name, raw, request.passkey)  # (3)
        enrolled = take_enrolment(database, envelope, tenant=tenant)  # (4)
        code.drop_enrolment()
    return enrolled


def finish_first(database: Database, *, tenant: str, code: SetupCode) -> None:
    """Take on the record who was pinned when the program ended, or the database failed, before they were enrolled.

    Raises:
        PlacetError: it cannot be done now; it is tried again the next time.
    """
    with code.finishing:
        _finish(database, tenant, code)


def _finish(database: Database, tenant: str, code: SetupCode) -> None:
    envelope = code.kept_enrolment()
    if envelope is None:
        return
    pinned = database.trust.pinned(tenant)
    try:
        key = verify_enrolment(envelope, tenant=tenant, pinned=pinned, find_key=lambda _: None, now=None).key
    except DecisionRefused as error:
        # The program ended before they were pinned: they begin again with a new code.
        _LOG.warning("an enrolment that was begun at the setup is dropped: %s", error)
    else:
        with database.reading() as tx:
            known = tx.approvers.get(key.key_id) is not None
        if not known:
            take_enrolment(database, envelope, tenant=tenant)
            _LOG.warning("the setup of %s as administrator of %s is finished", key.name, tenant)
    code.drop_enrolment()


def closed() -> UsageError:
    """Return what somebody is told who comes to a closed door."""
    return UsageError(
        "There is no open setup here: the code was used, replaced by a newer one, is older than a day, or was tried "
        "wrongly too often. Whoever runs this installation prints a new one with `placet keys setup-code`, while there "
        "is no administrator.",
        code="setup_closed",
    )


def _digest(code: str) -> str:
    return sha256_hex("".join(code.upper().split()).replace("-", "").encode())
