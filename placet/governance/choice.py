"""How a pick stands beside what it beat: what an approver must be told before they sign. Pure."""

from placet.contracts.money import Money
from placet.contracts.proposal import Candidate, Proposal

NOT_COMPUTED = "not computed"


def worth(proposal: Proposal) -> str:
    """Say what the proposal is expected to keep of a customer's margin, beside what it costs."""
    value, cost = proposal.expected_value_minor, proposal.cost
    if value is None:
        return "no expected value was computed"
    kept, gain = money(value + cost.amount_minor, cost.currency), money(abs(value), cost.currency)
    return f"expected to keep {kept} of margin, {gain} {'more' if value >= 0 else 'less'} than it costs"


def money(minor: int | None, currency: str) -> str:
    """Return an amount as people read it, or that none was computed."""
    return NOT_COMPUTED if minor is None else str(Money(amount_minor=minor, currency=currency))


def warnings(proposal: Proposal) -> tuple[str, ...]:
    """Say where the pick is not what the arithmetic ranks first, one sentence each.

    A control proposal must look like any other one: whether the pick was eligible is for its reader to see.
    """
    best = _best(proposal)
    if best is None or best.treatment == proposal.treatment:
        return ()
    return (_below(proposal, best),)


def _best(proposal: Proposal) -> Candidate | None:
    valued = [one for one in proposal.candidates if one.eligible and one.expected_value_minor is not None]
    return max(valued, key=lambda one: (one.expected_value_minor or 0, -one.cost_minor), default=None)


def _below(proposal: Proposal, best: Candidate) -> str:
    currency = proposal.cost.currency
    name = best.name or best.treatment.replace("_", " ")
    valued = f"{name} is expected to be worth {money(best.expected_value_minor, currency)}"
    if proposal.expected_value_minor is None or best.expected_value_minor is None:
        return valued
    less = best.expected_value_minor - proposal.expected_value_minor
    return f"{valued}, {money(less, currency)} more" if less > 0 else f"{valued}, as much as this"
