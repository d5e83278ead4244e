"""Deciding a run with a passkey: the server makes the statement when somebody presses the button."""

from dataclasses import replace
from typing import Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from placet.contracts.base import Digest
from placet.contracts.money import Money, parse_money
from placet.contracts.people.decision import Verdict, phase_of
from placet.contracts.proposal import Proposal
from placet.contracts.times import minute
from placet.errors import DecisionRefused, PolicyError, UsageError
from placet.governance.signing import dsse
from placet.governance.signing.statement import PREDICATE_TYPE
from placet.interfaces.approvals_words import before_signing, own_approval
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages import run
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, required_passkeys
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.common import first_upper
from placet.interfaces.console.views.signing import why_not_entitled
from placet.interfaces.console.views.statement import ToSign, decision_to_sign
from placet.service.deciding.budget_room import rooms_for
from placet.service.deciding.decisions import amendment_statement, pending_proposal, read_statement, verdict_statement
from placet.service.explaining import explain_policy
from placet.service.runs import find_run
from placet.storage.pending import pending_on_record
from placet.storage.records import RunRecord

_VERDICT: Final[TypeAdapter[Verdict]] = TypeAdapter(Verdict)
CHANGED: Final = "changed_meanwhile"


def ask(asked: Asked, form: Form) -> Response:
    """Make the statement of a decision, and ask for a signature on it.

    The form says which proposal the person looked at, so that nobody decides what changed under their eyes. What is
    signed is made here, from what is pending.
    """
    served = asked.parts.served
    try:
        verdict = _VERDICT.validate_python(form.text("verdict"))
    except ValidationError as error:
        raise UsageError("This is no decision: press one of the buttons of the run's page.") from error
    run_id = asked.request.path_params["run_id"]
    record, digest, proposal = pending_proposal(served.database, run_id, served.tenant, verdict)
    if form.text("proposal") != digest:
        raise UsageError(
            "The proposal was changed after you opened the page. Nothing was signed: open the run again and look at "
            "what is proposed now.",
            code=CHANGED,
        )
    try:
        statement = _statement(asked, form, record, verdict, (digest, proposal))
    except (UsageError, DecisionRefused) as error:
        return run.show_refused(asked, record, str(error), form)
    return ask_to_sign(asked, statement)


def _statement(
    asked: Asked, form: Form, record: RunRecord, verdict: Verdict, pending: tuple[Digest, Proposal]
) -> bytes:
    """Return what is signed; `pending` is the proposal that waits, with its digest.

    Raises:
        UsageError: what was filled in makes no decision, or the gate is closed.
        DecisionRefused: policy would not let this person decide it so.
    """
    digest, proposal = pending
    name, reason = asked.visitor.name, form.text("reason")
    if verdict != "amend" and (form.text("amount") or form.text("treatment")):
        # Enter in a field presses the first button of a form, which approves what is proposed.
        raise UsageError(
            "You filled in what to approve instead. Press the button below it, or empty the field. Nothing was signed."
        )
    _check_open(asked, record, verdict)
    _check_entitled(asked, record, verdict)
    if verdict == "amend":
        change = _change(form, proposal)
        return amendment_statement(record, pending, change, name, reason)[1]
    return verdict_statement(record, digest, verdict, name, reason)


def _check_open(asked: Asked, record: RunRecord, verdict: Verdict) -> None:
    """Say at once that the gate is closed; the review asks again."""
    if phase_of(verdict) == "settle":
        return
    with asked.parts.served.database.reading() as tx:
        closes_at = pending_on_record(tx, record.run_id).gate.expires_at
    if asked.now >= closes_at:
        raise UsageError(f"The gate closed at {minute(closes_at)}: nothing is decided any more.", code="late")


def _check_entitled(asked: Asked, record: RunRecord, verdict: Verdict) -> None:
    """Say before anybody signs why it would not count; the review asks policy again."""
    keys, served = required_passkeys(asked), asked.parts.served
    if phase_of(verdict) == "settle":
        return
    try:
        explained = explain_policy(served.database, served.tenant, record.run_id, served.policies_of)
    except PolicyError:
        return  # the review fails closed, and says it
    name, approving = asked.visitor.name, verdict == "approve"
    why_not = own_approval(explained.so_far, name) if approving else ""
    why_not = why_not or why_not_entitled(name, keys, explained.approvers, approving=approving)
    if why_not:
        raise DecisionRefused(f"{why_not}. Nothing was signed.", code="not_entitled")


def _change(form: Form, proposal: Proposal) -> tuple[Money | None, str | None]:
    amount, treatment = form.text("amount"), form.text("treatment") or None
    moved = proposal.mutation.moved
    if amount and moved is not None and amount[-1:].isdigit():
        amount = f"{amount} {moved.currency}"
    try:
        return (parse_money(amount) if amount else None), treatment
    except ValueError as error:
        raise UsageError(f"The new amount: {error}", code="malformed") from error


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    served = asked.parts.served
    said, proposal = read_statement(served.database, served.tenant, prompt.asked)
    record = find_run(served.database, said.predicate.run_id, served.tenant)
    run.note_look(asked, record)
    closes_at, before = None, ""
    if record.state == "awaiting_decision":
        with served.database.reading() as tx:
            closes_at = pending_on_record(tx, record.run_id).gate.expires_at
        explained = run.explained(asked, record)
        known = explained.so_far if explained else None
        before = before_signing(known, said.predicate.verdict, said.predicate.approver)
    shown = decision_to_sign(prompt.asked, said, proposal, closes_at, before)
    if said.predicate.verdict != "approve":
        return shown
    rooms = [str(room) for room in rooms_for(served.database, served.tenant, [proposal]) if not room.enough]
    return replace(shown, notes=(*shown.notes, *map(first_upper, rooms)))


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    served = asked.parts.served
    said, _ = read_statement(served.database, served.tenant, prompt.asked)
    predicate = said.predicate
    record, digest, _ = pending_proposal(served.database, predicate.run_id, served.tenant, predicate.verdict)
    about = said.proposal_digest if predicate.amendment is None else predicate.amendment.amends
    if about != digest:
        raise UsageError(
            "The proposal was changed while you looked at it. Your signature was not used: open the run again and "
            "look at what is proposed now.",
            code=CHANGED,
        )
    return run.hand_over(asked, record, dsse.parse(envelope))


DECISION: Final = Kind(PREDICATE_TYPE, "runs", _shown, _take)
