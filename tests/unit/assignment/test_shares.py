"""Shares nest, hold what they promise and are drawn apart; arms divide all; the control group comes first.

The ids and names are fixed, so a bound that holds once holds always.
"""

import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from itertools import accumulate, combinations, product

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.decisioning.assignment.drawing import BUCKETS, PURPOSES, Purpose, bucket, buckets
from placet.decisioning.assignment.shares import arm_of, assign, assign_all, inside
from placet.errors import UsageError
from placet.simulation.sample import sample_rows

MADE = pl.Series([f"C{number:06d}" for number in range(100_000)])
SAMPLE = pl.Series([row["customer_id"] for row in sample_rows(10_000)])
STRATEGIES = ("winback", "save_the_home", "airport_roaming", "x")
ONE_IN_A_MILLION = 1e-6
CRITICAL = {1: 23.928, 81: 156.452}
"""Of chi-square at 1e-6, by degrees of freedom."""

BUCKET = st.integers(0, BUCKETS - 1)
SHARE = st.integers(0, BUCKETS)


@st.composite
def weights(draw: st.DrawFn) -> dict[str, int]:
    cuts = sorted(draw(st.sets(st.integers(1, BUCKETS - 1), max_size=19)))
    sizes = [end - start for start, end in zip([0, *cuts], [*cuts, BUCKETS], strict=True)]
    return {f"arm_{number}": size for number, size in enumerate(sizes)}


def bounds(many: int, share: float) -> tuple[int, int]:
    """Return between which counts a binomial lies, but for half of one in a million on each side."""
    if share == 1:
        return many, many

    def chance(count: int) -> float:
        ways = math.lgamma(many + 1) - math.lgamma(count + 1) - math.lgamma(many - count + 1)
        return math.exp(ways + count * math.log(share) + (many - count) * math.log1p(-share))

    least, below = 0, chance(0)
    while below <= ONE_IN_A_MILLION / 2:
        least += 1
        below += chance(least)
    most, above = many, chance(many)
    while above <= ONE_IN_A_MILLION / 2:
        most -= 1
        above += chance(most)
    return least, most


@cache
def drawn(purpose: Purpose, strategy: str) -> pl.Series:
    return buckets(purpose, strategy, MADE)


def chi_square(first: pl.Series, second: pl.Series) -> float:
    """Return how far two classes of the same customers are from being independent."""
    many, pairs = len(first), pl.DataFrame({"first": first, "second": second})
    cells = Counter({(a, b): count for a, b, count in pairs.group_by("first", "second").len().iter_rows()})
    rows, columns = (dict(pairs[name].value_counts().iter_rows()) for name in pairs.columns)
    expected = {(a, b): rows[a] * columns[b] / many for a, b in product(rows, columns)}
    found: float = sum((cells[cell] - wanted) ** 2 / wanted for cell, wanted in expected.items())
    return found


@given(drawn_bucket=BUCKET, one=SHARE, other=SHARE)
def test_shares_nest(drawn_bucket: int, one: int, other: int) -> None:
    least, most = sorted((one, other))
    assert not inside(drawn_bucket, least) or inside(drawn_bucket, most)
    assert not inside(drawn_bucket, 0)
    assert inside(drawn_bucket, BUCKETS)


@pytest.mark.parametrize("share", [1_000, 2_500, 5_000, 10_000])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_share_has_as_many_customers_as_it_says(purpose: Purpose, strategy: str, share: int) -> None:
    for ids in (MADE, SAMPLE):
        least, most = bounds(len(ids), share / BUCKETS)
        assert least <= (buckets(purpose, strategy, ids) < share).sum() <= most


def test_the_bounds_are_those_of_a_binomial() -> None:
    assert len(SAMPLE) > 5_000
    assert bounds(10, 0.5) == (0, 10)
    # Of 30 fair coins at most 2 show heads with a chance of 4.3e-7, at most 3 with one of 4.2e-6.
    assert bounds(30, 0.5) == (3, 27)
    assert bounds(100_000, 0.1) == (9_539, 10_467)  # as SciPy has it


