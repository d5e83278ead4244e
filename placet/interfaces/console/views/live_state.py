"""A customer's live state and their household, as what a page shows: words, bars and the tables behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import Correction, Event
from placet.contracts.state import CustomerState, HouseholdState, Window
from placet.contracts.text import NAME, counted, one_line
from placet.decisioning.state.signals import quiet_rhythms, quiet_trends
from placet.interfaces.console.views.evidence import Row
from placet.interfaces.state_words import (
    ONLY_SAID,
    consent_in_words,
    device_in_words,
    event_in_words,
    figure_in_words,
    one_person_in_words,
    only_said,
    product_in_words,
    rhythm_in_words,
    sayings,
    source_in_words,
    trend_in_words,
)

MOST_EVENTS: Final = 25
"""On the timeline."""

_CHARTS: Final = (
    ("recharges", "Recharges"),
    ("bills_disputed", "Disputed bills"),
    ("balance_checks", "Balance checks"),
    ("app_visits", "App visits"),
    ("data_mb", "Mobile data, MB"),
    ("voice_seconds", "Calls, seconds"),
    ("messages", "Messages"),
    ("wallet_payments", "Wallet payments"),
    ("tickets_opened", "Support tickets"),
    ("network_faults", "Network faults"),
    ("competitor_signals", "Signs of a competitor"),
)
"""Figures that have a chart, in this order, where anything of them happened in the longest window."""

_FULL: Final = 1000
"""Width of the longest bar, in thousandths of what a bar may take."""


class Happened(NamedTuple):
    """An event on the timeline; `taken_back` by a later one that is shown too."""

    at: datetime
    words: str
    source: str
    taken_back: bool


class Bar(NamedTuple):
    """One window of a chart: its mean for each day, in words, and how long its bar is in thousandths."""

    days: int
    shown: str
    total: str
    length: int


@dataclass(frozen=True, slots=True)
class WindowChart:
    """One figure in all windows. A mean for each day, since sums of windows of other lengths do not compare."""

    name: str
    title: str
    bars: tuple[Bar, ...]


class Aged(NamedTuple):
    """Something known, and since when or when it was seen."""

    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above: as of when, from how many events, of which systems, and what stands out.

    Attributes:
        simulated: Whether an event of it is not real; `unreal`: whether none is.
        only_said: What it means that only words about the customer are known; empty where an event is.
    """

    as_of: datetime
    newest: datetime | None
    version: int
    sources: tuple[Aged, ...]
    simulated: bool
    unreal: bool
    only_said: str
    signals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """A customer's state.

    Attributes:
        merged: Of which ids it counts the events; empty where the customer has one.
    """

    head: Head
    merged: str
    charts: tuple[WindowChart, ...]
    sums: tuple[tuple[int, tuple[str, ...]], ...]
    regular: tuple[str, ...]
    products: tuple[Aged, ...]
    devices: tuple[Aged, ...]
    consents: tuple[Aged, ...]
    said: tuple[Aged, ...]
    rows: tuple[Row, ...]
    timeline: tuple[Happened, ...]


class Node(NamedTuple):
    """A member in the household's graph: where its row stands, its name, what is below the name."""

    y: int
    customer_id: str
    line: str
    signals: tuple[str, ...]
    products: tuple[str, ...]
    here: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """A household: its rows, and the height of the drawing in its own units."""

    household_id: str
    head: Head
    nodes: tuple[Node, ...]
    more: bool
    height: int
    middle: int
    sums: tuple[tuple[int, tuple[str, ...]], ...]
    devices: tuple[Aged, ...]


_ROW: Final = 46


