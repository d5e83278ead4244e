"""What a database said, in one line for a person. No exception of a database library gets past here."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from placet.errors import GovernanceError, PlacetError, StorageError

LOCKED: Final = "storage_locked"
READ_ONLY: Final = "storage_read_only"
UNREACHABLE: Final = "storage_unreachable"
NOT_MIGRATED: Final = "storage_not_migrated"
OVERLOADED: Final = "storage_overloaded"
REFUSED: Final = "storage_refused"
DAMAGED: Final = "storage_damaged"
FULL: Final = "storage_full"

_ADVICE: Final = {
    LOCKED: "is locked by another process; end whatever holds it, then try again",
    READ_ONLY: "is read-only; give Placet write access or point it at the primary",
    UNREACHABLE: "cannot be reached; check its address, that it exists and that it is running",
    NOT_MIGRATED: "has not been migrated; run `placet migrate` and try again",
    OVERLOADED: "has no connection free; raise its limit or lower pool_size",
    REFUSED: "refused the login; check user, password and database name",
    DAMAGED: "is not a sound database; restore it from a backup",
    FULL: "has no space left; free some, then try again",
}

# https://www.sqlite.org/rescode.html, by the primary code's name
_SQLITE: Final = {
    "SQLITE_BUSY": LOCKED,
    "SQLITE_LOCKED": LOCKED,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_CANTOPEN": UNREACHABLE,
    "SQLITE_PERM": REFUSED,
    "SQLITE_FULL": FULL,
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_CORRUPT": DAMAGED,
}

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by SQLSTATE or its two-digit class
_POSTGRES: Final = {
    "08": UNREACHABLE,
    "28": REFUSED,
    "3D000": REFUSED,
    "40001": LOCKED,
    "40P01": LOCKED,
    "55P03": LOCKED,
    "57014": LOCKED,
    "25006": READ_ONLY,
    "42P01": NOT_MIGRATED,
    "53100": FULL,
    "53300": OVERLOADED,
    "57P": UNREACHABLE,
    "XX001": DAMAGED,
}


def storage_error(database: str, code: str, said: str) -> StorageError:
    """Make the one line that says which database, what is wrong, what to do, and the database's own words."""
    words = " ".join(said.split())
    return StorageError(f"database {database!r} {_ADVICE[code]} ({words})", code=code)


@contextmanager
def one_clear_line(database: str) -> Iterator[None]:
    """Turn what the database layer raises inside the block into an error of Placet's tree.

    Raises:
        StorageError: the database is locked, read-only, unreachable, not migrated, full, …
        GovernanceError: a guard of the schema said no: code `append_only` (trigger), `constraint` (key).
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise storage_error(database, OVERLOADED, "every pooled connection is in use") from error
    except DBAPIError as error:
        connecting = not error.statement or error.connection_invalidated
        raise _translated(database, error.orig, connecting=connecting) from error
    except sqlite3.Error as error:
        raise _translated(database, error, connecting=True) from error
    except SQLAlchemyError as error:
        raise StorageError(f"database {database!r} failed: {' '.join(str(error).split())}") from error


def _translated(database: str, cause: BaseException | None, *, connecting: bool) -> PlacetError:
    said = str(cause).strip().partition("\n")[0]
    name = str(getattr(cause, "sqlite_errorname", None) or "")
    state = str(getattr(cause, "sqlstate", None) or "")
    if name == "SQLITE_CONSTRAINT_TRIGGER" or state == "23001":
        return GovernanceError(f"database {database!r} keeps its record: {said}", code="append_only")
    if name.startswith("SQLITE_CONSTRAINT") or state.startswith("23"):
        return GovernanceError(f"database {database!r} refused a row: {said}", code="constraint")
    code = _code(name, state, said, connecting=connecting)
    if code is None:
        return StorageError(f"database {database!r} failed: {said}")
    return storage_error(database, code, said)


def _code(name: str, state: str, said: str, *, connecting: bool) -> str | None:
    if name:
        if said.startswith("no such table"):
            return NOT_MIGRATED
        primary = "_".join(name.split("_")[:2])
        return _SQLITE.get(primary)
    if state:
        return _POSTGRES.get(state) or _POSTGRES.get(state[:3]) or _POSTGRES.get(state[:2])
    return UNREACHABLE if connecting else None
