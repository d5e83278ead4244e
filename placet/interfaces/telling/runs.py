"""What the entries of one run say: each step, each decision, the execution, the end."""

from collections.abc import Callable, Mapping
from typing import Final

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.money import Money
from placet.contracts.text import NAME, counted, quoted
from placet.interfaces.telling.parts import (
    because,
    code_of,
    detail_of,
    digest_of,
    moment_of,
    name_of,
    signer_of,
    words_of,
)

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

_REASON: Final = 240
"""Of why one mandate clears nothing, in characters."""
_REASONS: Final = 500
"""Of all of them: a line of the record holds 600 characters. JSON has more."""


def _requested(event: AuditEvent) -> str:
    body = event.body
    what = f"asked for a run of {name_of(body['agent'])} for customer {name_of(body['customer_id'])}"
    if body.get("reverses"):
        what = f"asked to take back {name_of(body['reverses'])} of customer {name_of(body['customer_id'])}"
    if body.get("strategy"):
        version, channel = digest_of(str(body["strategy"])), words_of(body["channel"])
        what += f", to carry out strategy version {version}, told by {channel}"
    return what + because(event)


def _analysed(event: AuditEvent) -> str:
    used, risk = event.body.get("model_use"), name_of(event.body["risk"])
    found = f"found risk {risk} with model {name_of(used[-1]['model'])}" if used else f"no model was asked; risk {risk}"
    state = event.body.get("state") or {}
    if state.get("version"):
        found += f"; knew {counted(state['version'], 'event')} and {counted(state['signals'], 'signal')}"
    wants = ", ".join(name_of(query["operation"]) for query in event.body["queries"])
    return f"{found}; wants to read {wants or 'nothing'}"


def _unanswered(event: AuditEvent) -> str:
    return f"no model gave a valid answer in attempt {event.body['attempt']}{detail_of(event)}"


def _queried(event: AuditEvent) -> str:
    reads = ", ".join(name_of(name) for name in event.body["operations"])
    return f"read {reads} in {counted(len(event.body['calls']), 'request')} to the billing system"


def _proposed(event: AuditEvent) -> str:
    weighed = counted(len(event.body["candidates"]), "treatment")
    if event.body["proposal"] is None:
        return f"weighed {weighed} and proposed nothing: {quoted(event.body['summary'])}"
    return f"weighed {weighed} and proposed one: {quoted(event.body['summary'])}"


def _opened(event: AuditEvent) -> str:
    gate = event.body["gate"]
    policies = ", ".join(name_of(one) for one in gate["policies"])
    if gate["verdict"] == "denied":
        return f"DENIED{f' by policy {policies}' if policies else ''}: {quoted(gate['reason'])}"
    if gate["verdict"] == "cleared":
        clearance = gate["clearance"]
        return f"CLEARED within mandate {name_of(clearance['name'])}, signed by {name_of(clearance['signer'])}"
    roles = " or ".join(words_of(role) for role in gate["roles"])
    many = "one approval" if gate["quorum"] == 1 else f"{gate['quorum']} approvals"
    return f"asks for {many} of {roles} until {moment_of(gate['expires_at'])} (policy {policies or 'none'})"


def _decided(event: AuditEvent) -> str:
    body = event.body
    roles = ", ".join(words_of(role) for role in body["roles"])
    stead = f" in the stead of {name_of(body['delegated_by'])}" if body.get("delegated_by") else ""
    batch = f", one of batch {digest_of(body['batch'])}" if body.get("batch") else ""
    missing = f"; {body['missing']} more must approve" if body.get("missing") else ""
    held = f" as {roles}" if roles else ""
    return f"{_DECIDED[body['verdict']]}{held}{stead}{batch}{missing}{because(event)}"


def _amended(event: AuditEvent) -> str:
    body = event.body
    void = f"; {counted(len(body['void']), 'earlier approval')} void from now on" if body["void"] else ""
    cost = Money.model_validate(body["cost"])
    return f"changed the proposal to {words_of(body['treatment'])} that costs {cost}{void}"


def _refused(event: AuditEvent) -> str:
    return f"a decision{signer_of(event)} was REFUSED and does not count {code_of(event)}"


def _lapsed(event: AuditEvent) -> str:
    return f"an approval no longer counts {code_of(event)}"


def _seen(event: AuditEvent) -> str:
    return f"looked at the proposal ({name_of(event.body['channel'])}){_unvouched(event)}"


def _unvouched(event: AuditEvent) -> str:
    """Say where a name is only what somebody typed: no token and no passkey vouches for it."""
    vouched = any(isinstance(event.body.get(by), str) for by in ("token", "passkey"))
    return "" if vouched else ", by their own word"


