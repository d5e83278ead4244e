"""Whether what counted was signed: by whom it says, for this run, in time, and whether the answers follow from it."""

from collections.abc import Iterator

from placet.contracts.people.decision import VERDICTS, YES
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.batches import check_bounds
from placet.governance.quorum import suffices
from placet.replay.case import Accepted, Case, Faults, Reviewed
from placet.replay.signatures import Signed, read_signed


def check_decisions(case: Case) -> Faults:
    """Check that every accepted decision is signed and in time.

    Keys, ids and answers must be consistent over the whole run.
    """
    for accepted in case.accepted:
        if accepted.received is None:
            yield f"accepted {accepted.name} was never signalled"
            continue
        try:
            yield from _decision(case, accepted, accepted.received.envelope)
        except (DecisionRefused, ValueError, RecursionError) as error:
            yield f"{accepted.name} is no decision signed by a key that was given: {error}"
    yield from _people(case)
    for review in case.reviews:
        yield from _answer(review)


def _decision(case: Case, accepted: Accepted, text: str) -> Faults:
    decision, name, request = accepted.decision, accepted.name, case.request
    signed = read_signed(text, request.run_id, decision.proposal)
    case.trusted.check(signed.envelope, signed.approver)
    if (signed.tenant, signed.run_id) != (request.tenant, request.run_id):
        yield f"{name} was signed for run {signed.run_id!r} of tenant {signed.tenant!r}, not for this run"
    version = case.versions.get(signed.proposal)
    if signed.proposal != decision.proposal or version is None:
        yield f"{name} is about {signed.proposal}, which is not the pending {decision.proposal}"
    elif signed.bounds is not None:
        check_bounds(signed.bounds, version.proposal)
    for difference in signed.differences(decision):
        yield f"{name} was signed with {difference}"
    if signed.verdict not in VERDICTS[accepted.phase]:
        yield f"{name} says {signed.verdict!r}, which does not answer what was asked"
    yield from _time(case, accepted, signed)


def _time(case: Case, accepted: Accepted, signed: Signed) -> Faults:
    """Check that it was signed and sent while the gate was open, within the tolerated difference of clocks."""
    received, version = accepted.received, case.versions.get(signed.proposal)
    if received is None or version is None:
        return
    # An amendment came to the gate of what it amends.
    gate = accepted.review.asked.gate if signed.verdict == "amend" else version.gate
    at, name = moment(signed.decided_at), accepted.name
    if signed.decided_at < gate.opened_at - CLOCK_SKEW:
        yield f"{name} was signed at {at}, before its gate opened at {moment(gate.opened_at)}"
    if accepted.phase == "decide" and max(signed.decided_at, received.received_at) >= gate.expires_at:
        yield f"{name} was signed at {at} or sent after its gate closed at {moment(gate.expires_at)}"
    # Three clocks: the approver's and the worker's, each as far off the engine's as is tolerated.
    if signed.decided_at > accepted.review.at + 2 * CLOCK_SKEW:
        yield f"{name} was signed at {at}, after it had been accepted"
    if received.early and received.received_at < accepted.review.asked.gate.opened_at:
        yield f"{name} arrived before the gate was open"


def _people(case: Case) -> Faults:
    """Check that one key speaks for one person, and that one signature decides once."""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for decision in (one.decision for one in case.accepted):
        known = names.setdefault(decision.key_id, decision.approver)
        if known != decision.approver:
            yield f"key {decision.key_id[:16]} signed as {known!r} and as {decision.approver!r}"
        first = ids.setdefault(decision.decision_id, decision.envelope_digest)
        if first != decision.envelope_digest:
            yield f"decision id {decision.decision_id} was used twice"


def _answer(review: Reviewed) -> Faults:
    """Check that the answer follows from the decisions that counted; policy may still ask for more."""
    answer, pending = review.answer, review.pending
    if pending is None:
        return
    others = [one.envelope_digest for one in answer.decisions if one.proposal != pending.digest]
    if others:
        yield f"decision {others[0]} was counted on proposal {pending.digest}, which it is not about"
    said = set(_no(review))
    if answer.verdict == "approve":
        holds = not said and suffices(pending.gate, answer.decisions)
    else:
        holds = said == ({answer.verdict} - {None})
    if not holds:
        yield f"the gate was answered with {answer.verdict!r}, which the accepted decisions do not say"


def _no(review: Reviewed) -> Iterator[str]:
    return (one.verdict for one in review.answer.decisions if one.verdict not in YES)
