"""What an approver may make of a proposal: less of the same credit, or another treatment that was weighed and eligible.

Whoever signs an amendment derives the same new proposal as whoever reviews it: nothing but the proposal, the amendment,
the person's name and their reason goes into it. The model's words were about another proposal, so they are left out.
Policy is asked about the result as about any proposal.
"""

from placet.contracts.money import Money
from placet.contracts.people.decision import Amendment
from placet.contracts.proposal import Proposal
from placet.contracts.text import a_code
from placet.errors import DecisionRefused

OUT_OF_BOUNDS = "amendment_out_of_bounds"


def amended(proposal: Proposal, amendment: Amendment, by: str, reason: str) -> Proposal:
    """Return the proposal as changed by `by`, who gives `reason`.

    Raises:
        DecisionRefused: code `amendment_out_of_bounds`; it does not make a credit smaller, or names a treatment that
            was not found eligible, or the proposal takes back another run's effect, which is exact or not at all.
    """
    if proposal.reverses is not None:
        raise DecisionRefused("a reversal takes back exactly what was done; approve or reject it", code=OUT_OF_BOUNDS)
    if amendment.amount is not None:
        changed = _smaller(proposal, amendment.amount)
    else:
        changed = _another(proposal, str(amendment.treatment))
    return changed.model_copy(
        update={
            "amends": amendment.amends,
            "amended_by": by,
            "amended_reason": reason,
            "rationale": "",
            "rationale_marks": (),
            "original_cost": proposal.original_cost or proposal.cost,
        }
    )


def _smaller(proposal: Proposal, amount: Money) -> Proposal:
    moved = proposal.mutation.moved
    if moved is None:
        raise DecisionRefused(
            f"{a_code(proposal.mutation.kind)} has no amount to change; choose another treatment or reject it",
            code=OUT_OF_BOUNDS,
        )
    if amount.currency != moved.currency:
        raise DecisionRefused(f"{amount} is not in {moved.currency}, as the proposal is", code=OUT_OF_BOUNDS)
    if amount.amount_minor <= 0:
        raise DecisionRefused(f"{amount} gives nothing; reject the proposal instead", code=OUT_OF_BOUNDS)
    if amount.amount_minor >= moved.amount_minor:
        raise DecisionRefused(f"{amount} is not less than {moved}, which is proposed", code=OUT_OF_BOUNDS)
    saved = moved.amount_minor - amount.amount_minor
    return proposal.model_copy(
        update={
            "mutation": proposal.mutation.moving(amount),
            "cost": Money(amount_minor=proposal.cost.amount_minor - saved, currency=proposal.cost.currency),
            "expected_value_minor": None,  # what a smaller credit is worth nobody has estimated
        }
    )


def _another(proposal: Proposal, treatment: str) -> Proposal:
    if treatment == proposal.treatment:
        raise DecisionRefused(f"{treatment!r} is what is proposed; approve it", code=OUT_OF_BOUNDS)
    for candidate in proposal.candidates:
        if candidate.treatment == treatment and candidate.eligible and candidate.mutation is not None:
            return proposal.model_copy(
                update={
                    "treatment": treatment,
                    "treatment_name": candidate.name,
                    "mutation": candidate.mutation,
                    "cost": Money(amount_minor=candidate.cost_minor, currency=proposal.cost.currency),
                    "expected_value_minor": candidate.expected_value_minor,
                    "preconditions": candidate.preconditions,
                }
            )
    eligible = ", ".join(
        one.treatment
        for one in proposal.candidates
        if one.eligible and one.mutation is not None and one.treatment != proposal.treatment
    )
    raise DecisionRefused(
        f"treatment {treatment!r} was not found eligible; eligible are: {eligible or 'no others'}", code=OUT_OF_BOUNDS
    )
