"""A household's state: sums of its members, one entry for each device, and nothing that loops."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.state import WINDOWS, CustomerState, Device, HouseholdState, Product
from placet.decisioning.state.aggregate import Aggregate, stamp_of
from placet.decisioning.state.household import MOST_MEMBERS, household_as_of
from placet.decisioning.state.reading import state_as_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def member(customer: str, recharges: int = 0, **changes: object) -> CustomerState:
    aggregate = Aggregate()
    for number in range(recharges):
        at = stamp_of(NOW - timedelta(days=number), "bss", f"{customer}-{number}")
        aggregate.take(at)
        aggregate.count(at, "recharges")
        aggregate.note(at, "sources", "bss", None)
    return state_as_of(customer, aggregate, recharges, NOW).model_copy(update=changes)


def device(name: str, minutes: int = 0, *, has_line: bool = False) -> Device:
    seen = NOW - timedelta(minutes=minutes)
    return Device(device_id=name, kind="tv", network="home", has_line=has_line, seen_at=seen)


def of(*members: CustomerState) -> HouseholdState:
    return household_as_of("H1", members, NOW)


@given(st.lists(st.tuples(st.sampled_from("ABCDEFG"), st.integers(0, 40)), max_size=12), st.randoms())
def test_windows_are_the_sums_of_the_members_in_any_order(spread: list[tuple[str, int]], chance: object) -> None:
    members = [member(name, number) for name, number in dict(spread).items()]
    shuffled = list(members)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    state = of(*shuffled)
    assert state == of(*members) == of(*shuffled, *members)
    for days in WINDOWS:
        assert state.window(days).figure("recharges") == sum(one.window(days).figure("recharges") for one in members)
    assert state.version == sum(one.version for one in members)
    assert [one.customer_id for one in state.members] == sorted(dict(spread))


def test_a_household_without_members_is_empty() -> None:
    state = of()
    assert (state.members, state.newest, state.version, state.signals) == ((), None, 0, ())
    assert [window.figures for window in state.windows] == [(), (), ()]


def test_members_are_bounded_and_those_left_out_count_in_nothing() -> None:
    state = of(*(member(f"C{number:03}", 1) for number in range(MOST_MEMBERS + 5)))
    assert (len(state.members), state.more_members, state.version) == (MOST_MEMBERS, True, MOST_MEMBERS)


def test_a_device_that_two_members_see_is_one_device_as_it_was_seen_last() -> None:
    first = member("A", devices=(device("D1", 5), device("D2")))
    second = member("B", devices=(device("D1", 1, has_line=True),))
    for members in ((first, second), (second, first)):
        state = of(*members)
        assert [(one.device_id, one.has_line) for one in state.devices] == [("D1", True), ("D2", False)]


@pytest.mark.parametrize(
    ("products", "said"),
    [(0, None), (1, "1 product: a household counts as retained from three"), (3, "3 products in 1 line: households")],
)
def test_how_many_products_is_said(products: int, said: str | None) -> None:
    held = tuple(
        Product(product_id=f"P{number}", line="mobile", offering_id="m", since=NOW) for number in range(products)
    )
    signals = of(member("A", products=held)).signals
    assert (not signals) if said is None else signals[0].startswith(said)
