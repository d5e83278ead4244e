"""What a journey's workflow asks: look where the customer is, do what is due, say when to look again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final, NamedTuple

from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import EndedCode, JourneyAsked, JourneyLook, JourneyPhase
from placet.contracts.strategies.steps import (
    MOST_STEPS,
    BranchStep,
    ExitStep,
    Step,
    TreatStep,
    WaitForStep,
    WaitStep,
    goes_to,
)
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import spoken
from placet.contracts.times import moment
from placet.decisioning.assignment.shares import assign
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.next_best_action.hurdles import closed, other_currency
from placet.errors import DecisionRefused, GovernanceError, PlacetError, StorageError
from placet.gate.context import LiveCustomer
from placet.gate.strategies.journey import MOVED, JourneyStanding, body_of, check_moves, run_key, standing_of
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import Authorised, RolloutStanding
from placet.gate.strategies.rollout import standing_of as rollout_standing
from placet.governance.authority.mandates import left as left_of
from placet.governance.policy.set import PolicySet
from placet.service.journeys.converting import note_conversion
from placet.service.journeys.runs import StepRun, request_of, run_of_step
from placet.service.journeys.starting import record_end
from placet.service.runs import record_request
from placet.storage.database import Database
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

MOST_UNDER_WAY: Final = 60
"""Runs of one version that a worker has still to carry on: with more, no step starts one."""

_HOUR: Final = 3_600
_CLOSED: Final = 600
_BUSY: Final = 5
_LEAST: Final = 2
_WORKER: Final = "worker"


class Turn(NamedTuple):
    """What a look came to.

    Attributes:
        request: A run that is to be started, on record already.
    """

    look: JourneyLook
    request: RunRequest | None = None


class _Known(NamedTuple):
    """What a look knows."""

    of: JourneyAsked
    found: Published
    rollout: RolloutStanding
    customer: LiveCustomer
    row: Row
    now: datetime

    @property
    def strategy(self) -> Strategy:
        return self.found.strategy

    def holds(self, condition: str) -> bool:
        return cohort_of(condition).has(self.row) is True


class JourneySteps:
    """The steps of journeys, for a worker.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        live_customer: Returns a customer as of now, by tenant and id.
        clock: The current time.
        look_every: Between two looks at a customer of whom something is waited for, where nobody says that their state
            changed.
    """

    def __init__(
        self,
        database: Database,
        policies: Callable[[str, str], PolicySet],
        live_customer: Callable[[str, str], LiveCustomer],
        clock: Callable[[], datetime],
        look_every: timedelta = timedelta(days=1),
    ) -> None:
        self._database, self._policies, self._live, self._clock = database, policies, live_customer, clock
        self._look_every = look_every

    def look(self, asked: JourneyAsked) -> Turn:
        """Look at one customer: record what follows, and return when to look again and which run to start.

        Raises:
            GovernanceError: code `not_requested`; nobody let them enter, by the record.
            StorageError: the database does not answer.
        """
        customer = self._live(asked.tenant, asked.customer_id)
        with self._database.transaction() as tx:
            turn = self._look(tx, asked, customer, self._clock())
        if turn.request is None:
            return turn
        return turn._replace(request=record_request(self._database, turn.request).request)

    def _again(self) -> float:
        """Return the seconds until a look at what holds a customer up and may be over without an event of theirs."""
        return min(_HOUR, self._look_every.total_seconds())

    def _look(self, tx: Transaction, asked: JourneyAsked, customer: LiveCustomer, now: datetime) -> Turn:
        stands = standing_of(tx, asked)
        if stands is None:
            raise GovernanceError(
                f"nobody let customer {asked.customer_id!r} enter strategy {asked.strategy!r}; nothing is done for it",
                code="not_requested",
            )
        if stands.ended is not None:
            return Turn(_over(str(stands.ended.body.get("reason"))))
        try:
            known = self._known(tx, asked, stands, customer, now)
            check_moves(tx, stands, known.strategy)
        except DecisionRefused as error:
            if _is_over(tx, asked.tenant, stands.version, now):
                return self._end(tx, asked, stands, "not_in_force", str(error), now)
            return self._wait(tx, asked, stands, "closed", self._again(), str(error), now)  # another may sign it again
        except StorageError:
            raise
        except PlacetError as error:  # a policy that cannot be read now, a record that is not as the text permits
            return self._wait(tx, asked, stands, "closed", self._again(), str(error), now)
        return self._advance(tx, known, stands)

    def _advance(self, tx: Transaction, known: _Known, stands: JourneyStanding) -> Turn:
        """Do what is due, step by step: what the record says after each move is where the customer is."""
        for _ in range(MOST_STEPS + 1):
            turn = self._turn(tx, known, stands)
            if turn is not None:
                return turn
            moved = standing_of(tx, known.of)
            if moved is None or moved.ended is not None:
                return Turn(_over("it has ended meanwhile"))
            stands = moved
        raise GovernanceError(f"journey {known.of.workflow_id!r} does not come to its end", code="journey_altered")

    def _known(
        self, tx: Transaction, asked: JourneyAsked, stands: JourneyStanding, customer: LiveCustomer, now: datetime
    ) -> _Known:
        policies = self._policies(asked.tenant, stands.agent)
        found = published(tx, asked.tenant, stands.agent, stands.version, policies, now)
        rollout = rollout_standing(tx, Authorised(found.strategy, found.record.mandate, policies, now))
        row = row_of(customer.state, customer.household_members) | {"customer_id": customer.drawn_by}
        return _Known(asked, found, rollout, customer, row, now)

    def _turn(self, tx: Transaction, known: _Known, stands: JourneyStanding) -> Turn | None:
        """Do what is due in one step; None where the customer moved on, or left."""
        step = known.strategy.step_named(stands.step)
        if step is None:
            raise GovernanceError(f"its text has no step {stands.step!r}", code="journey_altered")
        note_conversion(tx, known.of, known.customer.state)
        run = run_of_step(tx, known.of, stands, known.rollout.holds) if isinstance(step, TreatStep) else None
        if run is not None and not run.over:
            return self._carried(tx, known, stands, run)
        left = _left(known)
        if left is not None and (run is None or left[0] == "rollout_ended"):  # what a run came to is noted first
            return self._end(tx, known.of, stands, *left, known.now)
        if known.found.reached == 0 or not _reached(known):
            why = known.rollout.held
            said = "the rollout does not reach them now" if why is None else f"the rollout is held: {why}"
            return self._wait(tx, known.of, stands, "held", self._again(), said, known.now)
        return self._step(tx, known, stands, step, run)

    def _step(
        self, tx: Transaction, known: _Known, stands: JourneyStanding, step: Step, run: StepRun | None
    ) -> Turn | None:
        now = known.now
        place = known.strategy.steps.index(step)
        ways = [to for _, to in goes_to(known.strategy.steps, place)]
        if isinstance(step, ExitStep):
            return self._end(tx, known.of, stands, "exit", step.exit, now)
        if isinstance(step, BranchStep):
            way = next((number for number, one in enumerate(step.branch) if known.holds(one.when)), None)
            why = "no condition held" if way is None else f"it was so: {step.branch[way].when}"
            return self._move(tx, known, stands, ways[-1 if way is None else way], why)
        if isinstance(step, WaitStep):
            due = stands.since + timedelta(hours=step.wait)
            if now >= due:
                return self._move(tx, known, stands, ways[0], "the time is over")
            return self._wait_until(tx, known, stands, "waiting", due, f"waits until {moment(due)}")
        if isinstance(step, WaitForStep):
            return self._waited_for(tx, known, stands, step, ways)
        return self._treated(tx, known, stands, ways[0], run)

    def _waited_for(
        self, tx: Transaction, known: _Known, stands: JourneyStanding, step: WaitForStep, ways: list[str | None]
    ) -> Turn | None:
        due = stands.since + timedelta(hours=step.at_most)
        if known.holds(step.wait_for):
            return self._move(tx, known, stands, ways[0], f"it came to be so: {step.wait_for}")
        if known.now >= due:
            return self._move(tx, known, stands, ways[1], "it was not so in time")
        said = f"waits until {step.wait_for}, until {moment(due)} at the latest"
        return self._wait_until(tx, known, stands, "waiting_for", due, said)

    def _treated(
        self, tx: Transaction, known: _Known, stands: JourneyStanding, to: str | None, run: StepRun | None
    ) -> Turn | None:
        """Move on after a run that is over; start the one of this step where none was, or a hold ended it."""
        if run is not None and not run.stopped_by(known.rollout):
            return self._move(tx, known, stands, to, run.in_words, run=run.request.run_id)
        of, now = known.of, known.now
        if left_of(known.found.record).amount_minor <= 0:
            said = f"the budget of {known.strategy.budget.total} is spent"
            return self._wait(tx, of, stands, "closed", self._again(), said, now)
        if (shut := closed(known.strategy, stands.channel, now)) is not None:
            return self._wait(tx, of, stands, "closed", _CLOSED, shut.said, now)
        if tx.rollouts.under_way(of.tenant, stands.version) >= MOST_UNDER_WAY:
            return self._wait(tx, of, stands, "treating", _BUSY, "other runs of the strategy are first", now)
        request = request_of(of, stands, run_key(of, stands, known.rollout.holds), known.strategy.name)
        turn = self._wait(tx, of, stands, "treating", _LEAST, f"starts run {request.run_id}", now)
        return turn._replace(request=request)

    def _carried(self, tx: Transaction, known: _Known, stands: JourneyStanding, run: StepRun) -> Turn:
        """Wait for a run under way: often at first, seldom where a person takes their time."""
        waited = (known.now - run.request.requested_at).total_seconds()
        seconds = min(max(waited / 4, _LEAST), _CLOSED)
        turn = self._wait(
            tx, known.of, stands, "treating", seconds, f"run {run.request.run_id} is under way", known.now
        )
        return turn if run.begun else turn._replace(request=run.request)

    def _move(
        self, tx: Transaction, known: _Known, stands: JourneyStanding, to: str | None, why: str, **more: Any
    ) -> Turn | None:
        of, now = known.of, known.now
        if run_id := more.get("run"):
            self._note_told(tx, of, str(run_id))
        if to is None:
            return self._end(tx, of, stands, "through", f"went through all steps; the last: {why}", now, **more)
        places = {"from": stands.step, "to": to, "state_version": known.customer.state.version}
        number = len(stands.moves) + 1
        tx.record_journey(
            of.tenant,
            of.workflow_id,
            MOVED,
            actor=_WORKER,
            at=now,
            step=f"{MOVED}.{stands.number}.{number}",
            body=body_of(of, stands.version, stands.number, **places, reason=why, **more),
        )
        tx.journeys.put(of.tenant, of.customer_id, of.strategy, step=to, step_since=now)
        return None

    def _end(
        self,
        tx: Transaction,
        of: JourneyAsked,
        stands: JourneyStanding,
        code: EndedCode,
        reason: str,
        now: datetime,
        **more: Any,
    ) -> Turn:
        record_end(tx, of, stands, code, reason, now, **more)
        return Turn(_over(reason))

    def _wait_until(
        self, tx: Transaction, known: _Known, stands: JourneyStanding, phase: JourneyPhase, due: datetime, said: str
    ) -> Turn:
        seconds = (due - known.now).total_seconds()
        if phase == "waiting_for":  # whoever folds their events says so; where nobody does, it is found out in time
            seconds = min(seconds, self._look_every.total_seconds())
        return self._wait(tx, known.of, stands, phase, seconds, said, known.now)

    def _wait(
        self,
        tx: Transaction,
        of: JourneyAsked,
        stands: JourneyStanding,
        phase: JourneyPhase,
        seconds: float,
        said: str,
        now: datetime,
    ) -> Turn:
        waits = max(ceil(seconds), 1)
        next_at = now + timedelta(seconds=waits)
        tx.journeys.put(of.tenant, of.customer_id, of.strategy, phase=phase, detail=said, next_at=next_at)
        return Turn(JourneyLook(phase=phase, step=stands.step, wait_seconds=waits, detail=said))

    def _note_told(self, tx: Transaction, of: JourneyAsked, run_id: str) -> None:
        """Note when the first run of a journey took effect."""
        row = tx.journeys.get(of.tenant, of.customer_id, of.strategy)
        ended = tx.audit.find(run_id, "run.ended")
        if row is not None and row.told_at is None and ended is not None and ended.body.get("state") == "executed":
            tx.journeys.put(of.tenant, of.customer_id, of.strategy, told_at=ended.at)


def _is_over(tx: Transaction, tenant: str, version: str, now: datetime) -> bool:
    """Return whether a version was withdrawn or replaced, or its term is over: nothing brings it back."""
    found = tx.mandates.publishing(tenant, version)
    return all(
        not isinstance(one, AlteredMandate) and (one.revoked_at is not None or one.mandate.valid_until <= now)
        for one in found
    )


def _left(known: _Known) -> tuple[EndedCode, str] | None:
    """Return why the strategy is not for the customer any more; None where it is."""
    strategy, purpose = known.strategy, known.strategy.contact.purpose
    ended = known.rollout.ended
    if ended is not None and ended.body.get("how") != "completed":
        return "rollout_ended", f"the rollout was ended for good: {ended.body.get('reason') or 'no reason given'}"
    if assign(strategy.name, known.customer.drawn_by, holdout_bp=strategy.holdout, weights={}).held_out:
        return "control_group", "they are in the control group, which is never treated"
    if not known.holds(other_currency(strategy.market.currency)):
        return "other_currency", f"their money is not in {strategy.market.currency}"
    if not known.holds(strategy.cohort):
        return "left_cohort", f"they are not in the cohort: {strategy.cohort}"
    if purpose != "service" and not known.holds(f"consent_{purpose}"):
        return "no_consent", f"they have not agreed to {spoken(purpose)}"
    return None


def _reached(known: _Known) -> bool:
    drawn = assign(known.strategy.name, known.customer.drawn_by, holdout_bp=known.strategy.holdout, weights={})
    return drawn.rollout_bucket < known.found.reached


def _over(reason: str) -> JourneyLook:
    return JourneyLook(phase="over", step=None, wait_seconds=1, detail=reason)
