"""The next best action weighs what the step gives at which the record has the customer, and nothing of another one."""

from datetime import UTC, datetime

import pytest

from placet.contracts.audit import journey_stream
from placet.contracts.strategies.decision import NextBestAction
from placet.interfaces.telling.strategies import decision_lines
from placet.service.strategies.deciding import Case, decide_by_published, decide_for
from placet.service.strategies.supposing import what_if
from tests.support.databases import disarm, outsider
from tests.support.strategies.published import IN_BOTH, Shop
from tests.support.strategies.travelling import STEPS, entered, with_steps

BEGINS_BY_BRANCH = """\
steps:
  - step: which
    branch:
      - {when: balance_checks_30d >= 2, go_to: reward}
    otherwise: welcome
  - {step: welcome, treat: [small_credit], then: done}
  - {step: reward, treat: [loyalty_credit]}
  - {step: done, exit: they have started}
rollout:
"""


def sells() -> tuple[tuple[str, str], ...]:
    """Let both treatments be worth something without a score, and say nothing of frequency."""
    sold = "value: {of: taking_up, chance: 50 %, worth: 40.00 USD, months: 12}"
    return (
        ("value: {of: staying, removes: 15 %}", sold),
        ("value: {of: staying, removes: 10 %}", sold),
        ("most_per_period: 2", "most_per_period: 9"),
    )


def decide(shop: Shop, *, customer: str = IN_BOTH) -> NextBestAction:
    now = datetime.now(UTC)
    found = decide_by_published(
        shop.database, "demo", customer, lambda _agent: shop.policies, channel="agent", at=now, now=now
    )
    return found.decision


def fell(found: NextBestAction) -> dict[str, tuple[str | None, str]]:
    return {one.treatment: (one.fell, one.reason.code) for one in found.weighed}


def said(found: NextBestAction, treatment: str) -> str:
    return next(one.reason.detail for one in found.weighed if one.treatment == treatment)


def test_at_each_step_only_what_it_gives_is_offered_and_nothing_while_they_wait(shop: Shop) -> None:
    trip = entered(shop, *sells())
    first = decide(shop)
    assert fell(first)["small_credit"] == (None, "worth_most")
    assert fell(first)["loyalty_credit"] == ("step", "other_step")
    assert said(first, "loyalty_credit") == "is at step welcome, which does not give it"
    trip.treated()
    trip.look()
    waits = decide(shop)
    assert waits.chosen is None
    assert fell(waits) == dict.fromkeys(("small_credit", "loyalty_credit"), ("step", "step_waits"))
    assert said(waits, "small_credit").startswith("is at step first_use, which waits for app_visits_7d > 0, until ")
    (line, *_) = [line for group, _, line in decision_lines(waits) if group == "why nothing else"]
    assert line.startswith("not their step: is at step first_use")
    trip.happens("app.visited", {"screen": "home"})
    trip.happens("balance.checked", {"channel": "app"}, times=2)
    second = trip.request()
    reward = decide(shop)
    assert fell(reward)["loyalty_credit"] == (None, "worth_most")
    assert fell(reward)["small_credit"] == ("step", "other_step")
    trip.carry(second)
    assert trip.look().phase == "over"
    assert fell(decide(shop)) == dict.fromkeys(("small_credit", "loyalty_credit"), ("step", "journey_over"))
    assert "they have started" in said(decide(shop), "small_credit")


def test_who_has_not_entered_is_offered_what_the_first_step_gives(shop: Shop) -> None:
    shop.publish(with_steps(*sells()))
    found = decide(shop)
    assert fell(found)["small_credit"] == (None, "worth_most")
    assert fell(found)["loyalty_credit"] == ("step", "other_step")
    assert said(found, "loyalty_credit") == "would begin it at step welcome, which does not give it"


def test_a_first_step_that_waits_offers_nothing(shop: Shop) -> None:
    steps = STEPS.replace("  - {step: welcome", "  - {step: rest, wait: 2 days}\n  - {step: welcome")
    shop.publish(with_steps(*sells(), steps=steps))
    found = decide(shop)
    assert found.chosen is None
    assert said(found, "small_credit") == "would begin it at step rest, which waits 2 days"


def test_a_branch_is_followed_by_the_state_also_by_what_is_supposed(shop: Shop) -> None:
    shop.publish(with_steps(*sells(), steps=BEGINS_BY_BRANCH))
    assert fell(decide(shop))["small_credit"] == (None, "worth_most")
    now = datetime.now(UTC)
    found = what_if(
        shop.database,
        "demo",
        IN_BOTH,
        lambda _agent: shop.policies,
        Case("agent", now),
        Case("agent", now, {"balance_checks_30d": 3}),
        now,
    )
    assert fell(found.supposed.decision)["loyalty_credit"] == (None, "worth_most")
    assert fell(found.as_is.decision)["small_credit"] == (None, "worth_most")


def test_a_new_version_is_begun_anew(shop: Shop) -> None:
    trip = entered(shop, *sells())
    trip.treated()
    trip.look()
    newer = with_steps(*sells(), ("holdout: 20 %", "holdout: 19 %"))
    shop.publish(newer)
    assert fell(decide(shop))["small_credit"] == (None, "worth_most")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_event WHERE stream = '{stream}' AND seq = 1",
        "UPDATE audit_event SET actor = 'mallory' WHERE stream = '{stream}' AND seq = 2",
    ],
)
def test_a_record_of_a_journey_that_was_altered_offers_nothing(shop: Shop, database_url: str, change: str) -> None:
    trip = entered(shop, *sells())
    trip.treated()
    trip.look()
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run(change.format(stream=journey_stream(trip.asked.workflow_id)))
    found = decide(shop)
    assert fell(found) == dict.fromkeys(("small_credit", "loyalty_credit"), ("step", "journey_altered"))
    assert "is not what was written" in said(found, "small_credit")


def test_under_either_id_of_a_person_the_journey_is_found(shop: Shop) -> None:
    trip = entered(shop, *sells())
    trip.treated()
    trip.look()
    shop.merge(IN_BOTH, "C09999")
    assert fell(decide(shop, customer="C09999"))["small_credit"] == ("step", "step_waits")


def test_a_text_that_nobody_signed_is_weighed_whole(shop: Shop) -> None:
    one = with_steps(*sells())
    found = decide_for(shop.database, "demo", IN_BOTH, [one], channel="agent", at=datetime.now(UTC))
    assert {it for it, _ in fell(found).values()} == {None, "outranked"}
