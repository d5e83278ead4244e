"""`placet reverse RUN`: take back what a run did, by a governed run of its own."""

from typing import Annotated

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.options import ByOption, JsonFlag, RunArgument, asking
from placet.interfaces.cli.run_output import print_run
from placet.interfaces.cli.running.runs import say_unfinished, settled
from placet.interfaces.cli.toolbox import Toolbox


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("reverse")(reverse)


def reverse(
    context: typer.Context,
    run_id: RunArgument,
    by: ByOption = None,
    reason: Annotated[str, typer.Option("--reason", help="kept on both records, and shown to the approver")] = "",
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="seconds to wait for a decision to be due or an end")
    ] = 0,
    as_json: JsonFlag = False,
) -> int:
    """Start a governed run that takes back what RUN did.

    It needs a decision of its own.
    """
    from placet.service.reversals import request_reversal, reverse_run
    from placet.service.runs import find_run

    toolbox: Toolbox = context.obj
    database = toolbox.database()
    find_run(database, run_id, toolbox.tenant)

    async def begin() -> str:
        engine = await toolbox.engine()
        await engine.require_ours()
        asked = request_reversal(
            database, run_id=run_id, tenant=toolbox.tenant, requested_by=asking(toolbox, by), reason=reason
        )
        return (await reverse_run(database, engine, asked)).run_id

    reversal = toolbox.run(begin())
    in_time = not wait or toolbox.run(settled(toolbox, reversal, wait))
    record = find_run(database, reversal, toolbox.tenant)
    if as_json:
        output.print_json(record.model_dump(mode="json"))
    else:
        output.print_line(f"{reversal}  started, to reverse {run_id}")
        if wait:
            print_run(record)
    if not in_time:
        return say_unfinished(reversal, record.state, wait)
    return 1 if record.state == "failed" else 0
