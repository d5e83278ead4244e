"""A guard rail says pass only where every value that is left is inside its margin; whatever is odd is no data."""

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.outcomes.figures import MILLION, Unknown
from placet.contracts.outcomes.guard import GuardVerdict, Look, Seen
from placet.decisioning.guard_rails.judging import judge
from placet.decisioning.outcomes.groups import Group, amount_group, share_group
from placet.governance.signing.canonical import canonical_bytes
from tests.unit.guard_rails.rollouts import day, even, rail, shares

EVEN = (1, 1)


def _said(treated: Any, control: Any, of: Any = None, **given: Any) -> GuardVerdict:
    """Judge at the first look, with an even plan."""
    return judge(of or rail(), treated, control, **{"at": day(0), "planned": EVEN, **given})


def _shares(treated: tuple[int, int], control: tuple[int, int], of: Any = None, **given: Any) -> GuardVerdict:
    return _said(share_group(*treated), share_group(*control), of, **given)


def _code(found: GuardVerdict) -> str:
    assert found.verdict == "no_data"
    assert found.unknown is not None
    assert found.bounds is None
    return found.unknown.code


def _spend(customers: int, mean: float) -> Group:
    made = amount_group(np.rint(np.random.default_rng(customers).gamma(1.0, mean, customers)).astype(np.int64))
    assert isinstance(made, Group)
    return made


def test_a_verdict_has_the_figures_of_its_chart() -> None:
    found = _shares((10_000, 120), (10_000, 100))
    assert found.verdict == "inconclusive"
    assert found.bounds is not None
    assert (found.bounds.estimate, found.bounds.boundary) == (2_000, 5_000)
    assert found.bounds.upper is not None
    assert found.bounds.lower < 2_000
    assert found.bounds.upper >= 5_000
    assert (found.treated, found.control) != (None, None)
    assert found.critical is not None
    assert 3_035 <= found.critical <= 3_300
    assert found.look == Look(
        at=day(0), treated=Seen(customers=10_000, total=120), control=Seen(customers=10_000, total=100)
    )
    assert canonical_bytes(found)
    assert GuardVerdict.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("treated", "control", "must_not", "verdict"),
    [
        (500, 500, "rise", "pass"),
        (300, 500, "rise", "pass"),
        (900, 500, "rise", "fail"),
        (740, 500, "rise", "inconclusive"),
        (500, 500, "fall", "pass"),
        (900, 500, "fall", "pass"),
        (100, 500, "fall", "fail"),
        (250, 500, "fall", "inconclusive"),
    ],
)
def test_a_verdict_goes_by_the_direction_that_is_bad(treated: int, control: int, must_not: str, verdict: str) -> None:
    of = rail("conversion", must_not, "1 points")
    assert _shares((20_000, treated), (20_000, control), of).verdict == verdict


@pytest.mark.parametrize(
    ("mean", "must_not", "verdict"),
    [(100.0, "fall", "pass"), (60.0, "fall", "fail"), (92.0, "fall", "inconclusive"), (140.0, "rise", "fail")],
)
def test_a_margin_in_per_cent_is_of_what_the_control_group_has(mean: float, must_not: str, verdict: str) -> None:
    found = _said(_spend(20_001, mean * 100), _spend(20_000, 10_000.0), rail("spend", must_not, "8 %"))
    assert found.verdict == verdict
    assert found.bounds is not None
    assert found.bounds.boundary == (80_000 if must_not == "rise" else -80_000)
    assert abs(found.bounds.estimate - (mean - 100) / 100 * MILLION) < 0.04 * MILLION


def test_a_pass_that_is_far_off_says_how_far() -> None:
    found = _shares((5_000, 50), (5_000, 50), rail(margin="0.1 points"))
    assert found.verdict == "inconclusive"
    assert found.more_to_fail is None
    assert found.more_to_pass is not None
    assert found.more_to_pass > 100_000
    times = 1 + found.more_to_pass / 10_000
    later, sooner = (
        _shares((round(5_000 * by), round(50 * by)), (round(5_000 * by), round(50 * by)), rail(margin="0.1 points"))
        for by in (times * 1.01, times * 0.9)
    )
    assert (sooner.verdict, later.verdict) == ("inconclusive", "pass")


