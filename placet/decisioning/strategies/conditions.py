"""The conditions of a strategy: each means something, and none leaves out everybody whom the strategy is for."""

from collections.abc import Iterator
from typing import Final

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import StrategyTreatment
from placet.contracts.text import counted
from placet.decisioning.cohorts.cohort import can_hold_together, cohort_of
from placet.decisioning.strategies.problems import Path, Problem, error, warning
from placet.errors import ExpressionFault

MOST_CONDITIONS: Final = 200
"""Of a strategy: each is laid beside the cohort, which takes up to some 50 ms."""


def condition_problems(strategy: Strategy) -> Iterator[Problem]:
    """Yield what is wrong with the cohort and with each condition of its treatments."""
    many = sum(1 for _ in conditions_of(strategy))
    if many > MOST_CONDITIONS:
        said = f"it has {many} conditions, and at most {MOST_CONDITIONS} are read; make two strategies of it"
        yield error(("treatments",), said)
        return
    faults = list(_faults(strategy))
    yield from faults
    if any(fault.path == ("cohort",) for fault in faults):
        return  # nothing can be said of its members
    wrong = {fault.path for fault in faults}
    for number, treatment in enumerate(strategy.treatments):
        yield from _against_cohort(strategy.cohort, treatment, ("treatments", number), wrong)


def conditions_of(strategy: Strategy) -> Iterator[tuple[Path, str]]:
    """Yield each condition with where it stands."""
    yield ("cohort",), strategy.cohort
    for number, treatment in enumerate(strategy.treatments):
        at: Path = ("treatments", number)
        for stage, place, rule in treatment.rules():
            yield (*at, stage, place, "when"), rule.when
        for place, because in enumerate(treatment.because):
            yield (*at, "because", place, "when"), because.when


def _faults(strategy: Strategy) -> Iterator[Problem]:
    for path, text in conditions_of(strategy):
        try:
            cohort_of(text)
        except ExpressionFault as fault:
            # Positions are those of the text without the spaces around it.
            yield error(path, fault.said, fault.at + len(text) - len(text.lstrip()))


def _against_cohort(cohort: str, treatment: StrategyTreatment, at: Path, wrong: set[Path]) -> Iterator[Problem]:
    sound, alone = list[str](), True
    for stage, place, rule in treatment.rules():
        path = (*at, stage, place, "when")
        if path in wrong:
            continue
        sound.append(rule.when)
        if not can_hold_together([cohort, rule.when]):
            alone = False
            yield error(path, "nobody in the cohort can meet it, so nobody could get this treatment")
        elif not can_hold_together([cohort], [rule.when]):
            yield warning(path, "everybody in the cohort meets it; it keeps nobody out")
    if alone and len(sound) > 1 and not can_hold_together([cohort, *sound]):
        said = f"its {counted(len(sound), 'condition')} contradict each other: nobody in the cohort can meet them all"
        yield error((*at, "code"), said)
    for place, because in enumerate(treatment.because):
        path = (*at, "because", place, "when")
        if path not in wrong and not can_hold_together([cohort, *sound, because.when]):
            yield warning(path, "nobody who could get this treatment meets it; the reason is never told")
