"""Outcomes are told in one sentence, whole, with units and without a number where there is none."""

from datetime import UTC, datetime

from placet.contracts.money import Money
from placet.contracts.outcomes.figures import Between, Unknown
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.decisioning.guard_rails.judging import judge
from placet.decisioning.outcomes.groups import amount_group, share_group
from placet.decisioning.outcomes.money import value_of
from placet.decisioning.outcomes.uplift import uplift
from placet.interfaces.telling.outcomes import (
    estimate_in_words,
    uplift_in_words,
    uplift_value_in_words,
    verdict_in_words,
)
from tests.unit.guard_rails.rollouts import rail

AT = datetime(2026, 12, 1, tzinfo=UTC)
WHY = Unknown(code="nobody", detail="the group has no customers: there is nothing to count")


def test_an_uplift_of_a_share() -> None:
    found = uplift(share_group(10_000, 1_230), share_group(10_000, 1_410))
    assert uplift_in_words(found, "churn", "USD") == (
        "12.3 % of treated customers did nothing for 30 days, 14.1 % of the control group: 1.8 points fewer "
        "(between 0.86 and 2.7), 95 % interval"
    )
    assert uplift_in_words(uplift(share_group(100, 12), share_group(100, 14)), "complaints", "USD") == (
        "12.0 % of treated customers complained, 14.0 % of the control group: 2.0 points fewer "
        "(between 11.4 points fewer and 7.5 points more), 95 % interval; it may be chance"
    )


def test_an_uplift_of_an_amount_and_its_worth() -> None:
    found = uplift(amount_group([2_000, 2_600] * 500), amount_group([2_000, 2_400] * 500))
    assert uplift_in_words(found, "spend", "USD") == (
        "treated customers spent 23.00 USD each, the control group 22.00 USD: 1.00 USD more "
        "(between 0.78 USD and 1.22 USD), 95 % interval"
    )
    worth = value_of(found, customers=1_000, cost=Money(amount_minor=40_000, currency="USD"))
    said = uplift_value_in_words(worth)
    assert said.startswith(
        "1000.00 USD gained with 1,000 treated customers, less 400.00 USD for what they were given: "
    )
    assert "600.00 USD (between 37" in said


def test_a_verdict_of_a_guard_rail() -> None:
    def said(treated: tuple[int, int], control: tuple[int, int], margin: str) -> str:
        groups = share_group(*treated), share_group(*control)
        return verdict_in_words(judge(rail(margin=margin), *groups, at=AT, planned=(1, 1)))

    passed = said((20_000, 200), (20_000, 200), "0.5 points")
    assert passed == (
        "complaints may not rise by more than 0.5 points: passes: 0.0 points more than the control group "
        "(between 0.33 points less and 0.33 points more, at every look; 20,000 treated, 20,000 of the control group)"
    )
    assert "FAILS: 2.0 points more" in said((20_000, 600), (20_000, 200), "0.5 points")
    assert "it would pass after roughly" in said((5_000, 50), (5_000, 50), "0.5 points")
    assert "too close to the margin" in said((10_000, 150), (10_000, 100), "0.5 points")
    assert said((100, 1), (100, 1), "0.5 points") == (
        "complaints may not rise by more than 0.5 points: has no data: treated customers: 100 customers, and the guard "
        "rail asks for 500 of each group"
    )


def test_what_is_not_known_has_no_number() -> None:
    for said in (uplift_in_words(WHY, "churn", "USD"), uplift_value_in_words(WHY), estimate_in_words(WHY, "USD")):
        assert said == "not known: the group has no customers: there is nothing to count"


def test_an_estimate_of_a_changed_strategy() -> None:
    found = OffPolicyEstimate(
        estimator="dr",
        unit="share",
        decisions=2_000,
        matched=600,
        effective=410,
        logged=100_000,
        value=123_000,
        between=Between(low=90_000, high=156_000),
        difference=23_000,
        difference_between=Between(low=-4_000, high=50_000),
        confidence_bp=9_500,
    )
    assert estimate_in_words(found, "USD") == (
        "the changed strategy would have brought 12.3 % a decision, and 10.0 % were brought: 2.3 points more (between "
        "0.40 points fewer and 5.0 points more), 95 % interval, doubly robust, as sure as 410 decisions of its own; "
        "it may be chance"
    )
