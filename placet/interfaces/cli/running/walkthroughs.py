"""`placet walkthrough share|list|withdraw`: links that show a run, redacted, to somebody who has no part in it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import NAME, one_line
from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.options import ByOption, JsonFlag, RunArgument, asking
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.service.sharing.walkthroughs import SharedLink, Walkthroughs

app = typer.Typer(no_args_is_help=True, help="Share a run, redacted, by a link that expires. It is read-only.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="walkthrough")


@app.command("share")
def share(
    context: typer.Context,
    run_id: RunArgument,
    days: Annotated[int, typer.Option("--days", help="days until the link ends, 1 to 30")] = 7,
    names: Annotated[bool, typer.Option("--names", help="name the people who decided; else their roles alone")] = False,
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a link to a walkthrough of a run.

    The run's record says who made it, and until when it counts.
    """
    toolbox: Toolbox = context.obj
    links = _links(toolbox)
    shared, _ = links.share(run_id, by=asking(toolbox, by), days=days, names=names)
    address = _address(toolbox, links, shared)
    if as_json:
        output.print_json({**shared.model_dump(mode="json"), "url": address})
        return
    output.print_line(address)
    output.print_notice(
        f"it counts until {moment(shared.expires_at)}, where the console is reached at this address; to end it sooner: "
        f"`placet walkthrough withdraw {run_id} {shared.link_id}`"
    )


@app.command("list")
def list_links(context: typer.Context, run_id: RunArgument, as_json: JsonFlag = False) -> None:
    """List the links that were made to a run.

    Those that count are shown with their address.
    """
    toolbox: Toolbox = context.obj
    links, now = _links(toolbox), datetime.now(UTC)
    rows = [(one, _address(toolbox, links, one) if one.stands(now) else None) for one in links.list(run_id)]
    if as_json:
        output.print_json([{**one.model_dump(mode="json"), "url": address} for one, address in rows])
        return
    lines = (f"{_line(one)}{f'  {address}' if address else ''}" for one, address in rows)
    output.print_lines(lines, none=f"no link leads to {run_id}")


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    run_id: RunArgument,
    link_id: Annotated[
        str, typer.Argument(metavar="LINK", help="id of the link, as `placet walkthrough list` shows it")
    ],
    by: ByOption = None,
) -> None:
    """Withdraw a link: it leads nowhere from now on."""
    toolbox: Toolbox = context.obj
    output.print_line(_line(_links(toolbox).withdraw(run_id, link_id, by=asking(toolbox, by))))


def _links(toolbox: Toolbox) -> "Walkthroughs":
    from placet.service.sharing.walkthroughs import Walkthroughs

    return Walkthroughs(toolbox.database(), toolbox.tenant, toolbox.api_token)


def _address(toolbox: Toolbox, links: "Walkthroughs", shared: "SharedLink") -> str:
    from placet.service.sharing.links import PATH

    return f"{toolbox.console_origin}{PATH}{links.text_of(shared)}"


def _line(one: "SharedLink") -> str:
    ended = "" if one.withdrawn_at is None else f", withdrawn {moment(one.withdrawn_at)} by {one.withdrawn_by}"
    named = "names who decided" if one.names else "names nobody"
    made = f"made {moment(one.shared_at)} by {one_line(one.shared_by, NAME)}"
    return f"{one.link_id}  {named}, {made}, until {moment(one.expires_at)}{ended}"
