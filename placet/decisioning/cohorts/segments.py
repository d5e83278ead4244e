"""The named segments of the trade, as data: `library/` has a file for each kind of them.

A segment that needs columns which there are not yet is listed as left out, and is asked of nobody.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from placet.contracts.base import NAME_OF_OURS, Frozen
from placet.contracts.text import NAME, shortened
from placet.decisioning.cohorts.cohort import Cohort, cohort_of
from placet.errors import ConfigurationError, UsageError
from placet.toml_files import parse_toml

Category = Literal["lifecycle", "behaviour", "network_experience", "demographics", "predicted"]
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)


class Segment(Frozen):
    """One named cohort.

    Attributes:
        name: By which commands know it.
        title: For people.
        about: In one sentence, whom it has.
        needs: Columns which there are not yet; while it names any, it is left out.
    """

    name: Annotated[str, Field(pattern=NAME_OF_OURS)]
    title: Annotated[str, Field(min_length=1, max_length=60)]
    about: Annotated[str, Field(min_length=1, max_length=200)]
    expression: str
    needs: tuple[str, ...] = ()


class _File(Frozen):
    segment: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A segment with its category, and its cohort; None where it is left out."""

    segment: Segment
    category: Category
    cohort: Cohort | None


@cache
def library() -> tuple[Named, ...]:
    """Return all segments, checked, by category.

    Raises:
        ConfigurationError: a file of ours is wrong.
    """
    found: list[Named] = []
    folder = resources.files("placet.decisioning.cohorts").joinpath("library")
    for category in CATEGORIES:
        source = f"the segments {category}.toml"
        text = folder.joinpath(f"{category}.toml").read_text(encoding="utf-8")
        found += (
            Named(segment, category, None if segment.needs else _cohort(segment, source))
            for segment in parse_toml(text, _File, source).segment
        )
    names = [named.segment.name for named in found]
    if len(set(names)) != len(names):
        raise ConfigurationError("the library of segments has a name twice")
    return tuple(found)


def asked() -> tuple[tuple[Segment, Cohort], ...]:
    """Return the segments that can be asked."""
    return tuple((named.segment, named.cohort) for named in library() if named.cohort is not None)


def segment_named(name: str) -> tuple[Segment, Cohort]:
    """Return a segment by its name.

    Raises:
        UsageError: code `unknown_segment`; there is none, or it is left out.
    """
    named = next((one for one in library() if one.segment.name == name), None)
    if named is None:
        close = get_close_matches(name, [one.segment.name for one in library()], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`placet cohort list` shows them"
        raise UsageError(f"no segment is called {shortened(name, NAME)!r}; {hint}", code="unknown_segment")
    if named.cohort is None:
        raise UsageError(
            f"the segment {name!r} needs columns which there are not yet: {', '.join(named.segment.needs)}",
            code="unknown_segment",
        )
    return named.segment, named.cohort


def _cohort(segment: Segment, source: str) -> Cohort:
    try:
        return cohort_of(segment.expression)
    except UsageError as error:
        raise ConfigurationError(f"{source}: {segment.name}: {error}") from error


def docs_table() -> str:
    """Return the table of segments in docs/cohorts.md."""
    lines = ["| segment | category | whom it has | condition |", "|---|---|---|---|"]
    for named in library():
        one = named.segment
        condition = f"left out: no `{', '.join(one.needs)}`" if one.needs else f"`{one.expression}`"
        lines.append(f"| `{one.name}` | {named.category.replace('_', ' ')} | {one.about} | {condition} |")
    return "\n".join(lines)
