"""`placet customer list|show`: about whom runs were asked for, and what our record knows of one."""

from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.contact import Contact

app = typer.Typer(no_args_is_help=True, help="Customers, as our own record knows them. Nothing is asked of billing.")

_STANDING = {"given": "given", "unknown": "sent, and nobody knows whether it arrived", "pending": "waits"}


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="customer")


@app.command("list")
def list_known(
    context: typer.Context,
    after: Annotated[str, typer.Option("--after", help="go on after this customer")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List the customers about whom runs were asked for, by id."""
    from placet.service.customers import list_customers

    toolbox: Toolbox = context.obj
    found = list_customers(toolbox.database(), toolbox.tenant, after=after, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in shown])
        return
    if not shown:
        output.print_line(f"no runs of tenant {toolbox.tenant!r}{' about a customer after that' if after else ''}")
        return
    table = output.table("customer", "runs", "last asked for", whole=("customer",))
    for one in shown:
        output.add_row(table, one.customer_id, str(one.runs), minute(one.last_requested_at))
    output.console().print(table)
    if len(found) > limit:
        output.print_line(f"there are more: --after {shown[-1].customer_id}")


@app.command("show")
def show(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    days: Annotated[int | None, typer.Option("--days", min=1, max=730, help="how far back (default: 90)")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one customer: what they were given, runs, billing.

    It shows the newest runs about them, and what billing answered last.
    """
    from datetime import UTC, datetime

    from placet.interfaces.cli.run_output import print_runs
    from placet.interfaces.cli.running.in_hand import print_evidence
    from placet.service.customers import GIVEN_DAYS, find_customer

    toolbox: Toolbox = context.obj
    found = find_customer(
        toolbox.database(), toolbox.tenant, customer_id, now=datetime.now(UTC), days=days or GIVEN_DAYS
    )
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    output.print_field("customer", f"{found.customer.customer_id}   {counted(found.customer.runs, 'run')}")
    period = f"in {counted(found.given.days, 'day')}"
    for contact in found.given.contacts:
        output.print_field("given" if contact.standing != "pending" else "pending", _contact(contact))
    if not found.given.contacts:
        output.print_field("given", f"nothing {period}{' that was not taken back' if found.taken_back else ''}")
    for run in found.latest:
        if run.run_id in found.taken_back:
            output.print_field("undone", f"{minute(run.updated_at)}  what run {run.reverses} did, by run {run.run_id}")
    if found.facts is not None:
        output.print_field("as of", f"{minute(found.facts.read_at)}, read by run {found.facts_of}")
        if found.changed_since:
            said = f"{counted(len(found.changed_since), 'run')} changed something since: the balance may be another now"
            output.print_field("note", said)
        print_evidence(found.facts)
    print_runs(found.latest)
    if found.customer.runs > len(found.latest):
        output.print_line(
            f"{found.customer.runs} runs in all: `placet run list --customer {found.customer.customer_id}`"
        )


def _contact(contact: "Contact") -> str:
    what = "what it was cannot be read any more" if contact.treatment is None else contact.treatment.replace("_", " ")
    cost = "" if contact.cost is None else f", {contact.cost}"
    said = "" if contact.standing == "given" else f" ({_STANDING[contact.standing]})"
    return f"{minute(contact.at)}  {what}{cost}{said}  run {contact.run_id}"
