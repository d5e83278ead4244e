"""Signing a statement with a passkey: it is shown from its bytes, signed in the browser, and handed in from here."""

import json
from typing import Any, Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.enrolment import Enrolment, Revocation
from placet.contracts.people.signed import SignedDocument
from placet.errors import GovernanceError, UsageError
from placet.governance.signing import dsse
from placet.governance.signing.plain_json import read_json
from placet.governance.signing.signed import predicate_type, read_document
from placet.governance.signing.statement import PREDICATE_TYPE
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages import run
from placet.interfaces.console.pages.keys.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.statement import (
    ToSign,
    decision_to_sign,
    enrolment_to_sign,
    revocation_to_sign,
)
from placet.service.decisions import pending_proposal, read_statement
from placet.service.documents.keys import take_enrolment, take_revocation
from placet.service.passkeys import envelope_from_assertion, signing_options
from placet.service.runs import find_run
from placet.storage.pending import pending_on_record

_ENROLMENT: Final = predicate_type(Enrolment)
_REVOCATION: Final = predicate_type(Revocation)


def ask_to_sign(asked: Asked, statement: bytes) -> Response:
    """Keep a statement for this session, and lead to the page that shows it."""
    return RedirectResponse(f"{ROOT}/sign/{asked.parts.prompts.ask(asked.visitor.session, 'sign', '', statement)}", 303)


def show(asked: Asked) -> Response:
    """Show what would be signed, from its bytes, and let the browser ask for the passkey."""
    prompt = asked.parts.prompts.look(asked.visitor.session, asked.request.path_params["prompt"], "sign")
    _require(asked, prompt.asked)
    shown = _shown(asked, prompt.asked)
    return asked.page(
        "keys/sign.html",
        shown=shown,
        prompt_name=prompt.name,
        options=json.dumps(signing_options(prompt.asked, own_passkeys(asked))),
        until=prompt.expires_at,
    )


def take(asked: Asked, form: Form) -> Response:
    """Make the envelope of the browser's answer, and hand it in as the API does."""
    prompt = asked.parts.prompts.take(asked.visitor.session, asked.request.path_params["prompt"], "sign")
    statement = prompt.asked
    _require(asked, statement)
    envelope = envelope_from_assertion(statement, form.text("answer"), own_passkeys(asked))
    served = asked.parts.served
    kind = _kind(statement)
    if kind == _ENROLMENT:
        take_enrolment(served.database, envelope, tenant=served.tenant)
        return RedirectResponse(f"{ROOT}/approvers?done=enrolled", 303)
    if kind == _REVOCATION:
        take_revocation(served.database, envelope, tenant=served.tenant)
        return RedirectResponse(f"{ROOT}/approvers?done=revoked", 303)
    said, _ = read_statement(served.database, served.tenant, statement)
    predicate = said.predicate
    record, digest, _ = pending_proposal(served.database, predicate.run_id, served.tenant, predicate.verdict)
    about = said.proposal_digest if predicate.amendment is None else predicate.amendment.amends
    if about != digest:
        raise UsageError(
            "The proposal was changed while you looked at it. Your signature was not used: open the run again and "
            "look at what is proposed now.",
            code="changed_meanwhile",
        )
    return run.hand_over(asked, record, dsse.parse(envelope))


def _shown(asked: Asked, statement: bytes) -> ToSign:
    served, kind = asked.parts.served, _kind(statement)
    if kind == _ENROLMENT:
        return enrolment_to_sign(statement, _document(statement, Enrolment))
    if kind == _REVOCATION:
        revocation = _document(statement, Revocation)
        with served.database.reading() as tx:
            rows = [one.name for one in tx.approvers.listed(served.tenant) if one.key_id == revocation.key_id]
        return revocation_to_sign(statement, revocation, rows[0] if rows else "nobody")
    said, proposal = read_statement(served.database, served.tenant, statement)
    record = find_run(served.database, said.predicate.run_id, served.tenant)
    run.note_look(asked, record)
    closes_at = None
    if record.state == "awaiting_decision":
        with served.database.reading() as tx:
            closes_at = pending_on_record(tx, record.run_id).gate.expires_at
    return decision_to_sign(statement, said, proposal, closes_at)


def _require(asked: Asked, statement: bytes) -> None:
    asked.require("deliver", "runs" if _kind(statement) == PREDICATE_TYPE else "keys")


def _kind(statement: bytes) -> str:
    found: Any = read_json(statement)
    kind = str(found["predicateType"])
    if kind not in (PREDICATE_TYPE, _ENROLMENT, _REVOCATION):
        raise GovernanceError(f"statements of type {kind!r} are not signed here", code="wrong_statement")
    return kind


def _document(statement: bytes, kind: type[Any]) -> Any:
    document: SignedDocument = read_document(statement, kind)
    return document
