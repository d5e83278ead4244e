"""`placet playbook`: the first 90 days, and where this tenant stands in them."""

from datetime import UTC, datetime

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("playbook")(show)


def show(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Show where this tenant stands in its first 90 days.

    Choose journeys, pilot with control groups, scale. Each step is derived from
    the record and the tables; nobody ticks anything.
    """
    from placet.interfaces.telling.playbook import playbook_lines
    from placet.service.strategies.playbook import playbook

    toolbox: Toolbox = context.obj
    policies, agents = policies_by_agent(toolbox), tuple(toolbox.agents)
    found = playbook(toolbox.database(), toolbox.tenant, policies, agents, datetime.now(UTC))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_grouped(playbook_lines(found))
