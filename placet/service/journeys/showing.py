"""Journeys as people look at them: who is in which step, how they ended, how fast they went, one in full."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from pydantic import StrictInt

from placet.contracts.audit import AuditEvent, journey_stream
from placet.contracts.base import Digest, Frozen
from placet.contracts.strategies.journey import EndedCode, JourneyAsked
from placet.contracts.strategies.strategy import Strategy, StrategyName
from placet.contracts.times import rfc3339
from placet.decisioning.strategies.telling import step_in_words
from placet.errors import GovernanceError, UsageError
from placet.gate.strategies.journey import standing_of
from placet.gate.strategies.published import strategy_of
from placet.governance.policy.set import PolicySet
from placet.service.strategies.publishing import find_published
from placet.storage.database import Database
from placet.storage.strategies.journeys import AlteredJourney, JourneyCount, JourneyRow, JourneyTimes
from placet.storage.transaction import Transaction

Policies = Callable[[str], PolicySet]
"""The policy set in force for an agent of the tenant."""

MEASURED: Final = 10_000
"""Journeys of which the velocity is measured: those that were entered last."""
_LATE: Final = timedelta(minutes=15)
_CURSOR: Final = 3
_Pair = tuple[datetime | None, datetime | None]


class Ended(Frozen):
    """How many journeys ended in a step for one reason."""

    code: EndedCode
    reason: str
    customers: StrictInt


class StepShown(Frozen):
    """A step, and who is in it.

    Attributes:
        words: What it does.
        inside: How many customers are in it now.
        ended: How many left the journey there, by reason.
    """

    step: str
    words: str
    inside: StrictInt
    ended: tuple[Ended, ...]


class Leg(Frozen):
    """One leg of a journey's velocity.

    Attributes:
        customers: Of how many it is known.
        median_seconds: Half of them took so long or less; None where it is known of nobody.
    """

    leg: str
    customers: StrictInt
    median_seconds: StrictInt | None


class StrategyJourneys(Frozen):
    """The journeys of one strategy.

    Attributes:
        title: What people call it; empty where its text is gone.
        version: The one whose steps are told.
        inside: How many customers are in it now.
        ever: How many ever entered it, each counted once.
        steps: In the order of the text; steps of earlier versions behind them.
        velocity: From the signal to entering, to being told, to accepting it.
    """

    strategy: StrategyName
    title: str
    version: Digest | None
    inside: StrictInt
    ever: StrictInt
    steps: tuple[StepShown, ...]
    velocity: tuple[Leg, ...]


class ShownJourney(Frozen):
    """One customer's journey.

    Attributes:
        row: What its steps have written.
        step: In which step the customer is by the record.
        fault: Why the record of it cannot be trusted, or how its row says otherwise; empty where they agree.
        stalled: Whether its next look is long overdue: its workflow may be gone.
        acts: Its entries on the record, the first first.
    """

    row: JourneyRow
    step: str
    fault: str
    stalled: bool
    acts: tuple[AuditEvent, ...]


def list_journeys(
    database: Database,
    tenant: str,
    *,
    strategy: str | None = None,
    step: str | None = None,
    inside: bool = False,
    limit: int = 100,
    after: str | None = None,
) -> tuple[JourneyRow | AlteredJourney, ...]:
    """Return journeys, who entered last first; one whose row cannot be read says so.

    Args:
        database: Where they are.
        tenant: Whose.
        strategy: Only of this one.
        step: Only those who are in this step, or left the journey there.
        inside: Only those that are not over.
        limit: Most that are returned.
        after: `cursor_of` the journey that ended the page before.

    Raises:
        UsageError: code `malformed`; `after` is none of ours.
    """
    with database.reading() as tx:
        return tx.journeys.list(
            tenant, strategy=strategy, step=step, open_only=inside, limit=limit, after=_read(after) if after else None
        )


def cursor_of(row: JourneyRow | AlteredJourney) -> str:
    """Return what the next page goes on after."""
    return f"{rfc3339(row.entered_at)}/{row.customer_id}/{row.strategy}"


def _read(after: str) -> tuple[datetime, str, str]:
    parts = after.split("/")
    try:
        at, customer, strategy = datetime.fromisoformat(parts[0]), parts[1], parts[2]
    except (ValueError, IndexError) as error:
        raise UsageError(f"{after!r} does not go on a list of journeys", code="malformed") from error
    if len(parts) != _CURSOR or at.tzinfo is None:
        raise UsageError(f"{after!r} does not go on a list of journeys", code="malformed")
    return at, customer, strategy


def show_strategies(database: Database, tenant: str, policies: Policies) -> tuple[StrategyJourneys, ...]:
    """Return the journeys of all strategies that have any, by name."""
    with database.reading() as tx:
        return tuple(_of_strategy(tx, tenant, name, policies) for name in tx.journeys.strategies(tenant))


def show_strategy(database: Database, tenant: str, strategy: str, policies: Policies) -> StrategyJourneys:
    """Return who is in which step of a strategy, how journeys ended there, and how fast they went.

    Raises:
        UsageError: code `unknown_journey`; nobody ever entered it.
    """
    with database.reading() as tx:
        if strategy not in tx.journeys.strategies(tenant):
            raise UsageError(f"nobody entered a strategy {strategy!r} of several steps", code="unknown_journey")
        return _of_strategy(tx, tenant, strategy, policies)


def _of_strategy(tx: Transaction, tenant: str, strategy: str, policies: Policies) -> StrategyJourneys:
    text, version = _text(tx, tenant, strategy, policies)
    counts = tx.journeys.counts(tenant, strategy)
    inside, ever = tx.journeys.strategies(tenant)[strategy]
    words = {} if text is None else {one.step: step_in_words(text, one) for one in text.steps}
    names = list(dict.fromkeys([*words, *(one.step for one in counts)]))
    return StrategyJourneys(
        strategy=strategy,
        title="" if text is None else text.title,
        version=version,
        inside=inside,
        ever=ever,
        steps=tuple(_step(name, words.get(name, "a step of an earlier version"), counts) for name in names),
        velocity=velocity_of(tx.journeys.times(tenant, strategy, MEASURED)),
    )


def _text(tx: Transaction, tenant: str, strategy: str, policies: Policies) -> tuple[Strategy | None, str | None]:
    try:
        found = find_published(tx, tenant, strategy, policies, datetime.now(UTC))
        return strategy_of(tx, found.record), found.version
    except (GovernanceError, UsageError):  # what is damaged must not hide who is in it
        return None, None


def _step(name: str, words: str, counts: Iterable[JourneyCount]) -> StepShown:
    here = [one for one in counts if one.step == name]
    ended = (
        Ended(code=one.ended, reason=one.reason or "", customers=one.customers) for one in here if one.ended is not None
    )
    return StepShown(
        step=name,
        words=words,
        inside=sum(one.customers for one in here if one.ended is None),
        ended=tuple(sorted(ended, key=lambda one: -one.customers)),
    )


def velocity_of(times: Sequence[JourneyTimes]) -> tuple[Leg, ...]:
    """Return how long each leg took the customers of whom it is known."""
    legs: dict[str, list[_Pair]] = {
        "signal to entered": [(one.signal_at, one.entered_at) for one in times],
        "entered to told": [(one.entered_at, one.told_at) for one in times],
        "told to accepted": [(one.told_at, one.converted_at) for one in times],
        "entered to accepted": [(one.entered_at, one.converted_at) for one in times],
    }
    return tuple(_leg(name, pairs) for name, pairs in legs.items())


def _leg(name: str, pairs: Iterable[_Pair]) -> Leg:
    took = [
        max((until - since).total_seconds(), 0) for since, until in pairs if since is not None and until is not None
    ]
    return Leg(leg=name, customers=len(took), median_seconds=round(median(took)) if took else None)


def show_journey(database: Database, tenant: str, strategy: str, customer_id: str) -> ShownJourney:
    """Return one customer's journey, by its row and by the record.

    Raises:
        UsageError: code `unknown_journey`; they never entered it.
        GovernanceError: code `journey_altered`; its row cannot be read, or is gone although the record has the journey.
    """
    with database.reading() as tx:
        row = tx.journeys.get(tenant, customer_id, strategy)
        if row is None:
            raise _without_row(tx, JourneyAsked(tenant=tenant, strategy=strategy, customer_id=customer_id))
        of = JourneyAsked(tenant=tenant, strategy=row.strategy, customer_id=row.customer_id)
        step, fault = _by_record(tx, of, row)
        return ShownJourney(
            row=row,
            step=step,
            fault=fault,
            stalled=row.ended_at is None and row.next_at is not None and datetime.now(UTC) > row.next_at + _LATE,
            acts=tuple(tx.audit.read(journey_stream(of.workflow_id))),
        )


def _without_row(tx: Transaction, of: JourneyAsked) -> GovernanceError | UsageError:
    stands = standing_of(tx, of)
    who = f"customer {of.customer_id!r}"
    if stands is None:
        return UsageError(f"{who} never entered strategy {of.strategy!r}", code="unknown_journey")
    where = "left" if stands.ended is not None else f"is at step {stands.step!r} of"
    return GovernanceError(
        f"by the record {who} {where} strategy {of.strategy!r}, and their row is gone: somebody changed the database; "
        "see `placet audit verify`",
        code="journey_altered",
    )


def _by_record(tx: Transaction, of: JourneyAsked, row: JourneyRow) -> tuple[str, str]:
    try:
        stands = standing_of(tx, of)
    except GovernanceError as error:
        return row.step, str(error)
    if stands is None:
        return row.step, "nobody let them enter it on the record: somebody changed the database"
    told = (row.step, row.version, row.ended_at is not None)
    if told != (stands.step, stands.version, stands.ended is not None):
        return stands.step, "its row says otherwise than the record: somebody changed the database"
    return stands.step, ""
