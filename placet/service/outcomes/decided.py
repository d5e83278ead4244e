"""Decisions of a published strategy, read back from the record: whom it was made for, by which chance, on what.

Whoever was drawn counts by the decision, whatever became of it (intention to treat): what a person rejected, or billing
refused, was chosen all the same. Nothing is believed that the text does not make again of what the run read. Of a
strategy of several steps the decision is the one at the step that gives a choice.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from pydantic import ValidationError

from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.outcomes.estimate import LeftOutWhy
from placet.contracts.proposal import Candidate, Proposal
from placet.contracts.state import CustomerState
from placet.contracts.strategies.used import StrategyUsed
from placet.decisioning.next_best_action.choices import Decided, choice_steps, decided_of
from placet.errors import GovernanceError, UsageError
from placet.governance.log.chain import entry_hash
from placet.service.outcomes.entering import RolledOut
from placet.service.state.people import people_of
from placet.storage.database import Database
from placet.storage.pending import PROPOSED
from placet.storage.transaction import Transaction

_QUERIED: Final = "query_billing.completed"
_AT_ONCE: Final = 200
_MOST_RUNS: Final = 20
"""Of one customer, in which a decision is looked for."""
MOST_AT_A_DESK: Final = 200_000
"""Decisions that are made again on the command line."""
MOST_SERVED: Final = 5_000
"""The same for a page or a request: whoever asks waits for them."""


class DecisionsRead(NamedTuple):
    """Decisions that can be used, and of how many customers there is none, by the reason."""

    decided: tuple[Decided, ...]
    left_out: Counter[LeftOutWhy]


def read_decisions(
    database: Database, tenant: str, it: RolledOut, customers: Sequence[str], most: int = MOST_AT_A_DESK
) -> DecisionsRead:
    """Return the first decision for each of some customers.

    Raises:
        UsageError: code `base_too_large`; they are more than `most`.
    """
    if len(customers) > most:
        raise UsageError(
            f"{len(customers):,} decisions would have to be made again, and at most {most:,} are here; use "
            "`placet strategy estimate` or `placet strategy questions` on the command line",
            code="base_too_large",
        )
    found, left_out = list[Decided](), Counter[LeftOutWhy]()
    for first in range(0, len(customers), _AT_ONCE):
        some = customers[first : first + _AT_ONCE]
        with database.reading() as tx:
            runs = tx.outcomes.runs_of(tenant, it.version, some)
            people = people_of(tx, tenant, some)
            for customer in some:
                one = _decided(tx, tenant, it, customer, runs.get(customer, ()), people.get(customer, (customer,)))
                if isinstance(one, Decided):
                    found.append(one)
                else:
                    left_out[one] += 1
    return DecisionsRead(tuple(found), left_out)


def _decided(
    tx: Transaction, tenant: str, it: RolledOut, customer: str, runs: Sequence[str], ids: Sequence[str]
) -> Decided | LeftOutWhy:
    """Return the first decision for a customer: a run that ended before it decided chose nothing."""
    try:
        for run_id in runs[:_MOST_RUNS]:
            tx.audit.foresee(run_id, PROPOSED, _QUERIED)
            if (one := _made_again(tx, tenant, it, customer, run_id, ids)) is not None:
                return one
    except UsageError:
        return "gone"
    except (GovernanceError, ValidationError, KeyError, TypeError):
        return "altered"
    return "undecided"


def _made_again(
    tx: Transaction, tenant: str, it: RolledOut, customer: str, run_id: str, ids: Sequence[str]
) -> Decided | None:
    """Return the decision of a run, made again; None where it did not ask the strategy, or had no choice.

    Raises:
        GovernanceError: code `decision_altered`; what is kept is not that decision. Code `artifact_altered` and so on.
        UsageError: what it read is not kept any more.
    """
    proposed, queried = tx.audit.find(run_id, PROPOSED), tx.audit.find(run_id, _QUERIED)
    said = None if proposed is None else _said(tx, tenant, proposed)
    if proposed is None or queried is None or said is None:
        return None
    used, candidates, stated = said
    if it.strategy.steps and used.step not in choice_steps(it.strategy):
        return None  # another step, which gives one treatment: nothing was chosen there
    step = used.step if it.strategy.steps else None
    of_it = (used.version, used.name, used.step) == (it.version, it.strategy.name, step) and used.drawn_by in ids
    if not of_it or any(entry_hash(one) != one.hash for one in (proposed, queried)):
        raise GovernanceError(f"run {run_id!r} did not decide so", code="decision_altered")
    evidence = tx.artifacts.get_model(str(queried.body["evidence"]), Evidence, tenant=tenant)
    if evidence.state is None:
        return None
    state = tx.artifacts.get_model(evidence.state.digest, CustomerState, tenant=tenant)
    one = decided_of(it.strategy, customer, used, candidates, state, evidence)
    if one is None or stated not in (None, (one.action, one.probability)):
        raise GovernanceError(f"run {run_id!r} did not decide so", code="decision_altered")
    return one


def _said(
    tx: Transaction, tenant: str, proposed: AuditEvent
) -> tuple[StrategyUsed, tuple[Candidate, ...], tuple[str, int] | None] | None:
    """Return what a run says of its decision: with what, among which, and what it chose; None where it asked no text.

    Where the budget had no room, nothing was proposed; what was chosen is made again, so that the choice counts.
    """
    body = proposed.body
    if body["proposal"] is not None:
        proposal = tx.artifacts.get_model(str(body["proposal"]), Proposal, tenant=tenant)
        if proposal.strategy is None:
            return None
        used = proposal.strategy
        return used, proposal.candidates, (proposal.treatment, used.probability)
    if body.get("strategy") is None:
        return None
    used = StrategyUsed.model_validate(body["strategy"])
    candidates = tuple(Candidate.model_validate(one) for one in body["candidates"])
    return used, candidates, None