def _milestone(event: AuditEvent) -> str:
    if event.kind == "approve.reminded":
        return f"nobody has decided yet: reminded {' or '.join(words_of(role) for role in event.body['roles'])}"
    return f"nobody has decided yet: asked {words_of(event.body['escalate_to'])} as well"


def _settled(event: AuditEvent) -> str:
    receipt = event.body["receipt"]
    by = {"response": "its answer", "read_back": "reading it back", "person": "a person"}[receipt["confirmed_by"]]
    return f"EXECUTED once: {name_of(receipt['api'])} {quoted(receipt['external_id'], NAME)}, confirmed by {by}"


def _sending(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "execute.sending":
        return f"request {body['number']} of this effect is about to be sent"
    if event.kind == "execute.not_sent":
        return f"that request did not leave after all{detail_of(event)}"
    said = "has no certain answer" if event.kind == "execute.doubted" else "waits"
    again = f"; the next attempt looks in {body['wait_seconds']} s" if "wait_seconds" in body else ""
    return f"the execution {said}{again}{detail_of(event)}"


def _execution(event: AuditEvent) -> str:
    if event.kind == "execute.unknown":
        return f"it is UNKNOWN whether it happened; a person must look{detail_of(event)}"
    what = "was REFUSED before anything was sent" if event.kind == "execute.refused" else "FAILED, nothing happened"
    return f"the execution {what} {code_of(event)}"


def _ended(event: AuditEvent) -> str:
    return f"{_ENDS[event.body['state']]}{detail_of(event)}"


def _parked(event: AuditEvent) -> str:
    return f"the run waits for a person to settle what happened{detail_of(event)}"


def _cancel(event: AuditEvent) -> str:
    return f"asked for the end of the run while it was {words_of(event.body['state'])}{because(event)}"


def _reversal(event: AuditEvent) -> str:
    if event.kind == "run.reversed":
        return f"its effect was TAKEN BACK by {name_of(event.body['reversal'])}"
    return f"asked to take its effect back in {name_of(event.body['reversal'])}{because(event)}"


def _mandate(event: AuditEvent) -> str:
    body = event.body
    amount = Money.model_validate(body["consumed"]) if "consumed" in body else None
    taken = f", taking {amount} of its budget" if amount is not None else ""
    return f"cleared by mandate {name_of(body['name'])} of {name_of(body['signer'])}{taken}"


def _charged(event: AuditEvent) -> str:
    amount = Money.model_validate(event.body["consumed"])
    return f"took {amount} of the budget of strategy {name_of(event.body['name'])}"


def _passed_over(event: AuditEvent) -> str:
    reasons = event.body.get("reasons") or ()
    if reasons and not any("name" in one for one in reasons):
        why = "; ".join(quoted(one["detail"]) for one in reasons)
        return f"looked for a mandate, and none could be judged: {why}"
    told = f"looked at {counted(event.body['mandates'], 'mandate')}: none clears it"
    said = 0
    for one in reasons:
        part = f"; {name_of(one['name'])}: {quoted(one['detail'], _REASON)}"
        if said and len(told) + len(part) > _REASONS:
            break
        told, said = told + part, said + 1
    more = event.body["mandates"] - said
    return f"{told}; and {more} more" if said and more > 0 else told


def _end_refused(event: AuditEvent) -> str:
    return f"the end {words_of(event.body['state'])} was REFUSED, the run stays where it is {code_of(event)}"


def _follow_up_failed(event: AuditEvent) -> str:
    return f"the end stands, but what follows from it could not be done {code_of(event)}"


def _walkthrough(event: AuditEvent) -> str:
    named = digest_of(str(event.body["link"]))
    if event.kind == "walkthrough.withdrawn":
        return f"WITHDREW the link {named} to a walkthrough{_unvouched(event)}"
    who = "naming who decided" if event.body["names"] else "naming nobody"
    until = moment_of(event.body["expires_at"])
    return f"shared a redacted walkthrough, {who}, by link {named} until {until}{_unvouched(event)}"


OF_RUNS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
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
    "mandate.charged": _charged,
    "mandate.consumed": _mandate,
    "mandate.passed_over": _passed_over,
    "mandate.released": lambda _: "the mandate's budget was given back: nothing happened",
    "run.end_refused": _end_refused,
    "run.follow_up_failed": _follow_up_failed,
    "walkthrough.shared": _walkthrough,
    "walkthrough.withdrawn": _walkthrough,
}