def live_of(state: CustomerState, events: Sequence[Event]) -> Live:
    """Return what is shown of a customer."""
    return Live(
        head=_head(state),
        merged="" if state.one_person is None else one_person_in_words(state.one_person),
        charts=tuple(_charts(state.windows)),
        sums=_sums(state.windows),
        # What stands out is said above, with its figures.
        regular=(*map(rhythm_in_words, quiet_rhythms(state)), *map(trend_in_words, quiet_trends(state))),
        products=tuple(Aged(product_in_words(one), one.since) for one in state.products),
        devices=tuple(Aged(device_in_words(one), one.seen_at) for one in state.devices),
        consents=tuple(Aged(consent_in_words(one), one.at) for one in state.consents),
        said=tuple(_said(state)),
        rows=tuple(_rows(state)),
        timeline=tuple(_timeline(events)),
    )


def graph_of(household: HouseholdState, customer_id: str) -> Graph:
    """Return what is shown of a household; `customer_id` is the member whose page it stands on."""
    nodes = tuple(
        Node(
            y=number * _ROW,
            customer_id=member.customer_id,
            line=counted(len(member.products), "product") if member.products else "no product known",
            signals=member.signals,
            products=tuple(product_in_words(one) for one in member.products),
            here=member.customer_id == customer_id,
        )
        for number, member in enumerate(household.members)
    )
    height = max(len(nodes), 1) * _ROW
    return Graph(
        household_id=one_line(household.household_id, NAME),
        head=_head(household),
        nodes=nodes,
        more=household.more_members,
        height=height,
        middle=height // 2,
        sums=_sums(household.windows),
        devices=tuple(Aged(device_in_words(one), one.seen_at) for one in household.devices),
    )


def _head(state: CustomerState | HouseholdState) -> Head:
    return Head(
        as_of=state.as_of,
        newest=state.newest,
        version=state.version,
        sources=tuple(Aged(source_in_words(one.name), one.newest) for one in state.sources),
        simulated=any(one.name == SIMULATED for one in state.sources),
        unreal=all(one.name == SIMULATED for one in state.sources),
        only_said=ONLY_SAID if only_said(state) else "",
        signals=state.signals,
    )


def _charts(windows: Sequence[Window]) -> Iterator[WindowChart]:
    for name, title in _CHARTS:
        if not any(window.figure(name) for window in windows):
            continue
        # Thousandths of a mean, in whole numbers: a float would round differently elsewhere.
        means = [window.figure(name) * 1000 // window.days for window in windows]
        most = max(*means, 1)
        bars = tuple(
            Bar(window.days, f"{mean / 1000:,.2f}", f"{window.figure(name):,}", max(0, mean) * _FULL // most)
            for window, mean in zip(windows, means, strict=True)
        )
        yield WindowChart(name, title, bars)


def _sums(windows: Sequence[Window]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    return tuple(
        (window.days, tuple(said for one in window.figures if (said := figure_in_words(one)) is not None))
        for window in windows
    )


def _rows(state: CustomerState) -> Iterator[Row]:
    if state.balance is not None:
        yield Row("Balance, as last told or adjusted", str(state.balance))
    for topic in state.open_tickets:
        yield Row("Open support ticket", _word(topic))
    if state.last_contact is not None:
        contact = state.last_contact
        yield Row("Last contact", f"{contact.purpose} by {_word(contact.channel)}, answer: {contact.answer}")
    if state.place is not None:
        yield Row("Last known kind of place", _word(state.place))
    if state.nps is not None:
        yield Row("Would recommend us (NPS)", f"{state.nps} of 10")
    if state.csat is not None:
        yield Row("Is satisfied (CSAT)", f"{state.csat} of 5")


def _said(state: CustomerState) -> Iterator[Aged]:
    for one in sayings(state):
        yield Aged(f"{one.label}: {one.words} (from {source_in_words(one.word.source)})", one.word.at)


def _timeline(events: Sequence[Event]) -> Iterator[Happened]:
    back = {(one.data.source, one.data.id) for one in events if isinstance(one, Correction)}
    for event in events:
        taken_back = (event.source, event.id) in back and not isinstance(event, Correction)
        yield Happened(event.time, event_in_words(event), source_in_words(event.source), taken_back)


def _word(code: str) -> str:
    return one_line(code, NAME).replace("_", " ")
