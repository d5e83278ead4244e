"""One run, told step by step: what was found, what is asked, why, and how it is decided."""

import threading
import time
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Digest
from placet.contracts.gate import Gate
from placet.contracts.proposal import Candidate, Proposal
from placet.contracts.run import END_STATES
from placet.decisioning.treatments import NOTHING
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.governance.batches import BatchedDecision
from placet.governance.policy.authoring.explain import RunExplained
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.console.forms import Form
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.asking import commands_for, outcome_of
from placet.interfaces.console.views.change import change_of, options_of, sentences
from placet.interfaces.console.views.common import badge_of, roles_in_words
from placet.interfaces.console.views.evidence import evidence_of
from placet.interfaces.console.views.models import attempts_of, total_of
from placet.interfaces.console.views.timeline import timeline
from placet.service.customers import GIVEN_DAYS
from placet.service.decisions import deliver_decision, review_outcome, take_envelope
from placet.service.explaining import explain_policy
from placet.service.in_hand import Facts, exchanges_of, facts_of
from placet.service.oversight import record_seen
from placet.service.runs import find_run
from placet.storage.records import RunRecord

_ENVELOPE: Final[TypeAdapter[dsse.Envelope | BatchedDecision]] = TypeAdapter(dsse.Envelope | BatchedDecision)
_DIGEST: Final[TypeAdapter[str]] = TypeAdapter(Digest)
_REVIEW_SECONDS: Final = 2.0
"""How long a posted decision waits for its review, so that the page can say at once whether it counts.

It holds a thread for so long; the live page says it later otherwise."""

_LOOK_SECONDS: Final = 0.1
_BUSY_POLL: Final = "2s"
_POLLS: Final = {"awaiting_decision": "10s", "unknown_outcome": "10s"}
"""How often a live page asks: people take longer than steps."""

STOP_POLLING: Final = 286
"""What htmx takes for the end of polling."""


def show(asked: Asked) -> Response:
    """Show the whole run."""
    record = _find(asked)
    _note_look(asked, record)
    return asked.page("run.html", **_shown(asked, record))


def live(asked: Asked) -> Response:
    """Show what changed since the page was made; nothing where nothing did."""
    record = _find(asked)
    with asked.parts.served.database.reading() as tx:
        last = tx.audit.last(record.run_id)
    if asked.query("seen") == _seen(record, last):
        return Response(status_code=STOP_POLLING if record.state in END_STATES else HTTPStatus.NO_CONTENT)
    return asked.page("run_live.html", **_shown(asked, record))


def decide(asked: Asked, form: Form) -> Response:
    """Deliver a signed decision, as the API does, and wait a little for what becomes of it."""
    record, served = _find(asked), asked.parts.served
    text = form.files.get("file", b"").decode("utf-8", "replace").strip() or form.text("envelope")
    if not text:
        raise UsageError("No envelope was handed in: choose the file that `placet approve --print` wrote.")
    try:
        envelope = _ENVELOPE.validate_json(text)
    except ValidationError as error:
        raise UsageError(
            "This is no signed decision: it must be the file that `placet approve --print` wrote, as it is."
        ) from error
    delivered = take_envelope(served.database, served.tenant, envelope, signed_here=True)
    served.engine.call(lambda engine: deliver_decision(served.database, engine, record, delivered))
    deadline = time.monotonic() + _REVIEW_SECONDS
    while review_outcome(served.database, record.run_id, delivered) is None and time.monotonic() < deadline:
        threading.Event().wait(_LOOK_SECONDS)
    return RedirectResponse(f"{ROOT}/runs/{record.run_id}?decision={sha256_hex(delivered.encode())}", 303)


def ask_verdict(asked: Asked, _form: Form) -> Response:
    """Have the run verified and replayed; nobody waits for it here."""
    run_id = _find(asked).run_id
    often = "" if asked.parts.checks.ask(run_id) else "?often=1"
    return RedirectResponse(f"{ROOT}/runs/{run_id}{often}#verdict", 303)


def show_verdict(asked: Asked) -> Response:
    """Show what was found of the run, or that it is being looked at."""
    record = _find(asked)
    return asked.page("verdict.html", run=record, **_verdict(asked, record))


def _verdict(asked: Asked, record: RunRecord) -> dict[str, Any]:
    checks = asked.parts.checks
    judging = checks.under_way(record.run_id)
    verdict = None if judging else checks.found(record.run_id)
    return {"judging": judging, "verdict": verdict, "judged_often": asked.query("often") is not None and not verdict}


def _seen(record: RunRecord, last: AuditEvent | None) -> str:
    return f"{0 if last is None else last.seq}.{record.state}"


