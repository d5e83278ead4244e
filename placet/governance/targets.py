"""A mutation may only change what the evidence shows to be the customer's."""

from placet.contracts.billing import Evidence
from placet.contracts.proposal import Mutation, Proposal
from placet.errors import GovernanceError

CODE = "foreign_target"


def check_targets(proposal: Proposal, evidence: Evidence) -> None:
    """Check the mutation, and those of the candidates that an approver could choose instead.

    Raises:
        GovernanceError: Code `foreign_target`; one is of another customer, or changes what the evidence does not hold.
    """
    chosen = [candidate.mutation for candidate in proposal.candidates if candidate.mutation is not None]
    for mutation in (proposal.mutation, *chosen):
        _check(mutation, proposal.customer_id, evidence)


def check_customer(mutation: Mutation, customer_id: str) -> None:
    """Check that a mutation is of the customer it was proposed for.

    Raises:
        GovernanceError: Code `foreign_target`.
    """
    if mutation.customer_id != customer_id:
        raise GovernanceError(
            f"the proposal is for customer {customer_id!r}, its mutation for {mutation.customer_id!r}", code=CODE
        )


def _check(mutation: Mutation, customer_id: str, evidence: Evidence) -> None:
    check_customer(mutation, customer_id)
    changed = mutation.changed
    if changed is not None and changed not in evidence.resources:
        raise GovernanceError(
            f"{changed.kind} {changed.id!r} is not among those that billing showed for customer {customer_id!r}",
            code=CODE,
        )
