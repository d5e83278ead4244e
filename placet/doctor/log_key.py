"""Probe of the key that signs checkpoints: there, secret, and the one that signed the newest ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.errors import GovernanceError, PlacetError
from placet.files import secret_fault
from placet.governance.log.checkpoints import open_checkpoint, origin_of
from placet.governance.log.key import read_trusted_keys
from placet.governance.log.notes import VerifierKey
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_SECONDS = 1.5
_SHARE = "give every process the same PLACET_LOG_KEY_FILE, and keep a replaced key's .pub as <name>-retired-<when>.pub"


def log_key(settings: Settings) -> Iterator[Finding]:
    """Compare the key in use with the newest checkpoint of each tenant."""
    path = settings.log_key
    newest = _newest(settings)
    if not path.exists():
        detail = f"{str(path)!r} does not exist"
        if newest or settings.log_key_file is not None:
            yield Finding("problem", "log key", f"{detail}, and checkpoints were signed" if newest else detail, _SHARE)
        else:
            yield Finding("info", "log key", f"{detail}; the first worker creates it")
        return
    if fault := secret_fault(path.stat()):
        yield Finding("problem", "log key", f"{str(path)!r} can be read by others: it {fault}", f"chmod 600 {path}")
        return
    trusted = read_trusted_keys(path)
    for tenant, note in newest.items():
        origin = origin_of(settings.log_name, tenant)
        try:
            open_checkpoint(note, [VerifierKey(origin, key) for key in trusted])
        except GovernanceError as error:
            detail = f"the newest checkpoint of tenant {tenant!r} is not this key's: {error}"
            yield Finding("problem", "log key", detail, _SHARE)
            return
    yield Finding("ok", "log key", f"{str(path)!r}{_agrees(newest)}")
    if settings.database_url and settings.log_key_file is None:
        detail = "it is in this machine's home; workers elsewhere would sign with keys of their own"
        yield Finding("info", "log key", detail, _SHARE)


def _agrees(newest: dict[str, str]) -> str:
    return f", signed the newest checkpoint of {', '.join(newest)}" if newest else ", nothing signed yet"


@contextmanager
def reading(settings: Settings) -> Iterator[Transaction | None]:
    """Look at the database, not for long; None where there is none yet.

    Raises:
        PlacetError: it cannot be read.
    """
    if not settings.database_url and not Path(settings.home / "placet.db").exists():
        yield None
        return
    with (
        Database(settings.database, pool_size=1, lock_timeout_s=_SECONDS, statement_timeout_s=_SECONDS) as database,
        database.snapshot() as tx,
    ):
        yield tx


def _newest(settings: Settings) -> dict[str, str]:
    try:
        with reading(settings) as tx:
            notes = {} if tx is None else {tenant: tx.checkpoints.newest(tenant) for tenant in settings.tenants}
    except PlacetError:
        return {}  # the probe of the database says what is wrong with it
    return {tenant: note for tenant, note in notes.items() if note is not None}
