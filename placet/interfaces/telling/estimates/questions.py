"""The five standing questions of control, in sentences."""

from collections.abc import Mapping
from typing import Final

from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.contracts.outcomes.questions import Answer, Answered, ControlQuestions, Question
from placet.contracts.outcomes.report import MeasuredOutcome
from placet.contracts.outcomes.uplift import Uplift
from placet.interfaces.telling.estimates.changed import estimate_in_words
from placet.interfaces.telling.outcome_reports import outcome_in_words

ANSWERS: Final[Mapping[Answer, str]] = {
    "yes": "Yes",
    "no": "NO",
    "not_yet": "Cannot be said yet",
    "cannot_be_said": "Cannot be said",
}
"""Of a standing question."""
_INSTEAD: Final[Mapping[Question, str]] = {
    "levers": "By propensity alone",
    "score": "By a random score",
}


def questions_told(found: ControlQuestions) -> ControlQuestions:
    """Return the questions with their answers in words."""
    answers = tuple(one.model_copy(update={"said": answer_in_words(one, found)}) for one in found.answers)
    return found.model_copy(update={"answers": answers})


def answer_in_words(one: Answered, found: ControlQuestions) -> str:
    """Say the answer to a standing question: with its figures, or with what is missing."""
    return f"{one.asked} {ANSWERS[one.answer]}: {because_in_words(one, found)}"


def because_in_words(one: Answered, found: ControlQuestions) -> str:
    """Say why an answer is as it is."""
    more = "" if one.more is None else f"; it takes roughly {one.more:,} customers more, if it stays so"
    if isinstance(one.found, OffPolicyEstimate):
        instead = _INSTEAD.get(one.question, "By another choice")
        said = estimate_in_words(
            one.found, found.measure, found.days, found.currency, instead, "by the strategy's own rule"
        )
        return f"{said}{more}"
    if not isinstance(one.found, Uplift):
        return f"{one.missing}{more}"
    measured = MeasuredOutcome(
        measure=found.measure, title="", unit=one.found.unit, primary=True, found=one.found, clear=True
    )
    words = outcome_in_words(measured, found.days, found.currency)
    if one.question == "ranking":
        words = words.replace("who were treated", "for whom the best was chosen").replace(
            "the control group", "those for whom chance chose"
        )
    return f"{words}{more}"
