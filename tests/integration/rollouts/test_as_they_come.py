"""A strategy takes customers as something happens to them: at once, once, in both groups, as far as is signed."""

import pytest

from tests.support.strategies.published import Shop, draw
from tests.support.strategies.rolling import CROWD, Rolling, coming, crowd, started

FEW = CROWD[:120]


@pytest.fixture
def rolling(shop: Shop) -> Rolling:
    begun = started(shop, coming())
    begun.follow()  # who is known from before
    return begun


def members(rolling: Rolling) -> set[str]:
    return {one.customer_id for one in rolling.members() if one.customer_id in CROWD}


def test_who_comes_into_the_cohort_is_taken_down_in_both_groups_and_the_treated_get_a_run(rolling: Rolling) -> None:
    rolling.reach()
    crowd(rolling.shop, FEW)
    assert rolling.follow() == [rolling.of.name]
    drawn = {customer: draw(rolling.of, customer) for customer in FEW}
    inside = {one for one, it in drawn.items() if it.rollout_bucket < 6_000}
    assert members(rolling) == inside
    assert {one.customer_id for one in rolling.members() if one.control and one.customer_id in drawn} == {
        one for one in inside if drawn[one].held_out
    }
    assert set(rolling.reach()) == {one for one in inside if not drawn[one].held_out}