def _find(asked: Asked) -> RunRecord:
    return find_run(asked.parts.served.database, asked.request.path_params["run_id"], asked.parts.served.tenant)


def _note_look(asked: Asked, record: RunRecord) -> None:
    """Note that somebody who may decide looks at what waits, as `placet approve` does before it asks."""
    if record.proposal is not None and record.state == "awaiting_decision" and asked.may("deliver", "runs"):
        record_seen(asked.parts.served.database, record, record.proposal, asked.visitor.name, "console")


def _shown(asked: Asked, record: RunRecord) -> dict[str, Any]:
    served = asked.parts.served
    with served.database.snapshot() as tx:
        record = tx.runs.get(record.run_id) or record
        events = tx.audit.read(record.run_id)
        given = tx.contacts.of_customer(
            served.tenant, record.customer_id, days=GIVEN_DAYS, now=asked.now, besides=record.run_id
        )
        proposal, gone = None, ""
        if record.proposal is not None:
            try:
                proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=served.tenant)
            except (UsageError, GovernanceError) as error:
                gone = str(error)
    facts = facts_of(served.database, record.run_id, served.tenant)
    over = record.state in END_STATES
    return {
        "run": record,
        "badge": badge_of(record.state),
        "over": over,
        "poll": "" if over else _POLLS.get(record.state, _BUSY_POLL),
        "seen": _seen(record, events[-1] if events else None),
        "steps": timeline(record.state, events),
        "proposal": proposal,
        "proposal_fault": gone,
        **_weighed(record, proposal, events, facts),
        **_evidence(facts),
        "attempts": attempts_of(events),
        "attempts_total": total_of(events),
        "exchanges": exchanges_of(served.database, record.run_id, served.tenant),
        "gate": _gate(events),
        "policy": _policy(asked, record),
        "commands": commands_for(record.run_id, record.state),
        "may_deliver": asked.may("deliver", "runs"),
        "given": given,
        **_verdict(asked, record),
        **_outcome(asked, events),
    }


def _weighed(
    record: RunRecord, proposal: Proposal | None, events: list[AuditEvent], facts: Facts | None
) -> dict[str, Any]:
    if proposal is not None:
        change = change_of(proposal, facts.evidence if facts else None)
        options = options_of(proposal.candidates, proposal.treatment, proposal.cost.currency)
        return {
            "change": change,
            "options": options,
            "situation": sentences(proposal.facts),
            "assumed": sentences(proposal.assumptions),
        }
    found = next((event for event in events if event.kind == "propose.completed"), None)
    weighed = found.body.get("candidates", ()) if found is not None and record.proposal is None else ()
    try:
        candidates = tuple(Candidate.model_validate(one) for one in weighed)
    except ValidationError:
        candidates = ()
    currency = str(found.body.get("currency") or "") if found is not None else ""
    return {
        "change": None,
        "options": options_of(candidates, NOTHING if record.state == "no_action" else None, currency),
        "situation": (),
        "assumed": (),
    }


def _evidence(facts: Facts | None) -> dict[str, Any]:
    held = facts.held if facts is not None else None
    return {
        "evidence": evidence_of(facts.evidence) if facts is not None and facts.evidence is not None else None,
        "evidence_digest": held.digest if held is not None else "",
        "evidence_fault": held.fault if held is not None else "",
        "read_at": facts.evidence.read_at if facts is not None and facts.evidence is not None else None,
        "calls": facts.calls if facts is not None else (),
    }


def _gate(events: list[AuditEvent]) -> dict[str, Any] | None:
    """Return what the gate that stands asks of people, as its entry says."""
    opened = [event for event in events if event.kind in ("approve.opened", "approve.amended")]
    if not opened:
        return None
    try:
        gate = Gate.model_validate(opened[-1].body["gate"])
    except (ValidationError, KeyError):
        return None
    if gate.verdict != "human":
        return None
    got = sum(event.kind == "approve.decided" and event.body.get("verdict") != "reject" for event in events)
    return {"roles": roles_in_words(gate.roles), "quorum": gate.quorum, "got": got, "closes_at": gate.expires_at}


def _policy(asked: Asked, record: RunRecord) -> RunExplained | None:
    if record.proposal is None:
        return None
    served = asked.parts.served
    try:
        return explain_policy(served.database, served.tenant, record.run_id, served.policies_of)
    except (PlacetError, KeyError):
        return None  # the entries below say what was answered; why cannot be told any more


def _outcome(asked: Asked, events: list[AuditEvent]) -> dict[str, Any]:
    """Return what became of the envelope that was handed in just now, if one was."""
    try:
        digest = _DIGEST.validate_python(asked.query("decision"))
    except ValidationError:
        return {"decision": "", "outcome": None}
    return {"decision": digest, "outcome": outcome_of(digest, events)}
