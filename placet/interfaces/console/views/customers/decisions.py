"""The next best action of a customer, what a care agent makes of it, and what it would be in another case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from placet.contracts.strategies.decision import Assist, NextBestAction, NotOffered, Weighed
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted, quoted, spoken
from placet.contracts.times import minute
from placet.decisioning.cohorts.columns import BY_NAME
from placet.decisioning.cohorts.flattening import Row as CustomerRow
from placet.interfaces.console.views.common import in_ten
from placet.interfaces.console.views.evidence import Row
from placet.interfaces.telling.decisions import (
    chosen_in_words,
    outcome_in_words,
    supposed_in_words,
    value_in_words,
    verdict_in_words,
)
from placet.interfaces.telling.strategies import FELL
from placet.service.strategies.deciding import PublishedDecision
from placet.service.strategies.supposing import WhatIf

_ONE_PERCENT: Final = 100
_WHOSE: Final = {"strategy": "the strategy's words, which were signed", "customer": "a fact about the customer"}
USUAL: Final[Mapping[str, str]] = {
    "products": "Products held",
    "open_tickets": "Open support tickets",
    "consent_marketing": "Agrees to marketing",
    "churn_percent": "Chance of leaving, in per cent",
}
"""Facts that the form asks for by name, and what they are called there; all others are written out."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """A treatment that is not given: where it fell, in a few words, and why; `value`: what it is worth, if asked."""

    title: str
    strategy: str
    where: str
    why: str
    value: str


@dataclass(frozen=True, slots=True)
class DecisionShown:
    """What would be done for a customer; `title` is empty where it is nothing."""

    title: str
    why: str
    facts: tuple[Row, ...]
    because: tuple[str, ...]
    fallen: tuple[Fallen, ...]
    stands_on: str
    version: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A reason that may be said aloud, and whose words it is."""

    words: str
    whose: str


@dataclass(frozen=True, slots=True)
class AssistShown:
    """What a care agent says, what they must not offer, and what they may instead."""

    say: tuple[Spoken, ...]
    not_offer: tuple[Fallen, ...]
    instead: tuple[Fallen, ...]


@dataclass(frozen=True, slots=True)
class Asks:
    """A field for a fact: how it is filled in, and what is so."""

    name: str
    label: str
    kind: str
    known: str
    value: str


@dataclass(frozen=True, slots=True)
class ChangedShown:
    """A treatment of which something else becomes."""

    title: str
    strategy: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class WhatIfShown:
    """Two decisions side by side."""

    supposed: tuple[Row, ...]
    verdict: str
    same: bool
    as_is: str
    then: str
    as_is_shown: DecisionShown
    then_shown: DecisionShown
    say: tuple[Spoken, ...]
    changed: tuple[ChangedShown, ...]


def decision_of(found: NextBestAction, titles: Mapping[str, str]) -> DecisionShown:
    """Return how a next best action is shown; `titles` are what strategies are called, by their names."""
    chosen = found.chosen
    stands_on = (
        f"As they were on {minute(found.as_of)}, by {counted(found.state_version, 'event')}; asked for the channel "
        f"{spoken(found.channel)} on {minute(found.at)}."
    )
    fallen = tuple(_fallen(one, str(one.value or "")) for one in found.weighed if one.fell)
    if chosen is None:
        why = "Leave them alone: no treatment passes, or none is worth more than it costs."
        return DecisionShown("", why, (), (), fallen, stands_on, "")
    facts = [Row("Costs at most", str(chosen.cost)), Row("Expected gain after its cost", str(chosen.value))]
    if chosen.chance is not None:
        facts.append(Row("How likely", _chance(chosen)))
    facts.append(Row("Strategy", f"{titles.get(chosen.strategy) or chosen.strategy} ({chosen.strategy})"))
    because = tuple(quoted(one.detail) for one in chosen.because)
    return DecisionShown(chosen.title, chosen.reason.detail, tuple(facts), because, fallen, stands_on, chosen.version)


def published_of(found: PublishedDecision) -> DecisionShown:
    """Return how a decision by all published strategies is shown."""
    return decision_of(found.decision, {one.name: one.title for one in found.strategies})


def assist_of(found: Assist) -> AssistShown:
    """Return how what a care agent makes of it is shown."""
    return AssistShown(_spoken(found), _table(found.not_offer), _table(found.instead))


def what_if_of(found: WhatIf) -> WhatIfShown:
    """Return how two decisions are shown side by side."""
    return WhatIfShown(
        supposed=tuple(Row(f"{label[:1].upper()}{label[1:]}", words) for label, words in supposed_in_words(found)),
        verdict=f"If it were so, {verdict_in_words(found)}.",
        same=found.same_choice,
        as_is=chosen_in_words(found.as_is),
        then=chosen_in_words(found.supposed),
        as_is_shown=published_of(found.as_is),
        then_shown=published_of(found.supposed),
        say=_spoken(found.supposed.assist),
        changed=tuple(
            ChangedShown(one.title, one.strategy, outcome_in_words(one.before), outcome_in_words(one.after))
            for one in found.changed
        ),
    )


def asks_of(row: CustomerRow, typed: Mapping[str, str]) -> tuple[Asks, ...]:
    """Return the fields of the usual facts.

    Args:
        row: What is known of the customer.
        typed: What was filled in, by the facts' names.
    """
    return tuple(
        Asks(name, label, BY_NAME[name].kind, value_in_words(row[name]), typed.get(name, ""))
        for name, label in USUAL.items()
    )


def silent_of(found: PublishedDecision) -> Sequence[Row]:
    """Return the published strategies that had no say, and why."""
    return [
        Row(one.title or one.name, f"{one.silent[:1].upper()}{one.silent[1:]}")
        for one in found.strategies
        if one.silent
    ]


def _spoken(found: Assist) -> tuple[Spoken, ...]:
    return tuple(Spoken(quoted(one.reason.detail), _WHOSE[one.source]) for one in found.say)


def _table(found: Iterable[NotOffered]) -> tuple[Fallen, ...]:
    return tuple(_fallen(one, "") for one in found)


def _fallen(one: Weighed | NotOffered, value: str) -> Fallen:
    return Fallen(one.title, one.strategy, FELL[one.fell] if one.fell else "", one.reason.detail, value)


def _chance(chosen: Weighed) -> str:
    chance = chosen.chance or 0
    rate, share = in_ten(chance // _ONE_PERCENT), share_in_words(chance)
    if chosen.chance_of == "leaving":
        return f"{rate} like them leave ({share}, by their churn score)"
    return f"{rate} take it up ({share}, an assumption of the strategy)"
