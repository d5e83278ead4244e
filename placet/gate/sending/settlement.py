"""Whether the end that a workflow reports may be recorded: an effect happened by the ledger's or a person's word.

What arrives from Temporal is not trusted: whoever reaches it can make up a workflow that reports any end.
"""

from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.run import CloseInput
from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.gate.context import GateContext
from placet.gate.deciding.counted import CountedApprovals
from placet.gate.sending.ledger import borne_out
from placet.governance.effects import effect_key
from placet.storage.pending import pending_on_record
from placet.storage.transaction import Transaction

_ENDS = {"confirm_executed": "executed", "confirm_not_executed": "failed"}


def end_refusal(context: GateContext, tx: Transaction, close: CloseInput) -> GovernanceError | None:
    """Return why a run must not end so; None where it may.

    A settlement counts when it is on our own record for the pending proposal, its envelope verifies now, its signer is
    entitled now, and the end is the one it says. Without one, only a settled effect makes a run `executed`.
    """
    try:
        if close.settled_by is not None:
            _check_settlement(context, tx, close, close.settled_by)
        elif close.state == "executed":
            _check_settled(tx, close)
    except GovernanceError as error:
        return error
    except UsageError as error:  # what it would be about was erased
        return GovernanceError(str(error), code=error.code)
    return None


def _check_settled(tx: Transaction, close: CloseInput) -> None:
    effect = None if close.proposal is None else tx.effects.get(effect_key(close.run.run_id, close.proposal))
    if effect is None or effect.status != "settled":
        status = "not in the ledger" if effect is None else effect.status
        raise DecisionRefused(f"its effect is {status}: nobody saw it happen", code="not_executed")
    if not borne_out(tx, effect):
        raise DecisionRefused("the ledger says that it happened, and nothing on the record does", code="not_executed")


def _check_settlement(context: GateContext, tx: Transaction, close: CloseInput, settled: AcceptedDecision) -> None:
    pending = pending_on_record(tx, close.run.run_id)
    if close.proposal != pending.proposal:
        raise DecisionRefused("the settlement is about another proposal than the pending one", code="stale")
    counting = CountedApprovals(context, tx, close.run, pending, "settle").counting()
    if settled.envelope_digest not in {one.envelope_digest for one in counting}:
        raise DecisionRefused(
            f"no settlement that {settled.approver!r} signed, and that counts, is on record", code="unproven"
        )
    (found,) = counting
    signed = {"roles": found.roles, "delegated_by": found.delegated_by, "delegation_id": found.delegation_id}
    if settled.model_copy(update=signed) != found:
        raise DecisionRefused("the settlement says other than what was signed", code="unproven")
    if _ENDS[found.verdict] != close.state:
        raise DecisionRefused(f"{found.approver!r} signed {found.verdict!r}, not {close.state!r}", code="unproven")