@pytest.mark.parametrize(("one", "other"), list(combinations(product(PURPOSES, STRATEGIES), 2)))
def test_draws_say_nothing_of_each_other(one: tuple[Purpose, str], other: tuple[Purpose, str]) -> None:
    first, second = drawn(*one), drawn(*other)
    assert chi_square(first < 1_000, second < 1_000) < CRITICAL[1]
    assert chi_square(first // 1_000, second // 1_000) < CRITICAL[81]


def test_a_dependence_would_be_found() -> None:
    """The same draw, and one that is a little like it, are beyond the critical values."""
    first, second = drawn("rollout", "winback"), drawn("rollout", "x")
    like = pl.select(pl.when(drawn("arm", "x") < 300).then(first).otherwise(second)).to_series()
    for other in (first, like):
        assert chi_square(first < 1_000, other < 1_000) > CRITICAL[1]
        assert chi_square(first // 1_000, other // 1_000) > CRITICAL[81]


@given(of=weights(), somewhere=BUCKET)
def test_arms_have_the_ranges_of_their_weights_in_the_order_of_the_file(of: dict[str, int], somewhere: int) -> None:
    by_hand = [name for name, weight in of.items() for _ in range(weight)]
    ends = list(accumulate(of.values()))
    for number in {0, somewhere, *(end - 1 for end in ends), *(end for end in ends if end < BUCKETS)}:
        assert arm_of(number, of) == by_hand[number]


def test_arms_have_as_many_customers_as_their_weights_say() -> None:
    of = {"credit": 5_000, "data": 2_500, "nothing": 1_500, "call": 1_000}
    for strategy, ids in product(STRATEGIES, (MADE, SAMPLE)):
        found = assign_all(strategy, ids, holdout_bp=0, weights=of)["arm"].value_counts()
        counts = dict(found.iter_rows())
        assert set(counts) == set(of)
        for name, weight in of.items():
            least, most = bounds(len(ids), weight / BUCKETS)
            assert least <= counts[name] <= most


@given(holdout=SHARE, of=st.one_of(st.just({}), weights()), start=st.integers(0, 99_900))
def test_many_stand_where_each_stands(holdout: int, of: dict[str, int], start: int) -> None:
    ids = MADE.slice(start, 40)
    found = assign_all("winback", ids, holdout_bp=holdout, weights=of)
    for row in found.iter_rows(named=True):
        one = assign("winback", row["customer_id"], holdout_bp=holdout, weights=of)
        assert {name: getattr(one, name) for name in row} == row
        assert one.held_out == inside(bucket("holdout", "winback", one.customer_id), holdout)
        assert one.arm_bucket == (bucket("arm", "winback", one.customer_id) if of else None)
        assert one.arm == (None if one.arm_bucket is None or one.held_out else arm_of(one.arm_bucket, of))


def test_nobody_to_assign_is_a_frame_without_rows() -> None:
    for of in ({}, {"all": BUCKETS}):
        found = assign_all("winback", MADE.clear(), holdout_bp=1_000, weights=of)
        assert (found.height, found.schema) == (0, assign_all("winback", MADE[:3], holdout_bp=0, weights=of).schema)


@given(number=st.integers(0, 99_999), stage=SHARE)
def test_who_is_in_the_control_group_is_treated_at_no_stage(number: int, stage: int) -> None:
    customer = MADE[number]
    held = assign("winback", customer, holdout_bp=BUCKETS, weights={"all": BUCKETS})
    assert (held.held_out, held.arm, held.treated_at(stage)) == (True, None, False)
    free = assign("winback", customer, holdout_bp=0, weights={"all": BUCKETS})
    assert (free.held_out, free.arm, free.treated_at(stage)) == (False, "all", free.rollout_bucket < stage)


@pytest.mark.parametrize("share", [-1, 10_001, 10.0, "10 %", True, None])
def test_what_is_no_share_is_refused(share: int) -> None:
    said = r"share .*: write whole basis points, 0 to 10,000"
    with pytest.raises(UsageError, match=said):
        inside(5, share)
    with pytest.raises(UsageError, match=said):
        assign("x", "C1", holdout_bp=share, weights={})
    with pytest.raises(UsageError, match=said):
        assign_all("x", MADE, holdout_bp=share, weights={})
    with pytest.raises(UsageError, match=said):
        assign("x", "C1", holdout_bp=10_000, weights={}).treated_at(share)


@pytest.mark.parametrize("number", [-1, 10_000, 1.0, "1", True, None])
def test_what_is_no_bucket_is_refused(number: int) -> None:
    for asked in (lambda: inside(number, 5), lambda: arm_of(number, {"all": BUCKETS})):
        with pytest.raises(UsageError, match=r"bucket .*: it is a whole number, 0 to 9,999"):
            asked()


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"a": 5_000, "b": 4_999}, "the arms have 99.99 % together; they must have 100 %"),
        ({"a": 5_000, "b": 5_001}, "the arms have 100.01 % together; they must have 100 %"),
        ({"a": 10_000, "b": 0}, "arm 'b' has weight 0: write whole basis points, 1 to 10,000"),
        ({"a": 10_001, "b": -1}, "arm 'a' has weight 10001: write whole basis points, 1 to 10,000"),
        ({"a": 10_000.0}, "arm 'a' has weight 10000.0: write whole basis points, 1 to 10,000"),
        ({"a": True}, "arm 'a' has weight True: write whole basis points, 1 to 10,000"),
    ],
)
def test_weights_that_do_not_divide_all_are_refused(of: Mapping[str, int], said: str) -> None:
    with pytest.raises(UsageError) as found:
        arm_of(5, of)
    assert str(found.value) == said
    with pytest.raises(UsageError):
        assign("x", "C1", holdout_bp=10_000, weights=of)
    with pytest.raises(UsageError):
        assign_all("x", MADE, holdout_bp=10_000, weights=of)
    with pytest.raises(UsageError, match="the arms have 0 % together"):
        arm_of(5, {})
