"""Journeys: who is in which step of a strategy, how they ended, how fast they went, one in full."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from placet.contracts.strategies.journey import JourneyPhase
from placet.contracts.text import NAME, WORDS, counted, one_line, spoken
from placet.contracts.times import minute
from placet.interfaces.console.views.common import Badge
from placet.interfaces.console.views.customers.rollouts import Act
from placet.interfaces.console.views.evidence import Chart, Point, Row
from placet.interfaces.record_words import in_words, who
from placet.interfaces.telling.journey_words import leg_in_words, seconds_in_words
from placet.service.journeys.showing import Leg, ShownJourney, StrategyJourneys
from placet.storage.strategies.journeys import AlteredJourney, JourneyRow

_HOUR: Final = 3_600
_BADGES: Final[dict[JourneyPhase, Badge]] = {
    "treating": Badge("A run is under way", "busy"),
    "waiting": Badge("Waits", "waits"),
    "waiting_for": Badge("Waits for something", "waits"),
    "held": Badge("Held", "bad"),
    "closed": Badge("May be told nothing now", "quiet"),
    "over": Badge("Over", "quiet"),
}


@dataclass(frozen=True, slots=True)
class StrategyListed:
    """A strategy with journeys, in the list."""

    name: str
    title: str
    inside: str
    ever: str
    told: str


class StepRow(NamedTuple):
    """A step: what it does, how many are in it, and why journeys ended there, with how many."""

    name: str
    words: str
    inside: str
    ended: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class StrategyShown:
    """The journeys of a strategy.

    Attributes:
        chart: How many are in each step; None where nobody is in any.
        velocity: Each leg in words.
        speed: The same as a chart; None where no leg is known of anybody.
    """

    name: str
    title: str
    counts: str
    steps: tuple[StepRow, ...]
    chart: Chart | None
    velocity: tuple[Row, ...]
    speed: Chart | None


class Listed(NamedTuple):
    """A journey in the list."""

    customer: str
    step: str
    badge: Badge
    does: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class JourneyShown:
    """One customer's journey."""

    customer: str
    name: str
    version: str
    badge: Badge
    step: str
    does: str
    fault: str
    stalled: bool
    facts: tuple[Row, ...]
    acts: tuple[Act, ...]


def strategy_listed(found: StrategyJourneys) -> StrategyListed:
    """Return how the journeys of a strategy are shown among others."""
    told = next(leg for leg in found.velocity if leg.leg == "entered to told")
    return StrategyListed(
        name=found.strategy,
        title=one_line(found.title, NAME) or "(its text is gone)",
        inside=f"{found.inside:,}",
        ever=f"{found.ever:,}",
        told=leg_in_words(told),
    )


def strategy_shown(found: StrategyJourneys) -> StrategyShown:
    """Return how the journeys of a strategy are shown."""
    steps = tuple(
        StepRow(
            spoken(step.step),
            one_line(step.words, WORDS),
            f"{step.inside:,}",
            tuple((spoken(one.code), one_line(one.reason, WORDS), f"{one.customers:,}") for one in step.ended),
        )
        for step in found.steps
    )
    points = tuple(Point(spoken(one.step), f"{one.inside:,}", str(one.inside)) for one in found.steps)
    return StrategyShown(
        name=found.strategy,
        title=one_line(found.title, NAME) or "(its text is gone)",
        counts=f"{counted(found.inside, 'customer')} in it now, {found.ever:,} ever entered",
        steps=steps,
        chart=Chart("Customers by step", "customers", "In the step", points) if found.inside else None,
        velocity=tuple(Row(leg.leg.capitalize(), leg_in_words(leg)) for leg in found.velocity),
        speed=_speed(found.velocity),
    )


def _speed(velocity: tuple[Leg, ...]) -> Chart | None:
    points = tuple(
        Point(leg.leg, seconds_in_words(leg.median_seconds), f"{leg.median_seconds / _HOUR:.4f}")
        for leg in velocity
        if leg.median_seconds is not None
    )
    return Chart("Journey velocity", "median hours", "Half took so long or less", points) if points else None


def listed(row: JourneyRow | AlteredJourney) -> Listed:
    """Return how a journey is shown in a list."""
    if isinstance(row, AlteredJourney):
        return Listed(row.customer_id, "not known", Badge("Altered", "bad"), one_line(row.fault, WORDS), row.entered_at)
    return Listed(row.customer_id, spoken(row.step), _BADGES[row.phase], one_line(row.detail, WORDS), row.entered_at)


def journey_shown(found: ShownJourney) -> JourneyShown:
    """Return how one journey is shown."""
    row = found.row
    return JourneyShown(
        customer=row.customer_id,
        name=row.strategy,
        version=row.version,
        badge=_BADGES[row.phase],
        step=spoken(found.step),
        does=one_line(row.detail, WORDS),
        fault=found.fault,
        stalled=found.stalled,
        facts=tuple(_facts(row)),
        acts=tuple(Act(one.at, who(one), in_words(one), one.stream, one.seq) for one in found.acts),
    )


def _facts(row: JourneyRow) -> list[Row]:
    times = (
        ("Signal", row.signal_at),
        ("Entered", row.entered_at),
        ("In this step since", row.step_since),
        ("First told", row.told_at),
        ("Accepted", row.converted_at),
        ("Looks again", row.next_at),
        ("Ended", row.ended_at),
    )
    return [Row(label, minute(at)) for label, at in times if at is not None]
