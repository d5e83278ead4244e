"""Rollouts: where each stands, its stages, what its guard rails said look by look, who decided what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, cast

from placet.contracts.audit import AuditEvent
from placet.contracts.outcomes.figures import MILLION
from placet.contracts.outcomes.guard import Bounds, GuardVerdict
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.people.rollout_order import RolloutOrder
from placet.contracts.run import RunState
from placet.contracts.strategies.rolling import Phase
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import NAME, WORDS, counted, one_line, spoken
from placet.contracts.times import minute, moment
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.console.views.common import Badge, badge_of
from placet.interfaces.console.views.evidence import Row
from placet.interfaces.console.views.statement import Row as Signed
from placet.interfaces.console.views.statement import ToSign
from placet.interfaces.record_words import in_words, who
from placet.interfaces.telling.outcomes import verdict_in_words
from placet.interfaces.telling.rollouts import early_in_words, move_in_words, velocity_in_words
from placet.service.rollouts.showing import RolloutInList, ShownRollout
from placet.storage.strategies.rollouts import AlteredRollout

_POINT: Final = MILLION // 100
_SHOWN: Final = 16
"""Of a digest, in characters."""
_PHASES: Final[dict[Phase, Badge]] = {
    "reaching": Badge("Starts runs", "busy"),
    "watching": Badge("Watches", "good"),
    "looking": Badge("Looks", "busy"),
    "asking": Badge("Asks for the next stage", "waits"),
    "held": Badge("Held", "bad"),
    "closed": Badge("Says nothing now", "quiet"),
    "over": Badge("Over", "quiet"),
}
_VERDICTS: Final = {
    "pass": Badge("Passes", "good"),
    "fail": Badge("Fails", "bad"),
    "inconclusive": Badge("Cannot say yet", "waits"),
    "no_data": Badge("No data", "quiet"),
}
_OUTCOMES: Final = {
    "passed": Badge("Passed", "good"),
    "waits": Badge("Waits", "waits"),
    "failed": Badge("Failed", "bad"),
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A rollout in the list."""

    name: str
    version: str
    title: str
    badge: Badge
    stands: str
    started_at: datetime | None
    started_by: str


class Cell(NamedTuple):
    """A figure of a chart with several lines: in words, and its height; both empty where nothing is known."""

    shown: str
    height: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A chart of several lines. The table of its points is its source, so that both say the same.

    Attributes:
        names: Of the lines; the figures of each point stand in this order.
        points: Each with its label.
    """

    title: str
    unit: str
    names: tuple[str, ...]
    points: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class RailShown:
    """A guard rail: what it said last, in words, and the chart of its looks; None where none has a figure."""

    name: str
    badge: Badge
    said: str
    chart: Lines | None


@dataclass(frozen=True, slots=True)
class LookShown:
    """One look: which, when, at which share, what followed."""

    number: int
    at: datetime
    reached: str
    badge: Badge
    groups: str


class Act(NamedTuple):
    """An entry of the record; `seq` is its place on the tenant's stream."""

    at: datetime
    who: str
    words: str
    stream: str
    seq: int


@dataclass(frozen=True, slots=True)
class RolloutShown:
    """One rollout.

    Attributes:
        stages: Each share in words, and whether it is the current one.
        next_share: The next stage's share; empty where there is none.
        asks: Whether its guard rails passed, and it asks for the next stage.
        held: Whether nothing starts until somebody signs.
        over: For good.
        runs: How many there are by state.
        moves: Each move to another stage in words, and whether it counts.
    """

    name: str
    version: str
    title: str
    badge: Badge
    stands: str
    does: str
    stages: tuple[tuple[str, bool], ...]
    next_share: str
    asks: bool
    held: bool
    over: bool
    facts: tuple[Row, ...]
    runs: tuple[tuple[Badge, int], ...]
    rails: tuple[RailShown, ...]
    looks: tuple[LookShown, ...]
    moves: tuple[tuple[str, bool], ...]
    acts: tuple[Act, ...]


def listed_of(found: RolloutInList | AlteredRollout) -> Listed:
    """Return how a rollout is shown in the list."""
    if isinstance(found, AlteredRollout):
        badge = Badge("Altered", "bad")
        return Listed("", found.version, "(its row cannot be read)", badge, one_line(found.fault, WORDS), None, "")
    asked = found.row.asked
    return Listed(
        name=asked.strategy,
        version=asked.version,
        title=one_line(found.title, NAME) or "(its text is gone)",
        badge=_PHASES[found.phase],
        stands=one_line(found.stands, WORDS),
        started_at=found.row.started_at,
        started_by=asked.requested_by,
    )


def rollout_of(found: ShownRollout) -> RolloutShown:
    """Return how a rollout is shown."""
    asked = found.row.asked
    kinds = [event.kind for event in found.acts]
    over = "rollout.ended" in kinds
    held = not over and kinds.count("rollout.held") > 0 and found.reached == 0
    following = found.stage + 1
    return RolloutShown(
        name=asked.strategy,
        version=asked.version,
        title=one_line(found.strategy.title, NAME) or "(its text is gone)",
        badge=_PHASES[found.phase],
        stands=one_line(found.stands, WORDS),
        does=one_line(found.detail, WORDS),
        stages=tuple((share_in_words(one), number == found.stage) for number, one in enumerate(found.stages)),
        next_share=share_in_words(found.stages[following]) if not over and following < len(found.stages) else "",
        asks=found.asks is not None,
        held=held,
        over=over,
        facts=tuple(_facts(found, over=over)),
        runs=tuple((badge_of(cast("RunState", state)), many) for state, many in found.runs.items()),
        rails=tuple(_rails(found.looks)),
        looks=tuple(_look(one) for one in found.looks),
        moves=tuple((move_in_words(one), one.counts) for one in found.moves),
        acts=tuple(_act(event) for event in found.acts),
    )


