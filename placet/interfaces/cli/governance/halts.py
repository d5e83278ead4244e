"""`placet halt|halts|resume`: stop executions at once, and let them go on again on an entitled signature."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from placet.contracts.people.halt import Halt, HaltScope
from placet.contracts.proposal import MutationKind
from placet.contracts.text import wrote
from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.options import AsOption, JsonFlag, KeyOption, ReasonOption, asking
from placet.interfaces.cli.signing import load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.policy.set import PolicySet


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.command("halt")(halt)
    root.command("halts")(list_halts)
    root.command("resume")(resume)


def halt(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="why; whoever lifts it reads this")],
    agent: Annotated[str | None, typer.Option("--agent", help="only this agent (default: everything)")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help=f"only this kind of mutation: {' | '.join(get_args(MutationKind))}")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="who halts (default: the operator)")] = None,
) -> None:
    """Stop executions from this moment on.

    It stops all of the tenant, those of one agent, or those of one kind of mutation.
    Nothing that was approved or cleared before executes either. Anyone who operates may halt.
    """
    from placet.service.documents.halts import place_halt

    if agent is not None and kind is not None:
        raise typer.BadParameter("it goes with --kind for two halts, not for one", param_hint="--agent")
    toolbox: Toolbox = context.obj
    scope: HaltScope = "agent" if agent is not None else "kind" if kind is not None else "tenant"
    placed, under_way = place_halt(
        toolbox.database(),
        tenant=toolbox.tenant,
        scope=scope,
        subject=agent or kind or "",
        by=asking(toolbox, by),
        reason=reason,
        agents=toolbox.agents,
    )
    output.print_line(_line(placed))
    for effect in under_way:
        output.print_line(
            f"{effect.run_id}  was leaving already and may still arrive until {moment(effect.lease_until)}; "
            f"see `placet run show {effect.run_id}`"
        )


def list_halts(
    context: typer.Context,
    lifted: Annotated[bool, typer.Option("--all", help="those that were lifted as well")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List the halts in force."""
    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        halts = tx.halts.list(toolbox.tenant, lifted=lifted)
    if as_json:
        output.print_json([each.model_dump(mode="json") for each in halts])
        return
    output.print_lines((_line(each) for each in halts), none="no halts" if lifted else "no halt is in force")


def resume(
    context: typer.Context,
    halt_id: Annotated[str, typer.Argument(metavar="HALT", help="id of the halt; see `placet halts`")],
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Lift a halt: sign that executions may go on. Policy says who may."""
    from placet.service.documents.halts import find_halt, lift_halt, sign_lift

    toolbox: Toolbox = context.obj
    found = find_halt(toolbox.database(), toolbox.tenant, halt_id)
    output.print_line(f"to be lifted: {_line(found)}")
    key = load_signer(toolbox, name, key_file).key
    envelope = sign_lift(found, name=name, reason=reason, key=key)
    lift_halt(toolbox.database(), envelope, tenant=toolbox.tenant, policies=_policies(toolbox))
    output.print_line(f"{halt_id}  lifted by {name}")
    with toolbox.database().reading() as tx:
        for each in tx.halts.list(toolbox.tenant):
            output.print_line(f"still in force: {_line(each)}")


def _policies(toolbox: Toolbox) -> "dict[str, PolicySet]":
    """Read the policy set in force for each agent."""
    from placet.governance.policy.set import PolicySet
    from placet.service.policy_files import read_policy_files

    return {agent: PolicySet(read_policy_files(toolbox.policy_path(agent))) for agent in toolbox.agents}


def _line(one: Halt) -> str:
    from placet.governance.halts import what_it_stops

    lifted = "" if one.lifted_at is None else f", lifted {moment(one.lifted_at)} by {one.lifted_by}"
    placed = f"placed {moment(one.placed_at)} by {one.placed_by}"
    doubt = f"; {one.doubt}" if one.doubt else ""
    return f"{one.halt_id}  stops {what_it_stops(one)}, {placed}{lifted}; {wrote(one.placed_by, one.reason)}{doubt}"
