"""Which proposals a batch decision is about: those that wait, within what the signer states, and their sum."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import model_validator

from placet.contracts.base import AgentName, Digest, Frozen, ReasonCode
from placet.contracts.money import LARGEST_MINOR, Bound, Money
from placet.contracts.people.batch import MOST_IN_BATCH, BatchBounds
from placet.contracts.people.decision import YES
from placet.contracts.proposal import MutationKind, Proposal
from placet.errors import DecisionRefused, GovernanceError, StorageError, UsageError
from placet.gate.sending.halting import check_not_halted
from placet.governance.batches import OUTSIDE_BATCH, check_bounds
from placet.service.deciding.decisions import pending_proposal
from placet.service.given import checked
from placet.storage.database import Database
from placet.storage.inbox import InboxFilter
from placet.storage.records import RunRecord
from placet.storage.standing import contradiction
from placet.storage.transaction import Transaction

BatchVerdict = Literal["approve", "reject"]

_PAGE = 500
"""How many waiting runs are read in one transaction."""


class BatchLimits(Frozen):
    """What the signer states beforehand; whatever is left open is taken from what was chosen."""

    agent: AgentName | None = None
    kinds: tuple[MutationKind, ...] = ()
    treatments: tuple[ReasonCode, ...] = ()
    max_cost: Bound | None = None
    total_cost: Bound | None = None

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        if self.max_cost and self.total_cost and self.max_cost.currency != self.total_cost.currency:
            raise ValueError(f"max cost {self.max_cost} and total cost {self.total_cost} differ in currency")
        return self

    def around(self, proposals: Sequence[Proposal]) -> BatchBounds:
        """Return the bounds of a batch of `proposals`: as stated, and no wider than they are where nothing was.

        Raises:
            UsageError: code `mixed_batch`; they are of several agents or currencies. Code `too_much`; nothing was
                stated, and their sum is no exact amount.
        """
        agents = sorted({proposal.agent for proposal in proposals})
        currencies = sorted({proposal.cost.currency for proposal in proposals})
        if len(agents) > 1:
            raise UsageError(
                f"one signature is for one agent's proposals, not for those of {', '.join(agents)}; choose by agent",
                code="mixed_batch",
            )
        if len(currencies) > 1:
            raise UsageError(
                f"the costs are in {', '.join(currencies)} and cannot be added up; choose by a cost in one of them",
                code="mixed_batch",
            )
        costs = [proposal.cost.amount_minor for proposal in proposals]
        return BatchBounds(
            agent=agents[0],
            kinds=self.kinds or tuple(sorted({proposal.mutation.kind for proposal in proposals})),
            treatments=self.treatments or tuple(sorted({proposal.treatment for proposal in proposals})),
            max_cost=self.max_cost or Money(amount_minor=max(costs), currency=currencies[0]),
            total_cost=self.total_cost or _together(proposals),
        )

    def check(self, proposal: Proposal) -> None:
        """Check that `proposal` is within what was stated.

        Raises:
            DecisionRefused: code `outside_batch`; it is not.
        """
        most = self.max_cost or self.total_cost or proposal.cost
        bounds = BatchBounds(
            agent=self.agent or proposal.agent,
            kinds=self.kinds or (proposal.mutation.kind,),
            treatments=self.treatments or (proposal.treatment,),
            max_cost=most,
            total_cost=self.total_cost or most,
        )
        check_bounds(bounds, proposal)


@dataclass(frozen=True, slots=True)
class Choice:
    """A run that waits for a decision, and the proposal it would be about."""

    record: RunRecord
    digest: Digest
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Undecidable:
    """A run that waits and cannot be decided so now: a row or its proposal is damaged, or a halt stops it."""

    run_id: str
    fault: str


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """What one signature would decide.

    Attributes:
        choices: In the order of their run ids.
        total: What they cost together.
        left_out: Runs that wait but are damaged, halted or outside the stated limits, each with the reason.
    """

    verdict: BatchVerdict
    choices: tuple[Choice, ...]
    bounds: BatchBounds
    total: Money
    left_out: tuple[tuple[str, str], ...]


def parse_limits(values: Mapping[str, object]) -> BatchLimits:
    """Parse the limits that a person states.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return BatchLimits.model_validate(values)


