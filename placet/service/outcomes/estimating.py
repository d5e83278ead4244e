"""What a changed strategy would have brought, from decisions of the published version in which chance had a part.

    (1) Take the treated customers whose outcome at the horizon is counted and known.
    (2) Read the decision for each from the record, and make it again by the published text.
    (3) Ask the changed text on what the run read, without chance. Where it chooses what was not possible then, nothing
        is known, and the customer counts in no figure.
    (4) Estimate from the others: both texts by what each ranks first, so that what differs is the text alone.

Of a strategy of several steps it is the one choice of a journey that is estimated: chance had a part there and nowhere
else, and what the other steps give is taken as it is. It writes nothing.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Final, NamedTuple

import polars as pl

from placet.contracts.outcomes.estimate import EstimatedMeasure, LeftOutWhy, NotDecided, StrategyEstimate
from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.off_policy import Estimator, OffPolicyEstimate
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.next_best_action.choices import (
    Chooses,
    Decided,
    by_text,
    choice_steps,
    could_be,
    log_of,
    one_after_another,
)
from placet.decisioning.next_best_action.proposing import unread_by
from placet.decisioning.outcomes.groups import unknown
from placet.decisioning.outcomes.off_policy import FEWEST_EFFECTIVE, FEWEST_TRIED, RULE, off_policy
from placet.decisioning.windows.counting import MEASURES, OF_SIMULATION
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.service.outcomes.decided import MOST_AT_A_DESK, DecisionsRead, read_decisions
from placet.service.outcomes.entering import RolledOut, rolled_out
from placet.service.outcomes.reading import read_outcomes
from placet.service.outcomes.reporting import column_of
from placet.service.strategies.publishing import find_published
from placet.storage.database import Database

_MOST_MORE: Final = 100_000_000


class Compared(NamedTuple):
    """Decisions beside another choice for each.

    Attributes:
        log: Those in which the other choice was possible, as `off_policy` reads them.
        never: Decisions in which it was not.
    """

    log: pl.DataFrame
    never: int

    @property
    def differing(self) -> pl.DataFrame:
        """Decisions in which the other choice is not what the published text ranks first."""
        return self.log.filter(pl.col("new_action") != pl.col(RULE))

    @property
    def tried(self) -> int:
        """Of those, in how many chance chose it."""
        return self.differing.filter(pl.col("new_action") == pl.col("action")).height


def estimate(
    database: Database,
    tenant: str,
    changed: Strategy,
    days: Days,
    policies: Callable[[str], PolicySet],
    now: datetime | None = None,
    most: int = MOST_AT_A_DESK,
) -> StrategyEstimate:
    """Estimate what a changed text would have brought to the treated customers of the published version of its name.

    Args:
        database: Where the record is.
        tenant: Whose.
        changed: The changed text; it needs not be kept.
        days: After customers entered.
        policies: The set in force for an agent.
        now: The time; None: as it is.
        most: Decisions that are made again.

    Raises:
        UsageError: code `unknown_strategy`, `unknown_rollout`; code `base_too_large`, they are more than `most`.
        GovernanceError: code `outcomes_altered`; what is kept is not what was counted.
        DecisionRefused: code `strategy_altered`; the published text is gone, or is not what was signed.
    """
    now = datetime.now(UTC) if now is None else now
    with database.reading() as tx:
        it = rolled_out(tx, tenant, find_published(tx, tenant, changed.name, policies, now).version)
    frame = treated_of(read_outcomes(database, tenant, it, days, now).frame)
    refused = _unlike(it.strategy, changed) or _nobody(frame, days)
    read = DecisionsRead((), Counter()) if refused else read_decisions(database, tenant, it, _ids(frame), most)
    compared = compared_with(it.strategy, read.decided, by_text(it.strategy, changed))
    refused = refused or none_possible(it.strategy, read.decided, compared)
    measures = () if refused else tuple(_measures(it, frame, compared.log))
    alike = compared.log.height - compared.differing.height
    return StrategyEstimate(
        strategy=it.strategy.name,
        title=changed.title,
        version=it.version,
        changed=digest(changed),
        days=days,
        currency=it.strategy.market.currency,
        counted=frame.height,
        decisions=len(read.decided),
        not_decided=_not_decided(read.left_out),
        alike=alike,
        never=compared.never,
        tried=compared.tried,
        simulated=int((frame["marks"] & OF_SIMULATION != 0).sum()),
        why_not=refused,
        more=_more(compared, measures),
        measures=measures,
        of_steps=choice_steps(it.strategy) if measures else (),
    )


def treated_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the treated customers, by the draw, of whom the outcome is known."""
    return frame.filter(pl.col("unknown").is_null() & ~pl.col("control").cast(pl.Boolean))


