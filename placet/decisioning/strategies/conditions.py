"""The conditions of a strategy: each means something, and none leaves out everybody whom the strategy is for."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from placet.contracts.strategies.catalogue import Catalogue
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import MOST_CHARACTERS, StrategyTreatment
from placet.contracts.text import counted
from placet.decisioning.cohorts.cohort import can_hold_together, cohort_of
from placet.decisioning.cohorts.columns import LIVE_STATE, Vocabulary
from placet.decisioning.strategies.problems import Path, Problem, error, warning
from placet.decisioning.strategies.steps import step_conditions
from placet.errors import ExpressionFault

MOST_CONDITIONS: Final = 200
"""Of a strategy: each is laid beside the cohort."""
_WORK: Final = 60_000_000
"""Of a strategy, shared by its conditions (`possible_together`): who writes more of them has less noticed of each."""
_TOGETHER: Final = 10
"""Shares of a condition for all those of a treatment together, which are asked of each treatment once."""


def condition_problems(strategy: Strategy | Catalogue, known: Vocabulary = LIVE_STATE) -> Iterator[Problem]:
    """Yield what is wrong with the cohort and with each condition of its treatments; `known` is what they may name."""
    many = sum(1 for _ in conditions_of(strategy))
    if many > MOST_CONDITIONS:
        said = f"it has {many} conditions, and at most {MOST_CONDITIONS} are read; make two strategies of it"
        yield error(("treatments",), said)
        return
    faults = list(_faults(strategy, known))
    yield from faults
    if any(fault.path == ("cohort",) for fault in faults):
        return  # nothing can be said of its members
    wrong = {fault.path for fault in faults}
    possible = partial(can_hold_together, known=known)
    for number, treatment in enumerate(strategy.treatments):
        at: Path = ("treatments", number)
        yield from _against_cohort(strategy.cohort, treatment, at, wrong, _WORK // (2 * many), possible)


def conditions_of(strategy: Strategy | Catalogue) -> Iterator[tuple[Path, str]]:
    """Yield each condition with where it stands."""
    yield ("cohort",), strategy.cohort
    for number, treatment in enumerate(strategy.treatments):
        at: Path = ("treatments", number)
        for stage, place, rule in treatment.rules():
            yield (*at, stage, place, "when"), rule.when
        for place, because in enumerate(treatment.because):
            yield (*at, "because", place, "when"), because.when
    if isinstance(strategy, Strategy):
        yield from step_conditions(strategy)


def _faults(strategy: Strategy | Catalogue, known: Vocabulary) -> Iterator[Problem]:
    for path, text in conditions_of(strategy):
        try:
            one_form = len(cohort_of(text, known).written)
            if one_form > MOST_CHARACTERS:
                said = f"with brackets around each part it has {one_form:,} characters, and at most {MOST_CHARACTERS:,}"
                yield error(path, f"{said} are read; make it simpler")
        except ExpressionFault as fault:
            # Positions are those of the text without the spaces around it.
            yield error(path, fault.said, fault.at + len(text) - len(text.lstrip()))


def _against_cohort(
    cohort: str,
    treatment: StrategyTreatment,
    at: Path,
    wrong: set[Path],
    most_work: int,
    possible: Callable[..., bool],
) -> Iterator[Problem]:
    together, possible = possible, partial(possible, most_work=most_work)
    sound, alone = list[str](), True
    for stage, place, rule in treatment.rules():
        path = (*at, stage, place, "when")
        if path in wrong:
            continue
        sound.append(rule.when)
        if not possible([cohort, rule.when]):
            alone = False
            yield error(path, "nobody in the cohort can meet it, so nobody could get this treatment")
        elif not possible([cohort], [rule.when]):
            yield warning(path, "everybody in the cohort meets it; it keeps nobody out")
    if alone and len(sound) > 1 and not together([cohort, *sound], most_work=_TOGETHER * most_work):
        said = f"its {counted(len(sound), 'condition')} contradict each other: nobody in the cohort can meet them all"
        yield error((*at, "code"), said)
    for place, because in enumerate(treatment.because):
        path = (*at, "because", place, "when")
        if path not in wrong and not possible([cohort, *sound, because.when]):
            yield warning(path, "nobody who could get this treatment meets it; the reason is never told")
