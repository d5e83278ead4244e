"""Probe of the heads kept outside the database: there, readable, extended by the log in the database, and not old."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.doctor.log_key import reading
from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, PlacetError
from placet.governance.log.checkpoints import origin_of
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.key import read_trusted_keys
from placet.governance.log.notes import VerifierKey
from placet.storage.log.heads import head_fault
from placet.storage.transaction import Transaction

_CHECK = "log heads"
_PATIENCE = timedelta(minutes=10)
_ACCEPT = (
    "find out with `placet audit verify --against` an anchored checkpoint who changed the record; "
    "after a restore that was meant: `placet audit accept-head --reason …`"
)


def log_heads(settings: Settings) -> Iterator[Finding]:
    """Compare what integrators on this machine remember of each tenant's log with the database."""
    try:
        with reading(settings) as tx:
            if tx is None:
                return
            found = [
                finding
                for tenant in settings.tenants
                for finding in (*_of(settings, tx, tenant), *_unsigned(settings, tx, tenant))
            ]
    except PlacetError:
        return  # the probe of the database says what is wrong with it
    yield from found or [Finding("info", _CHECK, "nothing was signed yet")]


def _of(settings: Settings, tx: Transaction, tenant: str) -> Iterator[Finding]:
    heads, origin = KeptHeads(settings.log_heads), origin_of(settings.log_name, tenant)
    place = str(heads.place(origin))
    try:
        kept = heads.read(origin)
    except ConfigurationError as error:
        yield Finding("problem", _CHECK, str(error), "make it a file that Placet's user alone may write")
        return
    if kept is None:
        if tx.checkpoints.newest(tenant) is not None:
            yield _missing(settings, tenant, place)
        return
    keys = [VerifierKey(origin, key) for key in read_trusted_keys(settings.log_key)]
    fault = head_fault(tx, tenant, kept, keys)
    if fault is None:
        yield Finding("ok", _CHECK, f"the log of tenant {tenant!r} extends the head kept in {place!r}")
    else:
        detail = f"the log of tenant {tenant!r} is not the one of the head kept in {place!r}: {fault}"
        yield Finding("problem", _CHECK, detail, _ACCEPT)


def _unsigned(settings: Settings, tx: Transaction, tenant: str) -> Iterator[Finding]:
    """Check that no entry waits for a head for long: whoever writes to the database can rewrite what no head covers."""
    if not tx.log.ends_on_record(tenant, tx.log.head(tenant)):
        detail = f"the log of tenant {tenant!r} has a last entry that the record does not: nothing new gets into it"
        yield Finding("problem", _CHECK, detail, "somebody writes to the database; `placet audit verify` says more")
    waiting = tx.figures.of(tenant).unsigned
    patience = max(_PATIENCE, timedelta(seconds=10 * settings.log_interval_seconds))
    if waiting.since is None or datetime.now(UTC) - waiting.since <= patience:
        return
    entries = counted(waiting.count, "entry", "entries")
    detail = f"{entries} of tenant {tenant!r}, the oldest of {moment(waiting.since)}, are under no signed head"
    yield Finding("problem", _CHECK, detail, "start a worker, or see in its log why it signs nothing")


def _missing(settings: Settings, tenant: str, place: str) -> Finding:
    detail = f"{place!r} does not exist, and checkpoints of tenant {tenant!r} were signed"
    if settings.database_url and settings.log_heads_dir is None:
        advice = "where a worker runs, somebody removed it: hold the record to an anchored checkpoint"
        return Finding("info", _CHECK, f"{detail}; no integrator ran on this machine, or its head was removed", advice)
    advice = "hold the record to an anchored checkpoint; the next checkpoint that is signed here is kept again"
    return Finding("problem", _CHECK, detail, advice)
