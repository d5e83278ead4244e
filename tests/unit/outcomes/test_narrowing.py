"""What was known before narrows an interval and never widens it; the truth stays covered."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.outcomes.figures import Unit, Unknown
from placet.contracts.outcomes.uplift import Narrowing, Uplift
from placet.decisioning.outcomes.narrowing import narrowed_uplift
from placet.governance.signing.canonical import canonical_bytes
from tests.unit.outcomes.simulating import LEAST_COVERED, TIMES, Numbers, covered

SIZES = (900, 200)
LIFT = 1.05
TRUTH = 0.7 * 1_000 * math.exp(0.8**2 / 2) * (LIFT - 1)
"""Minor units that the treated spend more."""


def _known(found: Uplift | Unknown) -> tuple[Uplift, Narrowing]:
    assert isinstance(found, Uplift), found
    assert found.narrowing is not None
    return found, found.narrowing


def made_spend(seed: int, customers: int, *, like: float, lift: float) -> tuple[Numbers, Numbers]:
    """Return what customers spent after and before: `like` of the spread stays the same."""
    chance = np.random.default_rng(seed)
    habit = chance.standard_normal((TIMES, customers)) * 0.8
    now, then = (
        np.exp(math.sqrt(like) * habit + math.sqrt(1 - like) * chance.standard_normal(habit.shape) * 0.8)
        * (chance.random(habit.shape) > 0.3)
        for _ in range(2)
    )
    return np.rint(now * 1_000 * lift).astype(np.int64), np.rint(then * 1_000).astype(np.int64)


def _uplifts(unit: Unit, ours: tuple[Numbers, Numbers], theirs: tuple[Numbers, Numbers]) -> list[Uplift]:
    found = [
        narrowed_uplift(unit, treated=a, treated_before=b, control=c, control_before=d)
        for a, b, c, d in zip(*ours, *theirs, strict=True)
    ]
    assert {one.code for one in found if isinstance(one, Unknown)} <= {"too_skewed"}
    return [one for one in found if isinstance(one, Uplift)]


@pytest.mark.parametrize("like", [0.0, 0.5, 0.9])
def test_narrowed_intervals_of_spend_cover_the_truth(like: float) -> None:
    ours = made_spend(1 + int(10 * like), SIZES[0], like=like, lift=LIFT)
    theirs = made_spend(101 + int(10 * like), SIZES[1], like=like, lift=1.0)
    found = _uplifts("amount", ours, theirs)
    assert len(found) > 0.98 * TIMES
    assert covered((one.between for one in found), TRUTH) >= LEAST_COVERED
    assert all(_width(one) <= _plain_width(one) for one in found)
    share_used = np.mean([_known(one)[1].used for one in found])
    narrower = np.mean([_width(one) / _plain_width(one) for one in found])
    if like == 0.9:
        assert share_used > 0.95
        assert narrower < 0.9
    if like == 0.0:
        assert narrower > 0.97


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.30])
def test_narrowed_intervals_of_shares_cover_the_truth(rate: float) -> None:
    """Of those who had it before, half have it again, whatever is done."""
    groups = []
    for seed, customers, now_rate in ((int(rate * 100), 2_000, rate * 0.8), (int(rate * 100) + 500, 500, rate)):
        chance = np.random.default_rng(seed)
        then = chance.random((TIMES, customers)) < rate
        again = chance.random(then.shape) < 0.5
        anew = chance.random(then.shape) < (now_rate - 0.5 * rate) / (1 - 0.5 * rate)
        groups.append((((then & again) | (~(then & again) & anew)).astype(np.int64), then.astype(np.int64)))
    found = _uplifts("share", groups[0], groups[1])
    assert covered((one.between for one in found), -0.2 * rate) >= LEAST_COVERED
    assert all(_width(one) <= _plain_width(one) for one in found)
    used = np.mean([_known(one)[1].used for one in found])
    assert used > 0.9 if rate > 0.01 else used < 0.1  # of rare events there are too few


def _width(one: Uplift) -> int:
    return one.between.high - one.between.low


def _plain_width(one: Uplift) -> int:
    plain = _known(one)[1].plain_between
    return plain.high - plain.low


def _of(chance: np.random.Generator, customers: int) -> tuple[Numbers, Numbers]:
    then = chance.integers(0, 10_000, customers)
    return then + chance.integers(0, 100, customers), then


def test_an_amount_that_hardly_changes_is_known_nearly_exactly() -> None:
    (a, b), (c, d) = _of(np.random.default_rng(5), 500), _of(np.random.default_rng(6), 500)
    found, narrowing = _known(narrowed_uplift("amount", treated=a, treated_before=b, control=c, control_before=d))
    assert narrowing.used
    assert found.method == "cuped"
    assert narrowing.variance_ratio_bp is not None
    assert narrowing.variance_ratio_bp < 10
    assert _width(found) < 0.05 * _plain_width(found)
    assert canonical_bytes(found)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ([1] * 500, "before the decision all customers of a group had the same"),
        ([1.0] * 499 + [math.nan], "treated customers, before: row 500 has nan: a figure is missing"),
        ([1] * 499, "treated customers, before: 499 figures for 500 customers"),
        ([-1] * 500, "treated customers, before: row 1 has -1: it is below zero"),
    ],
)
def test_without_a_sound_figure_before_the_plain_interval_is_kept_and_says_why(before: list[Any], said: str) -> None:
    (a, _), (c, d) = _of(np.random.default_rng(5), 500), _of(np.random.default_rng(6), 500)
    found, narrowing = _known(narrowed_uplift("amount", treated=a, treated_before=before, control=c, control_before=d))
    assert not narrowing.used
    assert narrowing.why_not == said
    assert (found.difference, found.between) == (narrowing.plain_difference, narrowing.plain_between)


def test_amounts_that_are_as_before_to_the_cent_are_not_known_without_doubt() -> None:
    (_, b), (_, d) = _of(np.random.default_rng(5), 500), _of(np.random.default_rng(6), 500)
    found, narrowing = _known(narrowed_uplift("amount", treated=b, treated_before=b, control=d, control_before=d))
    assert not narrowing.used
    assert found.between == narrowing.plain_between


def test_without_a_sound_figure_after_nothing_is_known() -> None:
    (a, b), (c, d) = _of(np.random.default_rng(5), 500), _of(np.random.default_rng(6), 500)
    found = narrowed_uplift("amount", treated=a[:20], treated_before=b[:20], control=c, control_before=d)
    assert isinstance(found, Unknown)
    assert found.code == "too_few"


@given(st.integers(0, 10_000), st.sampled_from(["share", "amount"]), st.integers(100, 400), st.integers(100, 400))
def test_it_is_never_wider(seed: int, unit: Unit, treated: int, control: int) -> None:
    chance = np.random.default_rng(seed)
    most = 2 if unit == "share" else 10_000
    a, b, c, d = (chance.integers(0, most, size) for size in (treated, treated, control, control))
    found = narrowed_uplift(unit, treated=a, treated_before=b, control=c, control_before=d)
    assert isinstance(found, Uplift)
    assert _width(found) <= _plain_width(found)
    assert found.between.low <= found.difference <= found.between.high
