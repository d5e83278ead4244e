"""What a changed strategy would bring, and the standing questions of control, as pages show them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from placet.contracts.outcomes.estimate import EstimatedMeasure, StrategyEstimate
from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.questions import Answer, ControlQuestions
from placet.interfaces.console.views.common import Badge, Tone
from placet.interfaces.telling.estimates.changed import HOW, effective_in_words, figures, summary
from placet.interfaces.telling.estimates.questions import ANSWERS, because_in_words

_TONES: Final[dict[Answer, Tone]] = {"yes": "good", "no": "bad", "not_yet": "waits", "cannot_be_said": "quiet"}


class Estimated(NamedTuple):
    """One way to estimate a measure; `why` is empty where there are figures."""

    how: str
    value: str
    apart: str
    between: str
    tells: str
    why: str


class MeasureShown(NamedTuple):
    """One measure in a sentence, and in three ways."""

    title: str
    primary: bool
    said: str
    ways: tuple[Estimated, ...]


class EstimateShown(NamedTuple):
    """What a changed text would bring."""

    lead: str
    tone: Tone
    notes: tuple[str, ...]
    measures: tuple[MeasureShown, ...]
    days: int
    version: str
    changed: str


class QuestionShown(NamedTuple):
    """A question, its answer, and why."""

    asked: str
    badge: Badge
    because: str


def estimate_of(found: StrategyEstimate) -> EstimateShown:
    """Return how an estimate with its sentences is shown."""
    known = bool(found.measures) and not isinstance(found.measures[0].dr, Unknown)
    return EstimateShown(
        lead=found.said,
        tone="good" if known else "waits",
        notes=tuple(summary(found)),
        measures=tuple(
            MeasureShown(one.title, one.primary, one.said, tuple(_ways(one, found))) for one in found.measures
        ),
        days=found.days,
        version=found.version,
        changed=found.changed,
    )


def questions_of(found: ControlQuestions) -> tuple[QuestionShown, ...]:
    """Return how the standing questions are shown."""
    return tuple(
        QuestionShown(one.asked, Badge(ANSWERS[one.answer], _TONES[one.answer]), because_in_words(one, found))
        for one in found.answers
    )


def _measure(one: EstimatedMeasure, found: StrategyEstimate) -> MeasureShown:
    return MeasureShown(one.title, one.primary, one.said, tuple(_ways(one, found)))


def _ways(one: EstimatedMeasure, found: StrategyEstimate) -> Iterator[Estimated]:
    for name, how in HOW.items():
        figure = getattr(one, name)
        value, apart, between = figures(figure, found.days, found.currency)
        if isinstance(figure, Unknown):
            yield Estimated(how, value, "", "", "", between)
        else:
            yield Estimated(how, value, apart, between, f"{effective_in_words(figure)} decisions", "")
