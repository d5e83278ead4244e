"""Decisions by published strategies, and what if, in words that every face shows."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from placet.contracts.strategies.decision import Assist
from placet.contracts.text import quoted, spoken
from placet.contracts.times import minute
from placet.interfaces.telling.strategies import FELL, decision_lines
from placet.service.strategies.deciding import PublishedDecision
from placet.service.strategies.supposing import FactValue, Outcome, WhatIf

RUNS_WITHOUT: Final = (
    "a run that names no strategy is decided by its application's catalogue, on what it reads of billing"
)
OFFERED: Final = "is offered"
_NOTHING_ELSE: Final = "why nothing else"
_SAY: Final = "say"


def published_lines(found: PublishedDecision) -> Iterator[tuple[str, str, str]]:
    """Say what published strategies would do for a customer, what an agent says, and which strategies had no say."""
    for group, heading, words in decision_lines(found.decision):
        if group != _NOTHING_ELSE and heading != _SAY:  # both are told below, for whoever speaks with the customer
            yield group, heading, words
    yield from _assist(found.assist)
    for weighed in found.decision.weighed:
        if weighed.fell == "cohort":
            yield "for other customers", f"{weighed.title}, {weighed.strategy}", weighed.reason.detail
    for one in found.strategies:
        if one.silent:
            yield "strategies without a say", one.title or one.name, one.silent
    if not found.strategies:
        yield "strategies", "none is published", RUNS_WITHOUT


def what_if_lines(found: WhatIf) -> Iterator[tuple[str, str, str]]:
    """Say what would be done in a supposed case, beside what would be as things are."""
    for heading, words in supposed_in_words(found):
        yield "supposed, and not kept", heading, words
    yield "next best action", "as it is", chosen_in_words(found.as_is)
    yield "next best action", "supposed", chosen_in_words(found.supposed)
    yield "next best action", "so", verdict_in_words(found)
    for one in found.changed:
        name = f"what changes: {one.title}, {one.strategy}"
        yield name, "as it is", outcome_in_words(one.before)
        yield name, "supposed", outcome_in_words(one.after)


def supposed_in_words(found: WhatIf) -> Iterator[tuple[str, str]]:
    """Say what is supposed, each with what is so."""
    if found.supposed_channel is not None:
        was = spoken(found.as_is.decision.channel)
        yield "where they would be told", f"{spoken(found.supposed_channel)} (in truth: {was})"
    if found.supposed_at is not None:
        yield "time", f"{minute(found.supposed_at)} (in truth: {minute(found.as_is.decision.at)})"
    for fact in found.facts:
        yield fact.about, f"{value_in_words(fact.supposed)} (in truth: {value_in_words(fact.was)})"


def value_in_words(value: FactValue) -> str:
    """Say a fact's value."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int) else quoted(value)


def verdict_in_words(found: WhatIf) -> str:
    """Say whether the supposition makes a difference."""
    if not found.same_choice:
        return "something else would be done"
    return "the same would be done, for other reasons or values" if found.changed else "nothing changes"


def chosen_in_words(found: PublishedDecision) -> str:
    """Say what is offered, and what it is worth."""
    chosen = found.decision.chosen
    if chosen is None:
        return "nothing: leave them alone"
    return f"{chosen.title}, of strategy {chosen.strategy}: costs {chosen.cost} at most, {chosen.reason.detail}"


def outcome_in_words(one: Outcome) -> str:
    """Say what became of a treatment."""
    where = OFFERED if one.fell is None else FELL[one.fell]
    return f"{where}: {one.reason.detail}"


def _assist(found: Assist) -> Iterator[tuple[str, str, str]]:
    for number, said in enumerate(found.say, 1):
        yield "say to the customer", str(number), quoted(said.reason.detail)
    for one in found.instead:
        yield "may be offered instead", f"{one.title}, {one.strategy}", one.reason.detail
    for one in found.not_offer:
        yield (
            "do not offer",
            f"{one.title}, {one.strategy}",
            f"{FELL[one.fell] if one.fell else OFFERED}: {one.reason.detail}",
        )
