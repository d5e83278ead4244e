"""A strategy takes customers as something happens to them: at once, once, in both groups, as far as is signed."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from placet.contracts.run import RunRequest
from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import StorageError
from placet.interfaces.record_words import in_words
from placet.interfaces.telling.rollouts import velocity_in_words
from placet.service.cohorts import fold_all
from placet.service.rollouts.ordering import record_start
from placet.service.state.following import still_to_come
from placet.storage.projections.verification import verify_projections
from placet.storage.strategies.coming import Comer
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
    with rolling.shop.database.reading() as tx:
        found = [str(finding) for finding in verify_projections(tx, "demo")]
    assert [one for one in found if one.startswith("rollout")] == []  # what the test did to runs is none of theirs


def test_a_flood_of_events_of_one_customer_brings_them_in_once(rolling: Rolling) -> None:
    for _ in range(5):
        for _ in range(8):
            crowd(rolling.shop, FEW[:3])
        rolling.follow()
    assert len(members(rolling)) == len([one for one in FEW[:3] if draw(rolling.of, one).rollout_bucket < 6_000])
    started_for = rolling.reach()
    crowd(rolling.shop, FEW[:3])
    rolling.follow()
    assert rolling.reach() == []
    assert len(set(started_for)) == len(started_for)


def test_who_changed_is_on_the_list_once_however_many_events_they_have(rolling: Rolling) -> None:
    for _ in range(20):
        crowd(rolling.shop, FEW[:2])
    fold_all(rolling.shop.database, "demo")
    with rolling.shop.database.reading() as tx:
        assert len(tx.changes.next("demo", 2**62, 100)) == 2


def test_events_out_of_order_and_late_bring_in_by_the_state_that_they_lead_to(rolling: Rolling) -> None:
    treated = next(one for one in FEW if draw(rolling.of, one).treated_at(6_000))
    recharged = {"amount": {"amount_minor": 12_000, "currency": "USD"}}
    rolling.shop.happens(treated, "app.visited", {}, hours=1)
    rolling.follow()
    assert members(rolling) == set()
    rolling.shop.happens(treated, "balance.recharged", recharged, hours=24 * 80)  # late, and counted still
    rolling.shop.happens(treated, "balance.recharged", recharged, hours=24 * 200)  # too old to count
    rolling.follow()
    assert members(rolling) == {treated}
    with rolling.shop.database.reading() as tx:
        signal, entered = tx.coming.signal("demo", rolling.asked.version, treated) or (None, None)
    assert signal is not None
    assert entered is not None
    assert timedelta(days=79) < entered - signal < timedelta(days=81), "the signal is when it happened, not when heard"


def test_a_worker_that_dies_between_taking_down_and_starting_loses_and_repeats_nothing(rolling: Rolling) -> None:
    crowd(rolling.shop, FEW)
    told = list[str]()

    def dies(asked: RolloutAsked) -> None:
        told.append(asked.strategy)
        raise StorageError("killed")

    with pytest.raises(StorageError, match="killed"):
        rolling.follow(tell=dies)
    inside = members(rolling)
    assert len(inside) > 0
    assert rolling.follow() == [rolling.of.name], "the next worker tells once more"
    assert members(rolling) == inside
    first = rolling.steps.batch(rolling.asked)
    assert rolling.steps.batch(rolling.asked) == first, "whoever died before a run was noted starts the same one"
    assert {one for one in rolling.reach() if one in FEW} == {
        one for one in inside if draw(rolling.of, one).treated_at(6_000)
    }


def test_of_two_strategies_that_fight_for_one_customer_the_one_worth_more_starts_a_run(shop: Shop) -> None:
    small = started(shop, coming(*_sells("5 %"), ("name: keep_at_risk", "name: small_fight")))
    large = started(shop, coming(*_sells("50 %"), ("name: keep_at_risk", "name: large_fight")))
    both = [one for one in CROWD if all(draw(it.of, one).treated_at(6_000) for it in (small, large))][:20]
    shop.at_risk(*both)
    assert set(small.follow()) == {"small_fight", "large_fight"}
    assert not set(both) & set(small.reach())
    assert set(large.reach()) >= set(both)
    with shop.database.reading() as tx:
        entries = [one for one in tx.audit.read("tenant/demo") if one.kind == "rollout.passed_over"]
        assert tx.coming.passed_over("demo", small.asked.version) == len(entries) >= len(both)
    assert {(one.body["strategy"], one.body["by_name"], one.body["why"]) for one in entries} == {
        ("small_fight", "large_fight", "outranked")
    }
    assert "is worth more for them" in in_words(entries[0])


def test_a_row_that_was_forged_starts_no_run_and_is_recorded(rolling: Rolling) -> None:
    held = next(one for one in CROWD if draw(rolling.of, one).held_out)
    forged = Comer(version=rolling.asked.version, customer_id=held, control=False, bucket=0, signal_at=rolling.now)
    with rolling.shop.database.transaction() as tx:
        tx.coming.enter("demo", forged, rolling.now)
    assert held not in rolling.reach()
    with rolling.shop.database.reading() as tx:
        (entry,) = [one for one in tx.audit.read("tenant/demo") if one.kind == "rollout.passed_over"]
    assert (entry.body["customer_id"], entry.body["why"]) == (held, "not_drawn")
    assert "the draw does not treat them" in in_words(entry)


def test_while_it_is_held_nobody_comes_in_and_after_it_they_do_with_their_next_event(rolling: Rolling) -> None:
    rolling.stop("pause")
    crowd(rolling.shop, FEW)
    assert rolling.follow() == []
    assert members(rolling) == set()
    rolling.take(rolling.signed(rolling.order("resume")))
    rolling.follow()
    assert members(rolling) == set()
    crowd(rolling.shop, FEW)
    rolling.follow()
    assert len(members(rolling)) > 0


def test_a_strategy_that_is_withdrawn_while_events_come_takes_nobody_more(shop: Shop) -> None:
    one = coming()
    record = shop.publish(one)
    asked = record_start(shop.database, tenant="demo", wanted=one.name, by="olga", policies=lambda _: shop.policies)
    rolling = Rolling(shop, one, asked)
    crowd(shop, FEW[:40])
    rolling.follow()
    before = members(rolling)
    shop.revoke(record)
    crowd(shop, FEW)
    assert rolling.follow() == []
    assert members(rolling) == before
    assert rolling.stand().phase == "closed"


def test_no_more_runs_are_started_in_an_hour_than_the_strategy_says(shop: Shop) -> None:
    rolling = started(shop, coming(("per_hour: 100000", "per_hour: 7")))
    rolling.follow()
    crowd(shop, FEW)
    rolling.follow()
    assert len(_one_hour(rolling)) == 7
    assert rolling.stand().wait_seconds == 30
    assert _one_hour(rolling) == []
    rolling.later += timedelta(hours=1, minutes=1)
    assert len(_one_hour(rolling)) == 7, "who waited has their turn"


def test_a_clock_that_went_back_lets_nobody_come_in_and_forgets_nobody(rolling: Rolling) -> None:
    treated = next(one for one in FEW if draw(rolling.of, one).treated_at(6_000))
    crowd(rolling.shop, [treated])  # two days ago
    rolling.later = -timedelta(days=3)
    assert rolling.follow() == []
    assert still_to_come(rolling.shop.database, "demo", rolling.now) == 1
    rolling.later = timedelta()
    rolling.follow()
    assert members(rolling) == {treated}


def test_a_customer_who_pays_in_the_money_of_another_market_does_not_come_in(rolling: Rolling) -> None:
    treated = next(one for one in FEW if draw(rolling.of, one).treated_at(6_000))
    euros = {"amount": {"amount_minor": 90_000, "currency": "EUR"}}
    rolling.shop.happens(treated, "balance.recharged", euros)
    rolling.shop.happens(treated, "balance.recharged", {"amount": {"amount_minor": 100, "currency": "USD"}})
    rolling.follow()
    assert members(rolling) == set()


def test_a_budget_that_is_gone_lets_nobody_more_come_in(rolling: Rolling) -> None:
    crowd(rolling.shop, FEW[:40])
    rolling.follow()
    before = members(rolling)
    with rolling.shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE mandate SET spent_minor = budget_minor"))
    crowd(rolling.shop, FEW)
    assert rolling.follow() == []
    assert members(rolling) == before
    step = rolling.stand()
    assert (step.phase, "is spent" in step.detail) == ("closed", True)
    assert rolling.steps.batch(rolling.asked) == ()


def test_a_further_stage_takes_in_who_comes_after_it_was_signed(rolling: Rolling) -> None:
    crowd(rolling.shop, FEW)
    rolling.follow()
    first = members(rolling)
    rolling.take(rolling.signed(rolling.order("promote")))
    assert rolling.stand().phase == "reaching"
    rolling.follow()
    assert members(rolling) == first, "nothing happened to the others"
    crowd(rolling.shop, FEW)
    rolling.follow()
    assert members(rolling) == set(FEW)


def test_a_stage_counts_as_reached_when_it_begins_and_the_last_one_goes_on(shop: Shop) -> None:
    rolling = started(shop, coming(("by_more_than: 0.5 points", "by_more_than: 60 points")))
    assert rolling.stand().phase == "watching"
    assert rolling.shown().row.reached_at is not None
    crowd(shop)
    rolling.follow()
    rolling.reach()
    assert rolling.look(days=14).asks is not None
    rolling.take(rolling.signed(rolling.order("promote")))
    crowd(shop)
    rolling.follow()
    rolling.reach()
    shown = rolling.look(days=15)
    assert shown.looks[0].verdicts[0].verdict == "pass", shown.looks[0].verdicts[0].unknown
    assert "completed" not in shown.stands
    assert rolling.stand().phase == "watching"


def test_how_fast_customers_are_reached_is_told_from_what_happened_to_the_run_and_to_the_effect(shop: Shop) -> None:
    rolling = started(shop, coming())
    rolling.follow()
    treated = [one for one in FEW if draw(rolling.of, one).treated_at(6_000)]
    crowd(shop, FEW)  # two days ago
    rolling.follow()
    (first, *_) = rolling.reach()
    velocity = rolling.shown().velocity
    assert velocity is not None
    assert (velocity.started, velocity.executed, velocity.effect_ms) == (len(treated) + 2, 0, None)
    assert timedelta(hours=47) < timedelta(milliseconds=velocity.run_ms or 0) < timedelta(hours=50)
    with shop.database.reading() as tx:
        (run, *_) = tx.runs.list("demo", None, first, None, 1, None)
    rolling.end(run.run_id, "executed")
    velocity = rolling.shown().velocity
    assert velocity is not None
    assert (velocity.executed, velocity.effect_ms) == (1, velocity.effect_slow_ms)
    assert velocity_in_words(velocity).startswith("run started 48 h after it happened for half of")


@given(st.lists(st.tuples(st.sampled_from(FEW[:6]), st.booleans()), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_events_and_deaths_follow_each_other_each_customer_comes_in_once(
    rolling: Rolling, steps: list[tuple[str, bool]]
) -> None:
    happened = set[str]()
    for customer, dies in steps:
        happened.add(customer)
        crowd(rolling.shop, [customer])
        with suppress(StorageError):
            rolling.follow(tell=_killed if dies else None)
    rolling.follow()
    inside = {one for one in happened if draw(rolling.of, one).rollout_bucket < 6_000}
    assert inside <= members(rolling)
    with rolling.shop.database.reading() as tx:
        assert tx.changes.next("demo", 2**62, 10) == []
    rows = [one.customer_id for one in rolling.members()]
    assert len(rows) == len(set(rows))


def _killed(_asked: RolloutAsked) -> None:
    raise StorageError("killed")


def _one_hour(rolling: Rolling) -> list[str]:
    """Let all runs be started that an hour has room for."""
    found: list[str] = []
    while requests := rolling.steps.batch(rolling.asked):
        rolling.steps.note(rolling.asked, requests)
        found += [one.customer_id for one in requests]
        rolling.over(one.run_id for one in requests if isinstance(one, RunRequest))
    return found


def _sells(chance: str) -> tuple[tuple[str, str], ...]:
    """Let both treatments be worth something without a score of who leaves."""
    sold = f"value: {{of: taking_up, chance: {chance}, worth: 40.00 USD, months: 12}}"
    return ("value: {of: staying, removes: 15 %}", sold), ("value: {of: staying, removes: 10 %}", sold)
