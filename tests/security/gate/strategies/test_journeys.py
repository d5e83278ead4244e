"""Who writes rows, runs or signals by hand gets no step of a journey that is not due (promises 1, 5)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from placet.contracts.people.mandate import MandateRecord
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked
from placet.errors import GovernanceError
from placet.gate.strategies.journey import MOVED, body_of, run_key, standing_of
from placet.governance.signing.canonical import digest
from placet.service.runs import Carries, build_request, record_request
from tests.support.databases import disarm
from tests.support.strategies.published import IN_BOTH, IN_SMALL, Shop, a_worker_gone_bad, execute, passed_over
from tests.support.strategies.travelling import Trip, entered, with_steps


def asked_for(trip: Trip, step: str | None, key: str = "by-hand", customer: str = IN_BOTH) -> RunRequest:
    """Record a run of a step, as somebody who writes on the record could."""
    carries = Carries(trip.of.name, digest(trip.of), "agent", "retention", step)
    request = build_request(
        tenant="demo",
        customer_id=customer,
        agent="retention",
        requested_by="olga",
        key=key,
        agents=("retention",),
        carries=carries,
    )
    record_request(trip.shop.database, request)
    return request


def due_key(trip: Trip, step: str, hold: int = 0) -> str:
    """Return the key that the run of a step would have."""
    with trip.shop.database.reading() as tx:
        stands = standing_of(tx, trip.asked)
    assert stands is not None
    return run_key(trip.asked, stands._replace(step=step), hold)


def proposes(trip: Trip, request: RunRequest) -> str:
    """Carry a run to its proposal, and return what came of it."""
    steps = replace(trip.shop.steps, run=request)
    analysed = steps.analyse()
    return steps.propose(analysed, steps.query(analysed)).summary


def test_a_run_for_a_step_that_is_not_due_proposes_nothing(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    said = proposes(trip, asked_for(trip, "reward", due_key(trip, "reward")))
    assert "the customer is in step 'first_use'" in said


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (None, "has steps, and the run carries out none"),
        ("reward", "is in step 'welcome'"),
        ("first_use", "is in step 'welcome'"),
        ("welcome", "is not the one of step 'welcome'"),
        ("no_such_step", "is in step 'welcome'"),
    ],
)
def test_a_run_by_hand_proposes_nothing(shop: Shop, step: str | None, said: str) -> None:
    trip = entered(shop)
    assert said in proposes(trip, asked_for(trip, step))


def test_a_second_run_of_a_step_for_a_hold_that_never_was_proposes_nothing(shop: Shop) -> None:
    trip = entered(shop)
    assert "is not the one of step" in proposes(trip, asked_for(trip, "welcome", due_key(trip, "welcome", hold=1)))


def test_who_never_entered_gets_nothing(shop: Shop) -> None:
    trip = entered(shop)
    shop.at_risk(IN_SMALL)
    assert "never entered" in proposes(trip, asked_for(trip, "welcome", customer=IN_SMALL))


def test_a_forged_row_of_a_journey_leads_nowhere(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    with shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE journey SET step = 'reward', phase = 'treating', version = 'x'"))
    look = trip.turn()
    assert (look.look.step, look.request) == ("first_use", None)
    assert "is in step 'first_use'" in proposes(trip, asked_for(trip, "reward", due_key(trip, "reward")))


@pytest.mark.parametrize("to", ["reward", "later", "welcome", "nowhere"])
def test_a_forged_move_that_the_signed_text_does_not_permit_stops_the_journey(shop: Shop, to: str) -> None:
    """Written by whoever may write on the record; `later` is a way that opens only when the time is over."""
    trip = entered(shop)
    trip.treated()
    trip.look()
    forge(trip, {"from": "first_use", "to": to}, number=2)
    stopped = trip.turn()
    assert (stopped.look.phase, stopped.request) == ("closed", None)
    assert "not as the signed text permits" in stopped.look.detail
    if to == "reward":
        assert "as the signed text permits" in proposes(trip, asked_for(trip, to, due_key(trip, to)))


def test_a_forged_move_past_a_treatment_stops_the_journey(shop: Shop) -> None:
    trip = entered(shop)
    request = trip.request()
    forge(trip, {"from": "welcome", "to": "first_use", "run": request.run_id}, number=1)
    assert trip.look().phase == "closed"
    assert "without a run of it that is over" in trip.row().detail


def test_an_entry_that_was_altered_stops_everything(shop: Shop, database_url: str) -> None:
    trip = entered(shop)
    request = trip.request()
    disarm(database_url, "audit_event")
    with shop.database.transaction() as tx:
        bent = "UPDATE audit_event SET body = REPLACE(body, 'welcome', 'reward') WHERE kind = 'journey.entered'"
        tx.connection.execute(text(bent))
    with pytest.raises(GovernanceError, match="not what was written"):
        trip.look()
    assert "not what was written" in proposes(trip, request)


def test_a_worker_gone_bad_gives_no_other_treatment_than_the_step_permits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    trip = entered(shop)
    request = trip.request()

    def bend(proposal: Any) -> Any:
        used = proposal.strategy.model_copy(update={"step": "reward"})
        return proposal.model_copy(update={"strategy": used, "treatment": "loyalty_credit"})

    a_worker_gone_bad(monkeypatch, bend)
    steps = replace(shop.steps, run=request)
    proposed, gate = steps.to_the_gate()
    assert gate.verdict != "cleared"
    assert any(code == "strategy_undecided" for code, _ in passed_over(steps))
    assert proposed.digest is not None


def test_a_journey_that_moved_on_before_the_effect_sends_nothing(shop: Shop) -> None:
    trip = entered(shop)
    steps = replace(shop.steps, run=trip.request())
    proposed, gate = steps.to_the_gate()
    assert gate.verdict == "cleared"
    shop.publish(with_steps(("title: Small credit", "title: Thank you")))
    Trip(shop, with_steps(("title: Small credit", "title: Thank you"))).enter()
    assert execute(steps, proposed).outcome != "executed"
    assert shop.adjustments() == 0


def test_nothing_is_done_for_who_never_entered(shop: Shop) -> None:
    trip = entered(shop)
    asked = JourneyAsked(tenant="demo", strategy=trip.of.name, customer_id=IN_SMALL)
    with pytest.raises(GovernanceError, match="nobody let customer"):
        trip.steps.look(asked)


def test_what_publishes_no_strategy_clears_no_step(shop: Shop) -> None:
    of = with_steps()
    record: MandateRecord = shop.publish(of)
    shop.plain_mandate(of)
    trip = Trip(shop, of)
    trip.enter()
    steps = replace(shop.steps, run=trip.request())
    _, gate = steps.to_the_gate()
    assert gate.clearance is not None
    assert gate.clearance.mandate_id == record.mandate.document_id


def forge(trip: Trip, places: dict[str, str], *, number: int) -> None:
    """Write a move on the record, as a worker would."""
    of = trip.asked
    with trip.shop.database.transaction() as tx:
        tx.record_journey(
            of.tenant,
            of.workflow_id,
            MOVED,
            actor="worker",
            at=datetime.now(UTC) + timedelta(seconds=1),
            step=f"{MOVED}.1.{number}",
            body=body_of(of, digest(trip.of), 1, reason="forged", **places),
        )
