"""One run, told step by step: what was found, what is asked, why, and how it is decided."""

import logging
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from placet.contracts.audit import AuditEvent
from placet.contracts.gate import Gate
from placet.contracts.people.passkey import fingerprint
from placet.contracts.proposal import NOTHING, Candidate, Proposal
from placet.contracts.run import END_STATES
from placet.contracts.text import one_line
from placet.errors import GovernanceError, PlacetError, StorageError, UsageError
from placet.governance.batches import BatchedDecision
from placet.governance.policy.authoring.explain import RunExplained
from placet.governance.policy.authoring.so_far import approvals_of, so_far
from placet.governance.reversals import REVERSED
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.interfaces.approvals_words import ours, own_approval, people_of
from placet.interfaces.console.forms import Filled, Form
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import Asked, halted
from placet.interfaces.console.relying_party import advice_for
from placet.interfaces.console.views.asking import commands_for, outcome_of
from placet.interfaces.console.views.change import change_of, options_of, sentences
from placet.interfaces.console.views.common import badge_of, roles_in_words
from placet.interfaces.console.views.deciders import cleared_by, deciders_of
from placet.interfaces.console.views.evidence import evidence_of
from placet.interfaces.console.views.models import attempts_of, total_of
from placet.interfaces.console.views.signing import SigningHere, signing_here
from placet.interfaces.console.views.timeline import timeline
from placet.interfaces.console.views.waiting import Item, item_of
from placet.service.customers import GIVEN_DAYS
from placet.service.deciding.decisions import deliver_decision, review_outcome, take_envelope
from placet.service.explaining import explain_policy
from placet.service.in_hand import Facts, exchanges_in, facts_in
from placet.service.inbox import parse_filter, read_inbox
from placet.service.oversight import record_seen
from placet.service.runs import find_run
from placet.service.strategies.publishing import name_of
from placet.storage.log.told import told_stream
from placet.storage.records import RunRecord
from placet.storage.sql.reading import pass_on_others
from placet.storage.standing import contradiction
from placet.storage.transaction import Transaction

_ENVELOPE: Final[TypeAdapter[dsse.Envelope | BatchedDecision]] = TypeAdapter(dsse.Envelope | BatchedDecision)
_REVIEW_SECONDS: Final = 2.0
"""How long a posted decision waits for its review, so that the page can say at once whether it counts.

It holds a thread for so long; the live page says it later otherwise."""

_LOG = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1
_MOST_FAULTS: Final = 10
_BUSY_POLL: Final = "2s"
_POLLS: Final = {"awaiting_decision": "10s", "unknown_outcome": "10s"}
"""How often a live page asks: people take longer than steps."""

STOP_POLLING: Final = 286
"""What htmx takes for the end of polling."""


def show(asked: Asked) -> Response:
    """Show the whole run."""
    record = _find(asked)
    note_look(asked, record)
    return asked.page("runs/run.html", **_shown(asked, record))


def live(asked: Asked) -> Response:
    """Show what changed since the page was made; nothing where nothing did."""
    record = _find(asked)
    with asked.parts.served.database.reading() as tx:
        last = tx.entries.last_number(record.run_id)
    if asked.query("seen") == _seen(record, last):
        return Response(status_code=STOP_POLLING if record.state in END_STATES else HTTPStatus.NO_CONTENT)
    return asked.page("runs/run_live.html", **_shown(asked, record))


def decide(asked: Asked, form: Form) -> Response:
    """Deliver a signed decision, as the API does, and wait a little for what becomes of it."""
    record = _find(asked)
    text = form.files.get("file", b"").decode("utf-8", "replace").strip() or form.text("envelope")
    if not text:
        raise UsageError("No envelope was handed in: choose the file that `placet approve --print` wrote.")
    try:
        envelope = _ENVELOPE.validate_json(text)
    except ValidationError as error:
        raise UsageError(
            "This is no signed decision: it must be the file that `placet approve --print` wrote, as it is."
        ) from error
    return hand_over(asked, record, envelope)


def hand_over(asked: Asked, record: RunRecord, envelope: dsse.Envelope | BatchedDecision) -> Response:
    """Deliver what somebody signed to its run, and lead to the page that says what became of it."""
    served = asked.parts.served
    delivered = take_envelope(served.database, record, envelope, signed_here=True)
    served.engine.call(lambda engine: deliver_decision(served.database, engine, record, delivered))
    deadline = time.monotonic() + _REVIEW_SECONDS
    while review_outcome(served.database, record.run_id, delivered) is None and time.monotonic() < deadline:
        threading.Event().wait(_LOOK_SECONDS)
    digest = sha256_hex(delivered.encode())
    return asked.lead(f"/runs/{record.run_id}", "decision", digest, subject=record.run_id)