def test_a_pass_that_can_never_come_is_not_promised() -> None:
    beyond = _shares((5_000, 80), (5_000, 50), rail(margin="0.5 points"))
    assert (beyond.verdict, beyond.more_to_pass) == ("inconclusive", None)
    assert beyond.more_to_fail is not None
    at_the_margin = _shares((10_000, 150), (10_000, 100), rail(margin="0.5 points"))
    assert (at_the_margin.more_to_pass, at_the_margin.more_to_fail) == (None, None)


@pytest.mark.parametrize(
    ("treated", "control", "code"),
    [
        (None, share_group(1_000, 1), "no_figure"),
        (share_group(1_000, 1), None, "no_figure"),
        (share_group(1_000, 1), share_group(0, 0), "nobody"),
        (share_group(-5, 0), share_group(1_000, 1), "negative"),
        (share_group(1_000, 2_000), share_group(1_000, 1), "more_than_all"),
        (Group("share", 1_000, -1, 0.1, 0.1), share_group(1_000, 1), "not_a_number"),
        (Group("share", 1_000, 10, math.nan, 0.1), share_group(1_000, 1), "not_a_number"),
        (Group("share", 1_000, math.nan, 0.1, 0.1), share_group(1_000, 1), "not_a_number"),  # type: ignore[arg-type]
        (share_group(499, 1), share_group(1_000, 1), "too_few"),
        (share_group(1_000, 1), share_group(499, 1), "too_few"),
        (share_group(5_000, 1), share_group(4_000, 1), "sample_ratio_mismatch"),
        (amount_group(range(1_000)), amount_group(range(1_000)), "unlike_units"),
        (share_group(1_000, 1), amount_group(range(1_000)), "unlike_units"),
    ],
)
def test_what_cannot_be_believed_is_no_data_and_never_a_pass(treated: Any, control: Any, code: str) -> None:
    assert _code(_said(treated, control, rail(margin="50 points"))) == code


def test_a_rail_that_no_check_has_seen_is_no_data() -> None:
    spent = amount_group(range(1_000))
    assert _code(_said(spent, spent, rail("spend", "fall", "5 points"))) == "margin_unit"
    for confidence in (0, 5_000, 7_999, 10_000):
        found = _shares((1_000, 1), (1_000, 1), rail(confidence=confidence))
        assert _code(found) == "confidence"
        assert found.confidence_bp is None
        assert _code(_said(None, None, rail(confidence=confidence))) == "no_figure"
    assert _code(_shares((1_000, 3), (1_000, 0), rail(margin="5 %"))) == "control_has_none"
    assert _code(_shares((1_000, 3), (1_000, 3), planned=(0, 1))) == "no_plan"


def test_amounts_that_say_nothing_of_their_spread_are_no_data() -> None:
    of = rail("spend", "fall", "5 %")
    assert _code(_said(amount_group([7] * 1_000), amount_group(range(1_000)), of)) == "no_spread"
    assert _code(_said(amount_group(range(1_000)), amount_group([10**9, *([0] * 999)]), of)) == "too_skewed"
    assert _code(_said(amount_group([1, -1] * 500), amount_group(range(1_000)), of)) == "negative"


def _look(number: int, treated: tuple[int, int] = (1_000, 10), control: tuple[int, int] = (1_000, 10)) -> Look:
    seen = [Seen(customers=customers, total=total) for customers, total in (treated, control)]
    return Look(at=day(number), treated=seen[0], control=seen[1])


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ([_look(0)], "clock_went_back"),
        ([_look(1)], "clock_went_back"),
        ([_look(-2), _look(-1), _look(-1)], "clock_went_back"),
        ([_look(-1), _look(-2)], "clock_went_back"),
        ([_look(-1, (2_001, 10))], "figures_went_back"),
        ([_look(-1, (2_000, 21))], "figures_went_back"),
        ([_look(-1, control=(1_000, 31))], "figures_went_back"),
    ],
)
def test_looks_that_are_not_in_order_are_no_data(before: list[Look], code: str) -> None:
    found = _shares((2_000, 20), (2_000, 30), before=before)
    assert _code(found) == code
    assert found.number == len(before) + 1


def test_after_counts_that_went_down_the_looks_go_on() -> None:
    """Whoever is erased takes their count away."""
    fewer = _shares((1_990, 20), (2_000, 30), before=[_look(-1, (2_000, 20), (2_000, 30))])
    assert _code(fewer) == "figures_went_back"
    assert fewer.look is not None
    later = _shares((2_100, 22), (2_100, 31), before=[_look(-1, (2_000, 20), (2_000, 30)), fewer.look], at=day(1))
    assert later.verdict == "inconclusive"
    assert _shares((2_100, 22), (2_100, 31), before=[fewer.look], at=day(0)).look is None


