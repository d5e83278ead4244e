"""Probes of runs that are under way and do not get on, by what their Temporal says, and of rollouts, by their rows."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from placet.contracts.audit import tenant_stream
from placet.contracts.run import OPEN_STATES, Expected
from placet.contracts.times import minute
from placet.doctor.report import Finding
from placet.engine.payload_keys import load_key
from placet.engine.progress import stalls
from placet.entrypoints.settings import Settings
from placet.errors import StorageError
from placet.gate.strategies.rollout import ENDED
from placet.storage.database import Database
from placet.storage.pending import expected
from placet.storage.sql.reading import UNREADABLE
from placet.storage.strategies.rollouts import AlteredRollout, RolloutRow

ANSWER_SECONDS = 2.0
_ASKED = 100
"""Runs that are asked about; the reconciler looks at all of them, a page at a time."""
_SHOWN = 5
_LATE: Final = timedelta(minutes=15)
"""Of a step of a rollout, with which a busy worker is not to be taken for one that is gone."""


def stalled(settings: Settings) -> Iterator[Finding]:
    """Name runs whose step is tried again and again, or that somebody paused at Temporal."""
    try:
        runs = _under_way(settings)
    except StorageError as error:  # one row hides the others here
        yield Finding("problem", "runs", str(error), "until then nobody looks whether runs get on")
        return
    found, unanswered = asyncio.run(_ask(settings, runs)) if runs else ([], 0)
    for run_id, line in found[:_SHOWN]:
        advice = "`placet run show` tells what it waits for"
        if "tried again" not in line:
            advice += "; if nobody here did that, somebody else reaches Temporal"
        yield Finding("problem", "runs", f"{run_id}: {line}", advice)
    if unanswered:
        said = f"Temporal did not answer about {unanswered} of {len(runs)} runs within {ANSWER_SECONDS:g} s"
        yield Finding("info", "runs", said, "`placet reconcile` looks at all")
    if len(found) > _SHOWN:
        yield Finding("problem", "runs", f"{len(found) - _SHOWN} more do not get on", "`placet reconcile` looks at all")


def _under_way(settings: Settings) -> dict[str, Expected]:
    """Return the runs that are not over, each with what is expected of its workflow."""
    if not settings.database_url and not (settings.home.resolve() / "placet.db").exists():
        return {}
    try:
        with Database(settings.database, pool_size=1, lock_timeout_s=1.5, statement_timeout_s=ANSWER_SECONDS) as opened:
            if opened.revision() is None:
                return {}
            with opened.reading() as tx:
                runs = tx.runs.unmoved(settings.tenants, before=datetime.now(UTC), states=OPEN_STATES, limit=_ASKED)
                return {run.run_id: expected(tx, run) for run in runs}
    except StorageError as error:
        if error.code == UNREADABLE:
            raise
        return {}  # the finding about the database says so


async def _ask(settings: Settings, runs: Mapping[str, Expected]) -> tuple[list[tuple[str, str]], int]:
    """Return what keeps which run, and about how many runs Temporal did not answer."""
    found: list[tuple[str, str]] = []
    left = len(runs)
    ours = load_key(settings.payload_key).task_queue if settings.payload_key.exists() else None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            client = await Client.connect(settings.temporal_address, namespace=settings.temporal_namespace)
            for run_id, awaited in runs.items():
                try:
                    found += [(run_id, line) for line in await stalls(client, run_id, ours, awaited)]
                except RPCError as error:
                    if error.status is not RPCStatusCode.NOT_FOUND:  # of a run that was never started nothing is known
                        continue
                left -= 1
    except TimeoutError:
        return found, left
    except (RPCError, RuntimeError):
        return found, 0  # the finding about Temporal says so
    return found, left


def rollouts(settings: Settings) -> Iterator[Finding]:
    """Name rollouts that are not over and do not get on."""
    found = list(_rollouts(settings))
    now, wrong = datetime.now(UTC), 0
    for row in found:
        if isinstance(row, AlteredRollout):
            wrong += 1
            yield Finding("problem", "rollouts", row.fault, "see `placet audit verify`")
        elif row.next_at is not None and now > row.next_at + _LATE:
            wrong += 1
            said = f"{row.asked.strategy}: due at {minute(row.next_at)}, and has not moved since"
            advice = "see whether a worker runs; `placet reconcile` starts a workflow that is gone"
            yield Finding("problem", "rollouts", said, advice)
    if found and not wrong:
        yield Finding("ok", "rollouts", f"{len(found)} under way, none of them overdue")


def _rollouts(settings: Settings) -> Iterator[RolloutRow | AlteredRollout]:
    """Yield the newest rollouts that are not over by the record."""
    if not settings.database_url and not (settings.home.resolve() / "placet.db").exists():
        return
    try:
        with Database(settings.database, pool_size=1, lock_timeout_s=1.5, statement_timeout_s=ANSWER_SECONDS) as opened:
            if opened.revision() is None:
                return
            with opened.reading() as tx:
                for tenant in sorted(settings.tenants):
                    for row in tx.rollouts.list(tenant, _ASKED):
                        if tx.audit.find(tenant_stream(tenant), f"{ENDED}.{row.version}") is None:
                            yield row
    except StorageError:
        return  # the finding about the database says so
