"""What a sound replay does not show, said beside the verdict so that nobody reads more into it (docs/adr/0015)."""

from collections.abc import Iterator

from placet.engine.history import RunHistory
from placet.replay.case import Case


def notes(facts: RunHistory, case: Case) -> Iterator[str]:
    """Say what was not checked, or is somebody else's question, each in one line."""
    run_id = case.request.run_id
    if facts.result is None:
        yield f"the history has no result ({facts.state}): where it has no end, it may have been cut"
    if not case.versions:
        return
    yield (
        "not checked here: policy (what the gate asked, limits, four eyes), enrolment of keys, roles, delegations "
        f"(placet policy explain {run_id}); that the record is whole (placet audit verify {run_id})"
    )
    if case.effects:
        yield "not checked here: what the other system did; the receipt says what the installation was answered"
    yield from _signatures(case)
    for accepted in case.accepted:
        decision = accepted.decision
        if case.request.requested_by in (decision.approver, decision.delegated_by):
            yield f"{case.request.requested_by!r} triggered the run and decided it, or let it be decided in their stead"


def _signatures(case: Case) -> Iterator[str]:
    clearance = case.gate.clearance if case.gate is not None else None
    if clearance is not None:
        if not case.trusted.keys or clearance.document not in case.trusted.mandates:
            yield "mandate not verified; give its signed document with --mandate and its signer's key with --key"
        else:
            yield "the mandate's cohort and budget were not checked: the history holds neither"
    if case.accepted and not case.trusted.keys:
        yield "signatures not verified; give the approvers' public keys with --key"
    if any(accepted.decision.key_id in case.trusted.passkeys for accepted in case.accepted):
        yield "not checked here: whether the counter of a passkey fits those at other runs (placet audit verify)"
    unnamed = sorted(
        {one.decision.approver for one in case.accepted if one.decision.key_id not in case.trusted.holders}
    )
    if case.trusted.keys and unnamed:
        yield f"whose key is whose is the signers' own word: {', '.join(unnamed)} (--key NAME=FILE checks it)"
