"""Where a customer is in a strategy of several steps, by the record alone, and what a run may do there.

The table of journeys is a projection, which says nothing here. An entry alone does not either: each move is followed
through the signed text again, and one that the text does not permit, or that came too early, makes the journey stop.
"""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast

from placet.contracts.audit import ENDED as RUN_ENDED
from placet.contracts.audit import GENESIS, AuditEvent, RecordKind, journey_stream
from placet.contracts.events.kinds import Channel
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.steps import TreatStep, WaitForStep, WaitStep, goes_to
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused, GovernanceError
from placet.governance.log.chain import entry_hash
from placet.storage.standing import REQUESTED
from placet.storage.transaction import Transaction

ENTERED: Final[RecordKind] = "journey.entered"
MOVED: Final[RecordKind] = "journey.moved"
ENDED: Final[RecordKind] = "journey.ended"
ELSEWHERE: Final = "journey_elsewhere"
"""Code of a run whose step is not the one in which its customer is."""

_VERSION: Final = 16
"""Digits of a version in a run's key."""


class JourneyStanding(NamedTuple):
    """Where a customer is in a strategy by the record.

    Attributes:
        entered: The entry of their entering it last.
        number: Which of their times in it.
        moves: Since they entered it, the first first.
        step: In which step they are, or were when it ended.
        since: Since when.
        ended: The entry of its end; None before.
    """

    entered: AuditEvent
    number: int
    moves: tuple[AuditEvent, ...]
    step: str
    since: datetime
    ended: AuditEvent | None

    @property
    def version(self) -> str:
        """The version that carries them."""
        return str(self.entered.body.get("version"))

    @property
    def agent(self) -> str:
        """The application whose runs carry it out."""
        return str(self.entered.body.get("agent"))

    @property
    def channel(self) -> Channel:
        """Where they are told."""
        return cast("Channel", self.entered.body.get("channel"))


def standing_of(tx: Transaction, of: JourneyAsked) -> JourneyStanding | None:
    """Return where a customer is in a strategy; None where they never entered it.

    Raises:
        GovernanceError: code `audit_broken`; an entry is not what was written, or is missing.
    """
    entries = tx.audit.read(journey_stream(of.workflow_id))
    before = GENESIS
    for place, entry in enumerate(entries, 1):
        if (entry.seq, entry.prev_hash, entry_hash(entry)) != (place, before, entry.hash):
            raise GovernanceError(
                f"entry {place} of journey {of.workflow_id!r} is not what was written", code="audit_broken"
            )
        before = entry.hash
    starts = [place for place, entry in enumerate(entries) if entry.kind == ENTERED]
    if not starts:
        return None
    entered, after = entries[starts[-1]], entries[starts[-1] + 1 :]
    if entered.tenant != of.tenant or entered.body.get("customer_id") != of.customer_id:
        raise GovernanceError(f"journey {of.workflow_id!r} is on record as another one's", code="audit_broken")
    moves = tuple(entry for entry in after if entry.kind == MOVED)
    ended = next((entry for entry in after if entry.kind == ENDED), None)
    last = moves[-1] if moves else entered
    step = str(last.body.get("to" if moves else "step"))
    return JourneyStanding(entered, len(starts), moves, step, last.at, ended)


def run_key(of: JourneyAsked, stands: JourneyStanding, hold: int) -> str:
    """Return the key of the run of the step in which a customer is; a hold of the rollout permits one more.

    It is made of what stays, so that whoever asks again starts the same run.
    """
    return f"{of.workflow_id}-{stands.version[:_VERSION]}-{stands.number}-{hold}-{stands.step}"


def check_moves(tx: Transaction, stands: JourneyStanding, strategy: Strategy) -> None:
    """Check that the signed text permits each move on record, and that none came too early.

    What was so of the customer then cannot be asked again.

    Raises:
        GovernanceError: code `journey_altered`; it does not.
    """
    at, since = stands.entered.body.get("step"), stands.entered.at
    if not strategy.steps or at != strategy.steps[0].step:
        raise _altered(f"it begins in step {at!r}")
    for move in stands.moves:
        _check_move(tx, strategy, str(at), since, move, stands)
        at, since = move.body.get("to"), move.at


