"""`placet approve|reject|amend|settle`: sign exact proposals with a named key, and deliver the signature."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.people.decision import Verdict
from placet.errors import GovernanceError
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount as money
from placet.interfaces.cli.options import (
    AgentOption,
    AllFlag,
    AsOption,
    KeyOption,
    KindOption,
    MaxCostOption,
    PrintFlag,
    ProposalOption,
    ReasonOption,
    RunArgument,
    RunsArgument,
    TotalCostOption,
    TreatmentOption,
    WaitOption,
)
from placet.interfaces.cli.running.batches import Selection, Signing, decide_batch
from placet.interfaces.cli.running.delivery import deliver
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.proposal import Proposal
    from placet.service.deciding.batch_choice import BatchVerdict
    from placet.storage.records import RunRecord


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.command(
        "approve", help="Approve pending proposals, several with one signature. Each run gets its own decision."
    )(_answering("approve"))
    root.command("reject", help="Reject pending proposals, several with one signature.")(_answering("reject"))
    root.command("amend")(amend)
    root.command("settle")(settle)


def _answering(verdict: "BatchVerdict") -> Callable[..., int]:
    """Make the command that gives one verdict; approving and rejecting take the same options."""

    def command(
        context: typer.Context,
        name: AsOption,
        run_ids: RunsArgument = None,
        all_waiting: AllFlag = False,
        key_file: KeyOption = None,
        reason: ReasonOption = "",
        proposal: ProposalOption = None,
        agent: AgentOption = None,
        kind: KindOption = None,
        treatment: TreatmentOption = None,
        max_cost: MaxCostOption = None,
        total_cost: TotalCostOption = None,
        print_only: PrintFlag = False,
        wait: WaitOption = 30,
    ) -> int:
        runs, kinds, treatments = tuple(run_ids or ()), tuple(kind or ()), tuple(treatment or ())
        selection = Selection(runs, all_waiting, agent, kinds, treatments, max_cost, total_cost)
        return _answer(context.obj, verdict, selection, Signing(name, key_file, reason, print_only, wait), proposal)

    return command


def amend(
    context: typer.Context,
    run_id: RunArgument,
    name: AsOption,
    amount: Annotated[str | None, typer.Option("--amount", help="a smaller credit: '5.00 USD'")] = None,
    treatment: Annotated[str | None, typer.Option("--treatment", help="another treatment that was eligible")] = None,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
    proposal: ProposalOption = None,
    print_only: PrintFlag = False,
    wait: WaitOption = 30,
) -> int:
    """Change a pending proposal, and approve it as changed.

    Give less credit, or choose another treatment that was weighed.
    """
    from placet.contracts.people.decision import Amendment
    from placet.governance.amendments import amended
    from placet.governance.signing.canonical import digest as digest_of
    from placet.service.deciding.decisions import sign_amendment

    toolbox: Toolbox = context.obj
    if (amount is None) == (treatment is None):
        raise typer.BadParameter("give one of them", param_hint="--amount / --treatment")
    check_signer(toolbox, name, key_file)
    record, digest, pending = _pending(toolbox, run_id, "amend", proposal)
    less = money(amount, "--amount")
    # Not checked here: `amended` names the treatments that are eligible. What is signed is checked later.
    wanted = Amendment.model_construct(amends=digest, amount=less, treatment=treatment)
    changed = amended(pending, wanted, name, reason)
    say = output.print_notice if print_only else output.print_line
    say(f"as it was  {pending.name}: {pending.mutation.describe()}, {pending.price}")
    gate = _gate(toolbox, record, "amend", name)
    output.print_proposal(changed, digest_of(changed), beside=print_only, gate=gate)
    _seen(toolbox, record, digest, name)
    key = load_signer(toolbox, name, key_file).key
    _, envelope = sign_amendment(record, (digest, pending), (less, treatment), name, reason, key)
    if print_only:
        output.print_text(envelope)
        return 0
    return deliver(toolbox, record, envelope, "amend", name, wait)


def settle(
    context: typer.Context,
    run_id: RunArgument,
    found: Annotated[str, typer.Option("--found", help="what the other system shows: executed | not-executed")],
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
    print_only: PrintFlag = False,
    wait: WaitOption = 30,
) -> int:
    """Settle a run whose outcome could not be known.

    Look in the other system first.
    """
    verdicts: dict[str, Verdict] = {"executed": "confirm_executed", "not-executed": "confirm_not_executed"}
    if found not in verdicts:
        raise typer.BadParameter(f"{found!r} is neither 'executed' nor 'not-executed'", param_hint="--found")
    signing = Signing(name, key_file, reason, print_only, wait)
    return _decide(context.obj, run_id, verdicts[found], signing, None)


def _answer(
    toolbox: Toolbox, verdict: "BatchVerdict", selection: Selection, signing: Signing, expected: str | None
) -> int:
    run_id = selection.single
    if run_id is None:
        if expected is not None:
            raise typer.BadParameter("one proposal digest cannot be that of several runs", param_hint="--proposal")
        return decide_batch(toolbox, verdict, selection, signing)
    return _decide(toolbox, run_id, verdict, signing, expected)


def _decide(toolbox: Toolbox, run_id: str, verdict: Verdict, signing: Signing, expected: str | None) -> int:
    from placet.service.deciding.decisions import sign_verdict

    check_signer(toolbox, signing.name, signing.key_file)
    record, digest, proposal = _pending(toolbox, run_id, verdict, expected)
    gate = _gate(toolbox, record, verdict, signing.name)
    output.print_proposal(proposal, digest, beside=signing.print_only, gate=gate)
    if verdict == "approve":
        _print_room(toolbox, proposal)
    _seen(toolbox, record, digest, signing.name)
    key = load_signer(toolbox, signing.name, signing.key_file).key
    envelope = sign_verdict(record, digest, verdict, signing.name, signing.reason, key)
    if signing.print_only:
        output.print_text(envelope)
        return 0
    return deliver(toolbox, record, envelope, verdict, signing.name, signing.wait)


def _print_room(toolbox: Toolbox, proposal: "Proposal") -> None:
    """Print that its strategy's budget has no room for it now; nothing where it has."""
    from placet.service.deciding.budget_room import rooms_for

    for room in rooms_for(toolbox.database(), toolbox.tenant, [proposal]):
        if not room.enough:
            output.print_notice(f"NOT ENOUGH: {room}")