def show_refused(asked: Asked, record: RunRecord, why: str, form: Form) -> Response:
    """Show the run again, with why nothing is signed, and what was filled in."""
    shown = {**_shown(asked, record), "refused": why, "filled": Filled.of(form), "poll": ""}
    return asked.page("runs/run.html", HTTPStatus.UNPROCESSABLE_ENTITY, **shown)


def _poll(asked: Asked, record: RunRecord, events: list[AuditEvent]) -> str:
    """Return how soon the page asks again: soon where a decision was just handed in and nobody reviewed it yet."""
    outcome = _outcome(asked, record, events)["outcome"]
    waits = outcome is not None and outcome.accepted is None
    return _BUSY_POLL if waits else _POLLS.get(record.state, _BUSY_POLL)


def _seen(record: RunRecord, last: int) -> str:
    return f"{last}.{record.state}"


def _find(asked: Asked) -> RunRecord:
    return find_run(asked.parts.served.database, asked.request.path_params["run_id"], asked.parts.served.tenant)


def note_look(asked: Asked, record: RunRecord) -> None:
    """Note that somebody who may decide looks at what waits, as `placet approve` does before it asks."""
    headers = asked.request.headers
    # An image or a link on another page of this host loads it too; nobody has seen it by that.
    looked = headers.get("sec-fetch-dest", "document") == "document"
    looked = looked and headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    decides = record.state == "awaiting_decision" and asked.may("deliver", "runs")
    if record.proposal is not None and looked and decides:
        name, by = asked.visitor.name, asked.visitor.voucher
        try:
            record_seen(asked.parts.served.database, record, record.proposal, name, "console", by)
        except GovernanceError as error:
            # A record that is broken takes no look, but whoever looks for the fault must see the page.
            _LOG.error("a look at run %s could not be recorded: %s", record.run_id, one_line(str(error)))


def _shown(asked: Asked, record: RunRecord) -> dict[str, Any]:
    served = asked.parts.served
    with served.database.snapshot() as tx:
        record = tx.runs.get(record.run_id) or record
        told = told_stream(tx, record.run_id)
        faults = {entry.seq: fault for entry, fault in told if fault}
        other = _contradiction(tx, record, faults)
        # Nothing of an entry that does not verify is used for anything but to show it.
        events = [entry for entry, fault in told if not fault]
        given = tx.contacts.of_customer(
            served.tenant, record.customer_id, days=GIVEN_DAYS, now=asked.now, besides=record.run_id
        )
        deciders = deciders_of(events, tx.approvers.get) if record.state in END_STATES else ()
        proposal, gone = _proposal(tx, record, served.tenant)
        strategy = name_of(tx, served.tenant, record.strategy) if record.strategy is not None else ""
    facts = facts_in(served.database, events, served.tenant)
    over, policy = record.state in END_STATES, None if faults else explained(asked, record)
    own = own_approval(policy.so_far if policy else None, asked.visitor.name)
    return {
        "run": record,
        "badge": badge_of(record.state, taken_back=record.reversed_by),
        "over": over,
        "deciders": deciders,
        "clearance": cleared_by(events) if over and not deciders else None,
        "fingerprint": fingerprint,
        "poll": "" if over else _poll(asked, record, events),
        "seen": _seen(record, told[-1].entry.seq if told else 0),
        "steps": timeline(record.state, [entry for entry, _ in told], faults),
        "strategy": strategy or "(nobody has signed it)",
        "proposal": proposal,
        "proposal_fault": gone,
        **_weighed(record, proposal, events, facts),
        **_evidence(facts),
        "attempts": attempts_of(events),
        "attempts_total": total_of(events),
        "exchanges": exchanges_in(served.database, events, served.tenant),
        "gate": _gate(events, record.proposal, policy),
        "policy": policy,
        "could_decide": people_of(policy.approvers) if policy else (),
        "own_approval": own,
        "ours": ours(record.state, record.detail),
        "commands": () if other else commands_for(record.run_id, record.state, approved=bool(own)),
        "may_deliver": asked.may("deliver", "runs"),
        "signing": None if other else _signing(asked, record, proposal, policy),
        "may_reverse": _may_reverse(asked, record, events),
        "may_replay": asked.may("read", "record"),
        "given": given,
        "following": _following(asked, record) if over or asked.note("decision", record.run_id) else None,
        "refused": "",
        "filled": Filled(),
        "halted": lambda: [*_not_verified(record, faults), *other, *halted(asked)],
        **_outcome(asked, record, events),
    }


def _proposal(tx: Transaction, record: RunRecord, tenant: str) -> tuple[Proposal | None, str]:
    """Return what a run proposes, or why it cannot be read."""
    if record.proposal is None:
        return None, ""
    try:
        return tx.artifacts.get_model(record.proposal, Proposal, tenant=tenant), ""
    except (UsageError, GovernanceError) as error:
        return None, str(error)


