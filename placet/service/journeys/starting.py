"""A customer enters a strategy of several steps: on the record first, then a workflow carries them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from placet.contracts.base import AgentName, CustomerId, Digest, Frozen, PersonName, TenantId
from placet.contracts.events.kinds import Channel
from placet.contracts.people.access import Voucher
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.strategy import Strategy, StrategyName
from placet.contracts.times import rfc3339
from placet.errors import UsageError
from placet.gate.strategies.journey import ENDED, ENTERED, JourneyStanding, body_of, standing_of
from placet.service.keeping.tenant_record import vouched
from placet.storage.database import Database
from placet.storage.transaction import Transaction

FIRST_DETAIL = "enters"


class Entry(Frozen):
    """Who enters which published strategy.

    Attributes:
        requested_by: Who started the rollout, or asked for this one.
        signal_at: When that happened which brought them in; None where nothing did but the beginning of a stage.
    """

    tenant: TenantId
    customer_id: CustomerId
    strategy: StrategyName
    version: Digest
    agent: AgentName
    channel: Channel
    requested_by: PersonName
    signal_at: datetime | None = None

    @property
    def journey(self) -> JourneyAsked:
        """What its workflow is asked."""
        return JourneyAsked(tenant=self.tenant, strategy=self.strategy, customer_id=self.customer_id)


class Started(NamedTuple):
    """What an entry led to.

    Attributes:
        new: False where they are in this version, or were.
        over: Whether they left it already; a version is entered once.
    """

    asked: JourneyAsked
    new: bool
    over: bool


def start_journey(
    database: Database,
    begin: Callable[[JourneyAsked], None],
    entry: Entry,
    *,
    at: datetime,
    voucher: Voucher | None = None,
) -> Started:
    """Let a customer enter a strategy of several steps, and start the workflow that carries them.

    It is safe to repeat at any point: one version is entered once, and there is one workflow of a customer in a
    strategy. Whether they are in the cohort, and outside the control group, is asked by its first step.

    Args:
        database: Where the record is.
        begin: Starts the workflow; one that is under way is told to look again.
        entry: Who enters what.
        at: Now.
        voucher: The token or passkey that vouches for who asks.

    Raises:
        UsageError: code `no_steps`; the strategy has none, and a run carries it out.
        GovernanceError: code `audit_broken`; the record of an earlier journey is not what was written. Code
            `strategy_altered`; the text is gone.
        UpstreamUnavailable: recorded, but Temporal did not start it; asking again starts it.
    """
    started = record_entry(database, entry, at=at, voucher=voucher)
    if not started.over:
        begin(started.asked)
    return started


def record_entry(database: Database, entry: Entry, *, at: datetime, voucher: Voucher | None = None) -> Started:
    """Put the entry of a customer on the record; what was recorded first stands. Raises as `start_journey`."""
    of = entry.journey
    with database.transaction() as tx:
        stands = standing_of(tx, of)
        if stands is not None and stands.version == entry.version:
            return Started(of, new=False, over=stands.ended is not None)
        if stands is not None and stands.ended is None:
            reason = f"version {entry.version[:16]} took its place"
            record_end(tx, of, stands, "replaced", reason, at)
        number = 1 if stands is None else stands.number + 1
        first = _first_step(tx, entry)
        signal = None if entry.signal_at is None else rfc3339(entry.signal_at)
        body = body_of(
            of, entry.version, number, agent=entry.agent, channel=entry.channel, step=first, signal_at=signal
        )
        tx.record_journey(
            of.tenant,
            of.workflow_id,
            ENTERED,
            actor=entry.requested_by,
            at=at,
            step=f"{ENTERED}.{number}",
            body=vouched(body, voucher),
        )
        values = {
            "version": entry.version,
            "number": number,
            "step": first,
            "phase": "treating",
            "detail": FIRST_DETAIL,
            "signal_at": entry.signal_at,
            "entered_at": at,
            "step_since": at,
        }
        tx.journeys.enter(of.tenant, of.customer_id, of.strategy, values)
    return Started(of, new=True, over=False)


def _first_step(tx: Transaction, entry: Entry) -> str:
    steps = tx.artifacts.get_model(entry.version, Strategy, tenant=entry.tenant).steps
    if not steps:
        raise UsageError(f"strategy {entry.strategy!r} has no steps: its customers get a run each", code="no_steps")
    return steps[0].step


def record_end(
    tx: Transaction, of: JourneyAsked, stands: JourneyStanding, code: str, reason: str, at: datetime, **more: Any
) -> None:
    """Put the end of a journey on the record, with `more` that is to be said of it, and into its row."""
    tx.record_journey(
        of.tenant,
        of.workflow_id,
        ENDED,
        actor="worker",
        at=at,
        step=f"{ENDED}.{stands.number}",
        body=body_of(of, stands.version, stands.number, step=stands.step, code=code, reason=reason, **more),
    )
    tx.journeys.put(
        of.tenant,
        of.customer_id,
        of.strategy,
        phase="over",
        detail=reason,
        ended_at=at,
        ended_code=code,
        reason=reason,
        next_at=None,
    )
