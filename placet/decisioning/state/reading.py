"""A customer's state as of a time, read from the aggregate of their events."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from statistics import median_low
from typing import Any, Final

from placet.contracts.money import Money
from placet.contracts.state import (
    WINDOWS,
    ChurnSaid,
    ConsentGiven,
    CustomerState,
    Description,
    Device,
    Figure,
    LastContact,
    Product,
    Rhythm,
    Source,
    Trend,
    Window,
)
from placet.decisioning.state.aggregate import DESCRIBED, PREDICTED, Aggregate, day_of, micros_of, time_of
from placet.decisioning.state.signals import signals_of

_RHYTHMS: Final = ("recharge", "payment")
_FEWEST_GAPS: Final = 3
"""Fewer say nothing about what is usual."""

_TREND_NEW: Final = 30
_TREND_OLD: Final = 60
_TRENDS: Final = ("app_visits", "data_mb", "voice_seconds", "recharges", "wallet_payments")
_MOST: Final = 2**53 - 1
"""The largest whole number that JSON carries exactly (RFC 8785): a state is kept by its digest."""

_LEAST_BEFORE: Final = 5
"""A figure that was smaller than this in the 60 days before has no trend."""


def state_as_of(customer_id: str, aggregate: Aggregate, version: int, as_of: datetime) -> CustomerState:
    """Return the state as of a time.

    Events after it count in no window, and what is known newest of a matter is shown as it is known now. Whoever wants
    all of it as it was passes an aggregate of what had happened by then.
    """
    latest = aggregate.topics.get("latest", {})
    state = CustomerState(
        customer_id=customer_id,
        as_of=as_of,
        newest=None if aggregate.newest is None else time_of(aggregate.newest[0]),
        version=version,
        sources=tuple(
            Source(name=name, newest=time_of(at[0]))
            for name, (at, _) in sorted(aggregate.topics.get("sources", {}).items())
        ),
        household_id=_said(latest, "household"),
        windows=tuple(_window(aggregate, days, as_of) for days in WINDOWS),
        rhythms=tuple(_rhythms(aggregate, as_of)),
        trends=tuple(_trends(aggregate, as_of)),
        devices=tuple(
            Device(device_id=name, seen_at=time_of(at[0]), **said)
            for name, (at, said) in sorted(aggregate.topics.get("devices", {}).items())
        ),
        products=tuple(
            Product(product_id=name, since=time_of(at[0]), **said)
            for name, (at, said) in sorted(aggregate.topics.get("products", {}).items())
            if said["offering_id"] is not None
        ),
        consents=tuple(_consents(aggregate)),
        open_tickets=tuple(
            said["topic"]
            for _, (_, said) in sorted(aggregate.topics.get("tickets", {}).items())
            if said["status"] == "opened"
        ),
        last_contact=_contact(latest),
        balance=Money.model_validate(latest["balance"][1]) if "balance" in latest else None,
        competitor=_said(latest, "competitor"),
        place=_said(latest, "place"),
        nps=_said(latest, "nps"),
        csat=_said(latest, "csat"),
        described=_described(aggregate),
        churn=_churn(aggregate),
    )
    return state.model_copy(update={"signals": signals_of(state)})


def _said(latest: Mapping[str, tuple[Any, Any]], matter: str) -> Any:
    return latest[matter][1] if matter in latest else None


def _window(aggregate: Aggregate, days: int, as_of: datetime) -> Window:
    sums = _sums(aggregate, day_of(as_of) - days + 1, day_of(as_of))
    return Window(days=days, figures=tuple(Figure(name=name, value=min(sums[name], _MOST)) for name in sorted(sums)))


def _sums(aggregate: Aggregate, first: int, last: int) -> dict[str, int]:
    sums: dict[str, int] = {}
    for day, figures in aggregate.days.items():
        if first <= day <= last:
            for name, value in figures.items():
                sums[name] = sums.get(name, 0) + value
    return sums


def _rhythms(aggregate: Aggregate, as_of: datetime) -> Iterator[Rhythm]:
    now = micros_of(as_of)
    hour = 3_600_000_000
    for name in _RHYTHMS:
        times = [at[0] for at in aggregate.times.get(name, []) if at[0] <= now]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        if len(gaps) >= _FEWEST_GAPS and (usual := median_low(gaps)) >= hour:
            since = now - times[-1]
            yield Rhythm(
                of="recharge" if name == "recharge" else "payment",
                usual_hours=usual // hour,
                since_hours=since // hour,
                late_percent=since * 100 // usual - 100,
            )


def _trends(aggregate: Aggregate, as_of: datetime) -> Iterator[Trend]:
    last = day_of(as_of)
    new = _sums(aggregate, last - _TREND_NEW + 1, last)
    old = _sums(aggregate, last - _TREND_NEW - _TREND_OLD + 1, last - _TREND_NEW)
    for name in _TRENDS:
        before = old.get(name, 0)
        if before >= _LEAST_BEFORE:
            # To the nearest: rounded down, a fall of 49.1 % would count as one of 50.
            now, then = new.get(name, 0) * _TREND_OLD * 100, before * _TREND_NEW
            percent = (now + then // 2) // then - 100
            yield Trend(name=name, percent=min(percent, _MOST))


def _consents(aggregate: Aggregate) -> Iterator[ConsentGiven]:
    for name, (at, given) in sorted(aggregate.topics.get("consent", {}).items()):
        purpose, _, channel = name.partition("/")
        yield ConsentGiven(purpose=purpose, channel=channel, given=given, at=time_of(at[0]))


def _contact(latest: Mapping[str, tuple[Any, Any]]) -> LastContact | None:
    if "contact" not in latest:
        return None
    at, said = latest["contact"]
    return LastContact(at=time_of(at[0]), **said)


def _described(aggregate: Aggregate) -> Description | None:
    said = aggregate.topics.get(DESCRIBED)
    if not said:
        return None
    return Description.model_validate(
        {field: {"value": value, "source": at[1], "at": time_of(at[0])} for field, (at, value) in said.items()}
    )


def _churn(aggregate: Aggregate) -> ChurnSaid | None:
    if "churn" not in aggregate.topics.get(PREDICTED, {}):
        return None
    at, said = aggregate.topics[PREDICTED]["churn"]
    return ChurnSaid(source=at[1], at=time_of(at[0]), **said)
