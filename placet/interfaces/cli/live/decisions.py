"""`placet decide`: what all published strategies would do for a customer now, and what they would in another case."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placet.contracts.base import CustomerId
from placet.contracts.events.kinds import Channel
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.options import JsonFlag, time_of
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placet.service.strategies.deciding import Case


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("decide")(decide)


def decide(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="for whom")],
    channel: Annotated[str, typer.Option("--channel", help="sms, push, email, agent and so on")] = "agent",
    at: Annotated[str | None, typer.Option("--at", help="as of then: 2026-03-01T09:30:00Z")] = None,
    suppose: Annotated[
        list[str] | None, typer.Option("--what-if", metavar="FACT", help="suppose it: 'products = 2', 'channel = sms'")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the next best action by all published strategies.

    What is offered and what it is worth, what a care agent may say, what not to offer, and why nothing else. With
    --what-if (as often as you like), the decision in that case stands beside it: a fact of `placet cohort columns`,
    `channel` or `at`. Nothing is sent, and nothing is kept.
    """
    from placet.interfaces.telling.decisions import published_lines, what_if_lines
    from placet.service.strategies.deciding import Case, decide_by_published
    from placet.service.strategies.supposing import what_if

    toolbox: Toolbox = context.obj
    now, customer_id = datetime.now(UTC), _given(customer, CustomerId, "customer")
    as_is = Case(_given(channel, Channel, "channel"), time_of(at, "--at") or now)
    database, tenant, policies = toolbox.database(), toolbox.tenant, policies_by_agent(toolbox)
    if suppose:
        supposed = _supposed(as_is, suppose)
        _print(what_if(database, tenant, customer_id, policies, as_is, supposed, now), what_if_lines, as_json=as_json)
    else:
        found = decide_by_published(
            database, tenant, customer_id, policies, channel=as_is.channel, at=as_is.at, now=now
        )
        _print(found, published_lines, as_json=as_json)


def _print(found: Any, lines: Any, *, as_json: bool) -> None:
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_grouped(lines(found))


def _supposed(as_is: "Case", texts: "Sequence[str]") -> "Case":
    """Return the case that is supposed: a channel and a time are written as facts are."""
    from placet.decisioning.next_best_action.supposing import said_in, supposed_of
    from placet.service.strategies.deciding import Case

    said, facts = dict[str, str](), list[str]()
    for text in texts:
        name, value = said_in(text)
        if name not in ("channel", "at"):
            facts.append(text)
        elif name in said:
            raise UsageError(f"{name} is supposed twice; leave one of them out", code="malformed")
        else:
            said[name] = value
    channel = _given(said["channel"], Channel, "channel") if "channel" in said else as_is.channel
    at = time_of(said["at"], "--what-if at") if "at" in said else None
    return Case(channel, at or as_is.at, supposed_of(facts))


def _given(text: str, kind: Any, what: str) -> Any:
    from pydantic import TypeAdapter

    from placet.service.given import value_of

    return value_of(text, TypeAdapter(kind), what)
