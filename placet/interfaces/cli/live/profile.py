"""`placet profile`: all that is known of a customer in one view, and which ids are one person."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import wrote
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.cli.options import AsOption, ByOption, JsonFlag, KeyOption, asking
from placet.interfaces.cli.signing import load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.people.merge import MergeRecord
    from placet.governance.policy.set import PolicySet

_Reason = Annotated[str, typer.Option("--reason", help="why; kept on the record with your signature")]

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


@app.command("merge")
def merge(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER", help="the id that the person keeps")],
    merged_id: Annotated[str, typer.Argument(metavar="OTHER", help="the id that is the same person")],
    name: AsOption,
    reason: _Reason,
    by: ByOption = None,
    key_file: KeyOption = None,
) -> None:
    """Sign that two customer ids are one person, until you split them.

    Policy says who may, and that it is not who asked for it (--by). Each id keeps its own events: nothing is moved.
    """
    from placet.service.documents.merges import sign_merge, take_merge

    toolbox: Toolbox = context.obj
    output.print_line(f"to be merged: {merged_id} into {customer_id}")
    envelope = sign_merge(
        tenant=toolbox.tenant,
        name=name,
        customer_id=customer_id,
        merged_id=merged_id,
        drafted_by=asking(toolbox, by),
        reason=reason,
        key=load_signer(toolbox, name, key_file).key,
    )
    taken = take_merge(toolbox.database(), envelope, tenant=toolbox.tenant, policies=_policies(toolbox))
    output.print_line(_line(taken))


@app.command("split")
def split(
    context: typer.Context,
    merge_id: Annotated[str, typer.Argument(metavar="MERGE", help="its id, or an unambiguous beginning of it")],
    name: AsOption,
    reason: _Reason,
    by: ByOption = None,
    key_file: KeyOption = None,
) -> None:
    """Sign that a merge is undone: both ids are as if there had been none."""
    from placet.service.documents.merges import find_merge, sign_split, take_split

    toolbox: Toolbox = context.obj
    found = find_merge(toolbox.database(), toolbox.tenant, merge_id)
    output.print_line(f"to be split: {_line(found)}")
    key = load_signer(toolbox, name, key_file).key
    envelope = sign_split(found, name=name, drafted_by=asking(toolbox, by), reason=reason, key=key)
    taken = take_split(toolbox.database(), envelope, tenant=toolbox.tenant, policies=_policies(toolbox))
    output.print_line(_line(taken))


@app.command("merges")
def merges(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the merges of customers, split ones included."""
    from placet.service.documents.merges import list_merges

    toolbox: Toolbox = context.obj
    found = list_merges(toolbox.database(), toolbox.tenant)
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    output.print_lines(map(_line, found), none="no merges")


def _line(record: "MergeRecord") -> str:
    one = record.merge
    signed = f"signed by {one.signer} {minute(one.signed_at)}"
    said = f"{one.document_id[:16]}  {one.merged_id} is {one.customer_id}, {signed}"
    if record.split_at is not None:
        return f"{said}, split by {record.split_by} {minute(record.split_at)}"
    return f"{said}; {wrote(one.signer, one.reason)}"


def _policies(toolbox: Toolbox) -> "dict[str, PolicySet]":
    """Read the policy set in force for each agent."""
    from placet.governance.policy.set import PolicySet
    from placet.service.policy_files import read_policy_files

    return {agent: PolicySet(read_policy_files(toolbox.policy_path(agent))) for agent in toolbox.agents}
