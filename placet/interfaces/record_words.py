"""What each entry of the record says, in one sentence for an auditor. The exact entry is in JSON output.

Figures and names come from the entry's body. What a person, a model or another system wrote stands in quotation marks.
A kind that is not known here, or a body that is not the shape its kind has, is told by its code and detail: the record
is shown whatever stands in it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.money import Money
from placet.contracts.text import NAME, counted, one_line, quoted, wrote
from placet.contracts.times import minute

Body = Mapping[str, Any]

_DECIDED: Final = {
    "approve": "APPROVED the proposal",
    "reject": "REJECTED the proposal",
    "amend": "APPROVED the proposal as AMENDED",
    "confirm_executed": "SETTLED: found that it HAPPENED",
    "confirm_not_executed": "SETTLED: found that it did NOT happen",
}
_ENDS: Final = {
    "executed": "the run ended: EXECUTED",
    "no_action": "the run ended: nothing was proposed",
    "rejected": "the run ended: REJECTED, nothing was executed",
    "denied": "the run ended: DENIED, nothing was executed",
    "expired": "the run ended: EXPIRED undecided, nothing was executed",
    "halted": "the run ended: HALTED, nothing was executed",
    "failed": "the run ended: FAILED",
    "cancelled": "the run ended: CANCELLED, nothing was executed",
}
_PIECES = "prompts, answers and pieces of evidence"
_SHOWN = 16
"""Of a digest, in characters."""


def in_words(event: AuditEvent) -> str:
    """Return one line that says what the entry records."""
    teller = _TELLERS.get(cast("RecordKind", event.kind))  # of another version, it may be another one
    try:
        told = teller(event) if teller is not None else ""
    except (KeyError, TypeError, ValueError, AttributeError):
        told = ""  # altered, or of another version: what can be said of any entry is said
    return one_line(f"{told or _any(event)}{_vouched(event)}", 600)


def _vouched(event: AuditEvent) -> str:
    token = event.body.get("token")
    return f" (its token {_digest(token)} says who asked)" if isinstance(token, str) else ""


def _any(event: AuditEvent) -> str:
    body = event.body
    parts = [_name(body[name]) for name in ("name", "treatment", "state", "code") if isinstance(body.get(name), str)]
    detail = body.get("detail") or body.get("reason")
    if isinstance(detail, str):
        parts.append(quoted(detail))
    return ", ".join(parts) or event.kind.replace(".", ": ").replace("_", " ")


def _requested(event: AuditEvent) -> str:
    body = event.body
    what = f"asked for a run of {_name(body['agent'])} for customer {_name(body['customer_id'])}"
    if body.get("reverses"):
        what = f"asked to take back {_name(body['reverses'])} of customer {_name(body['customer_id'])}"
    return what + _because(event)


def _analysed(event: AuditEvent) -> str:
    used, risk = event.body.get("model_use"), _name(event.body["risk"])
    found = f"found risk {risk} with model {_name(used[-1]['model'])}" if used else f"no model was asked; risk {risk}"
    wants = ", ".join(_name(query["operation"]) for query in event.body["queries"])
    return f"{found}; wants to read {wants or 'nothing'}"


def _unanswered(event: AuditEvent) -> str:
    return f"no model gave a valid answer in attempt {event.body['attempt']}{_detail(event)}"


def _queried(event: AuditEvent) -> str:
    reads = ", ".join(_name(name) for name in event.body["operations"])
    return f"read {reads} in {counted(len(event.body['calls']), 'request')} to the billing system"


def _proposed(event: AuditEvent) -> str:
    weighed = counted(len(event.body["candidates"]), "treatment")
    if event.body["proposal"] is None:
        return f"weighed {weighed} and proposed nothing: {quoted(event.body['summary'])}"
    return f"weighed {weighed} and proposed one: {quoted(event.body['summary'])}"


def _opened(event: AuditEvent) -> str:
    gate = event.body["gate"]
    policies = ", ".join(_name(one) for one in gate["policies"])
    if gate["verdict"] == "denied":
        return f"DENIED{f' by policy {policies}' if policies else ''}: {quoted(gate['reason'])}"
    if gate["verdict"] == "cleared":
        clearance = gate["clearance"]
        return f"CLEARED within mandate {_name(clearance['name'])}, signed by {_name(clearance['signer'])}"
    roles = " or ".join(_name(role) for role in gate["roles"])
    many = "one approval" if gate["quorum"] == 1 else f"{gate['quorum']} approvals"
    return f"asks for {many} of {roles} until {_moment(gate['expires_at'])} (policy {policies or 'none'})"


def _decided(event: AuditEvent) -> str:
    body = event.body
    roles = ", ".join(_name(role) for role in body["roles"])
    stead = f" in the stead of {_name(body['delegated_by'])}" if body.get("delegated_by") else ""
    batch = f", one of batch {_digest(body['batch'])}" if body.get("batch") else ""
    missing = f"; {body['missing']} more must approve" if body.get("missing") else ""
    held = f" as {roles}" if roles else ""
    return f"{_DECIDED[body['verdict']]}{held}{stead}{batch}{missing}{_because(event)}"


def _amended(event: AuditEvent) -> str:
    body = event.body
    void = f"; {counted(len(body['void']), 'earlier approval')} void from now on" if body["void"] else ""
    cost = Money.model_validate(body["cost"])
    return f"changed the proposal to {_words(body['treatment'])} that costs {cost}{void}"


def _refused(event: AuditEvent) -> str:
    code = _name(event.body["code"])
    return f"a decision was REFUSED and does not count ({code}){_detail(event)}"


def _lapsed(event: AuditEvent) -> str:
    return f"an approval no longer counts ({_name(event.body['code'])}){_detail(event)}"


def _seen(event: AuditEvent) -> str:
    return f"looked at the proposal ({_name(event.body['channel'])}), by their own word"


def _milestone(event: AuditEvent) -> str:
    if event.kind == "approve.reminded":
        return f"nobody has decided yet: reminded {' or '.join(_name(role) for role in event.body['roles'])}"
    return f"nobody has decided yet: asked {_name(event.body['escalate_to'])} as well"


def _settled(event: AuditEvent) -> str:
    receipt = event.body["receipt"]
    by = {"response": "its answer", "read_back": "reading it back", "person": "a person"}[receipt["confirmed_by"]]
    return f"EXECUTED once: {_name(receipt['api'])} {quoted(receipt['external_id'], NAME)}, confirmed by {by}"


def _sending(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "execute.sending":
        return f"request {body['number']} of this effect is about to be sent"
    if event.kind == "execute.not_sent":
        return f"that request did not leave after all{_detail(event)}"
    said = "has no certain answer" if event.kind == "execute.doubted" else "waits"
    again = f"; the next attempt looks in {body['wait_seconds']} s" if "wait_seconds" in body else ""
    return f"the execution {said}{again}{_detail(event)}"


def _execution(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "execute.unknown":
        return f"it is UNKNOWN whether it happened; a person must look{_detail(event)}"
    what = "was REFUSED before anything was sent" if event.kind == "execute.refused" else "FAILED, nothing happened"
    return f"the execution {what} ({_name(body['code'])}){_detail(event)}"


def _ended(event: AuditEvent) -> str:
    return f"{_ENDS[event.body['state']]}{_detail(event)}"


def _parked(event: AuditEvent) -> str:
    return f"the run waits for a person to settle what happened{_detail(event)}"


def _cancel(event: AuditEvent) -> str:
    return f"asked for the end of the run while it was {_words(event.body['state'])}{_because(event)}"


def _reversal(event: AuditEvent) -> str:
    if event.kind == "run.reversed":
        return f"its effect was TAKEN BACK by {_name(event.body['reversal'])}"
    return f"asked to take its effect back in {_name(event.body['reversal'])}{_because(event)}"


def _mandate(event: AuditEvent) -> str:
    body = event.body
    amount = Money.model_validate(body["consumed"]) if "consumed" in body else None
    taken = f", taking {amount} of its budget" if amount is not None else ""
    return f"cleared by mandate {_name(body['name'])} of {_name(body['signer'])}{taken}"


def _passed_over(event: AuditEvent) -> str:
    return f"looked at {counted(event.body['mandates'], 'mandate')}: none clears it"


def _halt(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "halt.lifted":
        return f"LIFTED halt {_name(body.get('halt_id', ''))}: executions may go on{_because(event)}"
    scope = {"tenant": "all executions", "agent": "executions of agent", "kind": "executions of kind"}[body["scope"]]
    subject = f" {_name(body['subject'])}" if body.get("subject") else ""
    return f"HALTED {scope}{subject}{_because(event)}"


def _key(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "key.revoked":
        return f"REVOKED the key of {_name(body['name'])}{_because(event)}"
    limit = Money.model_validate(body["limit"]) if body.get("limit") else "nothing that costs"
    roles = ", ".join(_name(role) for role in body["roles"])
    return f"enrolled a key of {_name(body['name'])} as {roles}, who may decide up to {limit}"


def _token(event: AuditEvent) -> str:
    body, named = event.body, _digest(str(event.body["token_id"]))
    if event.kind == "token.revoked":
        return f"REVOKED token {named} of {_name(body['name'])}{_because(event)}"
    roles, until = ", ".join(_name(role) for role in body["roles"]), datetime.fromisoformat(str(body["expires_at"]))
    return f"issued token {named}: {_name(body['name'])} may use the API as {roles}, until {minute(until)}"


def _document(event: AuditEvent) -> str:
    kind, _, what = event.kind.partition(".")
    name, document = event.body.get("name") or event.body.get("delegate"), event.body.get("document")
    shown = f" {_name(name)}" if name else f" {_digest(str(document))}" if document else ""
    if event.body.get("roles") and event.body.get("valid_until"):  # of a delegation
        roles, until = ", ".join(_name(role) for role in event.body["roles"]), event.body["valid_until"]
        shown += f" as {roles}, until {minute(datetime.fromisoformat(str(until)))}"
    return f"{what.upper() if what != 'signed' else 'signed'} {kind}{shown}{_because(event) or _detail(event)}"


def _lift_refused(event: AuditEvent) -> str:
    return f"refused to lift a halt: document {_digest(event.body['document'])} does not count{_detail(event)}"


def _control(event: AuditEvent) -> str:
    run, flaw = _name(event.body["run_id"]), _words(event.body["flaw"])
    if event.kind == "control.seeded":
        return f"planted a control in {run}, to see whether people decline it ({flaw})"
    said = {
        "control.caught": "was CAUGHT: a person declined it",
        "control.missed": "was MISSED: a person approved it; nothing was executed",
        "control.undecided": "ended before anybody had decided it",
    }
    return f"the control in {run} ({flaw}) {said[event.kind]}"


def _notice(event: AuditEvent) -> str:
    body = event.body
    told = f"{_name(body['recipient'])} over {_name(body['channel'])} ({_words(body['occasion'])})"
    return f"told {told}" if event.kind == "notice.delivered" else f"could not tell {told}{_detail(event)}"


def _violation(event: AuditEvent) -> str:
    return f"was stopped: it tried what its allowlist does not have{_detail(event)}"


def _end_refused(event: AuditEvent) -> str:
    code = _name(event.body["code"])
    return f"the end {_words(event.body['state'])} was REFUSED, the run stays where it is ({code}){_detail(event)}"


def _follow_up_failed(event: AuditEvent) -> str:
    code = _name(event.body["code"])
    return f"the end stands, but what follows from it could not be done ({code}){_detail(event)}"


def _restored(event: AuditEvent) -> str:
    body = event.body
    entries = counted(body["entries"], "entry", "entries")
    return f"RESTORED the record, {entries}, from backup {_digest(body['backup'])} of {_moment(str(body['made_at']))}"


def _anchored(event: AuditEvent) -> str:
    entries = counted(event.body["size"], "entry", "entries")
    return f"gave the log's head, of {entries}, to {quoted(event.body['to'], NAME)}"


def _erased(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "retention.completed":
        erased = body["erased"]
        return (
            f"applied retention: erased {counted(erased['evidence'], 'prompt, answer or piece of evidence', _PIECES)}, "
            f"{counted(erased['proposal'], 'proposal')} and {counted(body['notices'], 'notification')}"
        )
    document = {"evidence": "prompt, answer or piece of billing evidence", "proposal": "proposal"}[body["class"]]
    many = {"evidence": "prompts, answers and pieces of billing evidence"}.get(body["class"], "")
    erased, days = counted(body["count"], document, many), counted(body["days"], "day")
    return f"ERASED {erased} of runs over for {days} or more, listed in {_digest(body['list'])}"


def _head_accepted(event: AuditEvent) -> str:
    fault = quoted(str(event.body["fault"]), NAME)
    entries = counted(event.body["size"], "entry", "entries")
    return f"accepted the log of {entries} against the head kept of it ({fault}){_because(event)}"


def _policy(event: AuditEvent) -> str:
    agent, known = _name(event.body["agent"]), _digest(str(event.body["policy_set"]))
    if event.kind == "policy.kept":
        return f"policy set {known} still answers for agent {agent}{_detail(event)}"
    policies = counted(event.body["policies"], "policy", "policies")
    return f"policy set {known}, of {policies}, is in force for agent {agent}"


def _met(event: AuditEvent) -> str:
    return f"runs are at Temporal's namespace {_name(event.body['namespace'])}, id {_name(event.body['namespace_id'])}"


def _because(event: AuditEvent) -> str:
    """Return what the one who acted wrote as a reason."""
    reason = event.body.get("reason")
    return f"; {wrote(event.actor, reason)}" if isinstance(reason, str) and reason else ""


def _detail(event: AuditEvent) -> str:
    detail = event.body.get("detail")
    return f": {quoted(detail)}" if isinstance(detail, str) and detail else ""


def _name(value: object) -> str:
    return one_line(str(value), NAME)


def _words(code: object) -> str:
    return _name(code).replace("_", " ")


def _digest(value: str) -> str:
    return one_line(value, NAME)[:_SHOWN]


def _moment(text: str) -> str:
    try:
        return minute(datetime.fromisoformat(text))
    except ValueError:
        return one_line(text, NAME)


_TELLERS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
    "run.requested": _requested,
    "run.started": lambda _: "the run started",
    "run.cancel_requested": _cancel,
    "run.ended": _ended,
    "run.parked": _parked,
    "run.reversal_requested": _reversal,
    "run.reversed": _reversal,
    "analyse.completed": _analysed,
    "analyse.unanswered": _unanswered,
    "query_billing.completed": _queried,
    "propose.completed": _proposed,
    "propose.unanswered": _unanswered,
    "approve.opened": _opened,
    "approve.seen": _seen,
    "approve.reminded": _milestone,
    "approve.escalated": _milestone,
    "approve.decided": _decided,
    "approve.settled": _decided,
    "approve.amended": _amended,
    "approve.refused": _refused,
    "approve.lapsed": _lapsed,
    "execute.intended": lambda _: "is about to execute exactly this proposal; everything is checked again",
    "execute.settled": _settled,
    "execute.refused": _execution,
    "execute.failed": _execution,
    "execute.sending": _sending,
    "execute.not_sent": _sending,
    "execute.doubted": _sending,
    "execute.waiting": _sending,
    "execute.unknown": _execution,
    "mandate.consumed": _mandate,
    "mandate.passed_over": _passed_over,
    "mandate.released": lambda _: "the mandate's budget was given back: nothing happened",
    "mandate.signed": _document,
    "mandate.revoked": _document,
    "mandate.refused": _document,
    "delegation.signed": _document,
    "delegation.revoked": _document,
    "delegation.refused": _document,
    "batch.signed": _document,
    "batch.refused": _document,
    "halt.placed": _halt,
    "halt.lifted": _halt,
    "key.enrolled": _key,
    "key.revoked": _key,
    "policy.in_force": _policy,
    "policy.kept": _policy,
    "engine.met": _met,
    "log.anchored": _anchored,
    "retention.applied": _erased,
    "retention.completed": _erased,
    "log.head_accepted": _head_accepted,
    "halt.lift_refused": _lift_refused,
    "key.refused": _document,
    "token.issued": _token,
    "token.revoked": _token,
    "token.refused": _document,
    "token.vouched": lambda event: f"asked for run {_name(event.body['run_id'])}",
    "control.seeded": _control,
    "control.caught": _control,
    "control.missed": _control,
    "control.undecided": _control,
    "notice.delivered": _notice,
    "notice.failed": _notice,
    "plugin.violation": _violation,
    "run.end_refused": _end_refused,
    "run.follow_up_failed": _follow_up_failed,
    "record.restored": _restored,
}
