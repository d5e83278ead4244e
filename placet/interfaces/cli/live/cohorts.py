"""`placet cohort`: check an expression, see whom it has, and the named segments of the trade."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import counted
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.cli.live.asked_base import AsOfOption, BaseOption, ask_base
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox
from placet.interfaces.state_words import ONLY_SAID, only_said, only_said_in_words
from placet.interfaces.telling.kpis import left_out_in_words

if TYPE_CHECKING:
    from placet.contracts.cohorts.preview import CohortPreview, Membership
    from placet.decisioning.cohorts.cohort import Cohort

app = typer.Typer(no_args_is_help=True, help="Cohorts: SQL conditions on the live state of customers.")

ExpressionArgument = Annotated[
    str | None, typer.Argument(metavar="EXPRESSION", help="such as 'recharges_30d = 0 AND balance_checks_7d >= 3'")
]
FileOption = Annotated[Path | None, typer.Option("--file", metavar="FILE", help="read the expression from a file")]
SegmentOption = Annotated[str | None, typer.Option("--segment", metavar="NAME", help="a named segment instead")]

_IS_IN_IT = {"yes": "is in it", "no": "is not in it", "unknown": "is not in it: what it asks is not known of them"}
_LARGEST = 16_384
_MOST_OVERLAPS = 8


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="cohort")


@app.command("check")
def check(
    context: typer.Context,
    expression: ExpressionArgument = None,
    file: FileOption = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="CUSTOMER", help="also say whether this one is in it")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check an expression, and whether a customer is in it.

    It names what is wrong and where: an unknown column, a wrong type, an aggregate, what is always true or never.
    """
    from placet.service.cohorts import checked

    cohort = given_cohort(expression, file, None)
    found = checked(cohort)
    member = None if customer is None else _member(context.obj, customer, cohort)
    if as_json:
        told = {} if member is None else {"customer_id": customer, "member": member}
        output.print_json({**found.model_dump(mode="json"), **told})
        return
    output.print_field("cohort", found.expression)
    output.print_field("asks", ", ".join(found.columns))
    output.print_field("digest", found.digest)
    if member is not None:
        output.print_field("customer", f"{customer}: {_in_words(context.obj, customer or '', member)}")


@app.command("preview")
def preview(
    context: typer.Context,
    expression: ExpressionArgument = None,
    file: FileOption = None,
    segment: SegmentOption = None,
    base: BaseOption = None,
    as_of: AsOfOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show whom a cohort has, of all customers.

    It counts them, says by what they differ from the base and which named segments they are in, and names a few.
    """
    from placet.service.cohorts import preview as preview_of

    toolbox: Toolbox = context.obj
    cohort = given_cohort(expression, file, segment)
    asked = ask_base(
        toolbox,
        base,
        as_of,
        of_file=lambda file: toolbox.preview_of_file(file, cohort.written),
        of_database=lambda database, tenant, at: preview_of(database, tenant, cohort, at),
    )
    asked.print(_print, as_json=as_json)


@app.command("list")
def list_all(
    context: typer.Context,
    count: Annotated[bool, typer.Option("--count", help="also count the customers of each")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the named segments, by category."""
    from placet.service.cohorts import count_segments, fold_all, list_segments

    toolbox: Toolbox = context.obj
    segments, sizes = list_segments(), {}
    if count:
        database = toolbox.database()
        fold_all(database, toolbox.tenant)
        _, counted_segments = count_segments(database, toolbox.tenant, datetime.now(UTC))
        sizes = {one.name: one for one in counted_segments}
    if as_json:
        shown = [one.model_dump(mode="json") for one in segments]
        if count:
            shown = [{**one, "members": sizes[one["name"]].members if one["name"] in sizes else None} for one in shown]
        output.print_json(shown)
        return
    category = ""
    for one in segments:
        if one.category != category:
            category = one.category
            output.print_line(category.replace("_", " "))
        size = sizes.get(one.name)
        many = f"  {counted(size.members, 'customer')} ({size.percent} %)" if size else ""
        needs = f"  left out: there is no {', '.join(one.needs)} yet" if one.needs else ""
        output.print_line(f"  {one.name}: {one.about}{many}{needs}")
        output.print_line(f"    {one.expression}")


@app.command("columns")
def columns(
    context: typer.Context,  # noqa: ARG001 - every command has it
    as_json: JsonFlag = False,
) -> None:
    """List the columns that an expression may name."""
    from placet.service.cohorts import list_columns

    found = list_columns()
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    for one in found:
        unknown = f"; NULL where {one.unknown}" if one.unknown else ""
        choices = f" ({', '.join(one.choices)})" if one.choices else ""
        output.print_line(f"{one.name}  {one.type}: {one.about}{choices}{unknown}")


def _member(toolbox: Toolbox, customer_id: str, cohort: "Cohort") -> "Membership":
    from pydantic import TypeAdapter

    from placet.contracts.base import CustomerId
    from placet.service.cohorts import membership
    from placet.service.given import value_of

    value_of(customer_id, TypeAdapter(CustomerId), "customer")
    return membership(toolbox.database(), toolbox.tenant, customer_id, cohort, datetime.now(UTC))


def _in_words(toolbox: Toolbox, customer_id: str, member: "Membership") -> str:
    from placet.service.state.current import state_of

    if member != "unknown":
        return _IS_IN_IT[member]
    state = state_of(toolbox.database(), toolbox.tenant, customer_id, datetime.now(UTC))
    if only_said(state):
        return f"is not in it: {ONLY_SAID}"
    return "is not in it: no event of them is known" if state.newest is None else _IS_IN_IT[member]


def given_cohort(expression: str | None, file: Path | None, segment: str | None) -> "Cohort":
    """Return the cohort that is given in one of three ways."""
    from placet.files import read_given
    from placet.service.cohorts import cohort_given

    if sum(one is not None for one in (expression, file, segment)) != 1:
        raise typer.BadParameter("give one of: EXPRESSION, --file, --segment", param_hint="EXPRESSION")
    if file is not None:
        expression = read_given(file, "the expression", most=_LARGEST)
    return cohort_given(expression, segment)


def _print(found: "CohortPreview") -> None:
    output.print_field("cohort", found.checked.expression)
    output.print_field("as of", minute(found.as_of))
    output.print_field("has", f"{found.members:,} of {counted(found.base, 'customer')} ({found.percent} %)")
    if found.unknown:
        output.print_field("unknown", f"of {found.unknown:,} what it asks is not known; they are not in it")
    if found.simulated:
        output.print_field("simulated", f"{found.simulated:,} of all customers have simulated events: nothing is real")
    if found.left_out:
        output.print_field("left out", left_out_in_words(found.left_out, found.unreadable))
    if found.only_said:
        output.print_field("no events", only_said_in_words(found.only_said))
    for one in found.profile:
        output.print_field("differs", one.words)
    for overlap in found.overlaps[:_MOST_OVERLAPS]:
        output.print_field(
            "also",
            f"{overlap.title}: {overlap.both:,} of them, {overlap.percent_of_cohort} % "
            f"(of all customers {overlap.percent_of_base} %)",
        )
    for example in found.examples:
        asked = ", ".join(f"{one.column} {one.value}" for one in example.asked)
        output.print_field("such as", f"{example.customer_id}: {asked}")
    output.print_field("digest", found.checked.digest)
