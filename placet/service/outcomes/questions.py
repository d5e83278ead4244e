"""The five standing questions of control, answered from outcomes that were counted, or what it takes to answer them.

The first compares treated customers with the control group. The second compares those for whom the best was chosen with
those for whom chance chose, by the draw: that needs a strategy that explores. The others compare choices that nobody
made, and no figure of ours says what they would have brought.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from typing import Final, Literal

import polars as pl

from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.questions import Answer, Answered, ControlQuestions, Question
from placet.contracts.outcomes.uplift import Uplift
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.assignment.drawing import buckets
from placet.decisioning.outcomes.comparing import Sides
from placet.governance.policy.set import PolicySet
from placet.service.outcomes.entering import RolledOut, rolled_out
from placet.service.outcomes.reading import read_outcomes
from placet.service.outcomes.reporting import sides_of
from placet.service.strategies.publishing import find_published
from placet.storage.database import Database

ASKED: Final[dict[Question, str]] = {
    "any_action": "Is it better to do something than nothing?",
    "ranking": "Is what is worth most better than what chance picks?",
    "levers": "Is value with business levers better than propensity alone?",
    "score": "Is the model's score better than a random one?",
    "rules": "Are eligibility and contact rules worth what they forgo?",
}
_EXPLORE: Final = "the strategy does not explore: publish a version with a share such as `explore: 2 %`"
_MISSING: Final[dict[Question, str]] = {
    "levers": "choices by propensity alone were never made; it takes an estimate from explored decisions",
    "score": "choices by a random score were never made; it takes an estimate from explored decisions",
    "rules": "whom the rules leave out is never treated, so nothing is known of them; it takes a share without them",
}
_MOST_MORE: Final = 100_000_000


def control_questions(
    database: Database,
    tenant: str,
    wanted: str,
    days: Days,
    policies: Callable[[str], PolicySet],
    now: datetime | None = None,
) -> ControlQuestions:
    """Answer the questions for a published strategy, by its name, or a version or the beginning of one.

    Raises:
        UsageError: code `unknown_strategy`, `unknown_rollout`.
        GovernanceError: code `outcomes_altered`; what is kept is not what was counted.
    """
    now = datetime.now(UTC) if now is None else now
    with database.reading() as tx:
        found = find_published(tx, tenant, wanted, policies, now)
        it = rolled_out(tx, tenant, found.version)
    frame = read_outcomes(database, tenant, it, days, now).frame.filter(pl.col("unknown").is_null())
    strategy = it.strategy
    return ControlQuestions(
        strategy=strategy.name,
        days=days,
        measure=strategy.objective.measure,
        currency=strategy.market.currency,
        answers=(
            _any_action(it, frame),
            _ranking(it, frame),
            *(_unanswered(one, _MISSING[one]) for one in ("levers", "score", "rules")),
        ),
    )


def _any_action(it: RolledOut, frame: pl.DataFrame) -> Answered:
    held = it.strategy.holdout
    control = frame["control"].cast(pl.Boolean)
    sides = sides_of(frame.filter(~control), frame.filter(control), _measure(it), (WHOLE - held, held))
    return _answered(it, "any_action", sides)


def _ranking(it: RolledOut, frame: pl.DataFrame) -> Answered:
    strategy = it.strategy
    if not strategy.explore:
        return _unanswered("ranking", _EXPLORE)
    treated = frame.filter(~pl.col("control").cast(pl.Boolean))
    if treated.is_empty():
        return _unanswered("ranking", "nobody was counted yet")
    explores = buckets("explore", strategy.name, treated["customer_id"]) < strategy.explore
    planned = (WHOLE - strategy.explore, strategy.explore)
    sides = sides_of(treated.filter(~explores), treated.filter(explores), _measure(it), planned)
    return _answered(it, "ranking", sides)


def _answered(it: RolledOut, question: Question, sides: Sides) -> Answered:
    found = sides.uplift()
    if isinstance(found, Unknown):
        return Answered(
            question=question, asked=ASKED[question], answer="cannot_be_said", found=found, missing=found.detail
        )
    answer, more = _judged(found, it.strategy.objective.direction), None
    if answer == "not_yet":
        more = _more(found)
    return Answered(question=question, asked=ASKED[question], answer=answer, found=found, more=more)


def _judged(found: Uplift, wanted: Literal["higher", "lower"]) -> Answer:
    if not found.certain:
        return "not_yet"
    return "yes" if (found.difference > 0) == (wanted == "higher") else "no"


def _more(found: Uplift) -> int | None:
    """Return how many customers more it roughly takes: the interval narrows with the root of their number."""
    counted = found.treated.customers + found.control.customers
    if found.difference == 0:
        return None
    half = (found.between.high - found.between.low) / 2
    needed = ceil(counted * ((half / abs(found.difference)) ** 2 - 1))
    return max(needed, 1) if needed <= _MOST_MORE else None


def _unanswered(question: Question, missing: str) -> Answered:
    return Answered(question=question, asked=ASKED[question], answer="cannot_be_said", missing=missing)


def _measure(it: RolledOut) -> Measure:
    return it.strategy.objective.measure
