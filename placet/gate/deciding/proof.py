"""Decisions derived again from what was signed: the one way in which the gate reads a decision (docs/adr/0019).

A row of `decision_use` by itself decides nothing. Whenever decisions are counted, and again before the effect, each one
is read from its envelope, and the row must say exactly what the envelope says. What the signature cannot say, in which
role and in whose stead somebody decided, is asked of keys and delegations anew (`placet.gate.deciding.entitlement`).
"""

from datetime import datetime

from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.decision import AcceptedDecision, Phase
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.contracts.times import moment
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.context import GateContext
from placet.governance.amendments import amended
from placet.governance.approvals import CLOCK_SKEW, FindKey, amendment_of, verify_decision
from placet.governance.batches import envelope_in, is_batched, signed_part, verify_batched
from placet.governance.signing.canonical import digest as digest_of
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.counters import CounterUse, use_of
from placet.governance.signing.signed import proven_signer
from placet.storage.governance.counters import check_noted
from placet.storage.pending import Pending
from placet.storage.records import UsedDecision
from placet.storage.transaction import Transaction

UNPROVEN = "unproven"
"""Code of a decision on our own record that no signature bears out."""


def read_decision(
    tx: Transaction,
    run: RunRequest,
    envelope: str,
    *,
    pending: Pending,
    proposal: Proposal,
    phase: Phase,
    now: datetime,
    find_key: FindKey | None = None,
) -> tuple[AcceptedDecision, EnrolledKey]:
    """Verify what a person signed about the pending proposal; a share of a batch is one way to say it.

    Args:
        tx: Keys, and the record of the run.
        run: The run it must be about.
        envelope: What was signed, untrusted.
        pending: What is asked: the proposal's digest and its gate.
        proposal: That very proposal.
        phase: Whether it is decided, or an unknown outcome settled.
        now: When it is to count.
        find_key: Finds keys; the registry as it is now unless given.

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    look_up = find_key or tx.approvers.get
    try:
        if is_batched(envelope):
            return verify_batched(
                envelope,
                run=run,
                proposal_digest=pending.proposal,
                proposal=proposal,
                gate=pending.gate,
                phase=phase,
                now=now,
                find_key=look_up,
            )
        decision, key = verify_decision(
            envelope,
            run=run,
            proposal_digest=pending.proposal,
            gate=pending.gate,
            phase=phase,
            now=now,
            find_key=look_up,
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        # Whatever a stranger makes up must not keep the decisions behind it from being reviewed.
        raise DecisionRefused(f"cannot be read: {type(error).__name__}", code="malformed_statement") from error
    parked = tx.audit.find(run.run_id, "run.parked") if phase == "settle" else None
    if parked is not None and decision.decided_at < parked.at:
        raise DecisionRefused(
            f"signed before the outcome was unknown, at {moment(parked.at)}; look, and sign again",
            code="predates_parking",
        )
    return decision, key


def signer_of(tx: Transaction, tenant: str, envelope: str, now: datetime) -> str | None:
    """Return whose good key signed a decision that does not count; None where no signature shows that."""
    try:
        signed = signed_part(envelope)
    except DecisionRefused:
        return None
    return proven_signer(signed, tenant=tenant, now=now, find_key=tx.approvers.get)


def counter_of(text: str, key: EnrolledKey, signed_at: datetime) -> CounterUse | None:
    """Read the counter of a decision that `read_decision` passed; None where its key is no passkey."""
    return None if key.passkey is None else use_of(envelope_in(text), key.key_id, signed_at)


def prove(
    context: GateContext, tx: Transaction, run: RunRequest, used: UsedDecision, pending: Pending, proposal: Proposal
) -> AcceptedDecision:
    """Derive an accepted decision again; return it as the row has it.

    Its key must have been good when it was signed. Whether it still is, is asked of approvals and settlements by the
    caller: who said no and lost their key afterwards has said no.

    Args:
        context: The clock, and the proposal that an amendment changed.
        tx: Keys, and the record of the run.
        run: The run it must be about.
        used: The row, with the envelope that the artifact store holds under its digest.
        pending: What it answers; of an amendment, what the amendment made.
        proposal: That very proposal.

    Raises:
        DecisionRefused: code `unproven`; what was signed does not bear the row out, and why.
    """
    row = used.decision
    try:
        _check(context, tx, run, used, pending, proposal)
    except (GovernanceError, UsageError) as error:
        raise DecisionRefused(
            f"the record says that {row.approver!r} decided, and no signature bears it out: {error}", code=UNPROVEN
        ) from error
    return row


def check_amendments(context: GateContext, tx: Transaction, run: RunRequest, pending: Pending) -> None:
    """Check that somebody signed everything that the record says the agent's proposal was amended into.

    Raises:
        DecisionRefused: code `unproven`; an entry of the record turned it into something that nobody signed.
    """
    step: Pending | None = pending
    while step is not None and step.before is not None:
        rows = tx.decisions.on_proposal(run.run_id, step.proposal)
        amendments = [row for row in rows if row.decision.verdict == "amend"]
        if not amendments:
            raise DecisionRefused(f"nobody signed the amendment into {step.proposal[:16]}", code=UNPROVEN)
        prove(context, tx, run, amendments[0], step, context.proposal(run, step.proposal, tx))
        step = step.before


def _check(
    context: GateContext, tx: Transaction, run: RunRequest, used: UsedDecision, pending: Pending, proposal: Proposal
) -> None:
    row, text = used.decision, used.envelope
    if text is None or sha256_hex(text.encode()) != row.envelope_digest:
        raise DecisionRefused("the signed envelope is not in the store, or was altered", code=UNPROVEN)
    if row.decided_at > context.clock() + CLOCK_SKEW:
        raise DecisionRefused("it was signed in the future", code=UNPROVEN)
    answered, shown = pending, proposal
    if row.verdict == "amend":
        if pending.before is None:
            raise DecisionRefused("no amendment of this proposal is on the record", code=UNPROVEN)
        answered = pending.before
        shown = context.proposal(run, answered.proposal, tx)

    def key_then(key_id: str) -> EnrolledKey | None:
        return tx.approvers.get_at(key_id, row.decided_at)

    said, key = read_decision(
        tx, run, text, pending=answered, proposal=shown, phase=used.phase, now=row.decided_at, find_key=key_then
    )
    check_noted(tx, run.tenant, counter_of(text, key, row.decided_at))
    if row.verdict == "amend":
        change = amendment_of(text)
        if change is None or digest_of(amended(shown, change, row.approver, row.reason)) != pending.proposal:
            raise DecisionRefused("the signed amendment makes another proposal", code=UNPROVEN)
    not_signed = {"roles": (), "delegated_by": None, "delegation_id": None}
    if said != row.model_copy(update=not_signed) or said.proposal != pending.proposal:
        raise DecisionRefused("the row says other than what was signed", code=UNPROVEN)
