"""`placet keys new|bootstrap|setup-code|enroll|list|show|revoke`: who may sign, with which key, up to which amount.

`invitations.py` adds the commands that invite people to register a passkey.
"""

from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placet.errors import ConfigurationError, UsageError
from placet.files import SETUP_CODE_FILE, read_given
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount
from placet.interfaces.cli.governance import invitations
from placet.interfaces.cli.options import AdministratorOption, JsonFlag, KeyOption
from placet.interfaces.cli.roles import say_unasked
from placet.interfaces.cli.signing import key_path, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.people.passkey import Passkey
    from placet.storage.governance.approvers import ListedKey

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
    """Create a key pair that an administrator enrolls.

    The private key is encrypted, and only you can read it; the public key is to be enrolled.
    """
    from placet.governance.signing.keys import create_key_file
    from placet.governance.signing.pins import AdministratorsFile

    toolbox: Toolbox = context.obj
    path = key_path(toolbox, name, file)
    key = create_key_file(path, toolbox.new_passphrase(f"new passphrase for {name}'s key"))
    output.print_line(f"key {key.key_id[:16]} written to {path}")
    output.print_line(
        f"to decide with it, have an administrator sign that it is yours: "
        f"`placet keys enroll {name} --public {path}.pub --role ROLE --as ADMINISTRATOR`"
    )
    if AdministratorsFile(toolbox.administrators).names_nobody(toolbox.tenant):
        at = f" --key-file {path}" if file is not None else ""
        output.print_line(f"no administrator is pinned here yet; to be the first: `placet keys bootstrap {name}{at}`")


@app.command("bootstrap")
def bootstrap(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="your name: the first administrator's")],
    public: Annotated[
        Path | None, typer.Option("--public", help="your .pub file; refused where it is another key's")
    ] = None,
    key_file: KeyOption = None,
) -> None:
    """Make the holder of a key the first administrator.

    They are enrolled by their own signature, and trusted on this machine.
    """
    from placet.governance.signing.keys import key_id_of
    from placet.service.documents.first_administrator import SetupCode
    from placet.service.documents.keys import bootstrap_administrator

    toolbox: Toolbox = context.obj
    signer = load_signer(toolbox, name, key_file)
    if public is not None and key_id_of(_public_key(public)) != signer.key.key_id:
        raise ConfigurationError(f"{str(public)!r} is not the public half of {name}'s key; give one that belongs to it")
    database = toolbox.database()
    key = bootstrap_administrator(database, tenant=toolbox.tenant, by=signer)
    pinned = database.trust.administrators.path
    output.print_line(f"{key.name}  key {key.key_id[:16]} is administrator of {key.tenant}, pinned in {pinned}")
    SetupCode(toolbox.home / SETUP_CODE_FILE, toolbox.tenant).close()  # nobody else becomes the first


@app.command("setup-code")
def setup_code(context: typer.Context) -> None:
    """Print a code for the first administrator's passkey.

    They register it in the console, once, within a day.
    """
    from placet.service.documents.first_administrator import SetupCode

    toolbox: Toolbox = context.obj
    if not toolbox.database().trust.administrators.names_nobody(toolbox.tenant):
        raise UsageError(
            f"somebody is pinned as administrator of {toolbox.tenant!r} already, or the file cannot be read; "
            "see `placet doctor`",
            code="administrator_pinned",
        )
    code = SetupCode(toolbox.home / SETUP_CODE_FILE, toolbox.tenant).issue()
    output.print_line(f"open /console/setup of tenant {toolbox.tenant!r} and type the code {code}")
    output.print_line("a code that was printed before opens nothing any more, whichever tenant it was for")


