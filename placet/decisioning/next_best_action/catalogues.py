"""The decision of a run that names no strategy: by its application's catalogue, on what the run read. Pure.

A catalogue is asked as a strategy is, by the same `decide`. For the engine it is one that has reached everybody, on any
channel, at any time, with messages that need no consent: what it does not say, it does not ask. Billing was read, so it
is known which of an order's moves fits: only that one is weighed, and costs what it costs.
"""

from datetime import date
from typing import Any, Final

from placet.contracts.base import Digest
from placet.contracts.billing import Evidence
from placet.contracts.events.kinds import Channel
from placet.contracts.money import Money
from placet.contracts.proposal import Candidate, Reason
from placet.contracts.strategies.catalogue import Catalogue
from placet.contracts.strategies.decision import Fell, NextBestAction, Weighed
from placet.contracts.strategies.strategy import ContactRules, Market, Strategy, Term
from placet.contracts.strategies.treatment import OrderOffering, StrategyTreatment
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.cohorts.run_columns import row_of_run
from placet.decisioning.facts import held_in
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.next_best_action.proposing import candidates_of, move_of
from placet.decisioning.next_best_action.worth import ONE, Ground, cost, value

_CHANNEL: Final[Channel] = "agent"
"""Where nothing hangs on it."""
_UNCOUNTED: Final[frozenset[Fell | None]] = frozenset({"cohort", "currency"})
"""Whose money is not known, or is of another currency."""
_ANY_TIME: Final = ContactRules(
    purpose="service",
    channels=(_CHANNEL,),
    cool_down_days=0,
    period_days=90,
    most_per_period=1,
    after_refusal_days=0,
)
"""The rules that ask for nothing."""


def weigh_catalogue(
    catalogue: Catalogue, version: Digest, ground: Ground, evidence: Evidence, churn_bp: int, stays: Reason
) -> tuple[Candidate, ...]:
    """Weigh a catalogue's treatments: the same evidence gives the same candidates.

    Args:
        catalogue: Its text.
        version: Its digest.
        ground: What it is asked on, of `ground_of_run`.
        evidence: What the run read.
        churn_bp: How likely the customer leaves, in basis points.
        stays: What speaks against doing nothing.
    """
    decision = decide_by_catalogue(catalogue, version, ground, evidence, churn_bp)
    return candidates_of(decision, _as_strategy(catalogue, evidence), evidence, stays)


def decide_by_catalogue(
    catalogue: Catalogue, version: Digest, ground: Ground, evidence: Evidence, churn_bp: int
) -> NextBestAction:
    """Return what a catalogue decides on what a run read; the arguments are those of `weigh_catalogue`.

    What fell by a rule is valued as well: the run has read what it takes, and whoever decides sees what was kept back.
    """
    at, state = evidence.read_at, evidence.state
    strategy, row = _as_strategy(catalogue, evidence), row_of_run(evidence, churn_bp, ground.known)
    ready = prepare([Live(strategy, version, ground=ground)], _CHANNEL, at)
    found = decide(ready, row, as_of=at, state_version=state.version if state else 0, channel=_CHANNEL, at=at)
    return found.model_copy(update={"weighed": tuple(_valued(one, strategy, ground, row) for one in found.weighed)})


def _valued(one: Weighed, strategy: Strategy, ground: Ground, row: Row) -> Weighed:
    if one.cost is not None or one.fell in _UNCOUNTED:
        return one
    treatment = next(each for each in strategy.treatments if each.code == one.treatment)
    spends = ground.spends(row)
    costs = cost(treatment.action, spends, ONE)
    worth = value(strategy, treatment, spends, row[ground.leaving], costs, ground.certain)
    currency = strategy.market.currency
    return one.model_copy(
        update={
            "cost": Money(amount_minor=costs, currency=currency),
            "value": Money(amount_minor=worth, currency=currency),
        }
    )


def _as_strategy(catalogue: Catalogue, evidence: Evidence) -> Strategy:
    """Return a catalogue as the engine asks it. What a strategy has beyond that is not there, and cannot be asked."""
    asked: dict[str, Any] = {
        "form": "placet-strategy/1",
        "name": catalogue.name,
        "title": catalogue.title,
        "about": catalogue.about,
        "agent": catalogue.agent,
        "market": Market(code="zz", currency=catalogue.currency, time_zone="UTC"),
        "cohort": catalogue.cohort,
        "treatments": tuple(_fitting(one, evidence) for one in catalogue.treatments),
        "contact": _ANY_TIME,
        "value": catalogue.value,
        "holdout": 0,
        "term": Term(first=date.min, last=date.max),
    }
    return Strategy.model_construct(**asked)


def _fitting(treatment: StrategyTreatment, evidence: Evidence) -> StrategyTreatment:
    """Return a treatment with the move alone that fits; where none does, it costs nothing, and falls for that."""
    action = treatment.action
    if not isinstance(action, OrderOffering):
        return treatment
    move = move_of(action, held_in(evidence.products))
    if move is not None:
        weighed = action.model_copy(update={"moves": (move,)})
    else:
        free = tuple(one.model_copy(update={"costs": None}) for one in action.moves)
        weighed = action.model_copy(update={"moves": free, "of_monthly": 0})
    return treatment.model_copy(update={"action": weighed})
