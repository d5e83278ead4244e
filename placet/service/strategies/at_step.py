"""At which step a customer is of a strategy that has several, by the record, and what may be given there.

The same steps that a journey takes are read from the same entries, checked against the signed text. What follows from
the state alone, a branch, is followed: a journey passes it at its next look.
"""

from datetime import datetime, timedelta
from typing import Final

from placet.contracts.strategies.journey import JourneyAsked
from placet.contracts.strategies.steps import (
    BranchStep,
    ExitStep,
    Step,
    TreatStep,
    WaitForStep,
    WaitStep,
    goes_to,
    hours_in_words,
    permitted,
)
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.times import moment
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.candidates import AtStep, Live
from placet.errors import GovernanceError
from placet.gate.context import LiveCustomer
from placet.gate.strategies.journey import JourneyStanding, check_moves, standing_of
from placet.storage.transaction import Transaction

OTHER_STEP: Final = "other_step"
WAITS: Final = "step_waits"
OVER: Final = "journey_over"
ALTERED: Final = "journey_altered"


def at_step(tx: Transaction, tenant: str, live: Live, customer: LiveCustomer, row: Row) -> AtStep | None:
    """Return at which step of a version a customer is; None of a strategy without steps.

    Who has not entered this version would begin with its first step; who left it gets nothing more of it.

    Args:
        tx: Where the record is.
        tenant: Whose customer.
        live: The version.
        customer: Who.
        row: Their state, of which branches are asked.
    """
    strategy = live.strategy
    if not strategy.steps:
        return None
    try:
        stands = _standing(tx, tenant, live, customer)
        if stands is not None:
            check_moves(tx, stands, strategy)
    except GovernanceError as error:
        return AtStep((), ALTERED, f"is somewhere in it that the record does not say: {error}")
    if stands is None:
        return first_step(strategy, row)
    if stands.ended is not None:
        return AtStep((), OVER, f"has left it, and it is entered once: {stands.ended.body.get('reason')}")
    return _at(strategy, strategy.step_named(stands.step), row, stands.since)


def first_step(strategy: Strategy, row: Row) -> AtStep | None:
    """Return with which step somebody begins who enters a strategy now; None of one without steps."""
    return _at(strategy, strategy.steps[0], row, None) if strategy.steps else None


def _standing(tx: Transaction, tenant: str, live: Live, customer: LiveCustomer) -> JourneyStanding | None:
    """Return where a customer is in a version; None where they never entered it, under whichever id of theirs."""
    for customer_id in dict.fromkeys((customer.drawn_by, customer.state.customer_id)):
        of = JourneyAsked(tenant=tenant, strategy=live.strategy.name, customer_id=customer_id)
        stands = standing_of(tx, of)
        if stands is not None and stands.version == live.version:
            return stands
    return None


def _at(strategy: Strategy, step: Step | None, row: Row, since: datetime | None) -> AtStep:
    begins = "would begin it" if since is None else "is"
    while isinstance(step, BranchStep):
        ways = [to for _, to in goes_to(strategy.steps, strategy.steps.index(step))]
        held = next((number for number, way in enumerate(step.branch) if cohort_of(way.when).has(row) is True), -1)
        to = ways[held]
        step, since = None if to is None else strategy.step_named(to), None
    if isinstance(step, TreatStep):
        gives = permitted(step, tuple(one.code for one in strategy.treatments))
        return AtStep(gives, OTHER_STEP, f"{begins} at step {step.step}, which does not give it")
    return AtStep((), WAITS, f"{begins} at {_waits(step, since)}")


def _waits(step: Step | None, since: datetime | None) -> str:
    """Say what a step does that gives nothing."""
    if isinstance(step, WaitStep):
        until = hours_in_words(step.wait) if since is None else f"until {moment(since + timedelta(hours=step.wait))}"
        return f"step {step.step}, which waits {until}"
    if isinstance(step, WaitForStep):
        at_most = timedelta(hours=step.at_most)
        most = hours_in_words(step.at_most) if since is None else f"until {moment(since + at_most)}"
        return f"step {step.step}, which waits for {step.wait_for}, {most} at most"
    return f"step {step.step}, its end" if isinstance(step, ExitStep) else "its end"
