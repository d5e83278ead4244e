"""The five standing questions of control, answered from outcomes that were counted, or what it takes to answer them.

The first compares treated customers with the control group. The second compares those for whom the best was chosen with
those for whom chance chose, by the draw: that needs a strategy that explores. The third and the fourth compare choices
that nobody made as such: of an exploring strategy it is estimated what they would have brought. The fifth can never be
said from the record: whom the rules leave out, nobody treats.
"""

from collections.abc import Callable, Sequence
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
from placet.decisioning.next_best_action.choices import Chooses, Decided, by_propensity, by_random_score, ruled_out
from placet.decisioning.outcomes.comparing import Sides
from placet.errors import UsageError
from placet.governance.policy.set import PolicySet
from placet.service.outcomes.decided import MOST_AT_A_DESK, read_decisions
from placet.service.outcomes.entering import RolledOut, rolled_out
from placet.service.outcomes.estimating import (
    compared_with,
    estimated,
    more_to_tell,
    more_to_try,
    none_possible,
    treated_of,
)
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
_STEPS: Final = "the strategy takes customers through steps, so that single decisions tell nothing of it"
_ONLY_ONE: Final = "the strategy has one treatment: there is nothing to rank"
_ALIKE: Final[dict[Question, str]] = {
    "levers": "propensity alone would have chosen the same in all {many:,} decisions that can be compared",
    "score": "a random score would have changed none of the {many:,} decisions that can be compared",
}
_RULES: Final = (
    "this can never be said from customers who fell out: whom eligibility and contact rules left out was never "
    "treated, so nothing is known of what a treatment would have brought them; it takes a trial in which a share, "
    "drawn by chance, is treated without the rule"
)
_MOST_MORE: Final = 100_000_000


def control_questions(
    database: Database,
    tenant: str,
    wanted: str,
    days: Days,
    policies: Callable[[str], PolicySet],
    now: datetime | None = None,
    most: int = MOST_AT_A_DESK,
) -> ControlQuestions:
    """Answer the questions for a published strategy, by its name, or a version or the beginning of one.

    Args:
        database: Where the record is.
        tenant: Whose.
        wanted: Which strategy.
        days: After customers entered.
        policies: The set in force for an agent.
        now: The time; None: as it is.
        most: Decisions that are made again; of more, what hangs on them is not answered, and says so.

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
            *_of_decisions(database, tenant, it, frame, most),
        ),
    )


def _of_decisions(
    database: Database, tenant: str, it: RolledOut, frame: pl.DataFrame, most: int
) -> tuple[Answered, Answered, Answered]:
    """Answer what hangs on decisions that were logged: by propensity alone, by a random score, without the rules."""
    strategy, treated = it.strategy, treated_of(frame)
    why = _STEPS if strategy.steps else _ONLY_ONE if len(strategy.treatments) == 1 else ""
    why = why or ("" if strategy.explore else _EXPLORE) or ("nobody was counted yet" if treated.is_empty() else "")
    decided: tuple[Decided, ...] = ()
    if not why:
        try:
            decided = read_decisions(database, tenant, it, treated["customer_id"].to_list(), most).decided
        except UsageError as error:
            why = str(error)
    if why:
        return _unanswered("levers", why), _unanswered("score", why), _unanswered("rules", _RULES)
    fell = sum(ruled_out(strategy, one) for one in decided)
    said = f"{_RULES} (in {fell:,} of {len(decided):,} decisions they left a treatment out)" if decided else _RULES
    return (
        _estimated(it, treated, "levers", decided, by_propensity(strategy)),
        _estimated(it, treated, "score", decided, by_random_score(strategy, decided)),
        _unanswered("rules", said),
    )


def _estimated(
    it: RolledOut, frame: pl.DataFrame, question: Question, decided: Sequence[Decided], other: Chooses
) -> Answered:
    """Answer by what another choice would have brought, less what the strategy's rule brings: less is a yes."""
    compared = compared_with(it.strategy, decided, other)
    refused = none_possible(it.strategy, decided, compared)
    if refused is not None:
        return _unanswered(question, refused.detail)
    if compared.differing.is_empty():
        return _unanswered(question, _ALIKE[question].format(many=compared.log.height))
    found = estimated(compared.log, frame, _measure(it), "dr")
    asked = ASKED[question]
    if isinstance(found, Unknown):
        more = more_to_try(compared)
        return Answered(
            question=question, asked=asked, answer="cannot_be_said", found=found, missing=found.detail, more=more
        )
    if not found.certain:
        return Answered(question=question, asked=asked, answer="not_yet", found=found, more=more_to_tell(found))
    better = (found.difference < 0) == (it.strategy.objective.direction == "higher")
    return Answered(question=question, asked=asked, answer="yes" if better else "no", found=found)


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
