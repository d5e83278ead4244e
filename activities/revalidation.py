"""What is checked again immediately before an effect: approval, key, policy, the customer's state."""

from datetime import datetime

from activities.approve import entitle
from activities.context import Context
from placet.contracts.audit import AuditEvent
from placet.contracts.decision import Gate
from placet.contracts.proposal import Precondition, Proposal
from placet.contracts.run import ExecuteInput
from placet.errors import DecisionRefused, GovernanceError, NotFound, PlacetError, PluginViolation, UpstreamRejected
from placet.governance.approvals import check_key
from placet.plugin_api.protocols import ReadPlugin
from placet.storage.records import UsedDecision


def refusal(context: Context, effect: ExecuteInput, proposal: Proposal) -> PlacetError | None:
    """Why the effect must not happen now although it was approved; None when everything still holds.

    Raises:
        UpstreamUnavailable: the customer's state cannot be read now; asking again is sound.
        StorageError: our own record cannot be read now.
    """
    try:
        with context.database.reading() as tx:
            used = tx.decisions.get_for_run(effect.run.run_id)
            opened = tx.audit.find(effect.run.run_id, "approve.opened")
            cancelled = tx.audit.find(effect.run.run_id, "run.cancel_requested")
            signer = tx.approvers.get(effect.decision.key_id)
        if cancelled is not None:
            raise DecisionRefused(f"{cancelled.actor} asked for the end of the run first", code="cancel_requested")
        _check_decision(used, effect)
        _check_gate(opened, effect, context.clock())
        key = check_key(signer, effect.decision.key_id, effect.run.tenant, context.clock())
        policies = context.policies(effect.run.tenant, effect.run.agent)
        answer = policies.may_propose(proposal)
        if not answer.allowed:
            raise DecisionRefused(f"policy no longer permits the proposal: {answer.detail}", code="policy_changed")
        entitle(policies, key, proposal)
        _check_preconditions(context.billing, proposal.preconditions)
    except (GovernanceError, NotFound, UpstreamRejected, PluginViolation) as error:
        return error
    return None


def _check_decision(used: UsedDecision | None, effect: ExecuteInput) -> None:
    """The decision that arrived is the one on our own record, for this very proposal, and it approves."""
    if used is None or (used.decision, used.proposal, used.tenant) != (
        effect.decision,
        effect.proposal,
        effect.run.tenant,
    ):
        raise DecisionRefused("no accepted decision on this proposal is on record", code="not_approved")
    if used.decision.verdict != "approve":
        raise DecisionRefused(f"the decision on record is {used.decision.verdict!r}", code="not_approved")


def _check_gate(opened: AuditEvent | None, effect: ExecuteInput, now: datetime) -> None:
    """The gate on record is for this proposal and still open: an approval does not outlive it."""
    if opened is None or opened.body["proposal"] != effect.proposal:
        raise DecisionRefused("no gate for this proposal is on record", code="not_approved")
    expires_at = Gate.model_validate(opened.body["gate"]).expires_at
    if now >= expires_at:
        raise DecisionRefused(f"the approval lapsed with the gate at {expires_at:%Y-%m-%d %H:%M:%S}Z", code="lapsed")


def _check_preconditions(billing: ReadPlugin, preconditions: tuple[Precondition, ...]) -> None:
    observed = billing.observe(preconditions)
    for condition in preconditions:
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
