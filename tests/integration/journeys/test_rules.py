"""A journey waits or ends by rule, on record: cohort, consent, control group, hold, stage, version, term, budget."""

from dataclasses import replace
from datetime import timedelta

import pytest

from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.service.journeys.showing import list_journeys
from placet.service.rollouts.ordering import record_start
from placet.service.strategies.publishing import carried
from placet.storage.projections.verification import verify_projections
from placet.storage.strategies.journeys import AlteredJourney
from tests.support.databases import outsider
from tests.support.strategies.published import HELD, IN_BOTH, NOT_REACHED, Shop, events, execute
from tests.support.strategies.rolling import Rolling
from tests.support.strategies.travelling import STEPS, Trip, entered, with_steps


def rolling(trip: Trip) -> Rolling:
    """Start the rollout of the strategy that a customer is in."""
    asked = record_start(
        trip.shop.database, tenant="demo", wanted=trip.of.name, by="olga", policies=lambda _: trip.shop.policies
    )
    return Rolling(trip.shop, trip.of, asked)


def test_what_does_not_come_in_time_goes_the_other_way(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    assert trip.look().step == "first_use"
    assert trip.look(days=9).step == "first_use"
    late = trip.look(days=2)
    assert (late.phase, late.step) == ("waiting", "later")
    assert timedelta(days=2) < timedelta(seconds=late.wait_seconds) <= timedelta(days=3)
    assert trip.look(days=3.1).phase == "over"
    assert trip.way() == ["welcome", "first_use", "later", "done", "exit"]
    assert shop.adjustments() == 1


def test_a_look_while_a_run_is_under_way_starts_no_other(shop: Shop) -> None:
    trip = entered(shop)
    first = trip.request()
    again = trip.turn()
    assert again.request == first, "its workflow was not started yet"
    trip.carry(first)
    trip.look()
    with shop.database.reading() as tx:
        runs = [run for run in tx.runs.list("demo", None, None, None, 100, None) if run.strategy is not None]
    assert [run.run_id for run in runs] == [first.run_id]


def test_who_leaves_the_cohort_leaves_the_journey(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    trip.look(days=89)
    assert trip.way()[-1] in ("left_cohort", "not_in_force")


def test_a_customer_outside_the_cohort_is_given_nothing(shop: Shop) -> None:
    of = with_steps(("cohort: recharges_90d > 0", "cohort: recharges_90d > 3"))
    shop.publish(of)
    trip = Trip(shop, of)
    trip.enter()
    assert trip.look().phase == "over"
    assert trip.row().ended_code == "left_cohort"


def test_who_withdraws_consent_leaves_the_journey(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    trip.happens("consent.changed", {"purpose": "marketing", "given": False})
    assert trip.look().phase == "over"
    assert (trip.row().ended_code, trip.row().reason) == ("no_consent", "they have not agreed to marketing")


def test_consent_withdrawn_between_the_decision_and_the_effect_sends_nothing(shop: Shop) -> None:
    trip = entered(shop)
    request = trip.request()
    before = shop.adjustments()
    steps = replace(shop.steps, run=request)
    proposed, gate = steps.to_the_gate()
    assert gate.verdict == "cleared"
    trip.happens("consent.changed", {"purpose": "marketing", "given": False})
    assert execute(steps, proposed).outcome != "executed"
    assert shop.adjustments() == before


def test_a_member_of_the_control_group_never_has_a_step_that_treats(shop: Shop) -> None:
    of = with_steps()
    shop.publish(of)
    trip = Trip(shop, of, HELD)
    trip.enter()
    turn = trip.turn()
    assert (turn.look.phase, turn.request) == ("over", None)
    assert trip.row().ended_code == "control_group"


def test_who_is_not_reached_waits_until_the_rollout_grows(shop: Shop) -> None:
    of = with_steps()
    shop.publish(of)
    trip = Trip(shop, of, NOT_REACHED)
    trip.enter()
    turn = trip.turn()
    assert (turn.look.phase, turn.request) == ("held", None)
    going = rolling(trip)
    going.take(going.signed(going.order("promote")))
    assert trip.turn().request is not None


def test_a_hold_stops_every_step_and_what_it_stopped_is_asked_for_once_more(shop: Shop) -> None:
    trip = entered(shop)
    going = rolling(trip)
    request = trip.request()
    going.stop("pause")
    steps = trip.carry(request)
    assert steps.record().state == "no_action"
    assert trip.look().phase == "held"
    assert trip.look(days=1).phase == "held"
    going.take(going.signed(going.order("resume")))
    again = trip.request()
    assert again.run_id != request.run_id
    assert again.step == request.step
    trip.carry(again)
    assert trip.look().step == "first_use"
    assert shop.adjustments() == 1


def test_an_aborted_rollout_ends_its_journeys(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    rolling(trip).stop("abort")
    assert trip.look().phase == "over"
    assert trip.row().ended_code == "rollout_ended"


def test_a_version_that_is_replaced_ends_and_the_new_one_is_entered_anew(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    assert trip.look().step == "first_use"
    newer = with_steps(("title: Small credit", "title: Thank you"))
    shop.publish(newer)
    assert trip.look().phase == "over"
    assert trip.row().ended_code == "not_in_force"
    anew = Trip(shop, newer)
    assert anew.enter().new
    assert anew.request().step == "welcome"
    assert anew.asked.workflow_id == trip.asked.workflow_id, "there is never a second workflow"
    assert anew.row().number == 2


def test_a_newer_version_takes_the_place_of_a_journey_that_has_not_heard_of_it(shop: Shop) -> None:
    trip = entered(shop)
    newer = with_steps(("title: Small credit", "title: Thank you"))
    shop.publish(newer)
    anew = Trip(shop, newer)
    assert anew.enter().new
    assert anew.way() == ["welcome", "replaced", "welcome"]
    with shop.database.reading() as tx:
        assert tx.journeys.get("demo", IN_BOTH, newer.name) is not None
    assert anew.row().version == digest(newer) != digest(trip.of)


def test_a_version_is_entered_once(shop: Shop) -> None:
    trip = entered(shop)
    assert not trip.enter().new
    trip.treated()
    trip.look()
    trip.look(days=11)
    trip.look(days=4)
    assert trip.row().ended_code == "exit"
    assert trip.enter() == (trip.asked, False, True)
    assert trip.look().phase == "over"


def test_a_withdrawn_strategy_ends_its_journeys(shop: Shop) -> None:
    of = with_steps()
    record = shop.publish(of)
    trip = Trip(shop, of)
    trip.enter()
    shop.revoke(record)
    assert trip.look().phase == "over"
    assert trip.row().ended_code == "not_in_force"


def test_policy_that_cannot_be_read_makes_a_journey_wait(shop: Shop) -> None:
    trip = entered(shop)
    good = shop.policy_file.read_text()
    shop.policy_file.write_text(good.replace("retention_head", "nobody_at_all"))
    assert trip.look().phase == "closed"
    shop.policy_file.write_text(good)
    assert trip.turn().request is not None


def test_a_step_waits_while_the_budget_is_spent(shop: Shop) -> None:
    money = (
        ("total: 100.00 USD, per_customer: 20.00 USD", "total: 4.00 USD, per_customer: 4.00 USD"),
        ("at_most: 20.00 USD", "at_most: 4.00 USD"),
        ("at_most: 10.00 USD", "at_most: 4.00 USD"),
    )
    trip = entered(shop, *money)
    trip.treated()
    trip.happens("app.visited", {"screen": "home"})
    trip.happens("balance.checked", {"channel": "app"}, times=2)
    turn = trip.turn()
    assert (turn.look.phase, turn.look.step, turn.request) == ("closed", "reward", None)
    assert turn.look.detail == "the budget of 4.00 USD is spent"


def test_quiet_hours_make_a_step_wait(shop: Shop) -> None:
    of = with_steps(("channels: [agent, sms]", "channels: [sms, agent]"), ("00:00 to 00:01", "00:00 to 23:59"))
    shop.publish(of)
    trip = Trip(shop, of)
    trip.enter(channel="sms")
    turn = trip.turn()
    assert turn.look.phase in ("closed", "treating")
    if turn.look.phase == "closed":  # for all but one minute of the day
        assert turn.request is None
        assert "nothing is sent" in turn.look.detail


def test_a_clock_that_goes_back_ends_no_wait_early(shop: Shop) -> None:
    trip = entered(shop, ("  - {step: first_use", "  - {step: pause, wait: 2 days}\n  - {step: first_use"))
    trip.treated()
    assert trip.look().step == "pause"
    assert trip.look(days=-30).step == "pause"
    assert trip.look(days=31).step == "pause"
    assert trip.look(days=1.1).step == "first_use"


def test_a_run_by_hand_of_a_strategy_with_steps_is_refused(shop: Shop) -> None:
    of = with_steps()
    shop.publish(of)
    with pytest.raises(UsageError, match="placet journey start"):
        shop.run(of)


def test_a_strategy_without_steps_has_no_journey(shop: Shop) -> None:
    of = with_steps(steps="rollout:\n")
    shop.publish(of)
    trip = Trip(shop, of)
    with pytest.raises(UsageError, match="has no steps"):
        trip.enter()


def test_a_rollout_lets_the_treated_enter_and_nobody_else(shop: Shop) -> None:
    of = with_steps(steps=STEPS)
    shop.publish(of)
    going = rolling(Trip(shop, of))
    assert going.reach() != []
    with shop.database.reading() as tx:
        inside = {row.customer_id for row in tx.journeys.list("demo")}
        assert [str(finding) for finding in verify_projections(tx, "demo")] == []
    assert IN_BOTH in inside
    assert {HELD, NOT_REACHED}.isdisjoint(inside)
    trip = Trip(shop, of)
    steps = trip.treated()
    assert events(steps, "mandate.consumed")
    assert carried(
        shop.database, "demo", of.name, None, lambda _: shop.policies, trip.now, by_steps=True
    ).version == digest(of)


def test_a_row_that_cannot_be_read_hides_no_other(shop: Shop, database_url: str) -> None:
    of = with_steps(steps=STEPS)
    shop.publish(of)
    going = rolling(Trip(shop, of))
    going.reach()
    with outsider(database_url) as run:
        run(f"UPDATE journey SET phase = 'dancing' WHERE customer_id = '{IN_BOTH}'")  # noqa: S608 - a name of ours
    rows = list_journeys(shop.database, "demo")
    (altered,) = [one for one in rows if isinstance(one, AlteredJourney)]
    assert (altered.customer_id, len(rows) > 1) == (IN_BOTH, True)
    assert "was altered in the database" in altered.fault
