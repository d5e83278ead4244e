"""Proposals of strategies that are not in force any more end by themselves: nobody could approve them.

They would stay in the inbox until somebody rejects them, and count as contacts of their customer until then.
"""

import asyncio
from datetime import datetime
from typing import Final

from activities.resources import WorkerResources
from placet.contracts.audit import RecordKind
from placet.contracts.text import NAME, shortened
from placet.contracts.times import moment
from placet.engine.client import Engine
from placet.entrypoints.beside_worker.reconciled import Reconciled
from placet.errors import UsageError
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

_CANCEL: Final[RecordKind] = "run.cancel_requested"
_AT_ONCE = 200
"""Runs of one pass; the next one goes on."""


async def end_replaced(engine: Engine, context: WorkerResources) -> list[Reconciled]:
    """End the runs whose proposal waits, and whose version of a strategy was replaced, withdrawn or is past its term.

    Raises:
        UpstreamUnavailable: Temporal does not answer.
        StorageError: the database does not.
    """
    found = []
    for run_id, why in await asyncio.to_thread(_over, context):
        try:
            await asyncio.to_thread(_record, context, run_id, why)
            await engine.cancel(run_id)
        except UsageError:
            continue  # it has ended meanwhile, or its workflow is gone: the next pass looks at it
        found.append(Reconciled(run_id, "ended", why))
    return found


def _over(context: WorkerResources) -> list[tuple[str, str]]:
    """Return runs that wait for nothing, each with the reason."""
    found: list[tuple[str, str]] = []
    now = context.clock()
    with context.database.reading() as tx:
        for tenant in sorted(context.tenants):
            for version in tx.rollouts.versions_waiting(tenant):
                why = _why_over(tx, tenant, version, now)
                if why is not None:
                    found += [(run_id, why) for run_id in tx.rollouts.runs_waiting(tenant, version, _AT_ONCE)]
    return found[:_AT_ONCE]


def _why_over(tx: Transaction, tenant: str, version: str, now: datetime) -> str | None:
    """Say why a version is over for good; None while a mandate publishes it, or where one cannot be read.

    A mandate whose signature does not count now may count again: its proposals wait.
    """
    whys = []
    for one in tx.mandates.publishing(tenant, version):
        if isinstance(one, AlteredMandate):
            return None
        name = shortened(one.mandate.name, NAME)
        if one.revoked_at is not None:
            whys.append(
                f"strategy {name!r}: this version was withdrawn at {moment(one.revoked_at)}: {one.revoked_reason}"
            )
        elif one.mandate.valid_until <= now:
            whys.append(f"strategy {name!r}: its term was over at {moment(one.mandate.valid_until)}")
        else:
            return None
    return whys[-1] if whys else None


def _record(context: WorkerResources, run_id: str, why: str) -> None:
    """Put on the record that it was ended, and why: Temporal's cancellation carries no reason.

    Raises:
        UsageError: it waits no more.
    """
    with context.database.transaction() as tx:
        run = tx.runs.get(run_id)
        if run is None or run.state != "awaiting_decision":
            raise UsageError(f"run {run_id!r} waits no more", code="not_running")
        body = {"state": run.state, "reason": why}
        tx.record(run, _CANCEL, actor="reconciler", at=context.clock(), body=body)
