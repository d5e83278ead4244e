"""The steps of a strategy fit together: each is reached, none leads back, something is given, the term suffices."""

from collections.abc import Iterator
from typing import Final

from placet.contracts.strategies.steps import (
    BranchStep,
    ExitStep,
    TreatStep,
    WaitForStep,
    WaitStep,
    goes_to,
    hours_in_words,
)
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import counted
from placet.decisioning.cohorts.cohort import can_hold_together, cohort_of
from placet.decisioning.strategies.problems import Path, Problem, error, warning
from placet.errors import ExpressionFault

_HOURS_OF_DAY: Final = 24
_WORK: Final = 3_000_000
"""Of one condition (`possible_together`)."""
_SCORES: Final = frozenset({"churn_percent", "churn_scored_on", "churn_model"})


def step_conditions(strategy: Strategy) -> Iterator[tuple[Path, str]]:
    """Yield each condition of the steps with where it stands."""
    for number, one in enumerate(strategy.steps):
        if isinstance(one, WaitForStep):
            yield ("steps", number, "wait_for"), one.wait_for
        elif isinstance(one, BranchStep):
            for place, way in enumerate(one.branch):
                yield ("steps", number, "branch", place, "when"), way.when


def step_problems(strategy: Strategy) -> Iterator[Problem]:
    """Yield what is wrong with the steps of a strategy."""
    if not strategy.steps:
        return
    faults = list(_ways(strategy))
    yield from faults
    yield from _given(strategy)
    yield from _conditions(strategy)
    if not faults:  # else nobody can tell which step comes after which
        yield from _reached(strategy)
        yield from _in_time(strategy)


def _ways(strategy: Strategy) -> Iterator[Problem]:
    names = [one.step for one in strategy.steps]
    for number, one in enumerate(strategy.steps):
        if one.step in names[:number]:
            yield error(("steps", number, "step"), f"step {one.step!r} is listed twice; give one of them another name")
        for written, to in goes_to(strategy.steps, number):
            if written is None:
                continue
            path = ("steps", number, *(int(part) if part.isdecimal() else part for part in written.split(".")))
            if to not in names:
                yield error(path, f"there is no step {to!r}; known: {', '.join(names)}")
            elif names.index(str(to)) <= number:
                said = f"step {to!r} stands above, and steps lead forward only: a journey must come to its end"
                yield error(path, said if to != one.step else f"step {to!r} leads to itself")


def _given(strategy: Strategy) -> Iterator[Problem]:
    codes, given = [one.code for one in strategy.treatments], set[str]()
    treats = [(number, one) for number, one in enumerate(strategy.steps) if isinstance(one, TreatStep)]
    if not treats:
        yield error(("steps",), "no step treats anybody; write a step with `treat`")
        return
    for number, one in treats:
        given.update(one.treat or codes)
        for place, code in enumerate(one.treat):
            if code not in codes:
                said = f"there is no treatment {code!r}; known: {', '.join(dict.fromkeys(codes))}"
                yield error(("steps", number, "treat", place), said)
            elif code in one.treat[:place]:
                yield error(("steps", number, "treat", place), f"treatment {code!r} is listed twice")
    for number, code in enumerate(codes):
        if code not in given:
            yield warning(("treatments", number, "code"), f"no step gives treatment {code!r}; it is never given")


def _conditions(strategy: Strategy) -> Iterator[Problem]:
    try:
        cohort_of(strategy.cohort)
    except ExpressionFault:
        return  # nothing can be said of its members
    earlier, of_step = list[str](), -1
    for path, text in step_conditions(strategy):
        if path[1] != of_step:
            earlier, of_step = [], int(path[1])
        try:
            asked = cohort_of(text)
        except ExpressionFault:
            continue  # told where all conditions are read
        if scores := sorted(_SCORES & set(asked.columns)):
            said = f"{scores[0]} is a score, and steps go by what happened; ask for it in a treatment's rules"
            yield error(path, said)
            continue
        yield from _constant(strategy.cohort, path, text, earlier)
        earlier.append(text)


def _constant(cohort: str, path: Path, text: str, earlier: list[str]) -> Iterator[Problem]:
    waits = "wait_for" in path
    if not can_hold_together([cohort, text], most_work=_WORK):
        why = "everybody would wait in vain" if waits else "nobody could go this way"
        yield error(path, f"nobody in the cohort can meet it, and who leaves the cohort leaves the journey: {why}")
    elif earlier and not can_hold_together([cohort, text], earlier, most_work=_WORK):
        yield error(path, "whoever meets it meets one above it, which is taken first: nobody could go this way")
    elif not can_hold_together([cohort], [*earlier, text], most_work=_WORK):
        why = "nobody would wait" if waits else "everybody who gets here goes this way, and nobody any way below"
        yield warning(path, f"everybody in the cohort meets it: {why}")


def _reached(strategy: Strategy) -> Iterator[Problem]:
    reached = {strategy.steps[0].step}
    for number, one in enumerate(strategy.steps):
        if one.step not in reached:
            yield error(("steps", number, "step"), f"no step leads to {one.step!r}")
            continue
        reached.update(to for _, to in goes_to(strategy.steps, number) if to is not None)
        last = number + 1 == len(strategy.steps)
        if last and not isinstance(one, TreatStep | ExitStep):
            yield warning(("steps", number, "step"), f"nothing comes after {one.step!r}: whatever it finds, it ends")


def _in_time(strategy: Strategy) -> Iterator[Problem]:
    """Yield what the term is too short for: with each step, the least hours after which somebody is in it."""
    days = (strategy.term.last - strategy.term.first).days + 1
    if days < 1:
        return  # told where the term is read
    term, least = days * _HOURS_OF_DAY, {strategy.steps[0].step: 0}
    for number, one in enumerate(strategy.steps):
        if one.step not in least:
            continue
        began = least[one.step]
        lasts = one.wait if isinstance(one, WaitStep) else one.at_most if isinstance(one, WaitForStep) else 0
        if began >= term:
            said = (
                f"nobody comes to {one.step!r} before {hours_in_words(began)} are over, and the strategy runs "
                f"{counted(days, 'day')}"
            )
            yield error(("steps", number, "step"), said)
            return  # nobody comes any farther
        if lasts > term:
            field = "wait" if isinstance(one, WaitStep) else "at_most"
            said = f"{hours_in_words(lasts)} is longer than the strategy runs, {counted(days, 'day')}"
            yield error(("steps", number, field), said)
            return
        ways = goes_to(strategy.steps, number)
        for place, (_, to) in enumerate(ways):
            if to is None:
                continue
            waited = isinstance(one, WaitStep) or (isinstance(one, WaitForStep) and place == 1)
            after = began + (lasts if waited else 0)
            least[to] = min(least.get(to, after), after)
