"""When each member of a rollout entered: treated and control alike, by the record and the draw.

A stage reaches a member when its share is above their bucket. Control customers have a bucket, too: they enter at the
same moment, so that both groups live through the same days and stand to each other as the draw has it. Whoever entered
stays so, whatever became of the rollout.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.strategies.members import DRAWN
from placet.gate.strategies.published import strategy_of
from placet.gate.strategies.rollout import MOVED, STARTED
from placet.governance.log.chain import entry_hash
from placet.governance.signing.signed import verify_document
from placet.storage.transaction import Transaction

_MOST: Final = 10_000


class Reach(NamedTuple):
    """From when on a rollout reached a share of its cohort."""

    at: datetime
    share: int


class RolledOut(NamedTuple):
    """A version of a strategy that was rolled out, whether or not it is in force still.

    Attributes:
        reaches: The first first, each larger than the one before.
        sealed: Whether its members were sealed from the first on: then one without a seal was altered.
    """

    strategy: Strategy
    version: str
    reaches: tuple[Reach, ...]
    sealed: bool


def rolled_out(tx: Transaction, tenant: str, version: str) -> RolledOut:
    """Return a version whose rollout was started, by the record.

    Raises:
        DecisionRefused: code `strategy_altered`; its text is gone, or is not what was signed.
        UsageError: code `unknown_rollout`; nobody signed it, or its rollout was not started.
        GovernanceError: code `audit_broken`; an entry is not what was written.
    """
    signed = [one for one in tx.mandates.publishing(tenant, version) if isinstance(one, MandateRecord)]
    started = entry_of(tx, tenant, f"{STARTED}.{version}")
    if not signed or started is None:
        raise UsageError(f"version {version[:16]!r} was never rolled out", code="unknown_rollout")
    strategy = strategy_of(tx, signed[-1])
    stages = strategy.rollout.stages
    found = [Reach(started.at, stages[0])]
    for number in range(1, _MOST):
        entry = entry_of(tx, tenant, f"{MOVED}.{version}.{number}")
        if entry is None:
            break
        share = _signed_share(tx, tenant, version, entry)
        if share is not None and share in stages and share > found[-1].share:
            found.append(Reach(max(entry.at, found[-1].at), share))
    drawn = entry_of(tx, tenant, f"{DRAWN}.{version}.1")
    sealed = drawn is not None and "seals" in drawn.body
    return RolledOut(strategy, version, tuple(found), sealed)


def _signed_share(tx: Transaction, tenant: str, version: str, entry: AuditEvent) -> int | None:
    """Return the share that a move led to by its signed order; None of a step back, and of what nobody signed.

    A key that was revoked since had counted then: what happened has happened.
    """
    document = entry.body.get("document")
    if document is None:
        return None
    try:
        text = tx.artifacts.get(str(document), tenant=tenant).decode(errors="replace")
        order = verify_document(
            text, RolloutOrder, tenant=tenant, now=entry.at, find_key=partial(_as_of, tx, entry.at)
        ).document
    except (DecisionRefused, UsageError, GovernanceError):
        return None
    return order.to if (order.version, order.action) == (version, "promote") else None


def _as_of(tx: Transaction, at: datetime, key_id: str) -> EnrolledKey | None:
    key = tx.approvers.get(key_id)
    if key is None or key.revoked_at is None or key.revoked_at <= at:
        return key
    return key.model_copy(update={"revoked_at": None})


def entry_of(tx: Transaction, tenant: str, step: str) -> AuditEvent | None:
    """Return an entry of the tenant's stream; None where there is none.

    Raises:
        GovernanceError: code `audit_broken`; it is not what was written.
    """
    entry = tx.audit.find(tenant_stream(tenant), step)
    if entry is not None and entry_hash(entry) != entry.hash:
        raise GovernanceError(f"entry {entry.step_key!r} is not what was written", code="audit_broken")
    return entry


def reached_by(reaches: Sequence[Reach], at: datetime) -> int:
    """Return the largest share that was reached by a time, in basis points."""
    return max((one.share for one in reaches if one.at <= at), default=0)


def entered_at(reaches: Sequence[Reach], bucket: int, enrolled_at: datetime) -> datetime | None:
    """Return when a member entered; None where no stage has reached their bucket."""
    reached = next((one.at for one in reaches if bucket < one.share), None)
    return None if reached is None else max(reached, enrolled_at)