def compared_with(published: Strategy, decided: Sequence[Decided], chooses: Chooses) -> Compared:
    """Return decisions beside what another text or rule would have chosen."""
    possible, never = list[tuple[Decided, str]](), 0
    for one in decided:
        choice = chooses(one)
        if choice is None or not could_be(published, one, choice):
            never += 1
        else:
            possible.append((one, choice))
    return Compared(log_of(possible), never)


def none_possible(published: Strategy, decided: Sequence[Decided], compared: Compared) -> Unknown | None:
    """Say why decisions tell nothing of the other choice; None where they may."""
    if not decided:
        return unknown("nobody", "no decision of the published version can be made again from what is kept")
    if compared.log.height:
        return None
    why = "" if published.explore else "; the published version does not explore: publish one with `explore: 10 %`"
    return unknown(
        "no_overlap",
        f"in all {len(decided):,} decisions it chooses what the published version could not have chosen: nothing is "
        f"known of that{why}",
    )


def estimated(log: pl.DataFrame, frame: pl.DataFrame, measure: Measure, how: Estimator) -> OffPolicyEstimate | Unknown:
    """Estimate one measure from decisions and the outcomes of their customers."""
    unit = MEASURES[measure].unit
    outcomes = pl.DataFrame({"customer_id": frame["customer_id"], "outcome": column_of(frame, measure)})
    whole = outcomes.with_columns(pl.col("outcome").round().cast(pl.Int64))
    return off_policy(log.join(whole, on="customer_id", how="inner"), unit, how)


def more_to_tell(found: OffPolicyEstimate) -> int | None:
    """Return how many decisions more it roughly takes: the interval narrows with the root of their number."""
    if found.certain or found.difference == 0:
        return None
    half = (found.difference_between.high - found.difference_between.low) / 2
    needed = ceil(found.decisions * ((half / abs(found.difference)) ** 2 - 1))
    return max(needed, 1) if needed <= _MOST_MORE else None


def more_to_try(compared: Compared) -> int | None:
    """Return how many decisions more it roughly takes until chance tried enough of the other choice."""
    if not compared.differing.height or not compared.tried:
        return None
    missing = max(FEWEST_TRIED / compared.tried, FEWEST_EFFECTIVE / compared.log.height) - 1
    return ceil(compared.log.height * missing) if missing > 0 else None


def _more(compared: Compared, measures: Sequence[EstimatedMeasure]) -> int | None:
    if not measures:
        return None
    first = measures[0].dr
    return more_to_try(compared) if isinstance(first, Unknown) else more_to_tell(first)


def _measures(it: RolledOut, frame: pl.DataFrame, log: pl.DataFrame) -> list[EstimatedMeasure]:
    objective = it.strategy.objective.measure
    asked: tuple[Measure, ...] = tuple(dict.fromkeys((objective, "spend", "churn")))
    return [
        EstimatedMeasure(
            measure=name,
            title=MEASURES[name].title,
            unit=MEASURES[name].unit,
            primary=name == objective,
            ips=estimated(log, frame, name, "ips"),
            snips=estimated(log, frame, name, "snips"),
            dr=estimated(log, frame, name, "dr"),
        )
        for name in asked
    ]


def _unlike(published: Strategy, changed: Strategy) -> Unknown | None:
    """Say why two texts cannot be compared at all."""
    if (why := _other_steps(published, changed)) is not None:
        return unknown("no_figure", why)
    if published.market.currency != changed.market.currency:
        said = f"the published version is in {published.market.currency}, the changed text in {changed.market.currency}"
        return unknown("unlike_units", f"{said}: amounts cannot be compared")
    unread = sorted(unread_by(changed, published))
    if unread:
        said = f"the changed text asks for {', '.join(unread)}, which no run of the published version has read"
        return unknown("no_figure", f"{said}: publish it, and look at its own outcomes")
    return None


def _other_steps(published: Strategy, changed: Strategy) -> str | None:
    """Say why the choices of a journey tell nothing; None where each customer comes to one choice at most."""
    if published.steps != changed.steps:
        return (
            "the changed text has other steps: other customers would come to a choice, and something else would follow"
        )
    if (both := one_after_another(published)) is not None:
        first, second = both
        return (
            f"step {first} leads to step {second}, and both give a choice: the draw of a customer is the same at both, "
            "so that what one of them brings cannot be told apart"
        )
    if published.steps and not choice_steps(published):
        return "no step of the strategy gives one of several treatments: nothing was chosen, and nothing tried"
    return None


def _nobody(frame: pl.DataFrame, days: Days) -> Unknown | None:
    if not frame.is_empty():
        return None
    return unknown("nobody", f"of no treated customer it is known what became of them after {days} days: wait for it")


def _ids(frame: pl.DataFrame) -> list[str]:
    return [str(one) for one in frame["customer_id"].to_list()]


def _not_decided(left_out: Counter[LeftOutWhy]) -> tuple[NotDecided, ...]:
    return tuple(NotDecided(why=why, customers=left_out[why]) for why in sorted(left_out))
