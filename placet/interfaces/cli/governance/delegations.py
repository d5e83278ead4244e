"""`placet delegation sign|list|revoke`: let another approver decide in your stead, until a date."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from placet.contracts.people.delegation import DelegationRecord
from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.options import AsOption, JsonFlag, KeyOption, ReasonOption
from placet.interfaces.cli.signing import load_signer
from placet.interfaces.cli.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, help="Delegations: who may decide in whose stead, and until when.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="delegation")


@app.command("sign")
def sign(
    context: typer.Context,
    delegate: Annotated[str, typer.Option("--to", help="who may decide in your stead, as enrolled")],
    role: Annotated[list[str], typer.Option("--role", help="role conferred, one of yours; repeatable")],
    limit: Annotated[str, typer.Option("--limit", help="largest cost they may decide for you: '200.00 USD'")],
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="days until it ends")],
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign a delegation. It confers no more than you hold, cannot be passed on, and at most two to one person stand."""
    from placet.service.documents.delegations import sign_delegation, take_delegation

    toolbox: Toolbox = context.obj
    key = load_signer(toolbox, name, key_file).key
    envelope = sign_delegation(
        tenant=toolbox.tenant,
        delegator=name,
        delegate=delegate,
        roles=tuple(role),
        limit=limit,
        days=days,
        reason=reason,
        key=key,
    )
    output.print_line(_line(take_delegation(toolbox.database(), envelope, tenant=toolbox.tenant)))


@app.command("list")
def list_delegations(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List every delegation, those that ended or were revoked included.

    Of one that confers nothing, say why.
    """
    from placet.service.documents.delegations import fault_of

    toolbox: Toolbox = context.obj
    now = datetime.now(UTC)
    with toolbox.database().reading() as tx:
        found = [(record, fault_of(tx, record, now)) for record in tx.delegations.list(toolbox.tenant)]
    if as_json:
        output.print_json([{**record.model_dump(mode="json"), "fault": fault} for record, fault in found])
        return
    output.print_lines((_line(record, fault) for record, fault in found), none="no delegations")


@app.command("revoke")
def revoke(
    context: typer.Context,
    delegation_id: Annotated[str, typer.Argument(metavar="ID", help="its id, or an unambiguous beginning of it")],
    by: Annotated[str, typer.Option("--by", help="who revokes: the delegator, or an administrator")],
    reason: Annotated[str, typer.Option("--reason")] = "",
) -> None:
    """Revoke a delegation: it confers nothing from now on.

    What was decided under it and is not yet executed will not be.
    """
    from placet.service.documents.delegations import revoke_delegation

    toolbox: Toolbox = context.obj
    revoked = revoke_delegation(
        toolbox.database(), tenant=toolbox.tenant, delegation_id=delegation_id, by=by, reason=reason
    )
    output.print_line(_line(revoked))


def _line(record: DelegationRecord, fault: str = "") -> str:
    one, now = record.delegation, datetime.now(UTC)
    if record.revoked_at is not None:
        state = f"revoked {moment(record.revoked_at)} by {record.revoked_by}"
    elif now >= one.valid_until:
        state = f"ended {moment(one.valid_until)}"
    elif now < one.valid_from:
        state = f"from {moment(one.valid_from)} until {moment(one.valid_until)}"
    else:
        state = f"until {moment(one.valid_until)}"
    if fault:
        state += f", confers nothing: {fault}"
    roles = ", ".join(one.roles)
    return f"{one.document_id[:16]}  {one.delegate} for {one.signer} as {roles}, up to {one.limit}, {state}"