def _may_reverse(asked: Asked, record: RunRecord, events: list[AuditEvent]) -> bool:
    """Return whether this visitor may ask for what a run did to be taken back."""
    gave = record.state == "executed" and record.reverses is None
    return gave and all(event.kind != REVERSED for event in events) and asked.may("operate", "runs")


def _contradiction(tx: Transaction, record: RunRecord, faults: Mapping[int, str]) -> list[str]:
    """Say what the row of a run says otherwise than its record, or why nobody can tell.

    An entry that cannot be read, or is not what was written, is among `faults` and said elsewhere.
    """
    try:
        other = contradiction(tx, record)
    except (GovernanceError, StorageError) as error:
        pass_on_others(error)
        other = "" if faults else str(error)
    return [f"{other[:1].upper()}{other[1:]}. Nothing is decided here until it is mended."] if other else []


def _not_verified(record: RunRecord, faults: Mapping[int, str]) -> list[str]:
    """Say which entries are not what was written: nothing of them is believed here."""
    if not faults:
        return []
    numbers = ", ".join(str(number) for number in sorted(faults)[:_MOST_FAULTS])
    said = (
        f"The record of this run does not verify (entry {numbers}): somebody changed the database. What only such an "
        "entry says is left out of this page, but for its line below. Run `placet audit log "
        f"{record.run_id}` and `placet audit verify`."
    )
    return [said]


def _following(asked: Asked, record: RunRecord) -> Item | None:
    """Return what waits for this person next, for somebody who decides many; None where nothing does."""
    if not asked.may("deliver", "runs"):
        return None
    served = asked.parts.served
    wanted = parse_filter({"decider": asked.visitor.name})
    try:
        rows = read_inbox(served.database, served.tenant, wanted, asked.now, limit=2).rows
    except UsageError:
        return None  # whoever is signed in with a token need not be enrolled; what waits then waits for others
    return next(
        (item_of(row, asked.now, asked.visitor.name) for row in rows if row.record.run_id != record.run_id), None
    )


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


def _signing(
    asked: Asked, record: RunRecord, proposal: Proposal | None, policy: RunExplained | None
) -> SigningHere | None:
    """Return how this visitor decides here with a passkey; None where nothing is asked, or not of them."""
    if proposal is None or not commands_for(record.run_id, record.state) or not asked.may("deliver", "runs"):
        return None
    return signing_here(
        record.state,
        proposal,
        name=asked.visitor.name,
        keys=own_passkeys(asked),
        advice="" if asked.party else advice_for(asked.request, asked.parts.public_url),
        approvers=policy.approvers if policy is not None else (),
    )


def _evidence(facts: Facts | None) -> dict[str, Any]:
    held = facts.held if facts is not None else None
    return {
        "evidence": evidence_of(facts.evidence) if facts is not None and facts.evidence is not None else None,
        "evidence_digest": held.digest if held is not None else "",
        "evidence_fault": held.fault if held is not None else "",
        "read_at": facts.evidence.read_at if facts is not None and facts.evidence is not None else None,
        "calls": facts.calls if facts is not None else (),
    }


def _gate(events: list[AuditEvent], proposal: str | None, policy: RunExplained | None) -> dict[str, Any] | None:
    """Return what the gate that stands asks of people, and who has approved.

    That is told as policy counts it now; where nothing is known of that, as the entries have it.
    """
    opened = [event for event in events if event.kind in ("approve.opened", "approve.amended")]
    if not opened:
        return None
    try:
        gate = Gate.model_validate(opened[-1].body["gate"])
    except (ValidationError, KeyError):
        return None
    if gate.verdict != "human":
        return None
    known = policy.so_far if policy else None
    known = known or so_far(gate, None, approvals_of(events, proposal or ""))
    return {"roles": roles_in_words(gate.roles), "so_far": known, "closes_at": gate.expires_at}


def explained(asked: Asked, record: RunRecord) -> RunExplained | None:
    """Return what policy says of a run; None where that cannot be told."""
    if record.proposal is None:
        return None
    served = asked.parts.served
    try:
        return explain_policy(served.database, served.tenant, record.run_id, served.policies_of)
    except (PlacetError, KeyError, ValueError, TypeError):
        return None  # the entries below say what was answered; why cannot be told any more


def _outcome(asked: Asked, record: RunRecord, events: list[AuditEvent]) -> dict[str, Any]:
    """Return what became of the envelope that this session handed in just now, if it did."""
    digest = asked.note("decision", record.run_id)
    if digest is None:
        return {"decision": "", "outcome": None}
    return {"decision": asked.query("decision"), "outcome": outcome_of(digest, events)}