def prepare_batch(
    database: Database, tenant: str, verdict: BatchVerdict, limits: BatchLimits, run_ids: Sequence[str] | None = None
) -> PreparedBatch:
    """Choose among the named runs, or among all that wait for a decision.

    Raises:
        UsageError: a named run does not wait for a decision, nothing is within the limits, the choice is too large for
            one signature or costs more than an amount can say, or it mixes agents or currencies.
        GovernanceError: code `outside_batch`; together they cost more than was stated. Code `halted`; it would be a
            yes, and a halt stops a named run.
    """
    waiting = _waiting(database, tenant, verdict) if run_ids is None else _named(database, tenant, verdict, run_ids)
    chosen: list[Choice] = []
    outside: list[tuple[str, str]] = []
    faults: list[tuple[str, str]] = []
    for choice in waiting:
        if isinstance(choice, Undecidable):
            faults.append((choice.run_id, choice.fault))
            continue
        try:
            limits.check(choice.proposal)
        except DecisionRefused as error:
            outside.append((choice.record.run_id, str(error)))
        else:
            chosen.append(choice)
    if not chosen:
        why = "".join(f"; {run_id}: {fault}" for run_id, fault in faults[:1]) or ", none within the limits"
        raise UsageError(f"there is nothing to {verdict}: {len(outside) + len(faults)} wait{why}", code="nothing")
    if len(chosen) > MOST_IN_BATCH:
        raise UsageError(
            f"{len(chosen)} proposals are more than the {MOST_IN_BATCH} one signature may decide; choose fewer",
            code="too_many",
        )
    chosen.sort(key=lambda choice: choice.record.run_id)
    bounds = limits.around([choice.proposal for choice in chosen])
    total = _together([choice.proposal for choice in chosen])
    if total.amount_minor > bounds.total_cost.amount_minor:
        raise GovernanceError(
            f"the {len(chosen)} proposals cost {total} together, more than the {bounds.total_cost} you stated; "
            "nothing was signed",
            code=OUTSIDE_BATCH,
        )
    return PreparedBatch(verdict, tuple(chosen), bounds, total, (*faults, *outside))


def _together(proposals: Sequence[Proposal]) -> Money:
    """Add up what proposals of one currency cost."""
    total = sum(proposal.cost.amount_minor for proposal in proposals)
    if abs(total) > LARGEST_MINOR:
        raise UsageError(
            f"the {len(proposals)} proposals cost {total} minor units together, which no amount can say; choose fewer",
            code="too_much",
        )
    return Money(amount_minor=total, currency=proposals[0].cost.currency)


def _named(database: Database, tenant: str, verdict: BatchVerdict, run_ids: Sequence[str]) -> Iterator[Choice]:
    for run_id in dict.fromkeys(run_ids):
        yield Choice(*pending_proposal(database, run_id, tenant, verdict))


def _waiting(database: Database, tenant: str, verdict: BatchVerdict) -> Iterator[Choice | Undecidable]:
    """Yield the runs that wait for a decision and that nobody has answered in full, those that close first first."""
    wanted, after, now = InboxFilter(to_decide=True), None, datetime.now(UTC)
    while True:
        with database.snapshot() as tx:  # a row and its entries, of one moment
            page = tx.inbox.page(tenant, wanted, now, limit=_PAGE, after=after)
            found = [_choice(tx, row.record, verdict) for row in page]
        yield from found
        if len(page) < _PAGE:
            return
        after = page[-1].record.run_id


def _choice(tx: Transaction, record: RunRecord, verdict: BatchVerdict) -> Choice | Undecidable:
    if record.proposal is None:
        return Undecidable(record.run_id, "it has no proposal")
    try:
        if other := contradiction(tx, record):
            return Undecidable(record.run_id, other)
        proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=record.tenant)
    except (GovernanceError, StorageError, UsageError) as error:
        return Undecidable(record.run_id, f"it cannot be read: {error}")
    if verdict in YES:
        try:
            check_not_halted(tx, proposal)
        except DecisionRefused as error:
            return Undecidable(record.run_id, str(error))
    return Choice(record, record.proposal, proposal)
