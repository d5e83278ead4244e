"""Whether what was executed had what its gate asked for, and the outcome is about that very effect."""

from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import ExecuteInput
from placet.governance.effects import effect_key
from placet.governance.quorum import suffices
from placet.replay.case import Case, Faults
from placet.replay.mandate import check_clearance


def check_effects(case: Case) -> Faults:
    """Check that every effect that was asked for had its approvals or its mandate.

    A mandate is checked wherever one is named.
    """
    for version in case.versions.values():
        yield from check_clearance(case, version)
    for effect, outcome in case.effects:
        yield from _effect(case, effect)
        if outcome is not None:
            yield from _outcome(case, effect, outcome)


def _effect(case: Case, effect: ExecuteInput) -> Faults:
    name, version = f"proposal {effect.proposal}", case.versions.get(effect.proposal)
    if version is None:
        yield f"{name} was executed, and is none that was pending"
        return
    rejected = next((one for one in case.accepted if one.decision.verdict == "reject"), None)
    if rejected is not None:
        yield f"{name} was executed although {rejected.decision.approver!r} had rejected it"
    if version.gate.verdict == "cleared" and not effect.decisions:
        return
    approvals = case.approvals(effect)
    complete = len(approvals) == len(effect.decisions) and suffices(version.gate, approvals)
    if version.gate.verdict != "human" or not complete:
        yield f"{name} was executed without the accepted approvals it needs"


def _outcome(case: Case, effect: ExecuteInput, outcome: ExecutionResult) -> Faults:
    """Check that a receipt belongs to an effect that happened, and to this one."""
    if (outcome.outcome == "executed") != (outcome.receipt is not None):
        yield f"execution ended {outcome.outcome!r}, which does not fit its receipt"
    elif outcome.receipt is not None:
        key = effect_key(case.request.run_id, effect.proposal)
        if outcome.receipt.effect_key != key:
            yield f"the receipt is of effect {outcome.receipt.effect_key}, this run's is {key}"
