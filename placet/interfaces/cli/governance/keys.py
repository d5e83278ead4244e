"""`placet keys new|enroll|list|revoke`: who may sign, with which key, up to which amount."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from placet.errors import ConfigurationError
from placet.interfaces.cli import output
from placet.interfaces.cli.running.runs import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, help="Approvers and their signing keys.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="keys")


@app.command("new")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="your name, as you will be enrolled")],
    file: Annotated[Path | None, typer.Option("--file", help="default: <home>/keys/<name>.pem")] = None,
) -> None:
    """Create a key pair: an encrypted private key only you can read, and a public key to be enrolled."""
    from placet.governance.signing.keys import create_key_file

    toolbox: Toolbox = context.obj
    path = file or toolbox.home / "keys" / f"{name}.pem"
    key = create_key_file(path, toolbox.passphrase(f"new passphrase for {name}'s key"))
    output.print_line(f"key {key.key_id[:16]} written to {path}; have {path}.pub enrolled by an administrator")


@app.command("enroll")
def enroll(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the person's name")],
    public: Annotated[Path, typer.Option("--public", help="the person's .pub file")],
    by: Annotated[str, typer.Option("--by", help="administrator who enrolls")],
    role: Annotated[list[str], typer.Option("--role", help="role held; repeatable")],
    limit: Annotated[str | None, typer.Option("--limit", help="largest cost they may decide: '200.00 USD'")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="days until the key expires")] = 365,
) -> None:
    """Enroll a person's key, with what it entitles to. Without a limit it may decide nothing that costs."""
    from placet.governance.signing.keys import parse_public_key
    from placet.service.keys import enroll_key

    toolbox: Toolbox = context.obj
    try:
        text = public.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read public key file {str(public)!r}: {error}") from error
    key = enroll_key(
        toolbox.database(),
        name=name,
        tenant=toolbox.tenant,
        roles=tuple(role),
        limit=limit,
        public_key=parse_public_key(text),
        enrolled_by=by,
        expires_at=datetime.now(UTC) + timedelta(days=days),
    )
    output.print_line(f"{key.name}  key {key.key_id[:16]} enrolled by {by}")


@app.command("list")
def list_keys(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List enrolled keys, revoked ones included."""
    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        keys = tx.approvers.list(toolbox.tenant)
    if as_json:
        output.print_json([key.model_dump(mode="json") for key in keys])
    else:
        output.print_keys(keys)


@app.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="key id, or an unambiguous beginning of it")],
    by: Annotated[str, typer.Option("--by", help="administrator who revokes")],
    reason: Annotated[str, typer.Option("--reason")] = "",
) -> None:
    """Revoke a key: it decides nothing from now on, not even what it signed and is not yet executed."""
    from placet.service.keys import revoke_key

    toolbox: Toolbox = context.obj
    key = revoke_key(toolbox.database(), tenant=toolbox.tenant, key_id=key_id, by=by, reason=reason)
    output.print_line(f"{key.name}  key {key.key_id[:16]} revoked by {by}")
