"""The decision for one customer: who falls where and why, what is chosen, and that nothing else is said."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.errors import UsageError
from tests.unit.next_best_action.drawing import CUSTOMERS, NOON, customer, decided, live, rows, strategy, weighed

NAME = "keep_at_risk"


def _drawn(of: Strategy, *, held: bool = False, arm: str = "money", below: int = 10_000) -> str:
    """Return a customer who was drawn so."""
    for one in CUSTOMERS:
        found = assign(of.name, one, holdout_bp=of.holdout, weights={arm.name: arm.share for arm in of.arms})
        if found.held_out == held and (held or (found.arm == arm and found.rollout_bucket < below)):
            return one
    raise AssertionError("nobody was")


TREATED = _drawn(strategy())
EITHER = _drawn(strategy(), arm="either")
HELD = _drawn(strategy(), held=True)


def test_what_is_chosen_is_told_with_its_figures_and_reasons() -> None:
    found = decided([live()], customer(TREATED))
    chosen = found.chosen
    assert chosen is not None
    assert (chosen.treatment, chosen.fell, chosen.reason.code) == ("loyalty_credit", None, "worth_most")
    assert (str(chosen.cost), str(chosen.value), chosen.chance) == ("16.00 USD", "29.36 USD", 7_000)
    assert chosen.reason.detail == "is expected to gain 29.36 USD after its cost"
    assert [reason.detail for reason in chosen.because] == ["We would like to keep you."]
    assert (found.probability, chosen.chance_of, found.simulated) == (10_000, "leaving", False)
    assert decided([live()], customer(TREATED, simulated=True)).simulated


@pytest.mark.parametrize(
    ("values", "fell", "said"),
    [
        ({"churn_percent": 29}, "cohort", "is not in its cohort: (churn_percent >= 30) AND (tenure_days >= 90)"),
        ({"tenure_days": None}, "cohort", "is not in its cohort"),
        ({"currency": "EUR"}, "currency", "pays in another currency than USD"),
        ({"customer_id": HELD}, "control_group", "is in the control group of 10 %, which is never treated"),
        ({"customer_id": EITHER}, None, "is expected to gain 29.36 USD after its cost"),
        ({"open_tickets": 1}, "eligible", "has an open support ticket"),
        ({"bills_disputed_90d": 1}, "suitable", "disputes a bill"),
        ({"open_tickets": 1, "bills_disputed_90d": 1}, "eligible", "has an open support ticket"),
        ({"consent_marketing": None}, "contact", "has not agreed to marketing"),
        ({"refusals_90d": 1}, "contact", "refused an offer in the last 90 days"),
        ({"days_since_contact": 29}, "contact", "heard from us less than 30 days ago"),
        ({"days_since_contact": -1}, "contact", "heard from us less than 30 days ago"),
        ({"contacts_90d": 2}, "contact", "heard from us 2 times or more in 90 days"),
        ({"billed_minor_90d": 0}, "value", "spends too little in a month"),
        ({"billed_minor_90d": 900}, None, ""),
        ({"currency": None, "billed_minor_90d": 0}, "value", "spends too little"),
    ],
)
def test_who_falls_is_told_where_and_why(values: dict[str, Any], fell: str | None, said: str) -> None:
    one = weighed(decided([live()], customer(**{"customer_id": TREATED, **values})), NAME, "loyalty_credit")
    assert one.fell == fell
    assert said in one.reason.detail


def test_a_treatment_of_another_arm_falls() -> None:
    one = weighed(decided([live()], customer(TREATED)), NAME, "saver_plan")
    assert (one.fell, one.reason.detail) == ("arm", "is in arm money, which does not get it")
    lost = weighed(decided([live()], customer(EITHER)), NAME, "saver_plan")
    assert (lost.fell, lost.reason.detail) == ("value", "is expected to lose 11.28 USD at a cost of 12.00 USD")


def test_who_is_not_reached_yet_falls_and_whoever_is_stays_as_it_grows() -> None:
    reached: set[str] = set()
    for stage in (0, 1_000, 2_500, 5_000, 10_000):
        now = {one for one in CUSTOMERS if decided([live(reached=stage)], customer(one)).chosen is not None}
        assert reached <= now
        reached = now
    assert len(reached) > 300
    said = {0: "nobody is treated by it now: its rollout is held, or was ended", 1: "it has reached 0.01 % so far"}
    for share, words in said.items():
        one = weighed(decided([live(reached=share)], customer(TREATED)), NAME, "loyalty_credit")
        assert (one.fell, one.reason.detail) == ("rollout", words)


@pytest.mark.parametrize(
    ("channel", "hour", "code"),
    [
        ("sms", 18, None),
        ("sms", 3, "contact_quiet_hours"),  # 21:00 in Chicago
        ("push", 14, "contact_quiet_hours"),  # 08:00
        ("push", 15, None),  # 09:00
        ("agent", 3, None),  # the customer called us
        ("email", 18, "contact_channel"),
    ],
)
def test_quiet_hours_are_the_customers_own_and_bind_what_we_send(channel: str, hour: int, code: str | None) -> None:
    found = decided([live()], customer(TREATED), channel, datetime(2026, 12, 10, hour, tzinfo=UTC))
    one = weighed(found, NAME, "loyalty_credit")
    assert (one.fell, one.reason.code) == (("contact", code) if code else (None, "worth_most"))


def test_quiet_hours_follow_daylight_saving() -> None:
    """09:00 in Chicago is 15:00 UTC in winter and 14:00 in summer."""
    summer = live(("term: {first: 2026-12-01, last: 2027-02-28}", "term: {first: 2026-05-01, last: 2026-09-30}"))
    at = datetime(2026, 7, 1, 14, tzinfo=UTC)
    assert decided([summer], customer(TREATED), "sms", at).chosen is not None
    assert decided([summer], customer(TREATED), "sms", at.replace(hour=13)).chosen is None


def test_outside_its_days_a_strategy_says_nothing() -> None:
    for at in (datetime(2026, 12, 1, 5, 59, tzinfo=UTC), datetime(2027, 3, 1, 6, tzinfo=UTC)):
        one = weighed(decided([live()], customer(TREATED), "agent", at), NAME, "loyalty_credit")
        assert (one.fell, one.reason.code) == ("contact", "contact_term")
    assert decided([live()], customer(TREATED), "agent", datetime(2026, 12, 1, 6, tzinfo=UTC)).chosen is not None


@pytest.mark.parametrize("zone", ["America/Chicago", "Pacific/Auckland"])
@pytest.mark.parametrize("at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_at_the_ends_of_the_calendar_nothing_is_said(zone: str, at: datetime) -> None:
    there = live(("America/Chicago", zone))
    assert (
        weighed(decided([there], customer(TREATED), "agent", at), NAME, "loyalty_credit").reason.code == "contact_term"
    )


def test_a_customer_who_came_to_us_has_no_cool_down_but_their_refusal_counts() -> None:
    assert decided([live()], customer(TREATED, days_since_contact=1), "agent").chosen is not None
    assert decided([live()], customer(TREATED, days_since_contact=1), "sms").chosen is None
    assert decided([live()], customer(TREATED, refusals_90d=1), "agent").chosen is None
    assert decided([live()], customer(TREATED, consent_marketing=False), "agent").chosen is None


def test_messages_of_service_pass_consent_and_frequency() -> None:
    service = live(("purpose: marketing", "purpose: service"))
    tired = customer(TREATED, consent_marketing=False, refusals_90d=3, contacts_90d=9, days_since_contact=0)
    assert decided([service], tired, "sms", datetime(2026, 12, 10, 3, tzinfo=UTC)).chosen is not None


def test_without_a_score_nothing_is_known_of_staying() -> None:
    anybody = live(("churn_percent >= 30 AND tenure_days >= 90", "tenure_days >= 90"))
    one = weighed(decided([anybody], customer(TREATED, churn_percent=None)), NAME, "loyalty_credit")
    assert (one.fell, one.reason.code, one.value) == ("value", "no_score", None)


def _two(weight: str) -> list[Live]:
    other = (
        ("name: keep_at_risk", "name: aaa_first"),
        ("horizon_months: 12}", f"horizon_months: 12, weight: {weight}}}"),
    )
    return [live(), live(*other)]


def _treated_by_both() -> Row:
    for one in CUSTOMERS:
        found = decided(_two("100 %"), customer(one))
        if {each.fell for each in found.weighed if each.treatment == "loyalty_credit"} == {None, "outranked"}:
            return customer(one)
    raise AssertionError("nobody is")


@pytest.mark.parametrize(("weight", "wins"), [("101 %", "aaa_first"), ("99 %", NAME), ("100 %", "aaa_first")])
def test_of_two_strategies_the_one_worth_more_wins_and_of_equals_the_first_by_name(weight: str, wins: str) -> None:
    found = decided(_two(weight), _treated_by_both())
    assert found.chosen is not None
    assert found.chosen.strategy == wins
    (beaten,) = [one for one in found.weighed if one.fell == "outranked"]
    assert beaten.reason.detail == f"Loyalty credit is expected to gain more: {found.chosen.value}"


def test_a_strategy_whose_budget_has_no_room_for_its_choice_takes_nobody_from_another() -> None:
    first, second = _two("101 %")
    row = _treated_by_both()
    for room in (None, 1_600):
        found = decided([first, replace(second, room=room)], row)
        assert found.chosen is not None
        assert found.chosen.strategy == "aaa_first"
    found = decided([first, replace(second, room=1_599)], row)
    assert found.chosen is not None
    assert found.chosen.strategy == NAME
    without = next(one for one in found.weighed if one.reason.code == "over_budget")
    assert (without.strategy, without.fell) == ("aaa_first", "value")
    assert without.reason.detail == "its budget has 15.99 USD left, and Loyalty credit takes 16.00 USD"


def test_any_is_no_channel_to_be_told_on() -> None:
    with pytest.raises(UsageError, match="'any' is no channel to be told on"):
        prepare([live()], "any", NOON)


def test_one_strategy_in_two_versions_is_refused() -> None:
    with pytest.raises(UsageError, match="strategy 'keep_at_risk' is given twice"):
        prepare([live(), live(("holdout: 10 %", "holdout: 5 %"))], "sms", NOON)


@given(row=rows())
def test_every_candidate_is_told_once_and_at_most_one_is_chosen(row: Row) -> None:
    strategies = _two("120 %")
    found = decided(strategies, row)
    assert sorted((one.strategy, one.treatment) for one in found.weighed) == sorted(
        (each.strategy.name, treatment.code) for each in strategies for treatment in each.strategy.treatments
    )
    assert [one.fell for one in found.weighed].count(None) == (found.chosen is not None)
    for one in found.weighed:
        assert one.reason.detail
        if one.fell in (None, "outranked"):
            assert one.value is not None
            assert one.value.amount_minor > 0
    worth = [one.value.amount_minor for one in found.weighed if one.fell in (None, "outranked") and one.value]
    assert worth == sorted(worth, reverse=True)


def test_without_strategies_nothing_is_done() -> None:
    found = decided([], customer(TREATED))
    assert (found.chosen, found.weighed) == (None, ())
