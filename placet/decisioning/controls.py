"""Flawed proposals for control runs: what an attentive approver declines. Pure, and the same for the same run.

A control proposal has every field an ordinary one has. The flaw is in what it says: the candidates are those that were
weighed, and beside them the mutation is wrong.
"""

import hashlib
import re

from placet.contracts.billing import Balance, Evidence
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, Precondition, Proposal
from placet.contracts.text import WORDS, shortened

_MULTIPLES = (3, 4, 5, 6, 8)
_ACTIVE = "active"
_LABEL = 80
_CREDITS = frozenset({"credit", "bonus"})


def too_much(proposal: Proposal) -> tuple[Proposal, ...]:
    """Make proposals with a credit several times as large as the one that was weighed, in the order to be tried.

    Which multiple comes first depends on the run, so that none of them gives a control away. Where an order was picked,
    the best credit that was eligible takes its place; where there is none, nothing can be made.
    """
    base = _as_credit(proposal)
    if base is None:
        return ()
    first = hashlib.sha256(proposal.run_id.encode()).digest()[0] % len(_MULTIPLES)
    return tuple(_enlarged(base, multiple) for multiple in (*_MULTIPLES[first:], *_MULTIPLES[:first]))


def ineligible(proposal: Proposal, evidence: Evidence) -> tuple[Proposal, ...]:
    """Make proposals whose pick is a candidate that was not found eligible, in the order to be tried.

    What such a candidate would do is not kept with it: it becomes a credit of its cost to the customer's active
    balance. Those that are called a credit or a bonus come first, since that is what they would have been.
    """
    balance = _balance(evidence, proposal.cost.currency)
    if balance is None:
        return ()
    fallen = [one for one in proposal.candidates if not one.eligible and one.cost_minor > 0]
    fallen.sort(key=lambda one: not _CREDITS & set(one.treatment.split("_")))
    return tuple(_presented(proposal, candidate, balance, evidence) for candidate in fallen)


def retold(summary: str, before: Proposal, after: Proposal) -> str:
    """Rewrite the one line that an application wrote about `before` with the figures of `after`."""
    swaps = {
        before.treatment: after.treatment,
        before.treatment_name: after.treatment_name,
        str(before.cost): str(after.cost),
        _value(before): _value(after),
    }
    figures = "|".join(re.escape(text) for text in sorted(filter(None, swaps), key=len, reverse=True))
    told = re.sub(rf"(?<![\w.-])(?:{figures})(?!\w)", lambda found: swaps[found.group()], summary)
    return shortened(told, WORDS)


def _as_credit(proposal: Proposal) -> Proposal | None:
    if isinstance(proposal.mutation, AdjustBalance) and proposal.mutation.direction == "credit":
        return proposal
    for candidate in proposal.candidates:
        if candidate.eligible and isinstance(candidate.mutation, AdjustBalance):
            return _picked(proposal, candidate, candidate.mutation, candidate.preconditions)
    return None


def _enlarged(proposal: Proposal, multiple: int) -> Proposal:
    mutation = proposal.mutation
    if not isinstance(mutation, AdjustBalance):
        raise TypeError(f"a {mutation.kind} has no amount")
    more = mutation.amount.amount_minor * (multiple - 1)
    amount, worth = _more(mutation.amount, more), proposal.expected_value_minor
    return proposal.model_copy(
        update={
            "mutation": mutation.model_copy(update={"amount": amount}),
            "cost": _more(proposal.cost, more),
            "expected_value_minor": None if worth is None else worth - more,
        }
    )


def _presented(proposal: Proposal, candidate: Candidate, balance: Balance, evidence: Evidence) -> Proposal:
    mutation = AdjustBalance(
        customer_id=proposal.customer_id,
        bucket_id=balance.bucket_id,
        bucket_name=shortened(balance.name, _LABEL),
        amount=Money(amount_minor=candidate.cost_minor, currency=proposal.cost.currency),
        reason=shortened(candidate.name or candidate.treatment.replace("_", " ").capitalize(), _LABEL),
    )
    customer = evidence.customer
    preconditions = (
        Precondition(name="customer_status", subject=customer.customer_id, op="eq", value=customer.status),
        Precondition(name="bucket_status", subject=balance.bucket_id, op="eq", value=balance.status),
    )
    return _picked(proposal, candidate, mutation, preconditions)


def _picked(
    proposal: Proposal, candidate: Candidate, mutation: AdjustBalance, preconditions: tuple[Precondition, ...]
) -> Proposal:
    return proposal.model_copy(
        update={
            "treatment": candidate.treatment,
            "treatment_name": candidate.name,
            "mutation": mutation,
            "cost": Money(amount_minor=candidate.cost_minor, currency=proposal.cost.currency),
            "expected_value_minor": candidate.expected_value_minor,
            "preconditions": preconditions,
        }
    )


def _balance(evidence: Evidence, currency: str) -> Balance | None:
    usable = [
        balance
        for balance in evidence.balances
        if balance.status.lower() == _ACTIVE and balance.remaining.currency == currency
    ]
    return min(usable, key=lambda balance: balance.bucket_id, default=None)


def _more(amount: Money, minor: int) -> Money:
    return amount.model_copy(update={"amount_minor": amount.amount_minor + minor})


def _value(proposal: Proposal) -> str:
    worth = proposal.expected_value_minor
    return "" if worth is None else str(Money(amount_minor=worth, currency=proposal.cost.currency))
