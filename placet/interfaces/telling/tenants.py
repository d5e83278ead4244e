"""What the entries of a tenant's own stream say: keys, tokens, documents, halts, controls, policies, retention."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.money import Money
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import NAME, counted, quoted
from placet.contracts.times import minute
from placet.interfaces.telling.parts import because, detail_of, digest_of, moment_of, name_of, signer_of, words_of

_PIECES = "prompts, answers and pieces of evidence"


def _halt(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "halt.lifted":
        return f"LIFTED halt {name_of(body.get('halt_id', ''))}: executions may go on{because(event)}"
    scope = {"tenant": "all executions", "agent": "executions of agent", "kind": "executions of kind"}[body["scope"]]
    subject = f" {name_of(body['subject'])}" if body.get("subject") else ""
    return f"HALTED {scope}{subject}{because(event)}"


def _key(event: AuditEvent) -> str:
    body = event.body
    if event.kind == "key.revoked":
        return f"REVOKED the key of {name_of(body['name'])}{because(event)}"
    limit = Money.model_validate(body["limit"]) if body.get("limit") else "nothing that costs"
    roles = ", ".join(words_of(role) for role in body["roles"])
    return f"enrolled a key of {name_of(body['name'])} as {roles}, who may decide up to {limit}"


def _passkey_used(event: AuditEvent) -> str:
    return f"signed with passkey {digest_of(str(event.body['key_id']))}, whose counter said {event.body['counter']}"


def _invitation(event: AuditEvent) -> str:
    body, named = event.body, name_of(event.body["name"])
    if event.kind == "invitation.withdrawn":
        return f"WITHDREW the invitation of {named}"
    if event.kind == "invitation.answered":
        key = digest_of(str(body["key_id"]))
        return f"somebody who had the link registered passkey {key} as {named}; it counts once an administrator signs"
    roles, until = ", ".join(words_of(role) for role in body["roles"]), datetime.fromisoformat(str(body["expires_at"]))
    return f"invited {named} to register a passkey as {roles}; the link holds until {minute(until)}"


def _token(event: AuditEvent) -> str:
    body, named = event.body, digest_of(str(event.body["token_id"]))
    if event.kind == "token.revoked":
        return f"REVOKED token {named} of {name_of(body['name'])}{because(event)}"
    roles, until = ", ".join(words_of(role) for role in body["roles"]), datetime.fromisoformat(str(body["expires_at"]))
    return f"issued token {named}: {name_of(body['name'])} may use the API as {roles}, until {minute(until)}"


def _document(event: AuditEvent) -> str:
    if event.body.get("strategy") and event.kind in ("mandate.signed", "mandate.revoked"):
        return _published(event)
    kind, _, what = event.kind.partition(".")
    name, document = event.body.get("name") or event.body.get("delegate"), event.body.get("document")
    shown = f" {name_of(name)}" if name else f" {digest_of(str(document))}" if document else ""
    if event.body.get("roles") and event.body.get("valid_until"):  # of a delegation
        roles, until = ", ".join(words_of(role) for role in event.body["roles"]), event.body["valid_until"]
        shown += f" as {roles}, until {minute(datetime.fromisoformat(str(until)))}"
    done = what.upper() if what != "signed" else "signed"
    return f"{done} {kind}{shown}{signer_of(event)}{because(event) or detail_of(event)}"


def _account(event: AuditEvent) -> str:
    amount, spent = (Money.model_validate(event.body[name]) for name in ("amount", "spent"))
    done = "took" if event.kind == "mandate.taken" else "gave back"
    of_it = f"{amount} of mandate {name_of(event.body['name'])} for run {name_of(event.body['run_id'])}"
    return f"{done} {of_it}: {spent} of it is spent"


def _published(event: AuditEvent) -> str:
    """Say that a strategy was published, or withdrawn: the mandate is how, not what."""
    body = event.body
    done = "PUBLISHED" if event.kind == "mandate.signed" else "WITHDREW"
    version, mandate = digest_of(str(body["strategy"])), digest_of(str(body["mandate_id"]))
    return f"{done} strategy {name_of(body['name'])}, version {version}, by mandate {mandate}{because(event)}"


def _lift_refused(event: AuditEvent) -> str:
    document = f"document {digest_of(event.body['document'])}{signer_of(event)}"
    return f"refused to lift a halt: {document} does not count{detail_of(event)}"


def _control(event: AuditEvent) -> str:
    run, flaw = name_of(event.body["run_id"]), words_of(event.body["flaw"])
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
    told = f"{name_of(body['recipient'])} over {name_of(body['channel'])} ({words_of(body['occasion'])})"
    told += f" of strategy {name_of(body['strategy'])}" if body.get("strategy") else ""
    return f"told {told}" if event.kind == "notice.delivered" else f"could not tell {told}{detail_of(event)}"


def _violation(event: AuditEvent) -> str:
    return f"was stopped: it tried what its allowlist does not have{detail_of(event)}"


def _restored(event: AuditEvent) -> str:
    body = event.body
    entries = counted(body["entries"], "entry", "entries")
    return (
        f"RESTORED the record, {entries}, from backup {digest_of(body['backup'])} of {moment_of(str(body['made_at']))}"
    )


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
    return f"ERASED {erased} of runs over for {days} or more, listed in {digest_of(body['list'])}"


def _state_erased(event: AuditEvent) -> str:
    body = event.body
    events, letters = counted(body["events"], "event"), counted(body["letters"], "dead letter")
    keys = f", {counted(body['keys'], 'key')}" if body.get("keys") else ""
    return f"ERASED what was kept of customer {name_of(body['customer_id'])}: {events}, {letters}{keys}{because(event)}"


def _merged(event: AuditEvent) -> str:
    body = event.body
    if event.kind.endswith("_refused"):
        what = "merge" if event.kind == "customer.merge_refused" else "split"
        document = f"document {digest_of(body['document'])}{signer_of(event)}"
        return f"refused to {what} customers: {document} does not count{detail_of(event)}"
    kept, other = name_of(body["customer_id"]), name_of(body["merged_id"])
    if event.kind == "customer.merged":
        return f"MERGED customer {other} into {kept}: they are one person{because(event)}"
    return f"SPLIT customer {other} from {kept}: they are two people{because(event)}"


def _head_accepted(event: AuditEvent) -> str:
    fault = quoted(str(event.body["fault"]), NAME)
    entries = counted(event.body["size"], "entry", "entries")
    return f"accepted the log of {entries} against the head kept of it ({fault}){because(event)}"


def _policy(event: AuditEvent) -> str:
    agent, known = name_of(event.body["agent"]), digest_of(str(event.body["policy_set"]))
    if event.kind == "policy.kept":
        return f"policy set {known} still answers for agent {agent}{detail_of(event)}"
    policies = counted(event.body["policies"], "policy", "policies")
    return f"policy set {known}, of {policies}, is in force for agent {agent}"


def _policies_signed(event: AuditEvent) -> str:
    body = event.body
    most, until = share_in_words(int(body["most"])), moment_of(str(body["valid_until"]))
    return (
        f"signed that policy set {digest_of(str(body['policy_set']))} of agent {name_of(body['agent'])} may begin "
        f"stages of rollouts, up to {most} of a cohort, until {until}{because(event)}"
    )


def _met(event: AuditEvent) -> str:
    return (
        f"runs are at Temporal's namespace {name_of(event.body['namespace'])}, id {name_of(event.body['namespace_id'])}"
    )


OF_TENANTS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
    "mandate.signed": _document,
    "mandate.revoked": _document,
    "mandate.taken": _account,
    "mandate.given_back": _account,
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
    "passkey.used": _passkey_used,
    "session.began": lambda _: "began a session in the console",
    "invitation.made": _invitation,
    "invitation.answered": _invitation,
    "invitation.withdrawn": _invitation,
    "policy.in_force": _policy,
    "policy.signed": _policies_signed,
    "policy.signature_refused": lambda event: (
        f"a signature on policies did not count{signer_of(event)}: {quoted(event.body['detail'])}"
    ),
    "policy.withdrawn": lambda event: (
        f"withdrew the signature on policies {digest_of(str(event.body['signature_id']))}{because(event)}"
    ),
    "policy.kept": _policy,
    "engine.met": _met,
    "log.anchored": _anchored,
    "retention.applied": _erased,
    "retention.completed": _erased,
    "state.erased": _state_erased,
    "customer.merged": _merged,
    "customer.merge_refused": _merged,
    "customer.split": _merged,
    "customer.split_refused": _merged,
    "log.head_accepted": _head_accepted,
    "halt.lift_refused": _lift_refused,
    "key.refused": _document,
    "token.issued": _token,
    "token.revoked": _token,
    "token.refused": _document,
    "token.vouched": lambda event: f"asked for run {name_of(event.body['run_id'])}",
    "control.seeded": _control,
    "control.caught": _control,
    "control.missed": _control,
    "control.undecided": _control,
    "notice.delivered": _notice,
    "notice.failed": _notice,
    "plugin.violation": _violation,
    "record.restored": _restored,
}
