"""What a changed strategy would bring is estimated as it truly is, from decisions on the record, or nothing is said."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from placet.contracts.outcomes.estimate import StrategyEstimate
from placet.contracts.outcomes.figures import MILLION, Unknown
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.contracts.outcomes.questions import ControlQuestions
from placet.errors import UsageError
from placet.interfaces.telling.estimates.changed import summary, told
from placet.interfaces.telling.estimates.questions import questions_told
from placet.service.outcomes.estimating import estimate
from placet.service.outcomes.questions import control_questions
from placet.service.state.taking import take_events
from tests.integration.outcomes.explored import BRINGS, SMALL_FIRST, Explored, changed, explored
from tests.integration.outcomes.trial import MEMBERS, event
from tests.support.databases import disarm
from tests.support.strategies.published import Shop

FEW = MEMBERS[:40]
LEAVING = ("cohort: recharges_90d > 0", "cohort: recharges_90d > 0 AND age_years > 20")


def asked(it: Explored, changed_text: Any, days: float = 41, **others: Any) -> StrategyEstimate:
    policies = it.trial.rolling.policies
    return told(estimate(it.trial.database, "demo", changed_text, 30, policies, it.trial.at(days), **others))


def questions(it: Explored, **others: Any) -> ControlQuestions:
    policies = it.trial.rolling.policies
    name = it.trial.rolling.of.name
    return questions_told(control_questions(it.trial.database, "demo", name, 30, policies, it.trial.at(41), **others))


def why_not(found: StrategyEstimate) -> str:
    assert found.why_not is not None
    assert found.measures == ()
    assert found.said.startswith("What it would bring cannot be said: ")
    return found.why_not.code


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_estimate_holds_the_truth_and_the_questions_follow_it(shop: Shop) -> None:
    it = explored(shop)
    assert len(it.decided) > 300
    it.live()
    found = asked(it, changed(SMALL_FIRST))
    assert (found.why_not, found.never, found.alike, found.decisions) == (None, 0, 0, len(it.decided))
    spend = found.measures[0]
    truth = (BRINGS["small_credit"] - BRINGS["loyalty_credit"]) * MILLION
    for one in (spend.ips, spend.snips, spend.dr):
        assert isinstance(one, OffPolicyEstimate), one
        assert one.difference_between.low <= truth <= one.difference_between.high
    assert isinstance(spend.dr, OffPolicyEstimate)
    assert spend.dr.difference_between.low > 0, "so much is not chance"
    assert found.tried == spend.dr.matched
    assert found.simulated == len(it.decided)
    assert found.said.startswith("By the changed text customers would have spent ")
    assert "USD more a month than by the published one; with 95 % confidence between " in found.said
    assert any("SIMULATED" in line for line in summary(found))

    same = asked(it, changed())
    assert same.alike == same.decisions
    assert "nothing would change" in same.said

    dearer = asked(it, changed(("of_monthly: 10 %", "of_monthly: 13 %"), (", in_steps_of: 0.50 USD", ""), SMALL_FIRST))
    assert dearer.never > 0.9 * dearer.decisions, "a credit of another amount is another action, and was never tried"
    assert "cannot be said" in dearer.said

    _, _, levers, score, rules = questions(it).answers
    assert levers.answer == "cannot_be_said"
    assert "would have chosen the same in all" in levers.missing
    assert "would have changed none of" in score.missing
    assert "can never be said from customers who fell out" in rules.missing
    few = questions(it, most=10).answers
    assert "on the command line" in few[2].missing
    with pytest.raises(UsageError, match="at most 10"):
        asked(it, changed(), most=10)


def test_too_few_or_other_texts_say_why_nothing_is_known(shop: Shop) -> None:
    it = explored(shop, customers=FEW)
    assert why_not(asked(it, changed(SMALL_FIRST), 1)) == "nobody"
    it.live()
    few = asked(it, changed(SMALL_FIRST))
    assert few.why_not is None
    assert isinstance(few.measures[0].dr, Unknown)
    assert few.measures[0].dr.code == "too_few"
    assert few.more is not None
    assert few.more > few.decisions
    assert f"roughly {few.more:,} customers more" in few.said
    assert [one.why for one in few.not_decided] == ["undecided"]
    assert why_not(asked(it, changed(LEAVING))) == "no_figure"
    assert "age_years" in asked(it, changed(LEAVING)).said
    other = changed(("currency: USD", "currency: EUR"), ("0 USD", "0 EUR"))
    assert why_not(asked(it, other)) == "unlike_units"
    nobody = asked(it, changed(("cohort: recharges_90d > 0", "cohort: recharges_90d > 1000000")))
    assert why_not(nobody) == "no_overlap"


def test_a_strategy_that_does_not_explore_tells_of_nothing_else(shop: Shop) -> None:
    it = explored(shop, ("holdout: 20 %\nexplore: 40 %", "holdout: 20 %"), customers=FEW)
    it.live()
    found = asked(it, changed(SMALL_FIRST))
    assert why_not(found) == "no_overlap"
    assert "does not explore" in found.said
    assert all("explore: 2 %" in one.missing for one in questions(it).answers[1:4])


def test_what_was_altered_counts_in_no_figure(shop: Shop, database_url: str) -> None:
    it = explored(shop, customers=FEW)
    it.live()
    before = asked(it, changed(SMALL_FIRST))
    disarm(database_url, "audit_event")
    with shop.database.transaction() as tx:
        tx.connection.execute(
            text(
                "UPDATE audit_event SET body = REPLACE(body, 'Small credit', 'Great credit') WHERE id = "
                "(SELECT max(id) FROM audit_event WHERE kind = 'propose.completed')"
            )
        )
    after = asked(it, changed(SMALL_FIRST))
    assert after.decisions < before.decisions
    assert any(one.why == "altered" for one in after.not_decided)


def test_a_run_that_chose_nothing_is_a_decision_as_well(shop: Shop) -> None:
    now = datetime.now(UTC)
    ticket = {"ticket_id": "T-1", "status": "opened", "topic": "bill"}
    texts = [event(one, "support.ticket", now - timedelta(days=1), "opened", ticket) for one in FEW]
    take_events(shop.database, "demo", texts, now=now, oldest=now - timedelta(days=400))
    it = explored(shop, customers=FEW)
    assert it.decided == {}, "an open ticket keeps everybody out"
    it.live()
    same, wider = asked(it, changed(SMALL_FIRST)), asked(it, changed(("open_tickets = 0", "open_tickets < 9")))
    assert same.alike == same.decisions > 20
    assert why_not(wider) == "no_overlap"
    assert wider.never == wider.decisions, "whom the rules kept out was never treated"
    rules = questions(it).answers[4]
    assert f"in {same.decisions:,} of {same.decisions:,} decisions they left a treatment out" in rules.missing


GIVE: Final = "steps:\n  - {step: give, treat: all}\n"
REST: Final = "  - {step: rest, wait: 20 days}\n"
THANK: Final = "  - {step: thank, treat: [small_credit]}\n"


def by_steps(steps: str) -> tuple[str, str]:
    return "rollout:\n", f"{steps}rollout:\n"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_one_choice_of_a_journey_is_estimated_and_said_to_be_so(shop: Shop) -> None:
    steps = by_steps(GIVE + REST + THANK)
    it = explored(shop, steps)
    assert len(it.decided) > 300
    assert {one.strategy.step for one in it.decided.values() if one.strategy} == {"give"}
    it.live()
    found = asked(it, changed(steps, SMALL_FIRST))
    assert (found.why_not, found.decisions, found.of_steps) == (None, len(it.decided), ("give",))
    spend = found.measures[0].dr
    truth = (BRINGS["small_credit"] - BRINGS["loyalty_credit"]) * MILLION
    assert isinstance(spend, OffPolicyEstimate)
    assert 0 < spend.difference_between.low <= truth <= spend.difference_between.high
    assert "; that is of the choice at step give alone" in found.said
    assert any(
        "what the other steps give, and when, is taken as the published version has it" in one for one in summary(found)
    )

    other = asked(it, changed(by_steps(GIVE + THANK), SMALL_FIRST))
    assert "the changed text has other steps" in other.said
    assert why_not(other) == "no_figure"
    assert why_not(asked(it, changed(SMALL_FIRST))) == "no_figure"


def test_of_choices_that_follow_each_other_nothing_is_said(shop: Shop) -> None:
    steps = by_steps(GIVE + REST + "  - {step: again, treat: all}\n")
    it = explored(shop, steps, customers=FEW)
    it.live()
    found = asked(it, changed(steps, SMALL_FIRST))
    assert why_not(found) == "no_figure"
    assert "step give leads to step again, and both give a choice" in found.said


def test_where_no_step_gives_a_choice_nothing_was_tried(shop: Shop) -> None:
    steps = by_steps("steps:\n" + THANK)
    it = explored(shop, steps, customers=FEW)
    it.live()
    assert "no step of the strategy gives one of several treatments" in asked(it, changed(steps, SMALL_FIRST)).said
