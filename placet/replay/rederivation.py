"""Whether candidates and expected values of a proposal follow from its evidence, computed again from what is stored.

The history names evidence by digest only. Where this installation still holds the document, the application weighs it
again, with the treatments, churn rates and contact policy that are installed now. Where those are not the ones that the
proposal names, nothing can be said, and a note says so.
"""

from collections.abc import Callable

from pydantic import BaseModel

from agents.application import Application
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Evidence
from placet.contracts.proposal import Candidate, Proposal
from placet.decisioning.contact import ContactPolicy
from placet.errors import PlacetError, UsageError
from placet.governance.choice import money
from placet.replay.live_state import compare_state
from placet.storage.artifacts import ERASED


def rederive(
    proposal: Proposal,
    fetch: Callable[[str, type[BaseModel]], BaseModel],
    application: Callable[[str], Application],
    contact: Callable[[str, str], ContactPolicy],
) -> tuple[list[str], list[str]]:
    """Weigh the evidence of the agent's own `proposal` again.

    Args:
        proposal: As the agent made it.
        fetch: Gives a stored document by digest, checked against it; raises `UsageError` where it is not held.
        application: Gives a hosted application by name.
        contact: Gives the contact policy in force for a tenant and agent.

    Returns:
        What does not agree, and what could not be checked.
    """
    if proposal.reverses is not None or proposal.basis is None:
        return [], ["expected values: nothing was computed for this proposal"]
    try:
        evidence, assessment = fetch(proposal.evidence, Evidence), fetch(proposal.assessment, Assessment)
    except UsageError as error:
        why = str(error) if error.code == ERASED else "the evidence is not held here"
        return [], [f"expected values not computed again: {why}"]
    except PlacetError as error:
        return [f"the evidence that the proposal rests on cannot be read: {error}"], []
    if not isinstance(evidence, Evidence) or not isinstance(assessment, Assessment):
        raise TypeError("fetch gave another document than was asked for")
    agent = application(proposal.agent)
    unlike, kept = compare_state(proposal, evidence, fetch)
    if unlike:
        return unlike, []
    policy = None if proposal.basis.contact is None else contact(proposal.tenant, proposal.agent)
    installed = agent.basis(policy)
    differing = [
        name for name in ("catalogue", "churn", "contact") if getattr(installed, name) != getattr(proposal.basis, name)
    ]
    if differing:
        named = ", ".join(_NAMES[name] for name in differing)
        why = f"installed now is not what it was computed with ({named})"
        return [], [*kept, f"expected values not computed again: {why}"]
    again = agent.weigh(assessment, evidence, policy)
    notes = [*kept, "candidates and expected values were computed again from the evidence"]
    return list(_differences(proposal, again)), notes


_NAMES = {"catalogue": "treatments", "churn": "churn rates", "contact": "contact policy"}


def _differences(proposal: Proposal, again: tuple[Candidate, ...]) -> list[str]:
    made = {candidate.treatment: candidate for candidate in again}
    found = []
    pick = made.get(proposal.treatment)
    stated_pick = (proposal.mutation, proposal.cost.amount_minor, proposal.expected_value_minor)
    if pick is None or (pick.mutation, pick.cost_minor, pick.expected_value_minor) != stated_pick:
        found.append(f"what is proposed as {proposal.treatment!r} is not what the evidence makes of it")
    if proposal.candidates == again:
        return found
    for stated in proposal.candidates:
        candidate = made.get(stated.treatment)
        if candidate is None:
            found.append(f"candidate {stated.treatment!r} does not follow from the evidence")
        elif candidate.expected_value_minor != stated.expected_value_minor:
            currency = proposal.cost.currency
            found.append(
                f"candidate {stated.treatment!r} is said to be worth {money(stated.expected_value_minor, currency)}, "
                f"the evidence makes it {money(candidate.expected_value_minor, currency)}"
            )
        elif candidate != stated:
            found.append(f"candidate {stated.treatment!r} is not what the evidence makes of it")
    return found or ["the candidates are not those that the evidence makes, or not in their order"]
