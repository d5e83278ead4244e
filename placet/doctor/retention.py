"""Whether what is due is erased: a period that is set does nothing until somebody runs `placet retention run`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from placet.contracts.times import day
from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.retention import periods
from placet.errors import PlacetError
from placet.storage.database import Database

_SECONDS = 1.5
OVERDUE: Final = timedelta(days=31)


def retention(settings: Settings) -> Iterator[Finding]:
    """Check when retention was last applied for each tenant, where a period is set."""
    if not periods(settings, settings.tenant).anything:
        yield Finding("info", "retention", "no period is set: customers' data is kept for ever")
        return
    for tenant, last in _last(settings).items():
        advice = f"PLACET_TENANT={tenant} placet retention run"
        if last is None:
            yield Finding("info", "retention", f"periods are set and were never applied for {tenant}", advice)
        elif datetime.now(UTC) - last > OVERDUE:
            yield Finding("problem", "retention", f"last applied for {tenant} on {day(last)}", advice)
        else:
            yield Finding("ok", "retention", f"last applied for {tenant} on {day(last)}")


def _last(settings: Settings) -> dict[str, datetime | None]:
    if not settings.database_url and not (settings.home / "placet.db").exists():
        return {}
    try:
        with (
            Database(settings.database, pool_size=1, lock_timeout_s=_SECONDS, statement_timeout_s=_SECONDS) as database,
            database.reading() as tx,
        ):
            return {tenant: tx.erasures.last_run(tenant) for tenant in settings.tenants}
    except PlacetError:
        return {}  # the probe of the database says what is wrong with it
