"""Groups that are not as many as planned are found; those that are, are let pass as often as it says."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.sample_ratio import SampleRatio
from placet.decisioning.outcomes.sample_ratio import EXACT_UP_TO, planned_ratio, sample_ratio
from placet.governance.signing.canonical import canonical_bytes


def _known(found: SampleRatio | Unknown) -> SampleRatio:
    assert isinstance(found, SampleRatio), found
    return found


def test_a_stage_reaches_its_share_of_those_outside_the_control_group() -> None:
    assert planned_ratio(1_000, 2_500) == (9_000 * 2_500, 1_000 * 10_000)
    found = _known(sample_ratio(2_250, 1_000, planned_ratio(1_000, 2_500)))
    assert (found.verdict, found.planned_treated_bp, found.counted_treated_bp) == ("as_planned", 6_923, 6_923)
    assert found.detail == "2,250 of 3,250 customers are treated (69.23 %), as planned (69.23 %)"


def test_a_mismatch_says_what_was_counted_and_what_was_planned() -> None:
    found = _known(sample_ratio(8_900, 1_250, (9, 1)))
    assert found.verdict == "sample_ratio_mismatch"
    assert found.detail.startswith(
        "8,900 of 10,150 customers are treated (87.68 %), and 90 % were planned; chance alone does not do that"
    )
    assert canonical_bytes(found)


@pytest.mark.parametrize("many", [200, 5_000, 200_000])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_sound_groups_pass(many: int, share: float) -> None:
    counts = np.random.default_rng(many).binomial(many, share, 400)
    planned = (round(share * 100), 100 - round(share * 100))
    found = [_known(sample_ratio(int(one), many - int(one), planned)).verdict for one in counts]
    assert found.count("sample_ratio_mismatch") <= 3


def test_exact_and_chi_square_agree_where_they_meet() -> None:
    for treated in range(4_800, 5_200, 7):
        exact = _known(sample_ratio(treated, EXACT_UP_TO - treated, (1, 1)))
        chi = _known(sample_ratio(treated + 1, EXACT_UP_TO - treated, (1, 1)))
        assert (exact.method, chi.method) == ("exact_binomial", "chi_square")
        assert abs(exact.chance - chi.chance) < 25_000_000  # of a thousand million


def test_all_looks_together_stop_one_sound_rollout_in_a_thousand_at_most() -> None:
    thresholds = [_known(sample_ratio(500, 500, (1, 1), look=look)).threshold for look in range(1, 1_000)]
    assert sum(thresholds) <= 1_001_000  # each is rounded up by less than one
    assert thresholds[0] == 500_000


@pytest.mark.parametrize(
    ("treated", "control", "planned", "code"),
    [
        (-1, 10, (1, 1), "not_a_number"),
        (1.5, 10, (1, 1), "not_a_number"),
        (float("nan"), 10, (1, 1), "not_a_number"),
        (0, 0, (1, 1), "nobody"),
        (10, 10, (0, 1), "no_plan"),
        (10, 10, (1, -1), "not_a_number"),
    ],
)
def test_what_cannot_be_compared_is_unknown(treated: Any, control: Any, planned: tuple[int, int], code: str) -> None:
    found = sample_ratio(treated, control, planned)
    assert isinstance(found, Unknown)
    assert found.code == code


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(1, 10_000), st.integers(1, 10_000))
def test_turning_the_groups_round_changes_nothing(treated: int, control: int, one: int, other: int) -> None:
    found, turned = sample_ratio(treated, control, (one, other)), sample_ratio(control, treated, (other, one))
    assert found.kind == turned.kind
    if isinstance(found, SampleRatio) and isinstance(turned, SampleRatio):
        assert abs(found.chance - turned.chance) <= 2
