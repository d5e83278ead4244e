"""The rule of passkeys' counters: honest people pass in any order, a copy does not, and two neighbours are enough."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from placet.errors import DecisionRefused
from placet.governance.signing.counters import CounterUse, check_counter

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def use(counter: int, second: int, statement: str | None = None) -> CounterUse:
    return CounterUse("c" * 64, counter, statement or f"{counter}-{second}", AT + timedelta(seconds=second))


def fits(one: CounterUse, recorded: Iterable[CounterUse]) -> bool:
    try:
        check_counter(one, recorded)
    except DecisionRefused as error:
        return error.code != "counter_rolled_back"
    return True


def neighbours(one: CounterUse, recorded: Iterable[CounterUse]) -> list[CounterUse]:
    """What the storage looks at: the next lower, the same, and the next higher counter."""
    by_counter = sorted(recorded, key=lambda each: each.counter)
    lower = [each for each in by_counter if each.counter < one.counter][-1:]
    same = [each for each in by_counter if each.counter == one.counter]
    higher = [each for each in by_counter if each.counter > one.counter][:1]
    return [*lower, *same, *higher]


@given(st.permutations(range(1, 9)))
def test_what_an_honest_authenticator_signed_counts_in_whatever_order_it_comes(order: list[int]) -> None:
    recorded: list[CounterUse] = []
    for number in order:
        one = use(number * 3, number)
        assert fits(one, recorded)
        recorded.append(one)


def said(counter: int, second: int, which: int) -> CounterUse:
    """One of two statements of one moment, which may be signed again with another number."""
    return use(counter, second, f"{second}-{which}")


uses = st.builds(said, st.integers(0, 12), st.integers(0, 12), st.integers(0, 1))


@given(st.lists(uses, max_size=30))
def test_two_neighbours_say_what_all_of_them_would(come: list[CounterUse]) -> None:
    recorded: list[CounterUse] = []
    for one in come:
        assert fits(one, neighbours(one, recorded)) == fits(one, recorded)
        if fits(one, recorded) and one.counter and one not in recorded:
            recorded.append(one)


@given(st.permutations(range(1, 7)), st.integers(1, 6), st.integers(0, 5))
def test_a_number_that_was_said_of_another_statement_is_refused_whenever_it_was_signed(
    order: list[int], counter: int, second: int
) -> None:
    recorded = [use(number, number) for number in order]
    assert not fits(use(counter, second, "another"), recorded)


@given(st.integers(1, 6), st.integers(0, 6))
def test_a_lower_number_that_was_signed_later_is_refused(first: int, lower: int) -> None:
    recorded = [use(first + lower, 5)]
    assert not fits(use(lower, 6), recorded)
    assert not fits(use(lower, 5), recorded)


def test_the_same_statement_fits_with_whatever_number_it_was_signed_again() -> None:
    assert fits(use(9, 5, "same"), [use(3, 5, "same"), use(12, 5, "same")])
