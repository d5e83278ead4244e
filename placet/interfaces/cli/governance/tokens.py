"""`placet token issue|list|revoke`: who may use the HTTP API, in whose name, for what, until when."""

from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.text import NAME, WORDS, one_line
from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.options import AdministratorOption, ByOption, JsonFlag, KeyOption, asking
from placet.interfaces.cli.signing import load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.people.access import AccessGrant, AccessRole, KnownToken
    from placet.governance.signing.keys import Signer

app = typer.Typer(
    no_args_is_help=True, help="Who may use the HTTP API. A token says in whose name, for what, and until when."
)


class _Given(TypedDict):
    tenant: str
    name: str
    roles: "tuple[AccessRole, ...]"
    days: int
    by: "Signer"
    reason: str


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="token")


@app.command("issue")
def issue(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="the person or system whose requests they are")],
    role: Annotated[
        list[str], typer.Option("--role", help="operator | approver | auditor | administrator; repeatable")
    ],
    administrator: AdministratorOption,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="days until it expires")] = 90,
    reason: Annotated[str, typer.Option("--reason", help="kept on the record")] = "",
    issuer: Annotated[
        str | None, typer.Option("--issuer", help="make no token: the person signs in at this identity provider")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="who they are there: its `sub`")] = None,
    key_file: KeyOption = None,
) -> None:
    """Issue a token: whose requests it makes, and for what.

    The token is shown once and kept nowhere.
    With --issuer and --subject there is no token: the person signs in at the console by an identity provider.
    """
    from placet.contracts.people.access import ACCESS_ROLES
    from placet.service.documents.access import grant_identity, issue_token
    from placet.service.documents.keys import check_administrators

    toolbox: Toolbox = context.obj
    unknown = [one for one in role if one not in ACCESS_ROLES]
    if unknown:
        raise typer.BadParameter(f"--role {unknown[0]!r} is none; known: {', '.join(ACCESS_ROLES)}")
    if (issuer is None) != (subject is None):
        raise typer.BadParameter("give both or none", param_hint="--issuer / --subject")
    check_administrators(toolbox.database().trust, toolbox.tenant)
    given: _Given = {
        "tenant": toolbox.tenant,
        "name": name,
        "roles": tuple(one for one in ACCESS_ROLES if one in role),
        "days": days,
        "by": load_signer(toolbox, administrator, key_file),
        "reason": reason,
    }
    if issuer is not None and subject is not None:
        grant = grant_identity(toolbox.database(), issuer=issuer, subject=subject, **given)
        output.print_line(f"{grant.token_id}  {_terms(grant)}")
        return
    issued = issue_token(toolbox.database(), **given)
    output.print_line(issued.text)
    output.print_notice(f"token {issued.grant.token_id} of {_terms(issued.grant)}; it is shown this once")


@app.command("list")
def list_issued(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List every token, and why one opens nothing."""
    from placet.service.documents.access import list_tokens

    toolbox: Toolbox = context.obj
    tokens = list_tokens(toolbox.database(), toolbox.tenant)
    if as_json:
        output.print_json([token.model_dump(mode="json") for token in tokens])
        return
    output.print_lines((_line(token) for token in tokens), none="no tokens")


@app.command("revoke")
def revoke(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="its id, or an unambiguous beginning of it")],
    by: ByOption = None,
    reason: Annotated[str, typer.Option("--reason", help="kept on the record")] = "",
) -> None:
    """Revoke a token: from now on it opens nothing. Who operates may."""
    from placet.service.documents.access import revoke_token

    toolbox: Toolbox = context.obj
    revoked = revoke_token(
        toolbox.database(), tenant=toolbox.tenant, token_id=token_id, by=asking(toolbox, by), reason=reason
    )
    output.print_line(_line(revoked))


def _terms(grant: "AccessGrant") -> str:
    who = f"{grant.name} as {', '.join(grant.roles)}, until {moment(grant.expires_at)}"
    if grant.identity is None:
        return who
    subject = one_line(grant.identity.subject, NAME)
    return f"{who}, who signs in at {one_line(grant.identity.issuer, WORDS)} as {subject!r}"


def _line(token: "KnownToken") -> str:
    if token.fault:
        whose = f"{token.name or 'nobody'}: opens nothing: {token.fault}"
    elif token.grant is not None:
        whose = _terms(token.grant)
    else:
        whose = token.name
    if token.revoked_at is not None:
        return f"{token.token_id}  revoked {moment(token.revoked_at)} by {token.revoked_by}  ({whose})"
    return f"{token.token_id}  {whose}"
