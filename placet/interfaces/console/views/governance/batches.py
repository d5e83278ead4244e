"""What one signature decides, line by line, and the commands that make it."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.money import Money
from placet.contracts.proposal import Proposal
from placet.contracts.text import WORDS, one_line, spoken
from placet.interfaces.console.views.asking import Command
from placet.interfaces.console.views.common import Badge, first_upper, treatment_in_words
from placet.service.deciding.batch_choice import Choice, PreparedBatch
from placet.service.deciding.batches import MemberOutcome
from placet.service.deciding.ends import Became
from placet.storage.records import RunRecord


@dataclass(frozen=True, slots=True)
class Line:
    """One proposal of the batch."""

    run_id: str
    customer_id: str
    treatment: str
    does: str
    cost: str
    takes: bool
    requested_by: str
    requested_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Named:
    """A run as people call it; what is not known of it is empty."""

    run_id: str
    customer_id: str = ""
    treatment: str = ""
    cost: str = ""
    takes: bool = False

    def __str__(self) -> str:
        if not self.customer_id:
            return self.run_id
        amount = f", {self.cost}" if self.cost else ""
        return f"{self.treatment[:1].upper()}{self.treatment[1:]} for {self.customer_id}{amount}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A run that was chosen and is not in the batch, and why."""

    run: Named
    why: str


@dataclass(frozen=True, slots=True)
class OutcomeShown:
    """What became of one run's share."""

    run: Named
    badge: Badge
    words: str


def named(record: RunRecord, proposal: Proposal | None) -> Named:
    """Return a run as people call it; `proposal` is None where it cannot be read."""
    if proposal is None:
        cost = "" if record.cost is None else str(record.cost)
        treatment = treatment_in_words(record.treatment or "a damaged proposal")
        return Named(record.run_id, record.customer_id, treatment, cost)
    return Named(
        record.run_id,
        proposal.customer_id,
        treatment_in_words(proposal.treatment, proposal.treatment_name),
        str(proposal.cost),
        proposal.mutation.takes_from_customer,
    )


def lines_of(choices: Sequence[Choice]) -> tuple[Line, ...]:
    """Return each proposal, the dearest first."""
    dearest = sorted(choices, key=lambda one: (-abs(one.proposal.cost.amount_minor), one.record.run_id))
    return tuple(
        Line(
            run_id=one.record.run_id,
            customer_id=one.proposal.customer_id,
            treatment=treatment_in_words(one.proposal.treatment, one.proposal.treatment_name),
            does=one_line(one.proposal.mutation.describe(), WORDS),
            cost=str(one.proposal.cost),
            takes=one.proposal.mutation.takes_from_customer,
            requested_by=one.record.requested_by,
            requested_at=one.record.requested_at,
            digest=one.digest,
        )
        for one in dearest
    )


def total_of(choices: Sequence[Choice]) -> str:
    """Return what all of them cost, and what they take from customers, which is no cost."""
    sums: dict[bool, int] = {}
    for one in choices:
        takes = one.proposal.mutation.takes_from_customer
        sums[takes] = sums.get(takes, 0) + one.proposal.cost.amount_minor
    currency = choices[0].proposal.cost.currency
    said = {takes: str(Money(amount_minor=minor, currency=currency)) for takes, minor in sums.items()}
    parts = [f"{said[False]} in all"] if False in said else []
    return " and ".join([*parts, *([f"{said[True]} taken from customers"] if True in said else [])])


def commands_for(prepared: PreparedBatch, *, named: bool) -> tuple[Command, ...]:
    """Return the commands that sign exactly this: the runs by name, or all within the same bounds.

    The bounds are in the command: it lists the proposals as they are then, and signs nothing where they cost more.
    """
    bounds = prepared.bounds
    if named:
        chosen = [one.record.run_id for one in prepared.choices]
    else:
        chosen = ["--all", "--agent", bounds.agent]
        chosen += [word for kind in bounds.kinds for word in ("--kind", kind)]
        chosen += [word for treatment in bounds.treatments for word in ("--treatment", treatment)]
    limits = ["--max-cost", str(bounds.max_cost), "--total-cost", str(bounds.total_cost)]
    reason = ["--reason", "WHY"] if prepared.verdict == "reject" else []
    command = shlex.join(["placet", prepared.verdict, *chosen, *limits, "--as", "NAME", *reason])
    return (
        Command("Sign it once, and send each run its share", command),
        Command("Sign on another machine, then hand the file in here", f"{command} --print > batch.jsonl"),
    )


def outcomes_of(
    outcomes: Sequence[MemberOutcome], name: Callable[[str], Named] = Named, became: Sequence[Became] = ()
) -> tuple[OutcomeShown, ...]:
    """Return what became of each share and then of its run, what failed first; `name` names a run."""
    ends = {one.run_id: one for one in became if one.over}
    shown = [_outcome(one, name(one.run_id), ends.get(one.run_id)) for one in outcomes]
    return tuple(sorted(shown, key=lambda one: ("bad", "waits", "good").index(one.badge.tone)))


def _outcome(one: MemberOutcome, run: Named, end: Became | None) -> OutcomeShown:
    if end is not None:
        text, good = first_upper(spoken(end.state)), end.state in ("executed", "rejected")
        words = "" if good else f"It counted, and then: {end.detail} ({end.code})"
        return OutcomeShown(run, Badge(text, "good" if good else "bad"), one_line(words, WORDS))
    if one.code is None:
        return OutcomeShown(run, Badge("Delivered", "waits"), "No worker has reviewed it yet.")
    if one.code == "accepted":
        return OutcomeShown(run, Badge("Counted", "good"), one_line(one.detail, WORDS))
    text = "Refused" if one.delivered else "Not delivered"
    return OutcomeShown(run, Badge(text, "bad"), one_line(f"{one.detail} ({one.code})", WORDS))
