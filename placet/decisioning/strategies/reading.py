"""A strategy from its text: YAML, then shape, then sense; every fault with its line and column.

All faults of a step are told at once, up to a bound. A step is not taken on what failed the one before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from placet.contracts.base import Fault, faults_of
from placet.contracts.strategies.catalogue import CATALOGUE
from placet.contracts.strategies.findings import Finding
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import BY_HAND
from placet.contracts.text import NAME, counted, one_line
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.columns import LIVE_STATE, Vocabulary
from placet.decisioning.strategies.bounds import bound_problems
from placet.decisioning.strategies.conditions import condition_problems
from placet.decisioning.strategies.hints import Here, here_problems, hint_problems
from placet.decisioning.strategies.plan import plan_problems
from placet.decisioning.strategies.problems import Problem
from placet.decisioning.strategies.steps import step_problems
from placet.errors import YamlFault
from placet.yaml_files import Place, YamlText, parse_yaml

M = TypeVar("M", bound=BaseModel)

_LONGEST = 300
_EMPTY = "it is empty; `placet strategy new` writes one to begin with"
_MOST_TOLD = 200
"""Faults of one text: who has more has another trouble than the next one."""
_A_CATALOGUE = (
    "it is an application's catalogue, which decides runs that name no strategy, on what they read of billing: nobody "
    "signs it; `placet strategy check` reads its file"
)
_YAML = "; YAML takes yes, no, on and off for true or false: put quotation marks around the word"


@dataclass(frozen=True, slots=True)
class ReadStrategy:
    """What a text is.

    Attributes:
        strategy: With its conditions in one form, so that spaces and brackets make no other version. None where there
            is an error.
        findings: In the order of the text.
    """

    strategy: Strategy | None
    findings: tuple[Finding, ...]


def read_strategy(text: str, here: Here | None = None) -> ReadStrategy:
    """Read and check a strategy that a person wrote; nothing is raised for what is wrong with it.

    Args:
        text: It.
        here: When and where; None: what does not fit there is not looked for.
    """
    shaped = shaped_text(text, Strategy)
    if isinstance(shaped, tuple):
        return ReadStrategy(None, shaped)
    strategy = shaped.made
    findings = shaped.findings(check_strategy(strategy))
    if any(one.severity == "error" for one in findings):
        return ReadStrategy(None, findings)
    if here is not None:
        findings = _sorted((*findings, *shaped.findings(here_problems(strategy, here))))
    return ReadStrategy(in_one_form(strategy), findings)


@dataclass(frozen=True, slots=True)
class Shaped(Generic[M]):
    """A text that has the shape of what it is to be.

    Attributes:
        made: It, whether or not it makes sense.
    """

    made: M
    _read: YamlText

    def findings(self, problems: Iterable[Problem]) -> tuple[Finding, ...]:
        """Return problems with their places, in the order of the text."""
        return _sorted(_of_problem(self._read, problem) for problem in problems)


def shaped_text(text: str, schema: type[M]) -> Shaped[M] | tuple[Finding, ...]:
    """Return what a person wrote as `schema`, or why it is none."""
    try:
        read = parse_yaml(text, "")
    except YamlFault as fault:
        return (_finding("error", Place(*(fault.place or (1, 1))), (), fault.said),)
    if read.data is None:
        return (_finding("error", Place(1, 1), (), _EMPTY),)
    if schema is Strategy and isinstance(read.data, dict) and read.data.get("form") == CATALOGUE:
        return (_finding("error", read.place(("form",)), ("form",), _A_CATALOGUE),)
    try:
        return Shaped(schema.model_validate(read.data, context=BY_HAND), read)
    except ValidationError as error:
        return _sorted(_shape(read, error))


def legible_strategy(text: str) -> Strategy | None:
    """Return the strategy of a text as it is written, whether or not it makes sense; None where it cannot be read."""
    try:
        return Strategy.model_validate(parse_yaml(text, "").data, context=BY_HAND)
    except (YamlFault, ValidationError):
        return None


def check_strategy(strategy: Strategy) -> tuple[Problem, ...]:
    """Return what is wrong with a strategy, whoever made it, and what whoever signs it should know."""
    return (
        *condition_problems(strategy),
        *bound_problems(strategy),
        *plan_problems(strategy),
        *step_problems(strategy),
        *hint_problems(strategy),
    )


def in_one_form(strategy: Strategy) -> Strategy:
    """Return a sound strategy with each condition as `Cohort.written`."""
    plain = strategy.model_dump()
    write_in_one_form(plain)
    for step in plain.get("steps", ()):
        if "wait_for" in step:
            step["wait_for"] = cohort_of(step["wait_for"]).written
        for way in step.get("branch", ()):
            way["when"] = cohort_of(way["when"]).written
    return Strategy.model_validate(plain)


def write_in_one_form(plain: dict[str, Any], known: Vocabulary = LIVE_STATE) -> None:
    """Write the cohort and the conditions of treatments as `Cohort.written`."""
    plain["cohort"] = cohort_of(plain["cohort"], known).written
    for treatment in plain["treatments"]:
        for stage in ("eligible", "applicable", "suitable", "because"):
            for rule in treatment[stage]:
                rule["when"] = cohort_of(rule["when"], known).written


def _shape(read: YamlText, error: ValidationError) -> Iterable[Finding]:
    faults = list(faults_of(error))
    # Of a list, pydantic counts only what is sound in it: with one wrong item it may be called too short as well.
    above = {path[:length] for path, _ in faults for length in range(len(path))}
    own = [(path, fault) for path, fault in faults if path not in above]
    for path, fault in own[:_MOST_TOLD]:
        yield _finding("error", read.place(path), read.steps(path), fault.told() + _of_yaml(fault))
    if more := own[_MOST_TOLD:]:
        yield _finding("error", read.place(more[0][0]), (), f"{counted(len(more), 'more error')} like these")


def _of_yaml(fault: Fault) -> str:
    """Return what YAML made of a text that its author wrote; empty where it is not that."""
    if fault.shown in ("True", "False"):
        return _YAML
    a_day = fault.said == "write a text" and fault.shown[:1].isdecimal()
    return "; YAML takes it for a day or a number: put quotation marks around it" if a_day else ""


def _of_problem(read: YamlText, problem: Problem) -> Finding:
    place, said = read.place(problem.path), problem.said
    if problem.at is not None:
        exact = read.place_within(problem.path, problem.at)
        if exact is None:  # written over several lines, or with escapes
            said = f"character {problem.at + 1} of the condition: {said}"
        else:
            place = exact
    return _finding(problem.severity, place, problem.path, said)


def _finding(severity: Any, place: Place, path: Sequence[Any], said: str) -> Finding:
    where = ".".join(str(step) for step in path)
    return Finding(
        severity=severity,
        line=place.line,
        column=place.column,
        where=one_line(where, 2 * NAME),
        said=one_line(said, _LONGEST),
    )


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: (one.line, one.column, one.severity)))
