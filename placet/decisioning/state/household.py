"""A household's state: the states of its members, put together.

Who is a member is the newest word of each customer's own events. So nobody is in two households, and no household is a
member of one. A household may have the id of one of its members: ids of customers and ids of households are separate
names, and nothing is followed from one to the other.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from placet.contracts.state import (
    WINDOWS,
    CustomerState,
    Device,
    Figure,
    HouseholdMember,
    HouseholdState,
    Source,
    Window,
)
from placet.contracts.text import counted

MOST_MEMBERS: Final = 20
"""More are no household, but a company or a mistake of a source."""

_RETAINED: Final = 3
"""Products from which on a household counts as retained (the trade's measure of penetration)."""


def household_as_of(
    household_id: str, members: Sequence[CustomerState], as_of: datetime, *, more: bool = False
) -> HouseholdState:
    """Return the state of a household, as of a time.

    Args:
        household_id: Which.
        members: The states of its members, in any order, as of the same time; the first `MOST_MEMBERS` by id count.
        as_of: The time.
        more: Whether there are members whose states are not given.
    """
    by_id = sorted({one.customer_id: one for one in members}.values(), key=lambda one: one.customer_id)
    known = by_id[:MOST_MEMBERS]
    devices = tuple(_devices(known))
    return HouseholdState(
        household_id=household_id,
        as_of=as_of,
        newest=max((one.newest for one in known if one.newest is not None), default=None),
        version=sum(one.version for one in known),
        sources=tuple(_sources(known)),
        members=tuple(_member(one) for one in known),
        more_members=more or len(by_id) > len(known),
        windows=tuple(_window(known, days) for days in WINDOWS),
        devices=devices,
        signals=tuple(_signals(known, devices)),
    )


def _member(state: CustomerState) -> HouseholdMember:
    return HouseholdMember(
        customer_id=state.customer_id,
        newest=state.newest,
        version=state.version,
        products=state.products,
        signals=state.signals,
    )


def _window(members: Sequence[CustomerState], days: int) -> Window:
    sums: dict[str, int] = {}
    for member in members:
        for figure in member.window(days).figures:
            sums[figure.name] = sums.get(figure.name, 0) + figure.value
    return Window(days=days, figures=tuple(Figure(name=name, value=sums[name]) for name in sorted(sums)))


def _devices(members: Sequence[CustomerState]) -> Iterator[Device]:
    """Yield each device once, as whoever saw it last says; two who see one at once: by what they say, in order."""
    newest: dict[str, Device] = {}
    for device in (device for member in members for device in member.devices):
        known = newest.get(device.device_id)
        if known is None or _rank(device) > _rank(known):
            newest[device.device_id] = device
    yield from (newest[name] for name in sorted(newest))


def _rank(device: Device) -> tuple[datetime, str, str, bool]:
    return device.seen_at, device.kind, device.network, device.has_line


def _sources(members: Sequence[CustomerState]) -> Iterator[Source]:
    newest: dict[str, datetime] = {}
    for source in (source for member in members for source in member.sources):
        newest[source.name] = max(source.newest, newest.get(source.name, source.newest))
    yield from (Source(name=name, newest=newest[name]) for name in sorted(newest))


def _signals(members: Sequence[CustomerState], devices: Sequence[Device]) -> Iterator[str]:
    lines = {product.line for member in members for product in member.products}
    products = sum(len(member.products) for member in members)
    if products >= _RETAINED:
        in_lines = counted(len(lines), "line", "lines")
        yield f"{products} products in {in_lines}: households with three or more stay longer"
    elif products:
        yield f"{counted(products, 'product', 'products')}: a household counts as retained from three"
    without = sum(device.network == "home" and not device.has_line for device in devices)
    if without > 1:
        yield f"{without} devices at home have no line of ours"
    restless = sum(bool(member.signals) for member in members)
    if restless:
        yield f"something stands out at {restless} of {counted(len(members), 'member', 'members')}"
