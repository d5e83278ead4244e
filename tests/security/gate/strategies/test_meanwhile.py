"""What changes between the decision and the effect: the effect is refused in clear words, and the budget goes back."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from activities.resources import WorkerResources
from placet.contracts.people.decision import ReviewResult
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import Proposed
from placet.contracts.strategies.strategy import Strategy
from tests.support.steps import Steps
from tests.support.strategies.published import (
    COMMIT,
    COST,
    HELD,
    IN_BOTH,
    IN_SMALL,
    Shop,
    a_worker_gone_bad,
    events,
    execute,
    strategy,
)

ZONE = ZoneInfo("America/Chicago")
Meanwhile = Callable[[Shop, MandateRecord], None]


def night_at(*, hours: int) -> str:
    """Return quiet hours that begin so many hours from now, of the market."""
    begins = datetime.now(ZONE) + timedelta(hours=hours)
    return f"{begins:%H:%M} to {begins + timedelta(hours=4):%H:%M}"


class Decided(NamedTuple):
    """A run whose proposal is approved, by the mandate or by a person."""

    steps: Steps
    record: MandateRecord
    proposed: Proposed
    review: ReviewResult | None

    def execute(self, context: WorkerResources | None = None) -> ExecutionResult:
        if self.review is None:
            return execute(self.steps, self.proposed, context)
        return self.steps.execute(self.proposed, self.review)


def decided(shop: Shop, one: Strategy, by: str, channel: str = "agent") -> Decided:
    if by == "a person":
        forbid(shop)
    record = shop.publish(one)
    steps = shop.run(one, channel=channel)
    proposed, gate = steps.to_the_gate()
    assert gate.verdict == ("human" if by == "a person" else "cleared")
    review = steps.review(proposed, gate, steps.sign(proposed)) if by == "a person" else None
    assert review is None or len(review.decisions) == 1
    return Decided(steps, record, proposed, review)


def forbid(shop: Shop) -> None:
    """Let policy permit the agent to commit nothing."""
    file = shop.policy_file
    file.write_text(file.read_text().replace(COMMIT, ""))


def consent_withdrawn(shop: Shop, record: MandateRecord) -> None:
    shop.happens(IN_BOTH, "consent.changed", {"purpose": "marketing", "given": False})


def refused_an_offer(shop: Shop, record: MandateRecord) -> None:
    shop.happens(IN_BOTH, "customer.contacted", {"channel": "sms", "purpose": "marketing", "answer": "refused"})


def opened_a_ticket(shop: Shop, record: MandateRecord) -> None:
    ticket = {"ticket_id": "T1", "status": "opened", "topic": "billing"}
    shop.happens(IN_BOTH, "support.ticket", ticket)


def heard_enough(shop: Shop, record: MandateRecord) -> None:
    for hours in (1, 2):
        contact = {"channel": "sms", "purpose": "marketing", "answer": "none"}
        shop.happens(IN_BOTH, "customer.contacted", contact, hours=hours)


def left_the_cohort(shop: Shop, record: MandateRecord) -> None:
    """What they recharged turns out not to be so."""
    with shop.database.reading() as tx:
        (recharge,) = tx.events.of_kind("demo", IN_BOTH, "placet.balance.recharged.v1")
    correction = {"source": "bss", "id": json.loads(recharge)["id"], "reason": "wrong"}
    shop.happens(IN_BOTH, "event.corrected", correction)


def withdrawn(shop: Shop, record: MandateRecord) -> None:
    shop.revoke(record)


def replaced(shop: Shop, record: MandateRecord) -> None:
    shop.publish(strategy(("about: A credit", "about: A little credit")))


def merged_into_the_control_group(shop: Shop, record: MandateRecord) -> None:
    shop.merge(HELD, IN_BOTH)


def merged_into_another_arm(shop: Shop, record: MandateRecord) -> None:
    shop.merge(IN_SMALL, IN_BOTH)


CHANGES: dict[Meanwhile, tuple[str, str]] = {
    consent_withdrawn: ("strategy_changed", "no longer permits it: the customer has not agreed to marketing"),
    refused_an_offer: ("strategy_changed", "the customer refused an offer in the last 90 days"),
    opened_a_ticket: ("strategy_changed", "the customer has an open support ticket"),
    heard_enough: ("strategy_changed", "the customer heard from us 2 times or more in 90 days"),
    left_the_cohort: ("strategy_changed", "the customer is not in its cohort: "),
    withdrawn: ("strategy_unpublished", "is not in force: it was withdrawn by olga at "),
    replaced: ("strategy_unpublished", "is not in force: it was withdrawn by hanna at "),
    merged_into_the_control_group: ("strategy_changed", "the customer is in the control group of 20 %"),
    merged_into_another_arm: ("strategy_changed", "the customer is in arm small, which does not get it"),
}


@pytest.mark.parametrize("by", ["a person", "the mandate"])
@pytest.mark.parametrize("meanwhile", CHANGES, ids=lambda change: change.__name__)
def test_what_changed_since_the_decision_stops_the_effect_whoever_approved(
    shop: Shop, by: str, meanwhile: Meanwhile
) -> None:
    found = decided(shop, strategy(), by)
    meanwhile(shop, found.record)
    done = found.execute()
    code, said = CHANGES[meanwhile]
    if by == "the mandate" and meanwhile in (withdrawn, replaced):
        code, said = "mandate_revoked", "mandate 'keep_at_risk' was revoked by "
    assert (done.outcome, done.code) == ("refused", code), done.detail
    assert said in done.detail
    nothing_was_given(shop, found, done)


def nothing_was_given(shop: Shop, found: Decided, done: ExecutionResult) -> None:
    """Nothing was sent, the record says why, and once the run is closed the mandate has its amount back."""
    (refused,) = events(found.steps, "execute.refused")
    assert (refused.body["code"], refused.body["detail"]) == (done.code, done.detail)
    assert (shop.adjustments(), events(found.steps, "execute.sending")) == (0, [])
    assert shop.spent(found.record) == (COST if found.review is None else 0)
    found.steps.close("denied", found.proposed)
    assert shop.spent(found.record) == 0
    assert len(events(found.steps, "mandate.released")) == (1 if found.review is None else 0)


@pytest.mark.parametrize("by", ["a person", "the mandate"])
def test_nothing_is_given_once_the_term_is_over(shop: Shop, by: str) -> None:
    found = decided(shop, strategy(("hold_days: 14", "hold_days: 1"), days=1), by)
    context = replace(found.steps.parts.context, clock=lambda: datetime.now(UTC) + timedelta(hours=55))
    steps = replace(found.steps, parts=replace(found.steps.parts, context=context))
    done = found._replace(steps=steps).execute(context)
    expected = ("strategy_unpublished", "its term is from ") if by == "a person" else ("mandate_window", "it is valid ")
    assert (done.outcome, done.code) == ("refused", expected[0]), done.detail
    assert expected[1] in done.detail
    nothing_was_given(shop, found, done)


@pytest.mark.parametrize("by", ["a person", "the mandate"])
def test_what_we_send_waits_for_nobodys_night(shop: Shop, by: str) -> None:
    """Decided in the day by sms; quiet hours have begun when it is to be executed."""
    quiet = night_at(hours=2)
    found = decided(shop, strategy(quiet=quiet), by, channel="sms")
    context = replace(found.steps.parts.context, clock=lambda: datetime.now(UTC) + timedelta(hours=3))
    steps = replace(found.steps, parts=replace(found.steps.parts, context=context))
    done = found._replace(steps=steps).execute(context)
    assert (done.outcome, done.code) == ("refused", "strategy_changed"), done.detail
    assert f"no longer permits it: nothing is sent from {quiet}; it is " in done.detail
    nothing_was_given(shop, found, done)


def test_who_takes_the_channel_for_another_does_not_evade_the_night(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker gone bad says that the customer called us; the run was asked for by sms, and a person approved."""
    a_worker_gone_bad(
        monkeypatch,
        lambda proposal: proposal.model_copy(
            update={
                "strategy": proposal.strategy.model_copy(update={"channel": "agent"}) if proposal.strategy else None
            }
        ),
    )
    found = decided(shop, strategy(quiet=night_at(hours=2)), "a person", channel="sms")
    done = found.execute()
    assert (done.outcome, done.code) == ("refused", "strategy_undecided"), done.detail
    nothing_was_given(shop, found, done)


def test_nothing_changed_and_the_person_who_approved_is_done_as_they_said(shop: Shop) -> None:
    found = decided(shop, strategy(), "a person")
    assert found.execute().outcome == "executed"
    # The budget that was signed bounds what people approve, too.
    assert (shop.adjustments(), shop.spent(found.record)) == (1, COST)
