"""`placet inbox`: what waits for a person, soonest first, who is asked, and until when."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from placet.contracts.proposal import MutationKind
from placet.contracts.text import NAME, quoted, shortened, spoken_list
from placet.contracts.times import minute, rfc3339
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.roles import say_unknown
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.service.inbox import InboxPage, Waiting


_HALTS = 3
"""Named above everything else; `placet halts` lists them all."""


def register(root: typer.Typer) -> None:
    """Add this command."""
    root.command("inbox")(inbox)


def inbox(
    context: typer.Context,
    role: Annotated[str | None, typer.Option("--role", help="only what asks holders of this role")] = None,
    decider: Annotated[
        str | None, typer.Option("--for", help="only what this person, as enrolled, may still answer")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", help="only this agent's proposals")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help=f"only this kind: {' | '.join(get_args(MutationKind))}; repeatable"),
    ] = None,
    treatment: Annotated[list[str] | None, typer.Option("--treatment", help="only this treatment; repeatable")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="only this customer's")] = None,
    min_cost: Annotated[
        str | None, typer.Option("--min-cost", help="only what costs at least this: '5.00 USD'")
    ] = None,
    max_cost: Annotated[
        str | None, typer.Option("--max-cost", help="only what costs at most this: '20.00 USD'")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="rows of this page")] = 50,
    after: Annotated[str | None, typer.Option("--after", help="run that ended the page before")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List what waits for a person: decisions and settlements.

    What closes first comes first.
    """
    from placet.service.inbox import parse_filter, read_inbox

    toolbox: Toolbox = context.obj
    wanted = parse_filter(
        {
            "roles": None if role is None else (role,),
            "decider": decider,
            "agent": agent,
            "kinds": tuple(kind or ()),
            "treatments": tuple(treatment or ()),
            "customer_id": customer,
            "cost_at_least": amount(min_cost, "--min-cost"),
            "cost_at_most": amount(max_cost, "--max-cost"),
        }
    )
    now = datetime.now(UTC)
    page = read_inbox(toolbox.database(), toolbox.tenant, wanted, now, limit=limit, after=after)
    if as_json:
        output.print_json([document(row) for row in page.rows])
    else:
        _print(page, filtered=wanted != parse_filter({}))
    _say_how_many(page, after)
    _say_halted(toolbox)
    if role is not None and not page.total:
        say_unknown(toolbox, role)
    if treatment and not page.total:
        _say_unknown_treatments(toolbox, treatment)


def _say_unknown_treatments(toolbox: Toolbox, asked: list[str]) -> None:
    """Say which treatments no application has: a misspelt one finds nothing for ever."""
    from placet.decisioning.compensation import REVERSAL

    known = sorted({REVERSAL, *(one for agent in toolbox.agents for one in toolbox.treatments(agent))})
    for unknown in sorted(set(asked) - set(known)):
        output.print_notice(f"no application has a treatment {shortened(unknown, NAME)!r}; known: {', '.join(known)}")


def document(row: "Waiting") -> dict[str, Any]:
    """Return one row for another program."""
    asked = row.asked
    return {
        **row.record.model_dump(mode="json"),
        "proposal_document": asked.proposal.model_dump(mode="json") if asked else None,
        "roles": list(asked.roles) if asked else [],
        "quorum": asked.gate.quorum if asked else None,
        "approvals": asked.approvals if asked else None,
        "expires_at": rfc3339(asked.gate.expires_at if asked else row.waits_until),
        "fault": row.fault,
    }


def _print(page: "InboxPage", *, filtered: bool) -> None:
    if not page.total:
        what = "nothing that waits is within these filters" if filtered else "nothing waits for a decision"
        output.print_line(what)
    for row in page.rows:
        record, asked = row.record, row.asked
        by = f"  amended by {asked.proposal.amended_by}" if asked and asked.proposal.amended_by else ""
        output.print_line(f"{record.run_id}  {record.state}  requested by {record.requested_by}{by}")
        if row.fault:
            output.print_line(f"  DAMAGED: {quoted(row.fault)}")
        if asked is not None:
            proposal = asked.proposal
            output.print_line(f"  {proposal.name}: {proposal.mutation.describe()}; {proposal.price}")
        output.print_line(f"  {_asks(row)}")


def _asks(row: "Waiting") -> str:
    asked = row.asked
    if asked is None:
        return (
            f"of customer {row.record.customer_id}; nobody can decide it as it is, cancel it or restore what is missing"
        )
    who = spoken_list(asked.roles, " or ")
    if row.record.state == "unknown_outcome":
        return f"a {who} must find out what happened and settle it" if who else "a person must settle what happened"
    quorum, until = asked.gate.quorum, minute(asked.gate.expires_at)
    many = f"{asked.approvals} of {quorum} approvals, asks a {who}" if quorum > 1 else f"asks a {who}"
    return f"{many}, until {until}"


def _say_halted(toolbox: Toolbox) -> None:
    """Say on stderr which halts are in force: a yes to what they stop is refused."""
    with toolbox.database().reading() as tx:
        halts = tx.halts.list(toolbox.tenant, limit=_HALTS + 1)
    for halt in halts[:_HALTS]:
        of = f"{halt.scope} {halt.subject}" if halt.subject else "everything"
        output.print_notice(f"halted: {of}, by {halt.placed_by}: {quoted(halt.reason)}; see `placet halts`")
    if len(halts) > _HALTS:
        output.print_notice("more halts are in force; see `placet halts`")


def _say_how_many(page: "InboxPage", after: str | None) -> None:
    """Say on stderr how many there are: nobody may take a page for all there is."""
    if page.next is not None:
        output.print_notice(f"showing {len(page.rows)} of {page.total}; go on with --after {page.next}")
    elif after is not None:
        output.print_notice(f"showing the last {len(page.rows)} of {page.total}")
