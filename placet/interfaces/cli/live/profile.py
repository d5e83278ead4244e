"""`placet profile show`: all that is known of a customer in one view, each field with its source and age."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

app = typer.Typer(no_args_is_help=True, help="Customers in one view: billing, events, decisions, keys.")


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="profile")


@app.command("show")
def show(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    reveal: Annotated[bool, typer.Option("--reveal", help="show numbers, hashed addresses and devices whole")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show all that is known of a customer, with source and age.

    Billing is not asked: what it answered a run last is as old as the field says.
    """
    from pydantic import TypeAdapter

    from placet.contracts.base import CustomerId
    from placet.interfaces.profile_words import NOTHING, TITLES, origin_in_words, profile_of
    from placet.service.given import value_of
    from placet.service.state.profile import known_of

    toolbox: Toolbox = context.obj
    value_of(customer_id, TypeAdapter(CustomerId), "customer")
    profile = profile_of(known_of(toolbox.database(), toolbox.tenant, customer_id, datetime.now(UTC)), reveal=reveal)
    if as_json:
        output.print_json(profile.model_dump(mode="json"))
        return
    output.print_field("customer", profile.customer_id)
    for section in profile.sections:
        output.print_line("")
        output.print_line(TITLES[section.name])
        for field in section.fields:
            output.print_line(f"  {field.label}: {field.value}  [{origin_in_words(field.origin, profile.as_of)}]")
        if not section.fields:
            output.print_line(f"  {NOTHING[section.name]}")
    if profile.keys_masked and profile.sections[-1].fields:
        output.print_line("keys are masked; --reveal shows them")
