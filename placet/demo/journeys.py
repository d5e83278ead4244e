"""The six journeys from an event to the effect: a signed strategy each, which takes customers as they come.

    (1) A ready package becomes the text of a strategy, a person signs it, and another starts its rollout.
    (2) A customer of the sample plays the journey: one whom the draw treats and no other strategy reaches.
    (3) Something happens to them. The follower takes them down, and the rollout starts their run.
    (4) The strategy's signed mandate clears what is proposed, and the sandbox BSS books it once.

What is told of a journey is read from the record and the BSS. All events are simulated.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from placet.contracts.audit import AuditEvent
from placet.contracts.customer import Declared
from placet.contracts.proposal import Candidate
from placet.contracts.run import END_STATES
from placet.contracts.strategies.rolling import RolloutAsked
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign
from placet.decisioning.strategies.packages import market_named, package_named, written
from placet.engine.client import Engine
from placet.errors import ConfigurationError, PlacetError
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.rollouts.ordering import start_rollout
from placet.service.state.taking import take_events
from placet.service.strategies.checking import strategy_of
from placet.service.strategies.deciding import PublishedDecision, decide_by_published
from placet.service.strategies.publishing import draft_of, keep_text
from placet.simulation.journeys import JOURNEYS, SimulatedJourney, event_then, events_before
from placet.simulation.sample import sample_rows
from placet.simulation.streams import as_line
from placet.storage.database import Database
from placet.storage.records import RunRecord

HEAD: Final = "demo-head"
OPERATOR: Final = "demo-operator"
CHANNEL: Final = "agent"
"""Where each of the strategies may speak at any hour: there the customer comes to us."""
COMMIT: Final = """
@id("journeys-commit-what-is-signed")
@description("The retention agent may commit what a signed strategy clears, up to 20.00 USD.")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when {
  ["adjust_balance", "order_product"].contains(resource.kind) &&
  resource.currency == "USD" && resource.cost_minor <= 2000
};
"""
"""The demo's permit for the agent to act within a mandate: as shipped, people sign each proposal."""

_CHANGED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    # A mandate clears what has a cost; what costs nothing is signed by a person, run by run.
    "upsell": (("title: Fiber optic internet\n", "title: Fiber optic internet\n          costs: 3.00 USD\n"),),
}
_MARKET: Final = "us"
_DAYS: Final = 120
_SAMPLE: Final = 7_043
_KEPT_DAYS: Final = 400
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Played:
    """One journey that was played.

    Attributes:
        run: As it ended.
        signal_at: When what brought the customer in had happened.
        started_at: When their run was started.
        candidates: What was weighed in the run.
        entries: The run's own record.
    """

    journey: SimulatedJourney
    strategy: Strategy
    customer_id: str
    run: RunRecord
    signal_at: datetime
    started_at: datetime
    candidates: tuple[Candidate, ...]
    entries: tuple[AuditEvent, ...]

    @property
    def effects(self) -> list[Mapping[str, Any]]:
        """The receipts of what the BSS confirmed."""
        return [dict(one.body["receipt"]) for one in self.entries if one.kind == "execute.settled"]

    @property
    def cleared(self) -> bool:
        """Whether the strategy's own mandate cleared it."""
        return any(one.kind == "mandate.consumed" for one in self.entries)