def _pending(
    toolbox: Toolbox, run_id: str, verdict: Verdict, expected: str | None
) -> "tuple[RunRecord, str, Proposal]":
    """Return what would be signed; it must be what the person expects where they say so."""
    from placet.service.deciding.decisions import pending_proposal

    record, digest, proposal = pending_proposal(toolbox.database(), run_id, toolbox.tenant, verdict)
    if expected is not None and expected != digest:
        raise GovernanceError(f"the pending proposal is {digest}, not {expected}; nothing was signed", code="stale")
    return record, digest, proposal


def _gate(toolbox: Toolbox, record: "RunRecord", verdict: Verdict, name: str) -> str:
    """Say what a signature does beside those of others; empty where one suffices, or nobody can tell.

    Raises:
        DecisionRefused: code `same_person`; they approved it already, and need not sign what would be refused.
    """
    from placet.errors import DecisionRefused, PlacetError
    from placet.governance.policy.set import PolicySet
    from placet.interfaces.approvals_words import before_signing, own_approval, people_of
    from placet.service.explaining import explain_policy
    from placet.service.policy_files import read_policy_files

    def policies(agent: str) -> PolicySet:
        return PolicySet(read_policy_files(toolbox.policy_path(agent)))

    try:
        told = explain_policy(toolbox.database(), toolbox.tenant, record.run_id, policies)
    except (PlacetError, KeyError, ValueError, TypeError):
        return ""  # the review asks again, and says what is wrong
    known = told.so_far
    if verdict == "approve" and (own := own_approval(known, name, name)):
        raise DecisionRefused(f"{own}; nothing was signed", code="same_person")
    may = next((one.allowed for one in people_of(told.approvers) if one.name == name), False)
    return before_signing(known, verdict, name) if may else ""


def _seen(toolbox: Toolbox, record: "RunRecord", digest: str, name: str) -> None:
    """Note that the person was shown the proposal, before they are asked to sign."""
    from placet.service.oversight import record_seen

    record_seen(toolbox.database(), record, digest, name)
