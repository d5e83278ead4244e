"""Strategies made ready to be asked: candidates, and each condition of any of them once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import polars as pl

from placet.contracts.base import Digest
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import StrategyTreatment
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.columns import LIVE_STATE, Vocabulary
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.hurdles import Closed, Hurdle, closed, hurdles, other_currency
from placet.decisioning.next_best_action.worth import STATE, Ground
from placet.errors import UsageError


@dataclass(frozen=True, slots=True)
class AtStep:
    """At which step of a strategy a customer is.

    Attributes:
        gives: Codes of the treatments that may be given there; none while they wait.
        code: Of the reason why the others are not.
        said: It, as a sentence without a subject.
    """

    gives: tuple[str, ...]
    code: str
    said: str


@dataclass(frozen=True, slots=True)
class Live:
    """A version of a strategy, and how far its rollout came.

    Attributes:
        reached: The share of those outside the control group that it has reached, in basis points.
        room: What is left of its budget, in minor units; None where nobody asks.
        at: At which of its steps the customer is who is decided for; None where it has none, or nobody asks.
        ground: What it is asked on.
    """

    strategy: Strategy
    version: Digest
    reached: int = WHOLE
    room: int | None = None
    at: AtStep | None = None
    ground: Ground = STATE

    @property
    def weights(self) -> Mapping[str, int]:
        """The arms' shares, in their order."""
        return {arm.name: arm.share for arm in self.strategy.arms}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One treatment on one channel.

    Attributes:
        number: Its place among all candidates: by strategy, then by the order of its text. Of two that are worth the
            same, the first is taken.
        arms: Those that may get it; empty: everybody.
    """

    number: int
    live: Live
    treatment: StrategyTreatment
    hurdles: tuple[Hurdle, ...]
    arms: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ready:
    """One strategy on one channel at one time.

    Attributes:
        closed: Why it says nothing now; None where it may.
        currency: The condition that the customer's money is of its currency.
    """

    live: Live
    closed: Closed | None
    currency: str
    candidates: tuple[Prepared, ...]

    @property
    def first(self) -> tuple[str, str]:
        """The conditions that are asked of everybody: the cohort, the currency."""
        return self.live.strategy.cohort, self.currency


def prepare(strategies: Sequence[Live], channel: Channel, at: datetime) -> tuple[Ready, ...]:
    """Return strategies ready to be asked, by their names.

    Raises:
        UsageError: code `strategy_twice`; one is there in two versions. Code `malformed`; `any` is no channel.
        ValueError: they are asked on different grounds, and one row is of one.
    """
    if channel == "any":
        raise UsageError("'any' is no channel to be told on; name one, such as agent or sms", code="malformed")
    if len({live.ground for live in strategies}) > 1:
        raise ValueError("strategies that are asked at once have one ground")
    ordered = sorted(strategies, key=lambda live: live.strategy.name)
    for one, other in pairwise(ordered):
        if one.strategy.name == other.strategy.name:
            raise UsageError(
                f"strategy {one.strategy.name!r} is given twice; one version counts", code="strategy_twice"
            )
    ready, number = [], 0
    for live in ordered:
        candidates = []
        for treatment in live.strategy.treatments:
            arms = frozenset(arm.name for arm in live.strategy.arms if treatment.code in arm.treatments)
            candidates.append(Prepared(number, live, treatment, hurdles(live.strategy, treatment, channel), arms))
            number += 1
        currency = other_currency(live.strategy.market.currency)
        ready.append(Ready(live, closed(live.strategy, channel, at), currency, tuple(candidates)))
    return tuple(ready)


def true_of(row: Row, conditions: Sequence[str], known: Vocabulary = LIVE_STATE) -> Mapping[str, bool]:
    """Return of each condition whether it is true of a customer; all are asked at once, each once."""
    asked = [cohort_of(text, known) for text in dict.fromkeys(conditions)]
    schema = {name: kind for cohort in asked for name, kind in cohort.schema.items()}
    if not asked:
        return {}
    frame = pl.DataFrame([[row[name] for name in schema]], schema=schema, orient="row")
    answers = frame.select(cohort.condition.alias(str(number)) for number, cohort in enumerate(asked)).row(0)
    return {text: answer is True for text, answer in zip(dict.fromkeys(conditions), answers, strict=True)}
