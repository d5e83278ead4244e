"""Whether candidates and expected values of a proposal follow from its evidence, computed again from what is stored.

The history names evidence by digest only. Where this installation still holds the document, the application weighs it
again, with the catalogue and contact policy that are installed now, and the churn model or counts that the proposal
names. Where those are not the ones that it names, or are not held here, nothing can be said, and a note says so. What
the treatments decided that were there before catalogues were strategies is weighed by the rule of that time.
"""

from collections.abc import Callable
from typing import NamedTuple

from pydantic import BaseModel

from agents.application import Application
from agents.likelihood import LikelihoodSource
from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Evidence
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Proposal
from placet.decisioning.contact import ContactPolicy
from placet.errors import PlacetError, UsageError
from placet.replay.weighing.former_rule import FORMER, weigh_by_former_rule
from placet.replay.weighing.likelihood import differences, read_again
from placet.replay.weighing.live_state import compare_state
from placet.replay.weighing.strategy import candidate_faults, decide_again
from placet.storage.artifacts import ERASED


def rederive(
    proposal: Proposal,
    fetch: Callable[[str, type[BaseModel]], BaseModel],
    application: Callable[[str], Application],
    contact: Callable[[str, str], ContactPolicy],
    likelihood: Callable[[str, str], LikelihoodSource | None],
) -> tuple[list[str], list[str]]:
    """Weigh the evidence of the agent's own `proposal` again.

    Args:
        proposal: As the agent made it.
        fetch: Gives a stored document by digest, checked against it; raises `UsageError` where it is not held.
        application: Gives a hosted application by name.
        contact: Gives the contact policy in force for a tenant and agent.
        likelihood: Gives what computed the probability of leaving, by tenant and digest; None where it is not held.

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
    unlike, kept = compare_state(proposal, evidence, fetch)
    if unlike:
        return unlike, []
    read = read_again(proposal, proposal.basis.churn, evidence, fetch, likelihood)
    if not isinstance(read, Likelihood):
        return ([], [*kept, f"{_UNCHECKED}: {read}"]) if isinstance(read, str) else (read, [])
    policy = None if proposal.basis.contact is None else contact(proposal.tenant, proposal.agent)
    if proposal.strategy is not None:
        faults, note = decide_again(proposal, proposal.strategy, fetch, evidence, read, policy)
    else:
        faults, note = _weigh_again(proposal, application(proposal.agent), Ground(assessment, evidence, read, policy))
    return [*differences(proposal, read), *faults], [*kept, note]


class Ground(NamedTuple):
    """What a proposal is weighed from."""

    assessment: Assessment
    evidence: Evidence
    likelihood: Likelihood
    contact: ContactPolicy | None


def _weigh_again(proposal: Proposal, agent: Application, ground: Ground) -> tuple[list[str], str]:
    installed = agent.basis(ground.contact, ground.likelihood.digest)
    former = proposal.basis is not None and proposal.basis.catalogue == FORMER
    if former:
        installed = installed.model_copy(update={"catalogue": FORMER})
    differing = [words for name, words in _NAMES.items() if getattr(installed, name) != getattr(proposal.basis, name)]
    if differing:
        why = f"installed now is not what it was computed with ({', '.join(differing)})"
        return [], f"expected values not computed again: {why}"
    if former:
        churn_bp = ground.likelihood.probability_bp
        again = weigh_by_former_rule(ground.assessment, ground.evidence, churn_bp, ground.contact)
    else:
        again = agent.weigh(ground.evidence, ground.likelihood, ground.contact)
    return list(
        candidate_faults(proposal, again)
    ), "candidates and expected values were computed again from the evidence"


_UNCHECKED = "the probability of leaving was not checked, nor expected values computed again"
_NAMES = {"catalogue": "treatments", "contact": "contact policy"}