def _check_move(
    tx: Transaction, strategy: Strategy, at: str, since: datetime, move: AuditEvent, stands: JourneyStanding
) -> None:
    place = next((number for number, one in enumerate(strategy.steps) if one.step == at), None)
    to = move.body.get("to")
    if place is None or move.body.get("from") != at:
        raise _altered(f"it was moved from step {move.body.get('from')!r} while it was in {at!r}")
    one, ways = strategy.steps[place], [way for _, way in goes_to(strategy.steps, place)]
    if to is None or to not in ways:
        raise _altered(f"no way leads from step {at!r} to {to!r}")
    least = timedelta()
    if isinstance(one, WaitStep):
        least = timedelta(hours=one.wait)
    elif isinstance(one, WaitForStep) and to != ways[0]:
        least = timedelta(hours=one.at_most)
    if move.at < since + least:
        raise _altered(f"it left step {at!r} before its time")
    if isinstance(one, TreatStep):
        _check_treated(tx, at, move, stands)


def _check_treated(tx: Transaction, at: str, move: AuditEvent, stands: JourneyStanding) -> None:
    run_id = str(move.body.get("run"))
    requested, ended = tx.audit.find(run_id, REQUESTED), tx.audit.find(run_id, RUN_ENDED)
    asked = None if requested is None else (requested.body.get("step"), requested.body.get("strategy"))
    if asked != (at, stands.version) or ended is None:
        raise _altered(f"it left step {at!r} without a run of it that is over")


def check_step(tx: Transaction, run: RunRequest, strategy: Strategy, holds: int) -> None:
    """Check that a run carries out the step in which its customer is, by the record; none where there are no steps.

    Args:
        tx: Where the record is.
        run: As it was requested.
        strategy: The text of the version that it names.
        holds: How often the rollout of that version was held; each permits one run more of a step.

    Raises:
        DecisionRefused: code `journey_elsewhere`; it does not. Code `audit_broken` or `journey_altered`; the record of
            the journey cannot be trusted.
    """
    try:
        _check_step(tx, run, strategy, holds)
    except DecisionRefused:
        raise
    except GovernanceError as error:
        raise DecisionRefused(str(error), code=error.code) from error


def _check_step(tx: Transaction, run: RunRequest, strategy: Strategy, holds: int) -> None:
    if not strategy.steps and run.step is None:
        return
    if run.step is None:
        raise _elsewhere(f"strategy {strategy.name!r} has steps, and the run carries out none of them")
    of = JourneyAsked(tenant=run.tenant, strategy=strategy.name, customer_id=run.customer_id)
    stands = standing_of(tx, of)
    if stands is None or stands.ended is not None:
        why = "never entered it" if stands is None else "has left it"
        raise _elsewhere(f"the customer {why}: strategy {strategy.name!r}")
    if stands.version != run.strategy:
        raise _elsewhere(
            f"the customer is carried by version {stands.version[:_VERSION]} of strategy {strategy.name!r}"
        )
    check_moves(tx, stands, strategy)
    if not isinstance(strategy.step_named(stands.step), TreatStep) or stands.step != run.step:
        raise _elsewhere(f"the customer is in step {stands.step!r} of strategy {strategy.name!r}, not in {run.step!r}")
    if run.key not in (run_key(of, stands, hold) for hold in range(holds + 1)):
        raise _elsewhere(f"the run is not the one of step {stands.step!r} of the customer's journey")


def body_of(of: JourneyAsked, version: str, number: int, **more: Any) -> dict[str, Any]:
    """Return what every entry of a journey says, and more."""
    return {
        "strategy": of.strategy,
        "version": version,
        "customer_id": of.customer_id,
        "number": number,
        **more,
    }


def _altered(said: str) -> GovernanceError:
    return GovernanceError(
        f"the record of the journey is not as the signed text permits: {said}; find out who writes to the database",
        code="journey_altered",
    )


def _elsewhere(said: str) -> DecisionRefused:
    return DecisionRefused(said, code=ELSEWHERE)
