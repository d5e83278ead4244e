"""Probes of the policies: is there a set for everybody, does it say anything, which one do workers keep meanwhile?"""

from collections.abc import Iterator

from agents.catalogue import names
from placet.contracts.audit import policy_stream
from placet.doctor.report import Finding
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.errors import PlacetError, PolicyError
from placet.service.policy_files import MISSING
from placet.storage.database import Database

_SECONDS = 1.5


def policies(settings: Settings) -> Iterator[Finding]:
    """Check the policy set of every tenant and application; without one every answer is no."""
    read, sound = PolicyFiles(settings.policy_dir), 0
    for tenant in settings.tenants:
        for agent in names():
            try:
                found = read(tenant, agent)
            except PolicyError as error:
                advice = _meanwhile(settings, tenant, agent, error)
                yield Finding("problem", "policies", f"agent {agent!r}: {error}", advice)
            else:
                if found.lets_propose(agent):
                    sound += 1
                    continue
                detail = f"no policy of tenant {tenant!r} lets agent {agent!r} propose anything"
                yield Finding("problem", "policies", detail, "add a permit: until then every run of it ends as denied")
    if not names():
        where = f"each is a folder in {CHECKOUT / 'agents'}"
        yield Finding("problem", "policies", "no application is installed", where)
    elif sound:
        yield Finding("ok", "policies", f"{', '.join(names())} for {', '.join(settings.tenants)}")
    if settings.tenant not in settings.tenants:
        detail = f"tenant {settings.tenant!r} is not among those a worker here serves ({', '.join(settings.tenants)})"
        yield Finding("info", "policies", detail, "set PLACET_TENANTS where the worker runs")


def _meanwhile(settings: Settings, tenant: str, agent: str, fault: PolicyError) -> str:
    """Return what workers do until the files are mended."""
    if fault.code == MISSING or settings.policy_keep_hours == 0:
        return "until then every answer is no"
    kept = _last_in_force(settings, tenant, agent)
    if kept is None:
        return "until then every answer is no"
    hours = f"{settings.policy_keep_hours:g} h"
    return f"mend it: workers keep policy set {kept[:12]} for {hours}, those that start meanwhile deny"


def _last_in_force(settings: Settings, tenant: str, agent: str) -> str | None:
    if not settings.database_url and not (settings.home / "placet.db").exists():
        return None
    try:
        with (
            Database(settings.database, pool_size=1, lock_timeout_s=_SECONDS, statement_timeout_s=_SECONDS) as database,
            database.reading() as tx,
        ):
            last = tx.audit.last(policy_stream(tenant, agent))
    except PlacetError:
        return None
    return None if last is None else str(last.body.get("policy_set"))