def _facts(found: ShownRollout, *, over: bool) -> Iterator[Row]:
    counts, row = found.counts, found.row
    yield Row("Members", f"{counts.members:,}, {counts.control:,} of them in the control group")
    yield Row("This stage", f"{counts.started:,} of {counted(counts.treated, 'customer')} have a run")
    if found.velocity is not None:
        yield Row("How fast", velocity_in_words(found.velocity))
    yield Row("Told on", spoken(row.asked.channel))
    if row.looked_at is not None:
        yield Row("Last look", f"{minute(row.looked_at)}, number {row.looks}")
    if row.next_at is not None and not over:
        yield Row("Asked again", f"{minute(row.next_at)}, or sooner where somebody orders something")
    yield Row("Started", f"{minute(row.started_at)} by {row.asked.requested_by}")


def _look(one: RolloutLook) -> LookShown:
    gone = f", {one.not_counted:,} not counted" if one.not_counted else ""
    groups = f"{one.treated:,} treated, {one.control:,} of the control group{gone}"
    return LookShown(one.number, one.at, share_in_words(one.reached), _OUTCOMES[one.outcome], groups)


def _act(event: AuditEvent) -> Act:
    return Act(event.at, who(event), in_words(event), event.stream, event.seq)


def _rails(looks: Sequence[RolloutLook]) -> Iterator[RailShown]:
    """Return each guard rail of the newest look, over all looks that had it."""
    if not looks:
        return
    for newest in looks[0].verdicts:
        said = [(look, one) for look in reversed(looks) for one in look.verdicts if one.rail == newest.rail]
        rail = newest.rail
        name = f"{spoken(rail.measure)} may not {rail.must_not} by more than {rail.by_more_than}"
        words = verdict_in_words(newest).removeprefix(f"{name}: ")
        chart = _chart(said) if any(one.bounds is not None for _, one in said) else None
        yield RailShown(name, _VERDICTS[newest.verdict], words, chart)


def _chart(said: Sequence[tuple[RolloutLook, GuardVerdict]]) -> Lines:
    in_points = said[-1][1].rail.by_more_than.unit == "points"
    unit = "points more than the control group" if in_points else "% more than the control group"
    points = tuple((f"{look.number}, {minute(look.at)}", _cells(one.bounds, in_points=in_points)) for look, one in said)
    title = f"{spoken(said[-1][1].rail.measure).capitalize()} of treated customers"
    return Lines(title, unit, ("Seen", "At least", "At most", "Margin"), points)


def _cells(bounds: Bounds | None, *, in_points: bool) -> tuple[Cell, ...]:
    if bounds is None:
        return (Cell("no data", ""),) * 4
    unit = "points" if in_points else "%"
    figures = (bounds.estimate, bounds.lower, bounds.upper, bounds.boundary)
    return tuple(
        Cell("no end", "") if one is None else Cell(f"{one / _POINT:,.2f} {unit}", f"{one / _POINT:.4f}")
        for one in figures
    )


def order_to_sign(payload: bytes, order: RolloutOrder, found: ShownRollout, look: RolloutLook | None) -> ToSign:
    """Return how an order to a rollout is shown.

    Args:
        payload: The statement.
        order: As read from it.
        found: The rollout of the version that it names.
        look: The look that it names as what was measured; None where it names none.
    """
    name, moving = one_line(order.strategy, NAME), order.action == "promote"
    to = "" if order.to is None else share_in_words(order.to)
    notes: tuple[str, ...] = ()
    if moving and found.asks is None:
        early = early_in_words(found, order.signed_at)
        notes = (f"{early[:1].upper()}{early[1:]}. You sign it on all the same.",)
    rows = [
        Signed("Strategy", name),
        Signed("Version", f"{order.version[:_SHOWN]}…"),
        Signed("Reaches now", found.stands),
        *([Signed("Reaches then", f"{to} of its cohort, at most")] if moving else []),
        Signed("Which move" if moving else "Which hold", str(order.number)),
        *([Signed("Look", f"{look.number}, {minute(look.at)}")] if look is not None else []),
        Signed("Signed by", order.signer),
        Signed("Signed at", moment(order.signed_at)),
    ]
    measured = (
        () if look is None else tuple(Signed(spoken(one.rail.measure), verdict_in_words(one)) for one in look.verdicts)
    )
    return ToSign(
        title=f"Roll strategy {name} out to {to}?" if moving else f"Let the rollout of {name} go on?",
        sentence=(
            f"“{one_line(found.strategy.title, NAME)}” may then reach {to} of its cohort. Nobody can take back that a "
            "customer was reached; pausing stops what was not started yet."
            if moving
            else f"“{one_line(found.strategy.title, NAME)}” was held. Runs are started again for its present stage."
        ),
        button=f"Roll it out to {to}, with your passkey" if moving else "Let it go on, with your passkey",
        tone="good",
        rows=tuple(rows),
        reason=order.reason,
        digest=sha256_hex(payload),
        back=f"/rollouts/{order.version}",
        beside=(
            "It names the version, which move it is, how far it leads and what was measured, by their digests. Title, "
            "where the rollout stands and the words of the look are read from our record."
        ),
        notes=notes,
        told=(("What was measured", measured),) if measured else (),
    )
