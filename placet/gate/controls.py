"""Control runs: a flawed proposal that must be declined, told apart from others by nothing its approver is shown.

 (1) `plant` puts the flaw into what the agent proposes;
 (2) no mandate clears it (`is_control`);
 (3) it never executes, whoever approved it and however it was amended: refused where approvals are checked again
     (`check_not_control`), and before that in the effect ledger itself (`refuse_in_ledger`);
 (4) `record_outcome` says on the tenant's stream what became of it.
What makes a run a control is an entry on the tenant's stream, written before the run was started. Its row is an index.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from placet.contracts.analysis.outcome import ProposalOutcome
from placet.contracts.audit import RecordKind
from placet.contracts.billing import Evidence
from placet.contracts.proposal import Proposal
from placet.contracts.run import CloseInput, ProposeInput, RunRequest
from placet.decisioning.controls import ineligible, retold, too_much
from placet.errors import DecisionRefused, PolicyError
from placet.gate.context import GateContext
from placet.governance.oversight.stories import OUTCOME, ControlOutcome
from placet.storage.governance.controls import ControlRecord
from placet.storage.records import Claim
from placet.storage.transaction import Transaction

CODE: Final = "control_proposal"
_OUTCOMES: Final[Mapping[ControlOutcome, RecordKind]] = {
    "caught": "control.caught",
    "missed": "control.missed",
    "undecided": "control.undecided",
}


def plant(context: GateContext, tx: Transaction, step: ProposeInput, outcome: ProposalOutcome) -> ProposalOutcome:
    """Return what a control proposes instead of `outcome`; an ordinary run keeps `outcome`.

    Where no such flaw can be made of it, or policy would let none be proposed, the control proposes nothing: what is
    not flawed must not be held against who approves it.
    """
    control = tx.controls.get(step.run.tenant, step.run.run_id)
    if control is None or outcome.proposal is None:
        return outcome
    flawed = _permitted(context, _flawed(tx, step, control, outcome.proposal))
    if flawed is None:
        return replace(outcome, proposal=None, summary="nothing: no proposal could be made of the candidates")
    return replace(outcome, proposal=flawed, summary=retold(outcome.summary, outcome.proposal, flawed))


def is_control(tx: Transaction, run: RunRequest) -> bool:
    """Return whether this run was seeded to be declined."""
    return tx.controls.get(run.tenant, run.run_id) is not None


def check_not_control(tx: Transaction, run: RunRequest) -> None:
    """Check that the run is no control: a control has no effect, whatever stands on its record.

    Raises:
        DecisionRefused: code `control_proposal`.
    """
    control = tx.controls.get(run.tenant, run.run_id)
    if control is not None:
        raise DecisionRefused(_told(control), code=CODE)


def refuse_in_ledger(tx: Transaction, run: RunRequest, key: str, holder: str, claim: Claim, now: datetime) -> Claim:
    """Close the effect of a control in the transaction that claims it; the claim of an ordinary run stays as it is."""
    control = tx.controls.get(run.tenant, run.run_id)
    if control is None or claim.status not in ("new", "retry") or claim.sends > 0:
        return claim
    detail = _told(control)
    tx.effects.fail(key, holder=holder, code=CODE, detail=detail)
    body = {"effect_key": key, "code": CODE, "detail": detail, "attempt": claim.attempts, "calls": [], "duration_ms": 0}
    tx.record(run, "execute.refused", actor="worker", at=now, body=body)
    return claim.model_copy(update={"status": "failed", "code": CODE, "detail": detail})


def record_outcome(tx: Transaction, close: CloseInput, now: datetime) -> None:
    """Record, once and on the tenant's stream, how a control ended; nothing for other runs, or while it is parked."""
    run = close.run
    control = tx.controls.get(run.tenant, run.run_id)
    if control is None or close.state == "unknown_outcome":
        return
    outcome: ControlOutcome = "undecided"
    if close.state == "rejected":
        outcome = "caught"
    elif close.code == CODE:
        outcome = "missed"
    said = [used.decision for used in tx.decisions.of_run(run.run_id)]
    tx.record_act(
        run.tenant,
        _OUTCOMES[outcome],
        "worker",
        now,
        run.run_id,
        {
            "run_id": run.run_id,
            "flaw": control.flaw,
            "state": close.state,
            "code": close.code,
            "decisions": [one.model_dump(mode="json", include={"approver", "verdict", "proposal"}) for one in said],
        },
        step=OUTCOME,
    )


def _flawed(tx: Transaction, step: ProposeInput, control: ControlRecord, proposal: Proposal) -> tuple[Proposal, ...]:
    if control.flaw == "too_much":
        return too_much(proposal)
    return ineligible(proposal, tx.artifacts.get_model(step.evidence, Evidence, tenant=step.run.tenant))


def _permitted(context: GateContext, proposals: tuple[Proposal, ...]) -> Proposal | None:
    """Return the first proposal that policy lets be put before a person; None if there is none."""
    for proposal in proposals:
        try:
            if context.policies(proposal.tenant, proposal.agent).may_propose(proposal).allowed:
                return proposal
        except PolicyError:
            return None
    return None


def _told(control: ControlRecord) -> str:
    return (
        f"this was a control proposal ({control.flaw}, seeded by {control.seeded_by}) that had to be declined; "
        "nothing was executed"
    )
