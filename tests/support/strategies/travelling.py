"""A journey for tests: one customer in a strategy of several steps, looked at one by one, with a clock that is set."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from placet.contracts.audit import AuditEvent, journey_stream
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked, JourneyLook
from placet.contracts.strategies.strategy import Strategy
from placet.governance.signing.canonical import digest
from placet.service.journeys.starting import Entry, Started, record_entry
from placet.service.journeys.stepping import JourneySteps, Turn
from placet.service.strategies.deciding import live_customer
from placet.storage.strategies.journeys import JourneyRow
from tests.support.steps import Steps
from tests.support.strategies.published import IN_BOTH, Shop, execute, strategy

STEPS: Final = """\
steps:
  - {step: welcome, treat: [small_credit]}
  - {step: first_use, wait_for: app_visits_7d > 0, at_most: 10 days, if_not: later}
  - step: which
    branch:
      - {when: balance_checks_30d >= 2, go_to: reward}
    otherwise: done
  - {step: later, wait: 3 days, then: done}
  - {step: reward, treat: [loyalty_credit], then: done}
  - {step: done, exit: they have started}
rollout:
"""


def with_steps(*edits: tuple[str, str], steps: str = STEPS) -> Strategy:
    """Return a strategy of several steps, for all who recharge."""
    usual = (("cohort: churn_percent >= 30 AND recharges_90d > 0", "cohort: recharges_90d > 0"),)
    return strategy(*usual, ("rollout:\n", steps), *edits, quiet="00:00 to 00:01")


@dataclass
class Trip:
    """One customer's journey."""

    shop: Shop
    of: Strategy
    customer: str = IN_BOTH
    later: timedelta = field(default_factory=timedelta)

    @property
    def now(self) -> datetime:
        """The time that its looks are told."""
        return datetime.now(UTC) + self.later

    @property
    def asked(self) -> JourneyAsked:
        return JourneyAsked(tenant="demo", strategy=self.of.name, customer_id=self.customer)

    @property
    def steps(self) -> JourneySteps:
        database = self.shop.database
        return JourneySteps(
            database,
            lambda _tenant, _agent: self.shop.policies,
            lambda tenant, customer: live_customer(database, tenant, customer, self.now),
            lambda: self.now,
        )

    def enter(self, **more: object) -> Started:
        entry = Entry(
            tenant="demo",
            customer_id=self.customer,
            strategy=self.of.name,
            version=digest(self.of),
            agent="retention",
            channel="agent",
            requested_by="olga",
        )
        return record_entry(self.shop.database, entry.model_copy(update=more), at=self.now)

    def turn(self) -> Turn:
        return self.steps.look(self.asked)

    def look(self, *, days: float = 0) -> JourneyLook:
        """Let days pass, and look."""
        self.later += timedelta(days=days)
        return self.turn().look

    def request(self) -> RunRequest:
        """Look, and return the run that is to be started."""
        request = self.turn().request
        assert request is not None
        return request

    def carry(self, request: RunRequest) -> Steps:
        """Carry a run to its end: what the strategy's own mandate clears is executed."""
        steps = replace(self.shop.steps, run=request)
        analysed = steps.analyse()
        proposed = steps.propose(analysed, steps.query(analysed))
        if proposed.digest is None:
            steps.close("no_action")
            return steps
        assert steps.open(proposed).verdict == "cleared"
        assert execute(steps, proposed).outcome == "executed"
        steps.close("executed", proposed)
        return steps

    def treated(self) -> Steps:
        """Carry the run of the step that is due."""
        return self.carry(self.request())

    def row(self) -> JourneyRow:
        with self.shop.database.reading() as tx:
            row = tx.journeys.get("demo", self.customer, self.of.name)
        assert row is not None
        return row

    def entries(self) -> list[AuditEvent]:
        with self.shop.database.reading() as tx:
            return tx.audit.read(journey_stream(self.asked.workflow_id))

    def way(self) -> list[str]:
        """Return the steps that the customer was in, by the record, and how it ended."""
        return [str(entry.body.get("to") or entry.body.get("code") or entry.body["step"]) for entry in self.entries()]

    def happens(self, kind: str, data: dict[str, object], *, times: int = 1) -> None:
        for _ in range(times):
            self.shop.happens(self.customer, kind, data, hours=0.01)


def entered(shop: Shop, *edits: tuple[str, str], customer: str = IN_BOTH) -> Trip:
    """Publish a strategy of several steps, and let a customer enter it."""
    of = with_steps(*edits)
    shop.publish(of)
    trip = Trip(shop, of, customer)
    trip.enter()
    return trip
