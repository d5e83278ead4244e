"""The standing questions of control: answered where the draw answers them, and said to be open where it does not."""

from typing import Any

import pytest

from placet.contracts.outcomes.questions import ControlQuestions
from placet.interfaces.telling.estimates.questions import answer_in_words
from placet.service.outcomes.questions import control_questions
from tests.integration.outcomes.trial import Trial, begun
from tests.support.strategies.published import Shop

HALF = ("holdout: 20 %", "holdout: 40 %")
SPEND = ("measure: churn, direction: lower", "measure: spend, direction: higher")


def asked(trial: Trial, days: float = 41) -> ControlQuestions:
    policies: Any = trial.rolling.policies
    return control_questions(trial.database, "demo", trial.rolling.of.name, 30, policies, trial.at(days))


def test_each_question_is_answered_or_says_what_is_missing(shop: Shop) -> None:
    trial = begun(shop, SPEND, HALF)
    trial.live()
    trial.count()
    found = asked(trial)
    assert [one.answer for one in found.answers] == ["yes", *["cannot_be_said"] * 4]
    said = [answer_in_words(one, found) for one in found.answers]
    assert said[0].startswith("Is it better to do something than nothing? Yes: Customers who were treated spent ")
    assert "explore: 2 %" in said[1]
    assert all(one.missing for one in found.answers[1:])


@pytest.mark.parametrize(("gain", "answer"), [(0, "not_yet"), (-1_500, "no")])
def test_no_difference_is_no_yes_and_harm_is_a_no(shop: Shop, gain: int, answer: str) -> None:
    trial = begun(shop, SPEND, HALF)
    trial.live(gain=gain)
    trial.count()
    first = asked(trial).answers[0]
    assert first.answer == answer
    assert (first.more is not None) == (answer == "not_yet")


def test_ranking_is_compared_with_chance_by_the_draw(shop: Shop) -> None:
    trial = begun(shop, SPEND, ("holdout: 20 %", "holdout: 20 %\nexplore: 50 %"))
    trial.live()
    trial.count()
    second = asked(trial).answers[1]
    assert second.answer in ("not_yet", "cannot_be_said"), "the simulation gives both the same"
    assert second.found is not None


def test_before_anybody_is_counted_nothing_is_said(trial: Trial) -> None:
    assert {one.answer for one in asked(trial, 1).answers} == {"cannot_be_said"}