def test_a_time_without_its_offset_is_no_data() -> None:
    assert _code(_shares((1_000, 1), (1_000, 1), at=datetime(2026, 12, 1))) == "clock_went_back"  # noqa: DTZ001
    east = timezone(timedelta(hours=9))
    assert _shares((1_000, 1), (1_000, 1), at=day(0).astimezone(east)).verdict != "no_data"


def test_who_is_counted_anew_may_be_fewer_and_has_wider_bounds() -> None:
    before = [_look(-number) for number in range(9, 0, -1)]
    once = _shares((2_000, 20), (2_000, 30), before=before)
    anew = _shares((2_000, 20), (2_000, 30), before=before, counting="anew")
    assert _code(_shares((900, 5), (900, 5), before=before)) == "figures_went_back"
    assert _shares((900, 5), (900, 5), before=before, counting="anew").verdict == "inconclusive"
    assert (once.number, anew.number) == (10, 10)
    assert once.critical is not None
    assert anew.critical is not None
    assert anew.critical > once.critical


COUNTS = st.integers(500, 50_000).flatmap(lambda many: st.tuples(st.just(many), st.integers(0, many)))


@given(treated=COUNTS, control=COUNTS, must_not=st.sampled_from(["rise", "fall"]), margin=st.integers(1, 10_000))
def test_a_verdict_follows_from_its_bounds_and_is_never_contradicted(
    treated: tuple[int, int], control: tuple[int, int], must_not: str, margin: int
) -> None:
    of = rail("conversion", must_not, f"{margin / 100} points")
    found = _shares(treated, control, of, planned=(treated[0], control[0]))
    assert found.bounds is not None
    assert found.bounds.verdict(of.must_not) == found.verdict
    seen = found.bounds
    assert seen.upper is not None
    assert seen.lower <= seen.estimate <= seen.upper
    turned = rail("conversion", "fall" if must_not == "rise" else "rise", f"{margin / 100} points")
    swapped = _shares(control, treated, turned, planned=(control[0], treated[0]))
    assert swapped.verdict == found.verdict
    harm = seen.estimate if must_not == "rise" else -seen.estimate
    assert not (found.verdict == "pass" and harm >= margin * 100)
    assert not (found.verdict == "fail" and harm <= margin * 100)


@given(treated=COUNTS, control=COUNTS, small=st.integers(1, 9_999))
def test_a_wider_margin_never_makes_a_verdict_worse(
    treated: tuple[int, int], control: tuple[int, int], small: int
) -> None:
    order = {"fail": 0, "inconclusive": 1, "pass": 2}
    said = [
        order[_shares(treated, control, rail(margin=f"{one / 100} points"), planned=(treated[0], control[0])).verdict]
        for one in (small, small + 1)
    ]
    assert said[0] <= said[1]


def test_a_verdict_that_does_not_follow_cannot_be_made() -> None:
    found = _shares((20_000, 900), (20_000, 500), rail(margin="1 points"))
    with pytest.raises(ValidationError, match="does not follow from its bounds"):
        GuardVerdict.model_validate({**found.model_dump(), "verdict": "pass"})
    with pytest.raises(ValidationError, match="no_data has a reason"):
        GuardVerdict.model_validate({**found.model_dump(), "verdict": "no_data"})
    why = Unknown(code="too_few", detail="few")
    with pytest.raises(ValidationError, match="no_data has a reason"):
        GuardVerdict.model_validate({**found.model_dump(), "unknown": why})


def test_a_rollout_is_judged_look_by_look_as_the_simulations_are() -> None:
    of, seen = rail(margin="1 points"), shares(31, even(900), even(300), rate=0.05, theirs=0.03)
    low, high = seen.bounds(of)
    looks: list[Look] = []
    for number in range(30):
        found = judge(
            of,
            share_group(int(seen.treated[number]), int(seen.had[0, number])),
            share_group(int(seen.control[number]), int(seen.they[0, number])),
            at=day(number),
            planned=(3, 1),
            before=looks,
        )
        assert found.look is not None
        looks.append(found.look)
        if math.isinf(low[0, number]):
            assert _code(found) == "too_few"
            continue
        assert found.bounds is not None
        assert abs(found.bounds.lower - low[0, number] * MILLION) <= 1
        assert abs((found.bounds.upper or 0) - high[0, number] * MILLION) <= 1
    assert looks[-1].at == day(29)
