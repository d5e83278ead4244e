"""`placet oversight seed|report`: whether those who decide look first, and whether they ever say no."""

from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.times import minute
from placet.governance.oversight.stories import Flaw
from placet.interfaces.cli import output
from placet.interfaces.cli.options import ApplicationOption, JsonFlag, application
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.oversight.report import ApproverFigures, OversightReport

app = typer.Typer(no_args_is_help=True, help="Oversight quality: looks, decline rates, control proposals.")

_ENOUGH = 20
"""From how many decisions on a share is shown in percent; below, its counts alone say all there is."""


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="oversight")


@app.command("seed")
def seed(
    context: typer.Context,
    customer: Annotated[str, typer.Option("--customer", help="customer id, e.g. C00042")],
    flaw: Annotated[Flaw, typer.Option("--flaw", help="what is wrong with the proposal")],
    by: Annotated[str, typer.Option("--by", help="who plants it; the record says so, the run does not")],
    agent: ApplicationOption = None,
) -> None:
    """Start a control: a flawed proposal to be declined.

    It is a run that never executes.
    It looks like any run that PLACET_OPERATOR asks for: give that the name under which runs are asked for here. What
    became of it is in `placet oversight report`.
    """
    from placet.service.oversight import seed_control
    from placet.service.runs import build_request

    toolbox: Toolbox = context.obj
    request = build_request(
        tenant=toolbox.tenant,
        customer_id=customer,
        agent=application(toolbox, agent),
        requested_by=toolbox.operator,
        key=None,
        agents=toolbox.agents,
    )
    database = toolbox.database()
    with database.reading() as tx:
        usual = bool(tx.runs.list(toolbox.tenant, requested_by=request.requested_by, limit=1))
    if not usual:
        output.print_warning(
            f"no run was ever asked for by {request.requested_by!r} here: that name may give the control away; "
            "set PLACET_OPERATOR to one that is usual"
        )

    async def begin() -> None:
        await seed_control(database, await toolbox.engine(), request, flaw=flaw, by=by)

    toolbox.run(begin())
    output.print_line(f"{request.run_id}  started as a control ({flaw})")
    output.print_notice(
        f"nothing is planted yet: if billing does not know {customer}, or nothing suits them, the run ends without a "
        f"proposal; look with `placet run show {request.run_id}`"
    )


@app.command("report")
def report(
    context: typer.Context,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="length of the window, up to now")] = 30,
    approver: Annotated[str | None, typer.Option("--approver", help="only this person's figures")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Report how gates were decided, and by whom.

    It says who looked, for how long, how often they said no, and which controls they caught.
    """
    from placet.service.oversight import draw_up_report

    toolbox: Toolbox = context.obj
    drawn = draw_up_report(toolbox.database(), tenant=toolbox.tenant, days=days, approver=approver)
    if as_json:
        output.print_json(drawn.model_dump(mode="json"))
        return
    _print_overall(drawn)
    for one in drawn.approvers:
        _print_approver(one)
    if not drawn.approvers:
        output.print_line("nobody decided")
    for note in drawn.notes:
        output.print_line(f"note: {note}")


def _print_overall(drawn: "OversightReport") -> None:
    all_gates, controls = drawn.overall, drawn.controls
    output.print_line(f"gates opened from {minute(drawn.since)} to {minute(drawn.until)}")
    output.print_line(
        f"asked {all_gates.asked}: decided {all_gates.decided}, expired undecided {all_gates.expired_undecided}, "
        f"ended otherwise {all_gates.ended_otherwise}, waiting {all_gates.waiting}"
    )
    output.print_line(
        f"seen {all_gates.seen}; notifications delivered {all_gates.delivered}, not delivered {all_gates.undelivered}; "
        f"refused attempts {all_gates.refused_attempts}; "
        f"median time to decision {_span(all_gates.median_seconds_to_decision)}"
    )
    output.print_line(
        f"controls {controls.seeded}: caught {controls.caught}, missed {controls.missed}, "
        f"undecided {controls.undecided}, open {controls.open}; never planted {controls.never_planted}"
    )


def _print_approver(one: "ApproverFigures") -> None:
    output.print_line(
        f"{one.approver}  decided {one.decided}: "
        f"approved {_share(one.approved, one.decided, one.approved_bp)}, "
        f"declined {_share(one.declined, one.decided, one.declined_bp)}, "
        f"amended {_share(one.amended, one.decided, one.amended_bp)}"
    )
    output.print_line(f"  in batches {one.batched}, in another's stead {one.delegated}, unseen {one.decided_unseen}")
    output.print_line(
        f"  evidence open ({one.timed}): median {_span(one.median_seconds_open)}, p10 {_span(one.p10_seconds_open)}"
    )
    amended = f", {one.controls_amended} of them amended" if one.controls_amended else ""
    output.print_line(
        f"  controls shown {one.controls_shown}: caught {one.controls_caught}, missed {one.controls_missed}{amended}"
    )


def _share(part: int, whole: int, rate_bp: int | None) -> str:
    counts = f"{part} of {whole}"
    if rate_bp is None or whole < _ENOUGH:
        return counts
    return f"{rate_bp // 100}.{rate_bp % 100:02d} % ({counts})"


def _span(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
