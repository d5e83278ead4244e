"""A cohort as figures, charts and the tables behind them."""

from dataclasses import dataclass
from typing import Final

from placet.contracts.cohorts.preview import CohortPreview, Difference, Example, ListedSegment, Overlap
from placet.contracts.text import counted
from placet.decisioning.cohorts.wording import percent
from placet.interfaces.console.views.evidence import Chart, Point, Row
from placet.interfaces.state_words import only_said_in_words
from placet.interfaces.telling.kpis import left_out_in_words

_LONGEST_TITLE: Final = 60


@dataclass(frozen=True, slots=True)
class Group:
    """The named segments of one category."""

    name: str
    segments: tuple[ListedSegment, ...]


@dataclass(frozen=True, slots=True)
class PreviewShown:
    """Whom a cohort has.

    Attributes:
        lead: The answer in one sentence.
        notes: What must be known beside it.
    """

    lead: str
    notes: tuple[str, ...]
    facts: tuple[Row, ...]
    profile: tuple[Difference, ...]
    overlaps: tuple[Overlap, ...]
    charts: tuple[Chart, ...]
    examples: tuple[Example, ...]
    expression: str
    digest: str


def grouped(segments: tuple[ListedSegment, ...]) -> tuple[Group, ...]:
    """Return the segments by category, in the library's order."""
    names = dict.fromkeys(one.category for one in segments)
    return tuple(
        Group(name.replace("_", " ").capitalize(), tuple(one for one in segments if one.category == name))
        for name in names
    )


def preview_of(found: CohortPreview) -> PreviewShown:
    """Return how a preview is shown."""
    notes = []
    if found.unknown:
        notes.append(f"Of {found.unknown:,} customers what it asks is not known: they are not in it.")
    if found.simulated:
        notes.append(f"{found.simulated:,} of all customers have simulated events: nothing of them is real.")
    if found.left_out:
        notes.append(f"{left_out_in_words(found.left_out, found.unreadable)}.")
    if found.only_said:
        said = only_said_in_words(found.only_said)
        notes.append(f"{said[:1].upper()}{said[1:]}.")
    return PreviewShown(
        lead=f"{counted(found.members, 'customer')} of {found.base:,}: {found.percent} %",
        notes=tuple(notes),
        facts=(
            Row("In the cohort", f"{found.members:,}"),
            Row("Customers with events", f"{found.base:,}"),
            Row("Share", f"{found.percent} %"),
            Row("Not known", f"{found.unknown:,}"),
        ),
        profile=found.profile,
        overlaps=found.overlaps,
        charts=tuple(_charts(found)),
        examples=found.examples,
        expression=found.checked.expression,
        digest=found.checked.digest,
    )


def _charts(found: CohortPreview) -> list[Chart]:
    charts = []
    for one in found.distributions:
        if found.members and one.bins:
            points = tuple(
                Point(
                    "below 0" if bin_.first is None else f"{bin_.first:,}",
                    f"{bin_.cohort:,}",
                    str(bin_.cohort),
                    f"of {bin_.base:,}, {percent(bin_.cohort, bin_.base)} %",
                )
                for bin_ in one.bins
            )
            title = one.about if len(one.about) <= _LONGEST_TITLE else one.column
            charts.append(Chart(f"{title[:1].upper()}{title[1:]}", "customers of the cohort", "Customers", points))
    return charts
