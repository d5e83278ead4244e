"""A customer's state as one flat row, by the columns that expressions name."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final, get_args

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import Purpose
from placet.contracts.state import WINDOWS, ChurnSaid, CustomerState, Description
from placet.decisioning.cohorts.columns import (
    COLUMNS,
    COUNTED,
    LINES,
    MOST_DAYS,
    MOST_YEARS,
    RHYTHMS,
    SCORE_DAYS,
    SUMMED,
    TODAY,
    TRENDS,
)

Value = int | bool | str | date | None
Row = dict[str, Value]

_LONGEST: Final = WINDOWS[-1]
_BOUNDS: Final = {column.name: (column.least, column.most) for column in COLUMNS if column.kind == "integer"}
_COUNTED: Final = {days: tuple((f"{name}_{days}d", figure) for name, figure in COUNTED.items()) for days in WINDOWS}


def row_of(state: CustomerState, household_members: int | None) -> Row:
    """Return a customer's row.

    Args:
        state: As of the time that the row is of.
        household_members: How many members of their household are known; what one state cannot say.
    """
    row: Row = {TODAY: state.as_of.astimezone(UTC).date()}
    row.update(_values(state, household_members))
    for name, (least, most) in _BOUNDS.items():
        value = row[name]
        if isinstance(value, int) and not least <= value <= most:
            row[name] = least if value < least else most
    return row


def _values(state: CustomerState, household_members: int | None) -> Iterator[tuple[str, Value]]:
    yield "customer_id", state.customer_id
    yield "events", state.version
    yield "simulated", any(source.name == SIMULATED for source in state.sources)
    yield "last_event_on", _day(state.newest)
    yield "days_since_event", _days_since(state.newest, state.as_of)
    yield from _windows(state)
    yield from _rhythms(state)
    yield from _signs(state)
    yield from _household(state, household_members)
    for purpose in get_args(Purpose):
        said = [consent for consent in state.consents if consent.purpose == purpose]
        yield f"consent_{purpose}", max(said, key=lambda one: (one.at, one.channel)).given if said else None
    contact = state.last_contact
    yield "last_contact_on", _day(contact.at if contact else None)
    yield "days_since_contact", _days_since(contact.at if contact else None, state.as_of)
    yield "last_contact_channel", contact.channel if contact else None
    yield "last_contact_purpose", contact.purpose if contact else None
    yield "last_contact_answer", contact.answer if contact else None
    yield from _person(state)
    yield from _predicted(state)


def _windows(state: CustomerState) -> Iterator[tuple[str, Value]]:
    currency = _currency(state)
    yield "currency", currency
    balance = state.balance
    yield "balance_minor", balance.amount_minor if balance and balance.currency == currency else None
    for window in state.windows:
        figures = {figure.name: figure.value for figure in window.figures}
        for name, figure in _COUNTED[window.days]:
            yield name, figures.get(figure, 0)
        for name in SUMMED:
            yield f"{name}_{window.days}d", figures.get(f"{name}:{currency}", 0)


def _currency(state: CustomerState) -> str | None:
    """Return the currency of most of their money in the longest window, else of their balance."""
    sums: Counter[str] = Counter()
    for figure in state.window(_LONGEST).figures:
        name, _, currency = figure.name.partition(":")
        if currency and name in SUMMED:
            sums[currency] += abs(figure.value)
    if sums:
        return min(sums, key=lambda currency: (-sums[currency], currency))
    return state.balance.currency if state.balance else None


def _rhythms(state: CustomerState) -> Iterator[tuple[str, Value]]:
    rhythms = {rhythm.of: rhythm for rhythm in state.rhythms}
    for name in RHYTHMS:
        rhythm = rhythms.get(name)
        yield f"{name}_usual_hours", rhythm.usual_hours if rhythm else None
        yield f"{name}_since_hours", rhythm.since_hours if rhythm else None
        yield f"{name}_late_percent", rhythm.late_percent if rhythm else None
    trends = {trend.name: trend.percent for trend in state.trends}
    for name in TRENDS:
        yield f"{name}_trend_percent", trends.get(name)


def _signs(state: CustomerState) -> Iterator[tuple[str, Value]]:
    yield "open_tickets", len(state.open_tickets)
    yield "signals", len(state.signals)
    yield "competitor_sign", state.competitor
    yield "place", state.place
    yield "nps", state.nps
    yield "csat", state.csat


def _household(state: CustomerState, household_members: int | None) -> Iterator[tuple[str, Value]]:
    yield "household_id", state.household_id
    yield "household_members", household_members if state.household_id is not None else None
    yield "devices", len(state.devices)
    yield "home_devices_without_line", sum(device.network == "home" and not device.has_line for device in state.devices)
    yield "products", len(state.products)
    held = {product.line for product in state.products}
    for line in LINES:
        yield f"has_{line}", line in held


def _person(state: CustomerState) -> Iterator[tuple[str, Value]]:
    said, today = state.described or Description(), state.as_of.astimezone(UTC).date()
    age = today.year - said.birth_year.value if said.birth_year else None
    since = said.customer_since.value if said.customer_since else None
    yield "age_years", age if age is not None and 0 <= age <= MOST_YEARS else None
    yield "area", said.area.value if said.area else None
    yield "area_code", said.area_code.value if said.area_code else None
    yield "customer_since_on", since
    yield "tenure_days", (today - since).days if since else None


def _predicted(state: CustomerState) -> Iterator[tuple[str, Value]]:
    churn = current_churn(state)
    yield "churn_percent", churn.basis_points // 100 if churn else None
    yield "churn_scored_on", _day(churn.at if churn else None)
    yield "churn_model", churn.model if churn else None


def current_churn(state: CustomerState) -> ChurnSaid | None:
    """Return what a model said of the customer lately; None where that is too long ago, or was said after the day."""
    days = _days_since(state.churn.at if state.churn else None, state.as_of)
    return state.churn if days is not None and 0 <= days <= SCORE_DAYS else None


def _day(at: datetime | None) -> date | None:
    return None if at is None else at.astimezone(UTC).date()


def _days_since(at: datetime | None, as_of: datetime) -> int | None:
    day = _day(at)
    if day is None:
        return None
    return max(-MOST_DAYS, min(MOST_DAYS, (as_of.astimezone(UTC).date() - day).days))