@app.command("enroll")
def enroll(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the person's name")],
    public: Annotated[
        Path, typer.Option("--public", help="the person's .pub file, or their passkey's enrolment request")
    ],
    administrator: AdministratorOption,
    role: Annotated[list[str], typer.Option("--role", help="role held; repeatable")],
    limit: Annotated[str | None, typer.Option("--limit", help="largest cost they may decide: '200.00 USD'")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="days until the key expires")] = 365,
    key_file: KeyOption = None,
) -> None:
    """Sign whose key it is and what it entitles to. Without a limit it may decide nothing that costs."""
    from placet.service.documents.keys import check_administrators, enroll_key

    toolbox: Toolbox = context.obj
    amount(limit, "--limit")
    raw, passkey = _enrolled_half(public, name)
    check_administrators(toolbox.database().trust, toolbox.tenant)
    say_unasked(toolbox, role)
    if passkey is not None:
        # Before the signature: whoever holds another site could have its visitors sign there.
        output.print_line(f"a passkey of {passkey.rp_id}, for pages at {', '.join(passkey.origins)} alone")
    key = enroll_key(
        toolbox.database(),
        name=name,
        tenant=toolbox.tenant,
        roles=tuple(role),
        limit=limit,
        public_key=raw,
        by=load_signer(toolbox, administrator, key_file),
        expires_at=datetime.now(UTC) + timedelta(days=days),
        passkey=passkey,
    )
    output.print_line(f"{key.name}  key {key.key_id[:16]} enrolled by {administrator}")


@app.command("list")
def list_keys(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List keys: valid, revoked and not verified.

    It says why an enrolment does not verify.
    """
    toolbox: Toolbox = context.obj
    database = toolbox.database()
    with database.reading() as tx:
        keys = tx.approvers.listed(toolbox.tenant)
    if as_json:
        output.print_json([_as_json(key) for key in keys])
    else:
        output.print_keys(keys)


@app.command("show")
def show(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="KEY", help="key id, or an unambiguous beginning of it")],
    public: Annotated[
        Path | None, typer.Option("--public", help="write its public key here, for `placet replay --key`")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one key: whose it is, and whether it counts.

    It says how the key signs, and why it counts for nothing where that is so.
    """
    from placet.service.approvers import public_text
    from placet.service.given import only_one

    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        matches = [one for one in tx.approvers.listed(toolbox.tenant) if one.key_id.startswith(key_id)]
    found = only_one(matches, key_id, "key", toolbox.tenant, see="placet keys list", code="unknown_key")
    if public is not None:
        if found.key is None or found.fault is not None:
            # Whoever has the file trusts it, and nobody vouches for the name.
            raise UsageError(f"the enrolment of key {found.key_id[:16]} does not verify: {found.fault}")
        output.write_file(public, public_text(found.key))
    if as_json:
        output.print_json(_as_json(found))
    else:
        output.print_key(found)


@app.command("revoke")
def revoke(
    context: typer.Context,
    key_id: Annotated[
        str, typer.Argument(metavar="KEY", help="key id, an unambiguous beginning of it, or whose it is")
    ],
    administrator: AdministratorOption,
    reason: Annotated[str, typer.Option("--reason")] = "",
    key_file: KeyOption = None,
) -> None:
    """Revoke a key: it decides nothing from now on.

    What it signed and is not yet executed will not be.
    """
    from placet.service.documents.keys import revoke_key

    toolbox: Toolbox = context.obj
    signer = load_signer(toolbox, administrator, key_file)
    key = revoke_key(toolbox.database(), tenant=toolbox.tenant, key_id=key_id, by=signer, reason=reason)
    output.print_line(f"{key.name}  key {key.key_id[:16]} revoked by {administrator}")


@contextmanager
def _saying_who_makes_it() -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        made = "whose key it is makes it with `placet keys new NAME`, which writes NAME.pem.pub"
        raise ConfigurationError(f"{error}; {made}", code=error.code) from error


def _public_key(file: Path) -> bytes:
    from placet.governance.signing.keys import parse_public_key

    with _saying_who_makes_it():
        return parse_public_key(read_given(file, "public key file"))


def _enrolled_half(file: Path, name: str) -> "tuple[bytes, Passkey | None]":
    from placet.governance.signing.keys import is_enrolment_request, parse_enrolment_request, parse_public_key

    with _saying_who_makes_it():
        text = read_given(file, "public key file")
        if not is_enrolment_request(text):
            return parse_public_key(text), None
    request = parse_enrolment_request(text)
    if request.name != name:
        raise UsageError(f"{str(file)!r} is the enrolment request of {request.name!r}, not of {name!r}")
    return b64decode(request.public_key), request.passkey


def _as_json(listed: "ListedKey") -> dict[str, Any]:
    fields = (
        {"key_id": listed.key_id, "name": listed.name} if listed.key is None else listed.key.model_dump(mode="json")
    )
    if listed.key is not None:
        fields["kind"] = listed.key.kind
    return {**fields, "verified": listed.fault is None, "fault": listed.fault}


invitations.add_to(app)
