"""A rollout reaches who is drawn, stage by stage, each customer once, and no further than is signed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from placet.errors import DecisionRefused, UsageError
from placet.service.documents.keys import revoke_key
from placet.service.rollouts.ordering import record_start
from placet.service.rollouts.showing import show_rollout
from tests.support.strategies.published import Shop, draw
from tests.support.strategies.rolling import CROWD, Rolling, complain, crowd, everybody, started


@pytest.fixture
def rolling(crowded: Shop) -> Rolling:
    return started(crowded, everybody())


def test_each_stage_reaches_who_is_drawn_and_nobody_twice(rolling: Rolling) -> None:
    drawn = {customer: draw(rolling.of, customer) for customer in CROWD}
    first = rolling.reach()
    assert {one for one in first if one in drawn} == {one for one, it in drawn.items() if it.treated_at(6_000)}
    assert {one.customer_id for one in rolling.members() if one.control and one.customer_id in drawn} == {
        one for one, it in drawn.items() if it.held_out
    }
    rolling.take(rolling.signed(rolling.order("promote")))
    second = rolling.reach()
    assert {one for one in [*first, *second] if one in drawn} == {one for one, it in drawn.items() if not it.held_out}
    assert len({*first, *second}) == len(first) + len(second)
    assert rolling.reach() == []


def test_a_batch_that_is_asked_for_again_starts_the_same_runs(rolling: Rolling) -> None:
    rolling.stand()
    first = rolling.steps.batch(rolling.asked)
    assert rolling.steps.batch(rolling.asked) == first != ()


def test_the_control_group_and_the_rest_of_the_cohort_get_no_run(rolling: Rolling) -> None:
    reached = set(rolling.reach())
    for customer in CROWD:
        assert (customer in reached) == draw(rolling.of, customer).treated_at(6_000)


def test_an_altered_row_reaches_nobody_more(rolling: Rolling) -> None:
    first = rolling.reach()
    with rolling.shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE rollout SET stage = 1, phase = 'reaching', reached_at = NULL"))
    assert rolling.reach() == []
    assert rolling.shown().reached == 6_000
    assert len(first) > 0


def test_who_published_it_does_not_start_it(shop: Shop) -> None:
    one = everybody()
    shop.publish(one)
    with pytest.raises(UsageError, match="another person must start"):
        record_start(shop.database, tenant="demo", wanted=one.name, by="hanna", policies=lambda _: shop.policies)


def test_it_is_started_once(rolling: Rolling) -> None:
    again = record_start(
        rolling.shop.database, tenant="demo", wanted=rolling.of.name, by="otto", policies=rolling.policies
    )
    assert again == rolling.asked


@pytest.mark.parametrize(
    "bent",
    [{"number": 2}, {"to": 9_000}, {"to": 6_000}, {"version": "0" * 64}, {"strategy": "another"}, {"tenant": "other"}],
    ids=str,
)
def test_an_order_for_something_else_does_not_count(rolling: Rolling, bent: dict[str, Any]) -> None:
    order = rolling.order("promote")
    with pytest.raises((DecisionRefused, UsageError)):
        rolling.take(rolling.signed(order, **bent))
    assert rolling.shown().reached == 6_000


def test_an_order_counts_by_who_may_publish_alone(rolling: Rolling) -> None:
    anna = rolling.shop.steps.approver("anna", "retention_lead")
    order = rolling.order("promote", anna)
    with pytest.raises(DecisionRefused, match="may not sign"):
        rolling.take(rolling.signed(order, anna))
    with pytest.raises(DecisionRefused):  # signed with anna's key in the name of hanna
        rolling.take(rolling.signed(rolling.order("promote"), anna))
    with rolling.shop.database.reading() as tx:
        refused = [one for one in tx.audit.read("tenant/demo") if one.kind == "rollout.order_refused"]
    assert len(refused) == 2
    assert rolling.shown().reached == 6_000


def test_an_order_counts_once(rolling: Rolling) -> None:
    envelope = rolling.signed(rolling.order("promote"))
    other = rolling.signed(rolling.order("promote"))
    rolling.take(envelope)
    rolling.take(envelope)  # the answer was lost
    with pytest.raises((DecisionRefused, UsageError)):
        rolling.take(other)
    assert rolling.shown().reached == 10_000


def test_an_entry_without_a_signed_order_moves_nothing_up(rolling: Rolling) -> None:
    """Whoever owns the database may append what they like: it must be signed to let more happen."""
    version = rolling.asked.version
    with rolling.shop.database.transaction() as tx:
        body = {"strategy": rolling.of.name, "version": version, "stage": 1, "to": 10_000, "document": "1" * 64}
        tx.record_act("demo", "rollout.moved", "hanna", rolling.now, f"{version}.1", body)
    assert rolling.shown().reached == 6_000


def test_a_revoked_key_lets_nothing_more_happen(rolling: Rolling) -> None:
    rolling.take(rolling.signed(rolling.order("promote")))
    assert rolling.shown().reached == 10_000
    hanna = rolling.shop.hanna
    revoke_key(rolling.shop.database, tenant="demo", key_id=hanna.key.key_id, by=hanna, reason="left")
    step = rolling.stand()
    assert (step.phase, step.reached) == ("closed", 0)


def test_while_it_is_held_nobody_is_reached_and_a_signature_lets_it_go_on(rolling: Rolling) -> None:
    assert rolling.stop("pause").reached == 0
    assert rolling.stand().phase == "held"
    assert rolling.steps.batch(rolling.asked) == ()
    with pytest.raises(UsageError, match="held already"):
        rolling.stop("pause")
    order = rolling.signed(rolling.order("resume"))
    rolling.take(order)
    assert rolling.shown().reached == 6_000
    assert rolling.stop("pause").reached == 0
    rolling.take(order)  # the first hold's: it says nothing of the second
    assert rolling.shown().reached == 0


def test_what_is_aborted_stays_so(rolling: Rolling) -> None:
    assert rolling.stop("abort").reached == 0
    assert rolling.stand().phase == "over"
    for action in ("promote", "resume"):
        with pytest.raises(UsageError, match="is over"):
            rolling.order(action)
    with pytest.raises(UsageError, match="is over"):
        record_start(rolling.shop.database, tenant="demo", wanted=rolling.of.name, by="olga", policies=rolling.policies)


def test_a_guard_rail_that_fails_takes_it_back_and_holds_it(rolling: Rolling) -> None:
    rolling.reach()
    rolling.take(rolling.signed(rolling.order("promote")))
    reached = set(rolling.reach())
    treated = [one.customer_id for one in rolling.members() if not one.control]
    assert len(reached) > 0
    complain(rolling.shop, treated)
    shown = rolling.look()
    assert [one.verdict for one in shown.looks[0].verdicts] == ["fail"]
    assert (shown.reached, shown.stage) == (0, 0)
    assert rolling.stand().phase == "held"
    assert "complaints failed" in shown.stands
    entry = rolling.entry("rollout.moved", 2)
    assert entry is not None
    assert entry.body["document"] is None


def test_too_few_customers_are_no_pass(shop: Shop) -> None:
    crowd(shop, CROWD[:60])
    rolling = started(shop, everybody())
    rolling.reach()
    shown = rolling.look(days=20)
    assert [one.verdict for one in shown.looks[0].verdicts] == ["no_data"]
    assert shown.asks is None
    assert rolling.stand().phase == "watching"


def test_when_all_pass_the_next_stage_is_asked_for_and_the_last_one_completes_it(crowded: Shop) -> None:
    rolling = started(crowded, everybody(("by_more_than: 0.5 points", "by_more_than: 60 points")))
    rolling.reach()
    assert rolling.look(days=1).asks is None, "its hold time is not over"
    shown = rolling.look(days=14)
    assert shown.asks is not None
    assert rolling.stand().phase == "asking"
    order = rolling.order("promote")
    assert order.evidence == shown.asks
    rolling.take(rolling.signed(order))
    rolling.reach()
    assert rolling.look(days=15).stands.startswith("completed")
    assert (rolling.shown().reached, rolling.stand().phase) == (10_000, "over")


def test_whoever_signs_before_the_rails_pass_signs_what_was_seen(rolling: Rolling) -> None:
    assert rolling.order("promote").evidence is None, "nobody has looked yet"
    rolling.reach()
    shown = rolling.look()
    assert shown.asks is None
    entry = rolling.entry("rollout.looked")
    assert entry is not None
    order = rolling.order("promote")
    assert order.evidence == entry.body["look"]
    rolling.take(rolling.signed(order))
    moved = rolling.entry("rollout.moved")
    assert moved is not None
    assert moved.body["evidence"] == order.evidence


def test_a_clock_that_went_back_is_no_data(crowded: Shop) -> None:
    rolling = started(crowded, everybody(("by_more_than: 0.5 points", "by_more_than: 60 points")))
    rolling.reach()
    assert rolling.look(days=3).looks[0].verdicts[0].verdict == "pass"
    rolling.later -= rolling.later / 2
    rolling.steps.look(rolling.asked)
    verdict = rolling.shown().looks[0].verdicts[0]
    assert (verdict.verdict, verdict.unknown.code if verdict.unknown else "") == ("no_data", "clock_went_back")


def test_in_quiet_hours_nothing_is_started(crowded: Shop) -> None:
    always = (("channels: [agent, sms]", "channels: [sms]"),)
    rolling = started(crowded, everybody(*always, quiet="00:00 to 23:59"))
    step = rolling.stand()
    assert (step.phase, "nothing is sent" in step.detail) == ("closed", True)


def test_a_strategy_that_is_withdrawn_starts_nothing(crowded: Shop) -> None:
    one = everybody()
    record = crowded.publish(one)
    asked = record_start(
        crowded.database, tenant="demo", wanted=one.name, by="olga", policies=lambda _: crowded.policies
    )
    rolling = Rolling(crowded, one, asked)
    crowded.revoke(record)
    step = rolling.stand()
    assert (step.phase, "withdrawn" in step.detail) == ("closed", True)
    with pytest.raises(DecisionRefused):
        rolling.steps.batch(asked)


def test_who_was_under_way_while_it_was_held_is_asked_once_more(rolling: Rolling) -> None:
    first = rolling.reach()
    with rolling.shop.database.reading() as tx:
        (run, *_) = tx.runs.list("demo", None, first[0], None, 1, None)
    rolling.stop("pause")
    rolling.end(run.run_id, "denied")
    rolling.take(rolling.signed(rolling.order("resume")))
    assert rolling.reach() == [first[0]]
    assert rolling.reach() == []
    with rolling.shop.database.reading() as tx:
        runs = tx.runs.list("demo", None, first[0], None, 10, None)
    assert len(runs) == 2


def test_who_got_something_is_not_asked_again_after_a_hold(rolling: Rolling) -> None:
    first = rolling.reach()
    rolling.stop("pause")
    with rolling.shop.database.reading() as tx:
        (run, *_) = tx.runs.list("demo", None, first[0], None, 1, None)
    rolling.end(run.run_id, "executed")
    rolling.take(rolling.signed(rolling.order("resume")))
    assert first[0] not in rolling.reach()


def test_a_stage_that_counts_no_longer_is_signed_by_another(rolling: Rolling) -> None:
    paul = rolling.shop.steps.approver("paul", "retention_head")
    rolling.take(rolling.signed(rolling.order("promote", paul), paul))
    assert rolling.shown().reached == 10_000
    revoke_key(rolling.shop.database, tenant="demo", key_id=paul.key.key_id, by=paul, reason="left")
    shown = rolling.shown()
    assert shown.reached == 6_000
    assert "counts no longer" in shown.stands
    rolling.take(rolling.signed(rolling.order("promote")))
    assert rolling.shown().reached == 10_000


def test_a_hold_whose_lifting_counts_no_longer_is_lifted_by_another(rolling: Rolling) -> None:
    paul = rolling.shop.steps.approver("paul", "retention_head")
    rolling.stop("pause")
    rolling.take(rolling.signed(rolling.order("resume", paul), paul))
    assert rolling.shown().reached == 6_000
    revoke_key(rolling.shop.database, tenant="demo", key_id=paul.key.key_id, by=paul, reason="left")
    assert rolling.shown().reached == 0
    rolling.take(rolling.signed(rolling.order("resume")))
    assert rolling.shown().reached == 6_000


def test_guard_rails_are_looked_at_while_a_stage_is_being_reached(rolling: Rolling) -> None:
    assert rolling.stand().phase == "reaching"
    rolling.steps.batch(rolling.asked)
    rolling.later += timedelta(days=1, minutes=1)
    assert rolling.stand().phase == "looking"
    rolling.steps.look(rolling.asked)
    assert rolling.stand().phase == "reaching"


def test_both_groups_are_counted_by_the_draw(rolling: Rolling) -> None:
    rolling.reach()
    held = sum(draw(rolling.of, customer).held_out for customer in CROWD)
    verdict = rolling.look().looks[0].verdicts[0]
    assert verdict.look is not None
    assert abs(verdict.look.control.customers - held) <= 4, "the customers of the sandbox beside the crowd"


def test_a_replaced_version_is_said_to_reach_nobody(rolling: Rolling) -> None:
    rolling.reach()
    rolling.shop.publish(everybody(("hold_days: 14", "hold_days: 15")))
    shown = show_rollout(rolling.shop.database, "demo", rolling.asked.version, rolling.policies)
    assert (shown.reached, "not in force" in shown.stands) == (0, True)


def test_it_is_not_started_again_on_another_channel(rolling: Rolling) -> None:
    with pytest.raises(UsageError, match="runs already, started by olga"):
        record_start(
            rolling.shop.database,
            tenant="demo",
            wanted=rolling.of.name,
            by="otto",
            policies=rolling.policies,
            channel="sms",
        )


def test_a_step_that_is_long_overdue_is_told(rolling: Rolling) -> None:
    rolling.stand()
    assert not rolling.shown().stalled
    with rolling.shop.database.transaction() as tx:
        tx.rollouts.put("demo", rolling.asked.version, next_at=rolling.now - timedelta(hours=1))
    assert rolling.shown().stalled


def test_what_it_does_is_told_by_the_record_before_its_next_step_writes_it(rolling: Rolling) -> None:
    rolling.stand()
    paused = rolling.stop("pause")
    assert (paused.row.phase, paused.phase, paused.detail) == ("reaching", "held", "paused by olga")
    rolling.stand()
    rolling.take(rolling.signed(rolling.order("resume")))
    going_on = rolling.shown()
    assert (going_on.row.phase, going_on.phase) == ("held", "reaching")
    assert rolling.stop("abort").phase == "over"
