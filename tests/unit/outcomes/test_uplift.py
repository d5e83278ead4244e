"""An uplift has an interval that covers the truth as often as it says, or there is none and a reason."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.outcomes.figures import MILLION, Between, Unknown
from placet.contracts.outcomes.uplift import Uplift
from placet.decisioning.outcomes.groups import Group, amount_group, share_group
from placet.decisioning.outcomes.narrowing import narrowed_uplift
from placet.decisioning.outcomes.uplift import uplift
from placet.governance.signing.canonical import canonical_bytes
from tests.unit.outcomes.simulating import LEAST_COVERED, TIMES, covered, mean_spend, spend

SPEND = ((0.6, 0.2), (1.0, 0.4), (1.2, 0.5))
"""Of the logarithm: how far it spreads; and who spends nothing."""


def _shares(treated: tuple[int, int], control: tuple[int, int]) -> Uplift | Unknown:
    return uplift(share_group(*treated), share_group(*control))


def _known(found: Uplift | Unknown) -> Uplift:
    assert isinstance(found, Uplift), found
    return found


def _code(found: Any) -> str:
    assert isinstance(found, Unknown), found
    return found.code


def test_an_uplift_says_what_the_groups_have_and_how_far_they_are_apart() -> None:
    found = _known(_shares((1_000, 123), (1_000, 141)))
    assert (found.treated.mean, found.control.mean, found.difference) == (123_000, 141_000, -18_000)
    # By hand: (123.9604 - 141.9604) / 1001.9208, and 1.96 standard errors of 0.015152.
    assert found.between == Between(low=-47_664, high=11_733)
    assert found.relative is not None
    assert found.relative.change_bp == -1_277
    assert found.method == "agresti_caffo"
    assert not found.certain


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.30])
@pytest.mark.parametrize(("treated", "control"), [(60, 60), (900, 100), (4_500, 500)])
def test_intervals_of_shares_cover_the_truth(rate: float, treated: int, control: int) -> None:
    chance = np.random.default_rng(int(rate * 1_000) + treated)
    ours, theirs = chance.binomial(treated, rate * 0.8, TIMES), chance.binomial(control, rate, TIMES)
    found = [_known(_shares((treated, int(a)), (control, int(b)))) for a, b in zip(ours, theirs, strict=True)]
    assert covered((one.between for one in found), rate * -0.2) >= LEAST_COVERED
    changes = [one.relative for one in found if one.relative is not None]
    held = [one.low_bp <= -2_000 and (one.high_bp is None or one.high_bp >= -2_000) for one in changes]
    assert np.mean(held) >= LEAST_COVERED


@pytest.mark.parametrize(("sigma", "none"), SPEND)
@pytest.mark.parametrize(("treated", "control"), [(900, 100), (2_000, 500)])
def test_intervals_of_spend_cover_the_truth(sigma: float, none: float, treated: int, control: int) -> None:
    ours = spend(treated, treated, sigma=sigma, none=none, scale=1_050.0)
    theirs = spend(control, control, sigma=sigma, none=none)
    found = [uplift(amount_group(a), amount_group(b)) for a, b in zip(ours, theirs, strict=True)]
    known = [one for one in found if isinstance(one, Uplift)]
    assert {one.code for one in found if isinstance(one, Unknown)} <= {"too_skewed"}
    truth = mean_spend(sigma=sigma, none=none, scale=1_050.0) - mean_spend(sigma=sigma, none=none)
    assert len(known) > 0.9 * TIMES
    assert covered((one.between for one in known), truth) >= LEAST_COVERED
    held = [
        one.relative is not None
        and one.relative.low_bp <= 500
        and (one.relative.high_bp is None or one.relative.high_bp >= 500)
        for one in known
    ]
    assert np.mean(held) >= LEAST_COVERED


def test_small_groups_and_rare_events_are_covered_whatever_the_truth() -> None:
    """Not simulated: every outcome that there is, with its chance."""
    for size, other in ((20, 20), (40, 20), (90, 20), (20, 90)):
        apart = {
            (a, b): _known(_shares((size, a), (other, b))).between for a in range(size + 1) for b in range(other + 1)
        }
        for rate, by in ((0.002, 0.0), (0.01, 0.0), (0.01, 0.01), (0.05, -0.02), (0.3, 0.1), (0.5, 0.0)):
            ours, theirs = _binomial(size, rate + by), _binomial(other, rate)
            inside = sum(ours[a] * theirs[b] for (a, b), one in apart.items() if one.low <= by * MILLION <= one.high)
            assert inside >= LEAST_COVERED, (size, other, rate, by, inside)


def _binomial(many: int, rate: float) -> list[float]:
    return [math.comb(many, k) * rate**k * (1 - rate) ** (many - k) for k in range(many + 1)]


@given(treated=st.integers(20, 5_000), control=st.integers(20, 5_000), data=st.data())
def test_a_share_and_its_opposite_agree(treated: int, control: int, data: st.DataObject) -> None:
    had, they = data.draw(st.integers(0, treated)), data.draw(st.integers(0, control))
    found = _known(_shares((treated, had), (control, they)))
    turned = _known(_shares((treated, treated - had), (control, control - they)))
    swapped = _known(_shares((control, they), (treated, had)))
    assert -MILLION <= found.between.low <= found.between.high <= MILLION
    assert abs(found.between.low + turned.between.high) <= 1
    assert abs(found.between.low + swapped.between.high) <= 1
    assert found.between.low <= found.difference <= found.between.high
    assert canonical_bytes(found)
    assert Uplift.model_validate_json(found.model_dump_json()) == found


@given(treated=st.integers(20, 5_000), control=st.integers(20, 5_000), data=st.data())
def test_the_relative_change_is_certain_where_the_difference_is(
    treated: int, control: int, data: st.DataObject
) -> None:
    had, they = data.draw(st.integers(0, treated)), data.draw(st.integers(1, control))
    found = _known(_shares((treated, had), (control, they)))
    assert found.relative is not None
    low, high = found.relative.low_bp, found.relative.high_bp
    if found.between.low > 1:
        assert low >= 0
    if found.between.high < -1:
        assert high is not None
        assert high <= 0
    if low > 0 or (high is not None and high < 0):
        assert found.certain


@given(st.lists(st.integers(0, 10**6), min_size=100, max_size=300))
def test_the_order_of_customers_changes_nothing(amounts: list[int]) -> None:
    one = uplift(amount_group(amounts), amount_group(amounts[::-1]))
    assert isinstance(one, Unknown) or one.difference == 0


@pytest.mark.parametrize(
    ("customers", "had", "code"),
    [
        (0, 0, "nobody"),
        (-1, 0, "negative"),
        (100, -3, "negative"),
        (100, 101, "more_than_all"),
        (100, 1.5, "not_whole"),
        (100, True, "not_whole"),
        (100, math.nan, "not_a_number"),
        (None, 3, "not_a_number"),
        (math.inf, 3, "not_a_number"),
        (10**19, 3, "too_large"),
    ],
)
def test_what_is_no_count_is_no_group(customers: Any, had: Any, code: str) -> None:
    found = share_group(customers, had)
    assert _code(found) == code
    assert _code(uplift(found, share_group(100, 1))) == code
    assert _code(uplift(share_group(100, 1), found)) == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([], "nobody"),
        ([1, 2, math.nan], "not_a_number"),
        ([1, 2, math.inf], "not_a_number"),
        ([1, None, 3], "not_a_number"),
        ([1, "2"], "not_a_number"),
        ([[1, 2], [3, 4]], "not_a_number"),
        ([[1, 2], [3]], "not_a_number"),
        ([10**30], "not_a_number"),
        ([1, -2, 3], "negative"),
        ([1.5, 2.0], "not_whole"),
        ([10**12], "too_large"),
        (pl.Series([1, None, 3]), "not_a_number"),
        (pl.Series([-1.0]), "negative"),
        (pl.Series(["a"]), "not_a_number"),
    ],
)
def test_one_amount_that_is_none_refuses_all(values: Sequence[Any], code: str) -> None:
    assert _code(amount_group(values)) == code


def test_a_reason_names_the_row() -> None:
    found = amount_group([100, 200, -5])
    assert isinstance(found, Unknown)
    assert found.detail == "row 3 has -5: it is below zero"


def test_groups_that_tell_nothing_have_no_number() -> None:
    same, few = amount_group([500] * 200), amount_group([1, 2, 3] * 20)
    assert _code(uplift(same, amount_group(range(200)))) == "no_spread"
    assert _code(uplift(few, amount_group(range(200)))) == "too_few"
    assert _code(uplift(share_group(19, 3), share_group(100, 3))) == "too_few"
    assert _code(uplift(share_group(200, 3), amount_group(range(200)))) == "unlike_units"
    assert _code(uplift(amount_group([10**9, *([0] * 199)]), amount_group(range(200)))) == "too_skewed"


@pytest.mark.parametrize(
    ("variance", "third", "total", "code"),
    [
        (math.nan, 0.0, 100, "not_a_number"),
        (1.0, math.inf, 100, "not_a_number"),
        (-1.0, 0.0, 100, "negative"),
        (1.0, 0.0, -100, "negative"),
        (1.0, 0.0, math.nan, "not_a_number"),
        (1.0, 0.0, 10**15, "too_large"),
    ],
)
def test_a_group_that_somebody_made_by_hand_is_not_trusted(
    variance: float, third: float, total: Any, code: str
) -> None:
    made = Group("amount", 200, total, variance, third)
    assert _code(uplift(made, amount_group(range(200)))) == code


def test_groups_that_are_not_as_many_as_planned_have_no_uplift() -> None:
    groups = share_group(8_700, 90), share_group(1_300, 12)
    assert _code(uplift(*groups, planned=(9, 1))) == "sample_ratio_mismatch"
    assert _code(uplift(*groups, planned=(9, 0))) == "no_plan"
    assert isinstance(uplift(*groups, planned=(87, 13)), Uplift)
    found = narrowed_uplift(
        "amount", treated=range(500), treated_before=range(500), control=range(300), control_before=range(300),
        planned=(1, 1),
    )  # fmt: skip
    assert _code(found) == "sample_ratio_mismatch"


def test_a_control_group_without_any_has_no_relative_change() -> None:
    found = _known(_shares((100, 5), (100, 0)))
    assert found.relative is None
    few = _known(_shares((100, 5), (100, 1)))
    assert few.relative is not None
    assert few.relative.high_bp is None


def test_large_bases_are_added_up_exactly() -> None:
    amounts = np.full(100_001, 49_999_999_999)
    amounts[0] = 1
    group = amount_group(amounts)
    assert isinstance(group, Group)
    assert group.total == 49_999_999_999 * 100_000 + 1
