"""`placet notifications`: who was told of what, and what became of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.notification import Channel, DeliveryStatus
from placet.contracts.text import quoted
from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placet.contracts.notification import Notification


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("notifications")(notifications)


def notifications(
    context: typer.Context,
    status: Annotated[DeliveryStatus | None, typer.Option("--status", help="only those that are so")] = None,
    channel: Annotated[Channel | None, typer.Option("--channel", help="only those over it")] = None,
    run: Annotated[str | None, typer.Option("--run", help="only those about this run")] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="only those about a strategy of this name")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List who was told of what, newest first.

    Each is shown with its channel and what became of it.
    """
    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        found = tx.outbox.list(
            toolbox.tenant, status=status, channel=channel, run_id=run, strategy=strategy, limit=limit
        )
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
    else:
        _print(found)


def _print(found: "Sequence[Notification]") -> None:
    if not found:
        output.print_line("no notifications")
    for one in found:
        role = f" as {one.role}" if one.role and one.role != one.recipient else ""
        tries = f" ({one.attempts} attempts)" if one.attempts > 1 else ""
        detail = f": {quoted(one.detail)}" if one.detail else ""
        output.print_line(
            f"{moment(one.created_at)}  {one.run_id or one.strategy}  {one.occasion:<15}  {one.status:<9}  "
            f"{one.channel} {one.recipient}{role}{tries}{detail}"
        )
