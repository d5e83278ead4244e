"""The steps of a strategy over time: treat, wait, wait for something, branch, exit. They lead forward only."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    StringConstraints,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)

from placet.contracts.base import Frozen, ReasonCode
from placet.contracts.strategies.treatment import Expression, Sentence
from placet.contracts.strategies.written import BY_HAND
from placet.contracts.text import counted

MOST_STEPS: Final = 20
MOST_WAYS: Final = 10
"""Of one branch."""

ALL: Final = "all"
_WAIT: Final = r"([1-9][0-9]{0,3}) (hours?|days?)"
_HOURS_OF_DAY: Final = 24

StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]


def _hours(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str):
        found = re.fullmatch(_WAIT, value.strip(), re.ASCII)
        if found is None:
            raise ValueError("write it like '7 days' or '12 hours'")
        return int(found.group(1)) * (_HOURS_OF_DAY if found.group(2).startswith("day") else 1)
    if info.context == BY_HAND:
        raise ValueError("write it with its unit, like '7 days' or '12 hours'")
    return value


Hours = Annotated[
    StrictInt,
    Field(ge=1, le=24 * 9_999, description="hours"),
    BeforeValidator(_hours),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_WAIT}$", "examples": ["7 days", "12 hours"], "description": "how long"}
    ),
]
"""How long, in hours; people write `7 days` or `12 hours`."""


def hours_in_words(hours: int) -> str:
    """Write a time as people do: `7 days`, `12 hours`."""
    return counted(hours // _HOURS_OF_DAY, "day") if hours % _HOURS_OF_DAY == 0 else counted(hours, "hour")


def _treatments(value: Any, info: ValidationInfo) -> Any:
    if value == ALL:
        return ()
    if info.context == BY_HAND and not (isinstance(value, list) and value):
        raise ValueError("name treatments in a list, such as [loyalty_credit], or write all")
    return value


Treatments = Annotated[
    tuple[ReasonCode, ...],
    Field(max_length=50),
    BeforeValidator(_treatments),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "const": ALL},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50},
            ],
            "examples": [ALL, ["loyalty_credit"]],
            "description": "codes of treatments; `all`: each that the strategy has",
        }
    ),
]
"""Codes of treatments; none stands for all, which people write as `all`."""


class TreatStep(Frozen):
    """Start a governed run that may give one of some treatments, and wait until it is over.

    Attributes:
        treat: Codes of treatments; none: each that the strategy has.
        then: The step after it; None: the one below.
    """

    step: StepName
    treat: Treatments
    then: StepName | None = None


class WaitStep(Frozen):
    """Wait for a time."""

    step: StepName
    wait: Hours
    then: StepName | None = None


class WaitForStep(Frozen):
    """Wait until something is so of the customer.

    Attributes:
        wait_for: A condition on their live state; what is not known does not hold.
        at_most: How long.
        then: Where it came to be so; None: the step below.
        if_not: Where it did not in that time; None: the step below.
    """

    step: StepName
    wait_for: Expression
    at_most: Hours
    then: StepName | None = None
    if_not: StepName | None = None


class Way(Frozen):
    """One way of a branch: the first whose condition holds is taken."""

    when: Expression
    go_to: StepName


class BranchStep(Frozen):
    """Go on by what is so of the customer now.

    Attributes:
        otherwise: Where no condition holds; None: the step below.
    """

    step: StepName
    branch: Annotated[tuple[Way, ...], Field(min_length=1, max_length=MOST_WAYS)]
    otherwise: StepName | None = None


class ExitStep(Frozen):
    """End the journey.

    Attributes:
        exit: Why, as people read it.
    """

    step: StepName
    exit: Sentence


_KINDS: Final = ("treat", "wait", "wait_for", "branch", "exit")
_TAG: Final = "a step to {}"
"""No name of the text, so that a fault is told by the names that are."""


def _kind(value: Any) -> str | None:
    """Return what a step does: the one of the five words that it says; None where it says none, or several."""
    if isinstance(value, Mapping):
        said = [kind for kind in _KINDS if kind in value]
        return _TAG.format(said[0]) if len(said) == 1 else None
    return next((_TAG.format(kind) for kind in _KINDS if hasattr(value, kind)), None)


Step = Annotated[
    Annotated[TreatStep, Tag(_TAG.format("treat"))]
    | Annotated[WaitStep, Tag(_TAG.format("wait"))]
    | Annotated[WaitForStep, Tag(_TAG.format("wait_for"))]
    | Annotated[BranchStep, Tag(_TAG.format("branch"))]
    | Annotated[ExitStep, Tag(_TAG.format("exit"))],
    Discriminator(
        _kind,
        custom_error_type="no_such_step",
        custom_error_message="a step says one of treat, wait, wait_for, branch and exit",
    ),
]
"""One step."""


def goes_to(steps: tuple[Step, ...], place: int) -> tuple[tuple[str | None, StepName | None], ...]:
    """Return where the step at a place may lead: each way as it is written in the text, and the step's name.

    A way that is not written leads to the step below; None where there is none, so that the journey ends there.
    """
    one = steps[place]
    below = steps[place + 1].step if place + 1 < len(steps) else None
    if isinstance(one, ExitStep):
        return ()
    if isinstance(one, BranchStep):
        ways = [(f"branch.{number}.go_to", way.go_to) for number, way in enumerate(one.branch)]
        return (*ways, ("otherwise", one.otherwise) if one.otherwise is not None else (None, below))
    found: list[tuple[str | None, StepName | None]] = [("then", one.then) if one.then is not None else (None, below)]
    if isinstance(one, WaitForStep):
        found.append(("if_not", one.if_not) if one.if_not is not None else (None, below))
    return tuple(found)


def permitted(step: TreatStep, codes: tuple[ReasonCode, ...]) -> tuple[ReasonCode, ...]:
    """Return which of a strategy's treatments a step may give."""
    return codes if not step.treat else tuple(code for code in codes if code in step.treat)


def step_as_written(step: Step) -> dict[str, Any]:
    """Return a step as people write it: times with their units, `all` by its word, nothing that is left out."""
    said = {name: value for name, value in step.model_dump().items() if value is not None}
    for name in ("wait", "at_most"):
        if name in said:
            said[name] = hours_in_words(said[name])
    if isinstance(step, TreatStep):
        said["treat"] = list(step.treat) or ALL
    if isinstance(step, BranchStep):
        said["branch"] = [dict(way) for way in step.branch]
    return said
