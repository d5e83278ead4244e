"""Whether the probability of leaving that a proposal names is what its model makes of the features on record."""

from collections.abc import Callable

from pydantic import BaseModel

from agents.likelihood import LikelihoodSource
from placet.contracts.billing import Evidence
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Proposal
from placet.contracts.state import CustomerState
from placet.decisioning.likelihood import CODES, told
from placet.errors import PlacetError, UsageError


def read_again(
    proposal: Proposal,
    digest: str,
    evidence: Evidence,
    fetch: Callable[[str, type[BaseModel]], BaseModel],
    sources: Callable[[str, str], LikelihoodSource | None],
) -> Likelihood | str | list[str]:
    """Compute the probability again.

    Returns:
        The probability; in words, why it cannot be computed here; or what does not agree.
    """
    try:
        source = sources(proposal.tenant, digest)
    except PlacetError as error:
        return f"what computed it cannot be read: {error}"
    if source is None:
        return f"churn model {digest[:16]} is not held here"
    state: CustomerState | None = None
    if evidence.state is not None:
        try:
            found = fetch(evidence.state.digest, CustomerState)
        except PlacetError:
            found = None  # what is said of the state itself is the business of `live_state`
        state = found if isinstance(found, CustomerState) else None
    try:
        return source.read(evidence, state)
    except UsageError as error:
        if state is None and evidence.state is not None:
            return "the live state is not held here"
        return [f"no probability of leaving follows from the evidence: {error}"]
    except PlacetError as error:
        return f"it cannot be computed here: {error}"


def differences(proposal: Proposal, again: Likelihood) -> list[str]:
    """Compare what the proposal says of the probability with what was computed again."""
    said = {reason for reason in (*proposal.facts, *proposal.assumptions) if reason.code in CODES}
    expected = told(again)
    # An earlier version said less of the counts; what a model computes is said in full.
    if said == expected or (again.source == "counts" and said <= expected):
        return []
    figure = next((reason.detail for reason in expected if reason.code == "churn_bp"), "")
    return [f"what the proposal says of the probability of leaving is not what follows from the evidence ({figure})"]
