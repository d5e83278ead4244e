"""What stands out in a customer's state, in sentences that a business person reads."""

from collections.abc import Iterator
from typing import Final

from placet.contracts.state import CustomerState, Rhythm, Trend
from placet.contracts.text import counted

_MANY_CHECKS: Final = 3
_LATE_PERCENT: Final = 50
_FALL_PERCENT: Final = -30
_DAY_HOURS: Final = 24

_FALLEN: Final = {
    "app_visits": "visits to the app",
    "data_mb": "mobile data",
    "voice_seconds": "calls",
    "recharges": "recharges",
    "wallet_payments": "payments by the wallet",
}
_PLACES: Final = {"airport": "at an airport", "abroad": "abroad"}
_SIGNS: Final = {
    "app_opened": "a competitor's app was opened",
    "porting_asked": "a code to take the number away was asked for",
    "sim_seen": "a competitor's SIM was seen",
    "price_asked": "a competitor's price was asked for",
}


def signals_of(state: CustomerState) -> tuple[str, ...]:
    """Return the sentences, the most urgent first; none where nothing stands out."""
    return tuple(_signals(state))


def quiet_rhythms(state: CustomerState) -> tuple[Rhythm, ...]:
    """Return the rhythms of which no sentence speaks."""
    return tuple(rhythm for rhythm in state.rhythms if not _is_late(rhythm))


def quiet_trends(state: CustomerState) -> tuple[Trend, ...]:
    """Return the trends of which no sentence speaks."""
    return tuple(trend for trend in state.trends if not _has_fallen(trend))


def _signals(state: CustomerState) -> Iterator[str]:
    yield from _leaving(state)
    yield from _out_of_rhythm(state)
    yield from _around(state)


def _leaving(state: CustomerState) -> Iterator[str]:
    month = state.window(30)
    if month.figure("competitor_signals") and state.competitor is not None:
        yield f"{_SIGNS[state.competitor]} in the last 30 days"
    if state.open_tickets:
        yield f"{counted(len(state.open_tickets), 'support ticket is', 'support tickets are')} open"
    if disputed := month.figure("bills_disputed"):
        yield f"{counted(disputed, 'bill was', 'bills were')} disputed in the last 30 days"


def _out_of_rhythm(state: CustomerState) -> Iterator[str]:
    for rhythm in state.rhythms:
        if _is_late(rhythm):
            since, usual = _days(rhythm.since_hours), _days(rhythm.usual_hours)
            yield f"the {rhythm.of} is late: {since} since the last one, usually {usual}"
    if (checks := state.window(7).figure("balance_checks")) >= _MANY_CHECKS:
        yield f"the balance was asked for {checks} times in a week"
    for trend in state.trends:
        if _has_fallen(trend):
            yield f"{_FALLEN[trend.name]} fell by {-trend.percent} % against the two months before"


def _around(state: CustomerState) -> Iterator[str]:
    if (minutes := state.window(30).figure("network_fault_minutes")) > 0:
        yield f"the network failed for {counted(minutes, 'minute', 'minutes')} in the last 30 days"
    without = sum(device.network == "home" and not device.has_line for device in state.devices)
    if without > 1:
        yield f"{without} devices at home have no line of ours"
    for place, where in _PLACES.items():
        if state.place == place and state.window(7).figure(f"at_{place}"):
            yield f"the customer was {where} this week"


def _is_late(rhythm: Rhythm) -> bool:
    return rhythm.late_percent >= _LATE_PERCENT


def _has_fallen(trend: Trend) -> bool:
    return trend.percent <= _FALL_PERCENT


def _days(hours: int) -> str:
    return counted(hours // _DAY_HOURS, "day", "days") if hours >= 2 * _DAY_HOURS else counted(hours, "hour", "hours")
