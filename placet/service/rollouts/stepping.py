"""What a rollout's workflow asks: where it stands, who is next, what the guard rails say. All of it by the record."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.rolling import RolloutAsked, RolloutStep
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.decisioning.next_best_action.hurdles import closed
from placet.errors import DecisionRefused, GovernanceError, PlacetError
from placet.gate.strategies.published import Published
from placet.gate.strategies.rollout import ENDED, STARTED
from placet.gate.strategies.telling import remind
from placet.governance.log.key import LogIdentity
from placet.governance.policy.set import PolicySet
from placet.notify.address_book import AddressBook
from placet.service.rollouts import reaching
from placet.service.rollouts.knowing import Known, know
from placet.service.rollouts.looking import ASKED, hold_of, look_at, record_look
from placet.service.rollouts.opens import newest_look, open_matter, spent
from placet.service.rollouts.turns import Turns
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_CLOSED: Final = 600
_NOT_IN_FORCE: Final = 300
"""Until it is asked again whether its publication counts: what was altered may be put right."""
_TURN: Final = 30
"""Until it is asked again whether this hour has room for one more run."""
_HEARS: Final = 300
_DAY: Final = 86_400


class RolloutSteps:
    """The steps of rollouts, for a worker.

    Args:
        database: Where the record is.
        policies: The policy set in force for a tenant and agent.
        clock: The current time.
        look_every: Between two looks at the guard rails.
        book: Who is told over which channel of what a rollout needs of them; without one, the console alone is.
        identity: Returns the key that vouches for stages that policy begins; without it, policy begins none.
    """

    def __init__(
        self,
        database: Database,
        policies: Callable[[str, str], PolicySet],
        clock: Callable[[], datetime],
        look_every: timedelta = timedelta(days=1),
        book: AddressBook | None = None,
        identity: Callable[[], LogIdentity] | None = None,
    ) -> None:
        self._database, self._policies, self._clock = database, policies, clock
        self._look_every = look_every
        self._book = book or AddressBook(version=1)
        self._identity = identity
        self._turns = Turns(database, policies, clock)

    def check_asked(self, asked: RolloutAsked) -> None:
        """Make sure that somebody started this rollout, by the record.

        Raises:
            GovernanceError: code `not_requested`; nobody did, or otherwise.
        """
        with self._database.reading() as tx:
            entry = tx.audit.find(tenant_stream(asked.tenant), f"{STARTED}.{asked.version}")
        said = None if entry is None else (entry.actor, entry.body.get("agent"), entry.body.get("channel"))
        if said != (asked.requested_by, asked.agent, asked.channel):
            raise GovernanceError(
                f"rollout of version {asked.version[:16]!r} was never started so; nothing is done for it",
                code="not_requested",
            )

    def stand(self, asked: RolloutAsked) -> RolloutStep:
        """Return where a rollout stands, write it into its row, and tell people what it needs of them."""
        now = self._clock()
        with self._database.transaction() as tx:
            try:
                known = self._know(tx, asked, now)
            except (DecisionRefused, PlacetError) as error:
                step = _not_in_force(tx, asked, error)
            else:
                step = self._tell(tx, known, self._stand(tx, known))
            tx.rollouts.put(
                asked.tenant,
                asked.version,
                phase=step.phase,
                detail=step.detail,
                stage=step.stage,
                next_at=now + timedelta(seconds=step.wait_seconds),
            )
            return step

    def batch(self, asked: RolloutAsked) -> tuple[RunRequest | JourneyAsked, ...]:
        """Take the cohort down where a stage begins, and record the runs or journeys that are to be started next."""
        with self._database.reading() as tx:
            known = self._know(tx, asked, self._clock())
        return reaching.batch(self._database, known, self._turns)

    def note(self, asked: RolloutAsked, requests: Sequence[RunRequest | JourneyAsked]) -> None:
        """Note that runs or journeys were started."""
        reaching.note(self._database, asked, requests, self._clock())

    def look(self, asked: RolloutAsked) -> None:
        """Look at the guard rails, put what was seen on the record, and do what follows."""
        now = self._clock()
        with self._database.reading() as tx:
            known = self._know(tx, asked, now)
        if known.stands.ended is not None:
            return
        look = look_at(self._database, known)
        with self._database.transaction() as tx:
            record_look(tx, self._know(tx, asked, now), look, self._book, self._identity)

    def unheard(self, asked: RolloutAsked, before: datetime) -> str | None:
        """Return which order of before a time a rollout has not followed; None where it has, or stands still by itself.

        Its row says what its workflow found when it asked last.
        """
        with self._database.reading() as tx:
            try:
                known = self._know(tx, asked, self._clock())
            except (DecisionRefused, PlacetError):
                return None  # it is asked again each hour, and its page says why nobody is treated
        stands, row = known.stands, known.row
        resumed = stands.held is None and stands.resumed_at is not None and stands.resumed_at < before
        if row.phase == "held" and resumed and not stands.missing:
            return "a signature on the record lets it go on, and it was still held"
        if row.stage != stands.stage and stands.moved_at is not None and stands.moved_at < before:
            return f"the record has it at stage {stands.stage + 1}, and it was still at stage {row.stage + 1}"
        if row.phase != "held" and stands.held is not None and (stands.held_at or before) < before:
            return "the record holds it, and it had not heard"
        return None

    def _know(self, tx: Transaction, asked: RolloutAsked, now: datetime) -> Known:
        return know(tx, asked, self._policies(asked.tenant, asked.agent), now)

    def _tell(self, tx: Transaction, known: Known, step: RolloutStep) -> RolloutStep:
        """Tell people what a rollout needs of them, and remind them; asked again when the next reminder is due."""
        opens = open_matter(tx, known, step)
        if opens is None:
            return step
        again = remind(tx, self._book, known.it, known.stands, opens, newest_look(tx, known))
        return step.model_copy(update={"wait_seconds": min(step.wait_seconds, ceil(again.total_seconds()))})

    def _stand(self, tx: Transaction, known: Known) -> RolloutStep:
        asked, now = known.asked, known.now
        stands, row = known.stands, known.row
        if stands.missing or stands.held is not None or stands.ended is not None:
            return _stopped(known)
        coming = known.it.strategy.rollout.coming
        if coming and row.enrolled <= stands.moves:
            # Members come as they come: the stage is reached when it begins, and its hold time runs from then on.
            tx.rollouts.put(asked.tenant, asked.version, enrolled=stands.moves + 1, reached_at=now)
            row = row.model_copy(update={"enrolled": stands.moves + 1, "reached_at": now})
            known = known._replace(row=row)
        left = reaching.left(tx, known, self._turns)
        if left or row.enrolled <= stands.moves:
            return self._reaching(tx, known, left)
        if row.reached_at is None:
            tx.rollouts.put(asked.tenant, asked.version, reached_at=now)
            known = known._replace(row=row.model_copy(update={"reached_at": now}))
        watched = self._watched(tx, known)
        # Whoever comes in is told at once; where that was lost, it is found out.
        return watched.model_copy(update={"wait_seconds": min(watched.wait_seconds, _HEARS)}) if coming else watched

    def _reaching(self, tx: Transaction, known: Known, left: int) -> RolloutStep:
        """Say what is done while runs are to be started for some members."""
        asked, stands = known.asked, known.stands
        if known.row.enrolled > stands.moves and self._is_due(known):
            return _step(known, "looking", 1, "looks at its guard rails")
        shut = _shut(asked, known.found, known.now)
        if shut is not None:
            return _step(known, "closed", _CLOSED, shut)
        coming = known.it.strategy.rollout.coming
        room = self._turns.room(tx, asked, known.found)
        # A stage is reached evenly; whoever comes in as something happens is not kept waiting.
        seconds = _TURN if not room else reaching.TICK if coming else reaching.pace(known.found)
        said = _reaching_in_words(stands.share, left, coming=coming)
        return _step(known, "reaching", seconds, said)

    def _is_due(self, known: Known) -> bool:
        """Return whether a look is due although runs are still to be started: a stage may take months to reach."""
        times = (known.stands.moved_at, known.row.looked_at, known.row.started_at)
        return known.now >= max(one for one in times if one is not None) + self._look_every

    def _watched(self, tx: Transaction, known: Known) -> RolloutStep:
        asked, stands, row, now = known.asked, known.stands, known.row, known.now
        reached_at = row.reached_at or now
        ends = reached_at + hold_of(known.it)
        last = max(reached_at, row.looked_at or reached_at)
        due = min(last + self._look_every, ends) if last < ends else last + self._look_every
        if now >= due:
            return _step(known, "looking", 1, "looks at its guard rails")
        seconds = (due - now).total_seconds()
        asking = tx.audit.find(tenant_stream(asked.tenant), f"{ASKED}.{asked.version}.{stands.moves}")
        share = share_in_words(stands.share)
        if asking is not None:
            return _step(known, "asking", seconds, f"reached {share}, and waits for a signature on the next stage")
        said = f"reached {share}; looks again at {moment(due)}, holds until {moment(ends)}"
        return _step(known, "watching", seconds, said)


def _not_in_force(tx: Transaction, asked: RolloutAsked, error: PlacetError) -> RolloutStep:
    ended = tx.audit.find(tenant_stream(asked.tenant), f"{ENDED}.{asked.version}")
    phase = "closed" if ended is None else "over"
    return RolloutStep.model_validate(
        {"phase": phase, "stage": 0, "reached": 0, "wait_seconds": _NOT_IN_FORCE, "detail": str(error)}
    )


def _stopped(known: Known) -> RolloutStep:
    stands = known.stands
    if stands.missing:
        return _step(known, "held", _DAY, f"altered: {stands.missing}; see `placet audit verify`")
    if stands.ended is None:
        return _step(known, "held", _DAY, stands.held or "no reason given")
    return _step(known, "over", _DAY, str(stands.ended.body.get("reason") or "no reason given"))


def _step(known: Known, phase: str, seconds: float, detail: str) -> RolloutStep:
    stands = known.stands
    values = {"phase": phase, "stage": stands.stage, "reached": stands.reached, "detail": detail}
    return RolloutStep.model_validate({**values, "wait_seconds": max(ceil(seconds), 1)})


def _reaching_in_words(share: int, left: int, *, coming: bool) -> str:
    many = (
        f"more than {reaching.MOST_COUNTED:,} customers" if left >= reaching.MOST_COUNTED else counted(left, "customer")
    )
    if coming:
        return f"reaches {share_in_words(share)} of who comes in; {many} with no run yet"
    return f"starts runs for the {share_in_words(share)} of its cohort; {many} of them left"


def _shut(asked: RolloutAsked, found: Published, now: datetime) -> str | None:
    """Return why no run may be started now; None where one may."""
    said = spent(found)
    if said is not None:
        return said
    shut = closed(found.strategy, asked.channel, now)
    return None if shut is None else shut.said
