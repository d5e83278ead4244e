"""A guard rail that is looked at sixty times fails a sound rollout no more often than its confidence says.

All rollouts are simulated, 1,000 of each kind, from fixed seeds.
"""

import numpy as np
import pytest

from placet.contracts.strategies.rollout import GuardRail
from placet.decisioning.guard_rails.sequences import critical
from placet.decisioning.outcomes.intervals import standard_errors
from tests.unit.guard_rails.rollouts import LOOKS, Numbers, Rollouts, amounts, even, rail, shares

SLACK = 0.02
"""Three standard errors of a share of 5 % in 1,000 simulations."""
STAGES = np.repeat([90.0, 225.0, 450.0, 900.0], LOOKS // 4)
"""Newly treated at each look while the rollout goes from 10 % to all; the control group grows evenly."""


def ever(of: GuardRail, seen: Rollouts, errors: float | None = None) -> tuple[float, float]:
    """Return how many rollouts were ever failed, and how many ever passed."""
    low, high = seen.bounds(of, errors)
    margin = of.by_more_than.hundredths / 10_000
    beyond, inside = (low > margin, high < margin) if of.must_not == "rise" else (high < -margin, low > -margin)
    return float(beyond.any(axis=1).mean()), float(inside.any(axis=1).mean())


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.05, 0.30])
@pytest.mark.parametrize(("treated", "control"), [(even(300), even(300)), (even(900), even(100)), (STAGES, even(100))])
def test_a_share_exactly_at_its_margin_is_seldom_failed_and_seldom_passed(
    rate: float, treated: Numbers, control: Numbers
) -> None:
    of = rail(margin="0.5 points")
    failed, passed = ever(of, shares(11, treated, control, rate=rate + 0.005, theirs=rate))
    assert failed <= 0.05 + SLACK
    assert passed <= 0.05 + SLACK


@pytest.mark.parametrize("confidence", [8_000, 9_000, 9_900])
def test_the_confidence_of_the_rail_is_kept(confidence: int) -> None:
    of = rail(margin="2 points", sample=100, confidence=confidence)
    failed, passed = ever(of, shares(12, even(50), even(50), rate=0.12, theirs=0.10))
    assert failed + passed <= 1 - confidence / 10_000 + SLACK


def test_a_share_that_must_not_fall_is_seldom_failed_at_its_margin() -> None:
    of = rail("conversion", "fall", "2 points")
    failed, passed = ever(of, shares(13, even(300), even(100), rate=0.08, theirs=0.10))
    assert failed <= 0.05 + SLACK
    assert passed <= 0.05 + SLACK


@pytest.mark.parametrize(("must_not", "lift"), [("fall", 0.95), ("rise", 1.05)])
@pytest.mark.parametrize(("sigma", "none"), [(0.6, 0.2), (1.0, 0.4)])
def test_spend_exactly_at_its_margin_is_seldom_failed_and_seldom_passed(
    must_not: str, lift: float, sigma: float, none: float
) -> None:
    of = rail("spend", must_not, "5 %")
    failed, passed = ever(of, amounts(14, 90, 30, lift=lift, sigma=sigma, none=none))
    assert failed <= 0.05 + SLACK
    assert passed <= 0.05 + SLACK


def test_clear_harm_is_nearly_always_failed() -> None:
    of = rail(margin="0.5 points")
    failed, passed = ever(of, shares(15, even(900), even(100), rate=0.03, theirs=0.01))
    assert failed >= 0.98
    assert passed == 0
    failed, passed = ever(rail("spend", "fall", "5 %"), amounts(16, 90, 30, lift=0.75, sigma=0.8, none=0.3))
    assert failed >= 0.98
    assert passed == 0


def test_no_harm_is_nearly_always_passed_with_a_margin_that_can_be_told() -> None:
    failed, passed = ever(rail(margin="1 points"), shares(17, even(900), even(100), rate=0.01, theirs=0.01))
    assert passed >= 0.95
    assert failed <= SLACK


def test_the_test_of_a_single_look_fools_who_looks_every_day() -> None:
    """For contrast: the interval of a single look, looked at sixty times, at the very margin."""
    of, z = rail(margin="0.5 points"), standard_errors(9_500)
    seen = shares(18, even(300), even(300), rate=0.055, theirs=0.05)
    fooled, _ = ever(of, seen, z)
    failed, _ = ever(of, seen)
    assert fooled > 0.12
    assert failed <= 0.05
    once = seen.bounds(of, z)[0][:, -1]
    assert (once > 0.005).mean() < 0.05  # the last look alone keeps what it promises


def test_who_is_counted_anew_is_bounded_however_looks_hang_together() -> None:
    """The same customers, whose states change little from look to look."""
    of = rail(margin="2 points")
    chance = np.random.default_rng(19)
    errors = np.array([critical("anew", told=1, sample=1, look=look, alpha=0.05) for look in range(1, LOOKS + 1)])
    totals: list[Numbers] = []
    for rate in (0.12, 0.10):
        state = chance.random((200, 1_000)) < rate
        counted = []
        for _ in range(LOOKS):
            changed = chance.random(state.shape) < 0.1
            state = np.where(changed, chance.random(state.shape) < rate, state)
            counted.append(state.sum(axis=1))
        totals.append(np.array(counted).T.astype(float))
    size = np.full(LOOKS, 1_000.0)
    low, _ = Rollouts(size, size, totals[0], totals[1]).bounds(of, errors)
    failed = int((low > 0.02).any(axis=1).sum())
    assert failed <= 200 * (0.05 + 0.04)


def test_a_single_look_at_the_boundary_is_farther_than_that_of_one_look_alone() -> None:
    """Worked out by hand for alpha 0.05 where it is closest: x = ln(1 + x) + 5.9915 is 8.2119."""
    assert critical("once", told=500, sample=500, look=1, alpha=0.05) == pytest.approx((1 + 8.2119) ** 0.5, abs=0.0001)
    assert critical("anew", told=1, sample=1, look=1, alpha=0.05) == pytest.approx(2.2414, abs=0.0001)
