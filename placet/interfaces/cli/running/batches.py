"""`placet approve|reject` for many runs at once: one table to look at, one signature, one line of outcome for each."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import typer

from placet.contracts.proposal import MutationKind
from placet.contracts.text import counted, one_line, spoken
from placet.interfaces.cli import output
from placet.interfaces.cli.amounts import amount
from placet.interfaces.cli.running.runs import UNFINISHED
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placet.service.deciding.batch_choice import BatchLimits, BatchVerdict, PreparedBatch
    from placet.service.deciding.batches import MemberOutcome
    from placet.service.deciding.ends import Became


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person asked to decide at once, as it was typed."""

    run_ids: tuple[str, ...]
    all_waiting: bool
    agent: str | None
    kinds: tuple[str, ...]
    treatments: tuple[str, ...]
    max_cost: str | None
    total_cost: str | None

    @property
    def single(self) -> str | None:
        """The one run that is meant where nothing asks for a batch.

        Raises:
            typer.BadParameter: neither runs nor `--all` were given, or both.
        """
        if self.all_waiting == bool(self.run_ids):
            raise typer.BadParameter("name the runs, or choose among all that wait with --all", param_hint="RUN")
        limited = self.agent or self.kinds or self.treatments or self.max_cost or self.total_cost
        return None if self.all_waiting or limited or len(set(self.run_ids)) > 1 else self.run_ids[0]


@dataclass(frozen=True, slots=True)
class Signing:
    """Who signs, with which key, why, and where the signature goes."""

    name: str
    key_file: Path | None
    reason: str
    print_only: bool
    wait: float


def decide_batch(toolbox: Toolbox, verdict: "BatchVerdict", selection: Selection, signing: Signing) -> int:
    """Show what would be decided, sign it once, and send each run its share.

    Returns the exit code: 1 when any of them was refused, 3 when any was not reviewed in time.
    """
    from placet.service.deciding.batch_choice import prepare_batch
    from placet.service.deciding.batches import deliver_batch, record_batch, sign_prepared
    from placet.service.deciding.ends import PATIENCE, what_became

    limits = _limits(selection)  # before anything is looked for: what is mistyped is said at once
    check_signer(toolbox, signing.name, signing.key_file)
    database = toolbox.database()
    run_ids = None if selection.all_waiting else selection.run_ids
    prepared = prepare_batch(database, toolbox.tenant, verdict, limits, run_ids)
    _print_left_out(prepared, each=not selection.all_waiting)
    _print_table(prepared, beside=signing.print_only)
    if verdict == "approve":
        _print_rooms(toolbox, prepared)
    key = load_signer(toolbox, signing.name, signing.key_file).key
    decisions = sign_prepared(prepared, tenant=toolbox.tenant, signer=signing.name, reason=signing.reason, key=key)
    if signing.print_only:
        for run_id, decision in decisions.items():
            output.print_text(json.dumps({"run_id": run_id, "decision": json.loads(decision)}))
        return 0
    batch = record_batch(database, toolbox.tenant, next(iter(decisions.values())))
    records = [choice.record for choice in prepared.choices]

    async def deliver() -> "tuple[tuple[MemberOutcome, ...], tuple[Became, ...]]":
        outcomes = await deliver_batch(database, await toolbox.engine(), records, decisions, signing.wait)
        counted_fully = [one.run_id for one in outcomes if one.code == "accepted" and not one.detail]
        if verdict != "approve":
            return outcomes, ()
        return outcomes, await what_became(database, counted_fully, min(signing.wait, PATIENCE))

    outcomes, became = toolbox.run(deliver())
    code = _report(outcomes, f"{verdict} by {signing.name}", batch.root, signing.wait)
    went_wrong = _print_ends(became, signing.wait)
    return code or int(went_wrong)


def _limits(selection: Selection) -> "BatchLimits":
    from placet.service.deciding.batch_choice import parse_limits

    for kind in selection.kinds:
        if kind not in get_args(MutationKind):
            known = ", ".join(get_args(MutationKind))
            raise typer.BadParameter(f"{kind!r} is not one of {known}", param_hint="--kind")
    return parse_limits(
        {
            "agent": selection.agent,
            "kinds": selection.kinds,
            "treatments": selection.treatments,
            "max_cost": amount(selection.max_cost, "--max-cost"),
            "total_cost": amount(selection.total_cost, "--total-cost"),
        }
    )


def _print_left_out(prepared: "PreparedBatch", *, each: bool) -> None:
    """Print on stderr what is left out, so that what `--print` writes is decisions and nothing else."""
    lines = [f"{run_id}  left out: {reason}" for run_id, reason in prepared.left_out]
    if lines and not each:
        lines = [f"left out: {counted(len(lines), 'more run')}, outside the limits or not to be decided now"]
    for line in lines:
        output.print_notice(line)


def _print_table(prepared: "PreparedBatch", *, beside: bool) -> None:
    """Print every run that would be decided, then how many and how much; on stderr `beside` what is written."""
    rows = [("run", "customer", "treatment", "amount")]
    rows += [
        (one.record.run_id, one.proposal.customer_id, one.proposal.name, one.proposal.price) for one in prepared.choices
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{run:<{widths[0]}}  {customer:<{widths[1]}}  {treatment:<{widths[2]}}  {cost:>{widths[3]}}"
        for run, customer, treatment, cost in rows
    ]
    bounds = prepared.bounds
    lines.append(f"to {prepared.verdict}: {counted(len(prepared.choices), 'proposal')}, {prepared.total} in total")
    lines.append(
        f"bounds signed: agent {bounds.agent}; {', '.join(bounds.kinds)}; {', '.join(bounds.treatments)}; "
        f"at most {bounds.max_cost} each, {bounds.total_cost} in total"
    )
    for line in lines:
        (output.print_notice if beside else output.print_line)(line)


def _print_rooms(toolbox: Toolbox, prepared: "PreparedBatch") -> None:
    """Print what the budgets of strategies have for it: what finds no room when its turn comes is denied."""
    from placet.service.deciding.budget_room import rooms_for

    proposals = [one.proposal for one in prepared.choices]
    for room in rooms_for(toolbox.database(), toolbox.tenant, proposals):
        output.print_notice(f"{'' if room.enough else 'NOT ENOUGH: '}{room}")


def _print_ends(became: "Sequence[Became]", wait: float) -> bool:
    """Print what became of what was approved by everybody who must; returns whether anything ended without effect."""
    from placet.service.deciding.ends import summary

    if not became or not wait:
        return False
    failed = [one for one in became if one.over and one.state != "executed"]
    for one in failed:
        output.print_line(f"{one.run_id}  approved, and then {spoken(one.state)} ({one.code}): {one_line(one.detail)}")
    output.print_line(f"of {counted(len(became), 'approved run')}: {summary(became)}")
    return bool(failed)


def _report(outcomes: "Sequence[MemberOutcome]", who: str, root: str, wait: float) -> int:
    accepted = waiting = 0
    for outcome in outcomes:
        if outcome.code is None:
            waiting += 1
            said = "delivered, not reviewed yet"
        elif outcome.code == "accepted":
            accepted += 1
            said = "accepted"
        else:
            what = "refused" if outcome.delivered else "not delivered"
            said = f"{what} ({outcome.code}): {one_line(outcome.detail)}"
        output.print_line(f"{outcome.run_id}  {who}: {said}")
    refused = len(outcomes) - accepted - waiting
    output.print_line(f"batch {root[:16]}: {accepted} accepted, {refused} refused, {waiting} not reviewed yet")
    if refused:
        return 1
    return UNFINISHED if waiting and wait else 0
