"""Whether the mandate that a cleared gate names was signed, and covers the proposal."""

import base64

from placet.contracts.customer import CustomerProfile
from placet.contracts.people.mandate import Clearance, Mandate
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.authority.mandates import charge, covers
from placet.governance.signing import dsse
from placet.governance.signing.signed import read_document
from placet.replay.case import Case, Faults, Version


def check_clearance(case: Case, version: Version) -> Faults:
    """Check that a cleared gate takes of its mandate what the proposal costs; verify the mandate's document.

    Whoever brings keys asks for signatures: without the document that is a fault, and never passed over.
    """
    clearance = version.gate.clearance
    if clearance is None:
        return
    name = f"mandate {clearance.document}"
    try:
        if clearance.consumed != charge(version.proposal):
            yield f"{name} was charged {clearance.consumed}, the proposal takes {charge(version.proposal)}"
        text = case.trusted.mandates.get(clearance.document)
        if text is not None:
            yield from _document(case, version, clearance, text)
        elif case.trusted.keys:
            others = "; no file that was given is that document" if case.trusted.mandates else ""
            yield f"{name} not verified: give its signed document with --mandate FILE{others}"
    except (DecisionRefused, ValueError, RecursionError) as error:
        yield f"{name} does not clear proposal {version.digest}: {error}"


def _document(case: Case, version: Version, clearance: Clearance, text: str) -> Faults:
    envelope = dsse.parse(text)
    mandate = read_document(base64.b64decode(envelope.payload, validate=True), Mandate)
    case.trusted.check(envelope, mandate.signer)
    signed = (mandate.document_id, mandate.name, mandate.signer, envelope.signatures[0].keyid)
    told = (clearance.mandate_id, clearance.name, clearance.signer, clearance.key_id)
    if signed != told:
        yield f"mandate {clearance.document} was signed as {signed[:3]}, the workflow was told {told[:3]}"
    opened_at = version.gate.opened_at
    if mandate.signed_at > opened_at + CLOCK_SKEW:
        yield f"mandate {clearance.document} was signed after it cleared the proposal"
    without_cohort = mandate.model_copy(update={"cohort": ()})
    covers(without_cohort, version.proposal, _nobody(version.proposal.customer_id), "low", opened_at, ())


def _nobody(customer_id: str) -> CustomerProfile:
    """Make the customer without their facts, which a history does not hold: no cohort may be judged on these."""
    return CustomerProfile(customer_id=customer_id, status="", tenure_months=0)
