"""Journeys in the words of people: how long a leg took, and what a journey does."""

from typing import Final

from placet.contracts.strategies.journey import JourneyPhase
from placet.contracts.text import counted
from placet.service.journeys.showing import Leg

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400

PHASES: Final[dict[JourneyPhase, str]] = {
    "treating": "a run is under way",
    "waiting": "waits for a time",
    "waiting_for": "waits for something to happen",
    "held": "held",
    "closed": "may be told nothing now",
    "over": "over",
}


def leg_in_words(leg: Leg) -> str:
    """Say how long one leg took."""
    if leg.median_seconds is None:
        return "not known of anybody yet"
    return f"half of {counted(leg.customers, 'customer')} took {seconds_in_words(leg.median_seconds)} or less"


def seconds_in_words(seconds: int) -> str:
    """Say a time in the unit in which it tells something."""
    if seconds < _MINUTE:
        return counted(seconds, "second")
    if seconds < _HOUR:
        return counted(round(seconds / _MINUTE), "minute")
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} hours"
    return f"{seconds / _DAY:.1f} days"
