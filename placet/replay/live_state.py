"""Whether what a proposal says of the customer's live state is what the evidence says, and that what the state says."""

from collections.abc import Callable

from pydantic import BaseModel

from placet.contracts.billing import Evidence
from placet.contracts.proposal import Proposal
from placet.contracts.state import CustomerState, StateRead
from placet.contracts.text import counted
from placet.decisioning.state.signals import signals_of
from placet.decisioning.state.telling import STANDS_OUT, STATE, stood_out
from placet.errors import PlacetError, UsageError
from placet.storage.artifacts import ERASED


def compare_state(
    proposal: Proposal, evidence: Evidence, fetch: Callable[[str, type[BaseModel]], BaseModel]
) -> tuple[list[str], list[str]]:
    """Compare proposal, evidence and state.

    Returns:
        What does not agree, and what could not be checked.
    """
    said = tuple(reason for reason in proposal.facts if reason.code in (STATE, STANDS_OUT))
    if said != stood_out(evidence.state):
        return ["what the proposal says of the customer's live state is not what the evidence says"], []
    if evidence.state is None:
        return [], []
    try:
        state = fetch(evidence.state.digest, CustomerState)
    except UsageError as error:
        why = str(error) if error.code == ERASED else "it is not held here"
        return [], [f"the live state was not compared: {why}"]
    except PlacetError as error:
        return [f"the live state that the evidence names cannot be read: {error}"], []
    if not isinstance(state, CustomerState):
        raise TypeError("fetch gave another document than was asked for")
    fault = _fault(state, evidence.state, proposal)
    if fault:
        return [fault], []
    return [], [f"the live state, of {counted(evidence.state.version, 'event')}, is the one that the evidence names"]


def _fault(state: CustomerState, read: StateRead, proposal: Proposal) -> str:
    if state.customer_id != proposal.customer_id:
        return "the live state that the evidence names is another customer's"
    if StateRead.of(state, read.digest) != read:
        return "what the evidence says of the customer's live state is not what that state says"
    if signals_of(state) != state.signals:
        return "the signals of the customer's live state do not follow from its figures"
    return ""
