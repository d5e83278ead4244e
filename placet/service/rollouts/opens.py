"""What a rollout needs of a person, if anything: a signature, or a look at why it cannot go on by itself."""

from placet.contracts.audit import tenant_stream
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.strategies.rolling import RolloutStep
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import OrderOffering
from placet.errors import GovernanceError, UsageError
from placet.gate.strategies.promoted import LOOKED
from placet.gate.strategies.published import Published
from placet.gate.strategies.telling import Told, open_hold, open_wait, record_wait
from placet.governance.authority.mandates import left
from placet.notify.strategy_notices import ALTERED, BUDGET
from placet.service.rollouts.knowing import Known
from placet.service.rollouts.looking import (
    ASKED,
    ask_of,
    asks_somebody,
    reasons_of,
    watched_long,
)
from placet.storage.transaction import Transaction


def open_matter(tx: Transaction, known: Known, step: RolloutStep) -> Told | None:
    """Return what is asked of people now; None where nothing is. What it did not know of before, it records."""
    it, stands = known.it, known.stands
    if stands.ended is not None:
        return None
    if stands.missing:
        return _wait(tx, known, ALTERED)
    if stands.held is not None:
        return open_hold(tx, it, stands)
    asked = tx.audit.find(tenant_stream(known.asked.tenant), f"{ASKED}.{it.version}.{stands.moves}")
    if asked is not None:
        return ask_of(asked, stands)
    if step.phase == "closed" and spent(known.found) is not None:
        return _wait(tx, known, BUDGET)
    return _unsure(tx, known)


def _unsure(tx: Transaction, known: Known) -> Told | None:
    it, stands, look = known.it, known.stands, newest_look(tx, known)
    if look is None or look.outcome != "waits" or look.stage != stands.stage:
        return None
    codes = reasons_of(look)
    return open_wait(tx, it, stands, codes) if asks_somebody(codes, held_long=watched_long(known)) else None


def spent(found: Published) -> str | None:
    """Return why the budget of a strategy has room for nothing that it gives; None where it has."""
    budget, rest = found.strategy.budget.total, left(found.record)
    if rest.amount_minor <= 0:
        return f"the budget of {budget} is spent"
    if rest.amount_minor < _least(found.strategy):
        return f"of the budget of {budget} only {rest} is left, less than anything it gives"
    return None


def _least(strategy: Strategy) -> int:
    """Return what the cheapest treatment takes at least, in minor units: nobody is asked where there is no room for it.

    A credit takes at least one of its steps.
    """
    return min(
        min(0 if move.costs is None else move.costs.amount_minor for move in one.action.moves)
        if isinstance(one.action, OrderOffering)
        else 1
        if one.action.in_steps_of is None
        else one.action.in_steps_of.amount_minor
        for one in strategy.treatments
    )


def newest_look(tx: Transaction, known: Known) -> RolloutLook | None:
    """Return the newest look at a rollout; None before the first, or where it cannot be read."""
    entry = tx.audit.find(tenant_stream(known.asked.tenant), f"{LOOKED}.{known.it.version}.{known.row.looks}")
    if entry is None:
        return None
    try:
        return tx.artifacts.get_model(str(entry.body["look"]), RolloutLook, tenant=known.asked.tenant)
    except (GovernanceError, UsageError, KeyError):
        return None


def _wait(tx: Transaction, known: Known, code: str) -> Told | None:
    it, stands = known.it, known.stands
    return record_wait(tx, it, stands, (code,), None) or open_wait(tx, it, stands, (code,))
