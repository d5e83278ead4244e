"""`placet approve|reject|settle`: sign one exact proposal with a named key, and deliver the signature."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.decision import Verdict
from placet.errors import GovernanceError
from placet.interfaces.cli import output
from placet.interfaces.cli.runs import RunArgument
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.storage.records import RunRecord

AsOption = Annotated[str, typer.Option("--as", help="your name, as enrolled")]
KeyOption = Annotated[
    Path | None, typer.Option("--key-file", help="your private key (default: <home>/keys/<name>.pem)")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="kept on the record with your signature")]
PrintFlag = Annotated[bool, typer.Option("--print", help="write the signed decision to stdout instead of sending it")]
ProposalOption = Annotated[
    str | None, typer.Option("--proposal", help="refuse to sign anything but this proposal digest")
]
WaitOption = Annotated[float, typer.Option("--wait", min=0, help="seconds to wait for a worker's review")]


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.command("approve")(approve)
    root.command("reject")(reject)
    root.command("settle")(settle)


def approve(
    context: typer.Context,
    run_id: RunArgument,
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
    proposal: ProposalOption = None,
    print_only: PrintFlag = False,
    wait: WaitOption = 30,
) -> None:
    """Approve a run's pending proposal: sign its digest and send it to the run."""
    _decide(context.obj, run_id, "approve", name, key_file, reason, proposal, print_only, wait)


def reject(
    context: typer.Context,
    run_id: RunArgument,
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
    proposal: ProposalOption = None,
    print_only: PrintFlag = False,
    wait: WaitOption = 30,
) -> None:
    """Reject a run's pending proposal."""
    _decide(context.obj, run_id, "reject", name, key_file, reason, proposal, print_only, wait)


def settle(
    context: typer.Context,
    run_id: RunArgument,
    found: Annotated[str, typer.Option("--found", help="what the other system shows: executed | not-executed")],
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
    print_only: PrintFlag = False,
    wait: WaitOption = 30,
) -> None:
    """Settle a run whose outcome could not be known, after looking in the other system."""
    verdicts: dict[str, Verdict] = {"executed": "confirm_executed", "not-executed": "confirm_not_executed"}
    if found not in verdicts:
        raise typer.BadParameter(f"{found!r} is neither 'executed' nor 'not-executed'", param_hint="--found")
    _decide(context.obj, run_id, verdicts[found], name, key_file, reason, None, print_only, wait)


def _decide(
    toolbox: Toolbox,
    run_id: str,
    verdict: Verdict,
    name: str,
    key_file: Path | None,
    reason: str,
    expected: str | None,
    print_only: bool,
    wait: float,
) -> None:
    from placet.governance.keys import load_key_file
    from placet.interfaces.operations import pending_proposal, sign_verdict

    record, digest, proposal = pending_proposal(toolbox.database(), run_id, toolbox.tenant, verdict)
    if expected is not None and expected != digest:
        raise GovernanceError(f"the pending proposal is {digest}, not {expected}; nothing was signed", code="stale")
    if not print_only:
        output.print_proposal(proposal, digest)
    path = key_file or toolbox.home / "keys" / f"{name}.pem"
    key = load_key_file(path, toolbox.passphrase(f"passphrase of {name}'s key"))
    envelope = sign_verdict(record, digest, verdict, name, reason, key)
    if print_only:
        output.print_line(envelope)
        return
    outcome = toolbox.run(_deliver(toolbox, record, envelope, wait))
    if outcome is None:
        output.print_line(f"{run_id}  {verdict} by {name}: delivered, but no worker has reviewed it yet; it is kept")
        output.print_line(f"see `placet run show {run_id}` later")
        return
    code, detail = outcome
    if code != "accepted":
        raise GovernanceError(f"the decision was refused ({code}): {detail}", code=code)
    output.print_line(f"{run_id}  {verdict} by {name}: accepted")


async def _deliver(toolbox: Toolbox, record: "RunRecord", envelope: str, wait: float) -> tuple[str, str] | None:
    from placet.interfaces.operations import deliver_decision, review_outcome

    database = toolbox.database()
    await deliver_decision(database, await toolbox.engine(), record, envelope)
    deadline = asyncio.get_running_loop().time() + wait
    while (outcome := review_outcome(database, record.run_id, envelope)) is None:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(0.05)
    return outcome
