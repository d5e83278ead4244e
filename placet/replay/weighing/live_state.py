"""Whether what a proposal says of the customer's live state is what the evidence says, and that what the state says."""

from collections.abc import Callable

from pydantic import BaseModel

from placet.contracts.audit import AuditEvent
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


def compare_analysed(proposal: Proposal, evidence: Evidence, analysed: AuditEvent | None) -> list[str]:
    """Return what does not agree between the state that the evidence names and the one that the analysis read.

    Without this, evidence and proposal that both leave out what the model saw would agree with each other.
    """
    if analysed is None:
        return [f"nothing on record says what the analysis of run {proposal.run_id!r} read"]
    said = analysed.body.get("state")
    read = said.get("digest") if isinstance(said, dict) else said
    named = None if evidence.state is None else evidence.state.digest
    return [] if read == named else ["the evidence names another live state than the one that the analysis read"]


def _fault(state: CustomerState, read: StateRead, proposal: Proposal) -> str:
    if state.customer_id != proposal.customer_id:
        return "the live state that the evidence names is another customer's"
    if StateRead.of(state, read.digest) != read:
        return "what the evidence says of the customer's live state is not what that state says"
    if signals_of(state) != state.signals:
        return "the signals of the customer's live state do not follow from its figures"
    return ""