class SixJourneys:
    """Plays them, one after the other, in an installation whose worker is running.

    Args:
        database: Where the record is.
        engine: Starts rollouts.
        tenant: Whose customers.
        policies: The policy set in force; it has to let the agent commit (`COMMIT`).
        head: Who signs the strategies; another person than `OPERATOR`.
        declared: What the application tells customers apart by.
        seconds: How long one journey may take.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        *,
        tenant: str,
        policies: Callable[[str], PolicySet],
        head: Signer,
        declared: Declared,
        seconds: float,
    ) -> None:
        self._database, self._engine, self._tenant = database, engine, tenant
        self._policies, self._head, self._declared, self._seconds = policies, head, declared, seconds
        self._texts = {one.name: _strategy(one) for one in JOURNEYS}

    async def play(self, journey: SimulatedJourney) -> Played:
        """Play one journey, from publication to effect.

        Raises:
            PlacetError: a step failed, or the journey did not end in time.
        """
        strategy, customer_id = self._texts[journey.name], self.customer_of(journey)
        await asyncio.to_thread(self._send, list(events_before(journey, customer_id, datetime.now(UTC))))
        asked = await self._publish(strategy)
        await asyncio.to_thread(self._send, [event_then(journey, customer_id, datetime.now(UTC))])
        return await self._follow(journey, strategy, asked, customer_id)

    def customer_of(self, journey: SimulatedJourney) -> str:
        """Return who plays a journey: whom its own draw treats at the first stage, and the others do not reach.

        Raises:
            PlacetError: nobody of the sample is drawn so.
        """
        for row in sample_rows(_SAMPLE):
            customer_id = row["customer_id"]
            reaching = {name for name, one in self._texts.items() if _treated(one, customer_id)}
            if reaching == {journey.name} and journey.fits(row):
                return customer_id
        raise PlacetError(f"nobody of the sample is drawn for journey {journey.name!r} alone")

    def decision(self, customer_id: str, channel: Any) -> PublishedDecision:
        """Return what is decided for a customer on a channel, as `GET /v1/decisions/{customer}` answers it."""
        now = datetime.now(UTC)
        return decide_by_published(
            self._database, self._tenant, customer_id, self._policies, channel=channel, at=now, now=now
        )

    def _send(self, events: Sequence[Mapping[str, Any]]) -> None:
        now = datetime.now(UTC)
        texts = [as_line(one).encode() for one in events]
        taken = take_events(self._database, self._tenant, texts, now=now, oldest=now - timedelta(days=_KEPT_DAYS))
        for letter in taken.refused:
            raise PlacetError(f"a simulated event was not taken: {letter.reason}")

    async def _publish(self, strategy: Strategy) -> RolloutAsked:
        def signed() -> None:
            keep_text(self._database, self._tenant, strategy)
            draft = draft_of(strategy, tenant=self._tenant, drafted_by=OPERATOR)
            key = self._head.key
            envelope = sign_mandate(draft, self._declared, signer=self._head.name, reason="six journeys", key=key)
            take_mandate(
                self._database,
                envelope,
                tenant=self._tenant,
                policies=self._policies(strategy.agent),
                declared=self._declared,
            )

        await asyncio.to_thread(signed)
        return await start_rollout(
            self._database,
            self._engine,
            tenant=self._tenant,
            wanted=strategy.name,
            by=OPERATOR,
            policies=self._policies,
            channel=CHANNEL,
        )

    async def _follow(
        self, journey: SimulatedJourney, strategy: Strategy, asked: RolloutAsked, customer_id: str
    ) -> Played:
        deadline = time.monotonic() + self._seconds
        while time.monotonic() < deadline:
            found = await asyncio.to_thread(self._ended, asked, customer_id)
            if found is not None:
                run, signal_at, started_at, candidates, entries = found
                return Played(journey, strategy, customer_id, run, signal_at, started_at, candidates, entries)
            await asyncio.sleep(_LOOK_SECONDS)
        raise ConfigurationError(
            f"journey {journey.name!r} of customer {customer_id} did not end in {self._seconds:g} s: "
            f"{await asyncio.to_thread(self._stands, asked, customer_id)}"
        )

    def _stands(self, asked: RolloutAsked, customer_id: str) -> str:
        """Say how far a customer came."""
        with self._database.reading() as tx:
            entered = tx.coming.signal(self._tenant, asked.version, customer_id)
            runs = tx.runs.list(self._tenant, None, customer_id, None, 1, None)
            row = tx.rollouts.get(self._tenant, asked.version)
        if runs:
            return f"run {runs[0].run_id} is {runs[0].state}: {runs[0].detail}"
        rollout = "there is no rollout" if row is None else f"its rollout is {row.phase}: {row.detail}"
        return f"they {'came in' if entered else 'did not come in'}, no run was started, and {rollout}"

    def _ended(
        self, asked: RolloutAsked, customer_id: str
    ) -> tuple[RunRecord, datetime, datetime, tuple[Candidate, ...], tuple[AuditEvent, ...]] | None:
        with self._database.reading() as tx:
            runs = [
                one
                for one in tx.runs.list(self._tenant, None, customer_id, None, 20, None)
                if one.strategy == asked.version
            ]
            times = tx.coming.of_customer(self._tenant, asked.version, customer_id)
            if not runs or runs[0].state not in END_STATES or times is None:
                return None
            entries = tuple(tx.audit.read(runs[0].run_id))
        weighed = next((one.body["candidates"] for one in entries if one.kind == "propose.completed"), ())
        candidates = tuple(Candidate.model_validate(one) for one in _listed(weighed))
        return runs[0], times.signal_at, times.started_at, candidates, entries


def _listed(weighed: Any) -> Iterator[Any]:
    if isinstance(weighed, list | tuple):
        yield from weighed


def _strategy(journey: SimulatedJourney) -> Strategy:
    """Return the strategy of a journey: its package, which takes customers as they come, from yesterday on."""
    first = (datetime.now(UTC) - timedelta(days=1)).date()
    market = market_named(_MARKET)
    text = written(package_named(journey.package), market, name=journey.name, monthly=None, first=first, days=_DAYS)
    if "enters: as_they_come" not in text:
        text = text.replace("rollout:\n", "rollout:\n  enters: as_they_come\n", 1)
    for old, new in _CHANGED.get(journey.package, ()):
        if old not in text:
            raise PlacetError(f"package {journey.package!r} says no longer {old!r}")
        text = text.replace(old, new, 1)
    return strategy_of(text, journey.package)


def _treated(strategy: Strategy, customer_id: str) -> bool:
    drawn = assign(strategy.name, customer_id, holdout_bp=strategy.holdout, weights={})
    return drawn.treated_at(strategy.rollout.stages[0])


def told(played: Played) -> dict[str, Any]:
    """Return a journey as plain values."""
    run = played.run
    return {
        "journey": played.journey.name,
        "simulated": True,
        "customer_id": played.customer_id,
        "strategy": played.strategy.name,
        "run_id": run.run_id,
        "state": run.state,
        "detail": run.detail,
        "cleared_by_the_mandate": played.cleared,
        "effects": json.loads(json.dumps(played.effects, default=str)),
        "seconds_to_the_run": (played.started_at - played.signal_at).total_seconds(),
        "seconds_to_the_effect": (run.updated_at - played.signal_at).total_seconds(),
    }
