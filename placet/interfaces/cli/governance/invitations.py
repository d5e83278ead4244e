"""`placet keys invite|invitations|withdraw-invitation`: asking people to register a passkey in their browser."""

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.people.passkey import fingerprint
from placet.contracts.text import NAME, one_line
from placet.contracts.times import moment
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount
from placet.interfaces.cli.options import ByOption, JsonFlag, asking
from placet.interfaces.cli.roles import say_unasked
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.service.documents.invitations import Invitation, Invitations

_MOST = 1000

InvitationArgument = Annotated[str, typer.Argument(metavar="ID", help="its id, or an unambiguous beginning of it")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to those of keys."""
    app.command("invite")(invite)
    app.command("invitations")(list_invitations)
    app.command("withdraw-invitation")(withdraw)


def invite(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="whom you invite")],
    role: Annotated[list[str], typer.Option("--role", help="role their key will hold; repeatable")],
    limit: Annotated[str | None, typer.Option("--limit", help="largest cost they may decide: '200.00 USD'")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="days that their key will count")] = 365,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Invite somebody to register a passkey, and print the link once.

    It holds for three days and works once. It entitles to nothing: an administrator signs what was registered.
    """
    from placet.service.documents.invitations import PATH, Terms
    from placet.service.given import checked

    toolbox: Toolbox = context.obj
    with checked():
        terms = Terms(name=name, roles=tuple(role), limit=amount(limit, "--limit"), days=days)
    made, code = _invitations(toolbox).invite_once(terms, by=asking(toolbox, by), voucher=None, key=None)
    say_unasked(toolbox, role, access=True)
    link = f"{toolbox.console_origin}{PATH}{code}"
    if as_json:
        output.print_json({**_fields(made), "url": link})
        return
    output.print_line(link)
    output.print_notice(
        f"invitation {made.invitation_id} of {_terms(made)}; the link is shown this once, holds until "
        f"{moment(made.expires_at)}, and works where the console is reached at this address"
    )


def list_invitations(
    context: typer.Context,
    request: Annotated[
        str | None,
        typer.Option("--request", metavar="ID", help="print what was registered, as the file that `keys enroll` takes"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List invitations that hold, and passkeys that were registered and wait for an administrator's signature."""
    toolbox: Toolbox = context.obj
    waiting = _invitations(toolbox).listed(limit=_MOST)
    if request is not None:
        one = _named(toolbox, waiting, request)
        if one.request is None:
            raise UsageError(f"{one.terms.name} has not registered a passkey yet")
        output.print_json(one.request.model_dump(mode="json"))
    elif as_json:
        output.print_json([_fields(one) for one in waiting])
    else:
        output.print_lines((line for one in waiting for line in _lines(one)), none="nobody is invited")


def withdraw(context: typer.Context, invitation_id: InvitationArgument, by: ByOption = None) -> None:
    """Withdraw an invitation: its link and what was registered with it are worth nothing from now on."""
    toolbox: Toolbox = context.obj
    invitations = _invitations(toolbox)
    one = _named(toolbox, invitations.listed(limit=_MOST), invitation_id)
    invitations.withdraw(one.invitation_id, by=asking(toolbox, by), voucher=None)
    output.print_line(f"{one.invitation_id}  withdrawn: {_terms(one)}")


def _invitations(toolbox: Toolbox) -> "Invitations":
    from placet.service.documents.invitations import Invitations

    return Invitations(toolbox.database(), toolbox.tenant, toolbox.api_token, lambda: datetime.now(UTC))


def _named(toolbox: Toolbox, waiting: "tuple[Invitation, ...]", named: str) -> "Invitation":
    from placet.service.documents.invitations import GONE
    from placet.service.given import only_one

    matches = [one for one in waiting if one.invitation_id.startswith(named)]
    return only_one(matches, named, "invitation", toolbox.tenant, see="placet keys invitations", code=GONE)


def _fields(one: "Invitation") -> dict[str, object]:
    return {
        "invitation_id": one.invitation_id,
        **one.terms.model_dump(mode="json"),
        "invited_by": one.invited_by,
        "invited_at": one.invited_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "request": None if one.request is None else one.request.model_dump(mode="json"),
    }


def _terms(one: "Invitation") -> str:
    terms = one.terms
    limit = "nothing that costs" if terms.limit is None else f"up to {terms.limit}"
    return f"{terms.name} as {', '.join(terms.roles)}, who may decide {limit}, for {terms.days} days"


def _lines(one: "Invitation") -> list[str]:
    """Return what is said of an invitation and, where somebody registered, how their passkey is enrolled."""
    invited = f"invited {moment(one.invited_at)} by {one_line(one.invited_by, NAME)}"
    if one.request is None:
        return [f"{one.invitation_id}  {_terms(one)}; {invited}, link until {moment(one.expires_at)}"]
    return [
        f"{one.invitation_id}  {_terms(one)}; {invited}, registered: fingerprint {fingerprint(one.request.key_id)}",
        f"  compare it with {one.terms.name}, then: {_command(one)}",
    ]


def _command(one: "Invitation") -> str:
    terms, file = one.terms, f"{one.terms.name}.json"
    roles = [word for role in terms.roles for word in ("--role", role)]
    limit = [] if terms.limit is None else ["--limit", str(terms.limit)]
    words = ["placet", "keys", "enroll", terms.name, "--public", file, *roles, *limit, "--days", str(terms.days)]
    return f"placet keys invitations --request {one.invitation_id} > {file} && {shlex.join(words)} --as ADMINISTRATOR"
