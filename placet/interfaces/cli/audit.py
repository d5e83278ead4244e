"""`placet audit log|verify`: read the record, and check that it is whole."""

from typing import Annotated

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.runs import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, help="The record of everything that happened.")
StreamArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="a run id; without it, the tenant's own stream")
]


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="audit")


@app.command("log")
def log(context: typer.Context, run_id: StreamArgument = None, as_json: JsonFlag = False) -> None:
    """Print the entries of one run, or of the tenant (keys, configuration)."""
    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        events = tx.audit.read(run_id or f"tenant/{toolbox.tenant}")
    if as_json:
        output.print_json([event.model_dump(mode="json") for event in events])
    else:
        output.print_events(events)


@app.command("verify")
def verify(context: typer.Context, run_id: StreamArgument = None, as_json: JsonFlag = False) -> None:
    """Recompute every hash and link of one run, or of all streams of the tenant; fails naming the first break."""
    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        streams = [run_id] if run_id else tx.audit.streams(toolbox.tenant)
        for stream in streams:
            tx.audit.verify(stream)
    if as_json:
        output.print_json({"streams": len(streams), "verified": True})
    else:
        output.print_line(f"{len(streams)} stream(s) verified: every hash and link holds")
