"""A strategy as its text says it, and as the base answers it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from placet.contracts.strategies.findings import CheckedStrategy, Finding
from placet.contracts.strategies.preview import PreviewedTreatment, StrategyPreview
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted, one_line, spoken
from placet.decisioning.cohorts.wording import percent
from placet.interfaces.console.views.common import Tone
from placet.interfaces.console.views.evidence import Chart, Point, Row
from placet.interfaces.telling.kpis import left_out_in_words
from placet.interfaces.telling.strategies import (
    FELL_AT,
    budget_in_words,
    cost_in_words,
    ended_in_words,
    held_in_words,
    never_in_words,
)

_LINES: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Where YAML ends a line."""
_EXCERPT: Final = 120


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding, with the line that it is about; `where` are the names that lead to it."""

    tone: Tone
    severity: str
    line: int
    column: int
    where: str
    said: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a strategy in words."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class CheckShown:
    """What a check says; `digest` is empty where there is an error."""

    lead: str
    tone: Tone
    faults: tuple[Fault, ...]
    parts: tuple[Part, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class StageShown:
    """A stage, and what would hold the rollout there; empty: nothing."""

    share: str
    customers: str
    held: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Customers of whom a treatment ends alike: could get it, or fell at one rule; `part` of all, in per cent."""

    words: str
    code: str
    customers: str
    part: float


@dataclass(frozen=True, slots=True)
class TreatmentShown:
    """A treatment: what it may cost, and how many end where."""

    title: str
    money: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class PreviewShown:
    """What a strategy would do to the base."""

    lead: str
    notes: tuple[str, ...]
    facts: tuple[Row, ...]
    charts: tuple[Chart, ...]
    stages: tuple[StageShown, ...]
    arms: tuple[Row, ...]
    treatments: tuple[TreatmentShown, ...]
    money: str
    enough: bool


def check_of(checked: CheckedStrategy, text: str) -> CheckShown:
    """Return how a check of a text is shown."""
    errors = sum(one.severity == "error" for one in checked.findings)
    warnings = len(checked.findings) - errors
    beside = f"{counted(warnings, 'warning')} for whoever signs it" if warnings else ""
    if errors:
        lead = f"{counted(errors, 'error')}: nobody can sign it" + (f"; {beside}" if beside else "")
    else:
        lead = f"No error; {beside}" if beside else "Nothing is wrong with it"
    lines = _LINES.split(text)
    return CheckShown(
        lead=lead,
        tone="bad" if errors else "waits" if warnings else "good",
        faults=tuple(_fault(one, lines) for one in checked.findings),
        parts=tuple(_parts(checked)),
        digest=checked.digest or "",
    )


def _fault(one: Finding, lines: list[str]) -> Fault:
    line = lines[one.line - 1] if one.line <= len(lines) else ""
    begin = max(0, one.column - _EXCERPT // 2) if len(line) > _EXCERPT else 0
    excerpt = one_line(("…" if begin else "") + line[begin:], _EXCERPT)
    tone: Tone = "bad" if one.severity == "error" else "waits"
    return Fault(tone, one.severity, one.line, one.column, one.where, one.said, excerpt)


def _parts(checked: CheckedStrategy) -> Iterator[Part]:
    for name in dict.fromkeys(line.group for line in checked.told):
        yield Part(name, tuple(Row(line.heading, line.words) for line in checked.told if line.group == name))


def preview_of(found: StrategyPreview) -> PreviewShown:
    """Return how a preview is shown."""
    open_to = found.members - found.other_currency - found.control
    notes = [f"{note}." for note in (ended_in_words(found), never_in_words(found)) if note]
    if found.unknown:
        unknown = counted(found.unknown, "customer")
        notes.append(f"Not in it: {unknown} of whom it is not known what the cohort asks.")
    if found.simulated:
        notes.append(f"{found.simulated:,} of all customers have simulated events: nothing of them is real.")
    if found.left_out:
        notes.append(f"{left_out_in_words(found.left_out, found.unreadable)}.")
    if found.other_currency:
        notes.append(f"{found.other_currency:,} of them pay in another currency: they are left out of what follows.")
    return PreviewShown(
        lead=f"It is for {found.members:,} of {found.base:,} customers: {percent(found.members, found.base)} %",
        notes=tuple(notes),
        facts=(
            Row("Customers with events", f"{found.base:,}"),
            Row("For whom it is", f"{found.members:,}"),
            Row("Control group, never treated", f"{found.control:,}"),
            Row("Could get at least one treatment", f"{open_to - found.could_get_none:,}"),
            Row("Could get none of them", f"{found.could_get_none:,}"),
        ),
        charts=tuple(_charts(found, open_to)) if found.members else (),
        stages=tuple(
            StageShown(share_in_words(one.share), f"{one.treated:,}", held_in_words(one)) for one in found.stages
        ),
        arms=tuple(
            Row(f"{spoken(one.name)}, {share_in_words(one.share)}", counted(one.treated, "customer"))
            for one in found.arms
        ),
        treatments=tuple(_treatment(one, open_to) for one in found.treatments),
        money=budget_in_words(found),
        enough=found.most_cost.amount_minor <= found.budget.amount_minor,
    )


def _charts(found: StrategyPreview, open_to: int) -> Iterator[Chart]:
    stages = ((share_in_words(one.share), one.treated, held_in_words(one)) for one in found.stages)
    yield _chart("Stages of the rollout", "Customers in each stage, with those of the stages before", stages)
    steps = (
        ("all", found.base, "customers of whom events are known"),
        ("in it", found.members, "its cohort"),
        ("open", open_to, "outside the control group"),
        ("could get", open_to - found.could_get_none, "one treatment or more"),
    )
    yield _chart("From all customers to those who could get something", "Customers left at each step", steps)


def _chart(title: str, what: str, bars: Iterable[tuple[str, int, str]]) -> Chart:
    points = tuple(Point(label, f"{number:,}", str(number), note) for label, number, note in bars)
    return Chart(title, "customers", what, points)


def _treatment(one: PreviewedTreatment, open_to: int) -> TreatmentShown:
    outcomes = [_outcome("could get it", "", one.could_get, open_to)]
    if one.other_arm:
        outcomes.append(_outcome("in an arm without it", "", one.other_arm, open_to))
    outcomes += [
        _outcome(f"{FELL_AT[fell.stage]}: {fell.otherwise}", fell.code, fell.customers, open_to) for fell in one.removed
    ]
    return TreatmentShown(one.title, f"costs {cost_in_words(one)}", tuple(outcomes))


def _outcome(words: str, code: str, customers: int, of: int) -> Outcome:
    return Outcome(words, code, f"{customers:,}", percent(customers, of))
