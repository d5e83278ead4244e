"""What is checked again immediately before an effect: approvals or mandate, keys, policy, halts, customer state."""

from typing import Final

from placet.contracts.audit import ENDED, RecordKind
from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.proposal import Precondition, Proposal
from placet.contracts.run import ExecuteInput, RunRequest
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.errors import DecisionRefused, GovernanceError, NotFound, PlacetError, PluginViolation, UpstreamRejected
from placet.gate.clearing import still_cleared
from placet.gate.context import GateContext
from placet.gate.controls import check_not_control
from placet.gate.deciding.entitlement import Entitlements
from placet.gate.deciding.proof import check_amendments, prove
from placet.gate.opening import gate_for
from placet.gate.sending.halting import check_not_halted
from placet.gate.strategies.holding import check_still_decided
from placet.governance.quorum import roles_of_both, stricter, suffices
from placet.governance.targets import check_customer
from placet.plugin_api.protocols import ReadPlugin
from placet.storage.pending import OPENED, PROPOSED, Pending, amended_key, pending_on_record
from placet.storage.standing import is_over
from placet.storage.transaction import Transaction

CANCEL_REQUESTED: Final[RecordKind] = "run.cancel_requested"


def refusal(context: GateContext, effect: ExecuteInput, proposal: Proposal) -> PlacetError | None:
    """Return why the effect must not happen now although it was approved; None when everything still holds.

    Raises:
        UpstreamUnavailable: the customer's state cannot be read now; asking again is sound.
        StorageError: our own record cannot be read now.
    """
    try:
        with context.database.reading() as tx:
            check_record(context, tx, effect, proposal)
        _check_preconditions(context.billing, proposal)
        check_still_decided(context, effect.run, proposal, context.clock())
    except (GovernanceError, NotFound, UpstreamRejected, PluginViolation) as error:
        return error
    return None


def check_record(
    context: GateContext, tx: Transaction, effect: ExecuteInput, proposal: Proposal, *, sending: bool = False
) -> None:
    """Check all that our own record and policy have to say about the effect.

    Asked once more, `sending`, in the transaction that counts the send: no halt can be placed before that is over.

    Raises:
        GovernanceError: it must not happen now.
    """
    if sending:  # first, since it may wait for who places a halt: what was read before would be of before the wait
        check_not_halted(tx, proposal, for_sending=True)
    policies = context.policies(effect.run.tenant, effect.run.agent)
    run, now = effect.run, context.clock()
    tx.audit.foresee(run.run_id, CANCEL_REQUESTED, ENDED, OPENED, PROPOSED, amended_key(effect.proposal))
    _check_wanted(tx, run)
    if not sending:
        check_not_halted(tx, proposal)
    pending = pending_on_record(tx, run.run_id)
    if pending.proposal != effect.proposal:
        raise DecisionRefused("the proposal was amended since", code="not_approved")
    if pending.gate.verdict == "denied":
        raise DecisionRefused(f"its gate was denied: {pending.gate.reason}", code="not_approved")
    check_amendments(context, tx, run, pending)
    today = gate_for(proposal, policies, context.terms(run.agent), pending.gate.opened_at)
    if today.verdict != "human":
        raise DecisionRefused(f"policy no longer permits the proposal: {today.reason}", code="policy_changed")
    asked = stricter(pending.gate, today)
    if now >= asked.expires_at:
        raise DecisionRefused(f"the approval lapsed with the gate at {moment(asked.expires_at)}", code="lapsed")
    if pending.gate.clearance is not None:
        if effect.decisions:
            raise DecisionRefused("a mandate cleared it, not these decisions", code="not_approved")
        still_cleared(
            tx,
            run,
            proposal,
            effect.proposal,
            policies,
            pending.gate.clearance,
            now,
            declared=context.declared(run.agent),
        )
        return
    approvals = _approvals(context, tx, effect, pending, proposal)
    entitlements = Entitlements(tx, policies, proposal, roles_of_both(pending.gate, today, now), now)
    if not suffices(asked, [entitlements.still(approval) for approval in approvals]):
        raise DecisionRefused(
            f"policy asks for {counted(asked.quorum, 'approval')} now, {len(approvals)} on record",
            code="policy_changed",
        )


def _check_wanted(tx: Transaction, run: RunRequest) -> None:
    """Check that nobody asked for the end of the run, that it has none, and that it is no control."""
    cancelled = tx.audit.find(run.run_id, CANCEL_REQUESTED)
    if cancelled is not None:
        raise DecisionRefused(f"{cancelled.actor} asked for the end of the run first", code="cancel_requested")
    if is_over(tx, run.run_id):
        raise DecisionRefused(f"run {run.run_id!r} is over", code="run_over")
    check_not_control(tx, run)


def _approvals(
    context: GateContext, tx: Transaction, effect: ExecuteInput, pending: Pending, proposal: Proposal
) -> tuple[AcceptedDecision, ...]:
    """Return the decisions that arrived; all must be on our own record, signed for this proposal, and suffice."""
    used = [one for one in tx.decisions.of_run(effect.run.run_id) if one.tenant == effect.run.tenant]
    for no in (one for one in used if one.decision.verdict == "reject"):
        if no.decision.proposal == effect.proposal:
            prove(context, tx, effect.run, no, pending, proposal)  # nobody is said to have said what they did not sign
        raise DecisionRefused(f"{no.decision.approver} rejected it", code="not_approved")
    known = {one.decision.envelope_digest: one for one in used if one.decision.proposal == effect.proposal}
    rows = tuple(known[digest] for digest in dict.fromkeys(effect.decisions) if digest in known)
    approvals = tuple(prove(context, tx, effect.run, row, pending, proposal) for row in rows)
    if not approvals or len(approvals) != len(effect.decisions):
        raise DecisionRefused("no accepted decision on this proposal is on record", code="not_approved")
    if not suffices(pending.gate, approvals):
        raise DecisionRefused(f"{len(approvals)} of {pending.gate.quorum} approvals are on record", code="not_approved")
    return approvals


def _check_preconditions(billing: ReadPlugin, proposal: Proposal) -> None:
    """Check that the customer's state is as the proposal says, and that what it changes is still theirs."""
    check_customer(proposal.mutation, proposal.customer_id)
    observed = billing.observe(proposal.preconditions, target=proposal.mutation)
    for condition in proposal.preconditions:
        actual = observed.get((condition.name, condition.subject))
        if not _holds(condition, actual):
            raise DecisionRefused(
                f"{condition.name} of {condition.subject!r} is {actual!r} now, "
                f"the proposal rests on {condition.op} {condition.value!r}",
                code="precondition_changed",
            )


def _holds(condition: Precondition, actual: str | int | None) -> bool:
    if condition.op == "eq":
        return actual == condition.value
    if not isinstance(actual, int) or not isinstance(condition.value, int):
        return False
    return actual <= condition.value if condition.op == "le" else actual >= condition.value
