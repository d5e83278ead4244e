"""`placet inbox`: what waits for a person, who is asked, and until when."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.running.runs import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.gate import Gate
    from placet.contracts.proposal import Proposal
    from placet.storage.database import Transaction
    from placet.storage.records import RunRecord

_MOST = 200


class Waiting(NamedTuple):
    """One run that waits: `approvals` is how many of its gate's quorum it has."""

    record: "RunRecord"
    proposal: "Proposal"
    gate: "Gate"
    approvals: int


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("inbox")(inbox)


def inbox(
    context: typer.Context,
    role: Annotated[str | None, typer.Option("--role", help="only what asks holders of this role")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Proposals that wait for a person, and outcomes a person must settle."""
    toolbox: Toolbox = context.obj
    now = datetime.now(UTC)
    with toolbox.database().reading() as tx:
        rows = [row for row in _waiting(tx, toolbox.tenant) if role is None or role in _roles(row.gate, now)]
    if as_json:
        output.print_json([_document(row, now) for row in rows])
    else:
        _print(rows, now)


def _waiting(tx: "Transaction", tenant: str) -> "list[Waiting]":
    from placet.contracts.proposal import Proposal
    from placet.storage.pending import pending_on_record

    records = [
        *tx.runs.list(tenant, state="awaiting_decision", limit=_MOST),
        *tx.runs.list(tenant, state="unknown_outcome", limit=_MOST),
    ]
    rows = []
    for record in records:
        pending = pending_on_record(tx, record.run_id)
        proposal = tx.artifacts.get_model(pending.proposal, Proposal)
        approvals = len(tx.decisions.on_proposal(record.run_id, pending.proposal))
        rows.append(Waiting(record, proposal, pending.gate, approvals))
    return rows


def _document(row: Waiting, now: datetime) -> dict[str, object]:
    return {
        **row.record.model_dump(mode="json"),
        "proposal_document": row.proposal.model_dump(mode="json"),
        "roles": list(_roles(row.gate, now)),
        "quorum": row.gate.quorum,
        "approvals": row.approvals,
        "expires_at": row.gate.expires_at.isoformat(),
    }


def _print(rows: "list[Waiting]", now: datetime) -> None:
    if not rows:
        output.print_line("nothing waits for a decision")
    for row in rows:
        record, proposal = row.record, row.proposal
        by = f"  amended by {proposal.amended_by}" if proposal.amended_by else ""
        output.print_line(f"{record.run_id}  {record.state}  requested by {record.requested_by}{by}")
        output.print_line(f"  {output.describe(proposal.mutation)}  (costs {proposal.cost})")
        output.print_line(f"  {_asked(row, now)}")


def _asked(row: Waiting, now: datetime) -> str:
    who = " or ".join(_roles(row.gate, now))
    if row.record.state == "unknown_outcome":
        return f"a {who} must find out what happened and settle it"
    many = f"{row.approvals} of {row.gate.quorum} approvals, asks a {who}" if row.gate.quorum > 1 else f"asks a {who}"
    return f"{many}, until {row.gate.expires_at:%Y-%m-%d %H:%M} UTC"


def _roles(gate: "Gate", now: datetime) -> tuple[str, ...]:
    from placet.governance.quorum import roles_at

    return roles_at(gate, now)
