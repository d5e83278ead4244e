"""`placet strategy outcomes`, `questions`, `estimate`: what became of customers, and what a change would bring."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.live.strategy_files import strategy_in
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.outcomes.estimate import StrategyEstimate
    from placet.contracts.outcomes.report import OutcomesReport
    from placet.contracts.outcomes.windows import Days

_DIFFERS = 1


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("outcomes")(outcomes)
    app.command("questions")(questions)
    app.command("estimate")(estimate)


def outcomes(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="its name, or a version or the beginning of one")],
    days: Annotated[str, typer.Option("--days", help="after they entered: 7, 30, 90 or 365")] = "30",
    by: Annotated[str | None, typer.Option("--by", help="as well by: arm or segment")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="derive it again from events; 1 where it differs")] = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="write a table, all groups")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what a strategy changed, with intervals and money.

    Members of its rollout are compared with the control group, by the draw, each in the days after they entered. A
    worker counts each customer once, when their days are over.
    """
    from placet.files import write_file
    from placet.interfaces.telling.outcome_reports import only, report_as_csv, told
    from placet.service.outcomes.reporting import show_outcomes

    toolbox: Toolbox = context.obj
    window, kind = _days(days), _kind(by)
    if verify:
        _verify(toolbox, name, window, as_json=as_json)
        return
    database, policies = toolbox.database(), policies_by_agent(toolbox)
    report = told(show_outcomes(database, toolbox.tenant, name, window, policies))
    if csv is not None:
        write_file(csv, report_as_csv(report))
    shown = only(report, kind or "all")
    if as_json:
        output.print_json(shown.model_dump(mode="json"))
    else:
        _print(shown)
        if csv is not None:
            output.print_line(f"every group is in {csv}")


def questions(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="its name, or a version or the beginning of one")],
    days: Annotated[str, typer.Option("--days", help="after they entered: 7, 30, 90 or 365")] = "30",
    as_json: JsonFlag = False,
) -> None:
    """Answer the five standing questions of control.

    Is doing something better than nothing, is ranking better than chance, and so on: each with figures, or with what
    is missing to answer it.
    """
    from placet.interfaces.telling.estimates.questions import questions_told
    from placet.service.outcomes.questions import control_questions

    toolbox: Toolbox = context.obj
    policies = policies_by_agent(toolbox)
    found = questions_told(control_questions(toolbox.database(), toolbox.tenant, name, _days(days), policies))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    for one in found.answers:
        output.print_line(one.said)


def estimate(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="CHANGED", help="the changed strategy, in YAML")],
    days: Annotated[str, typer.Option("--days", help="after they entered: 7, 30, 90 or 365")] = "30",
    as_json: JsonFlag = False,
) -> None:
    """Estimate what a changed strategy would have brought.

    It takes decisions of the published version of its name in which chance had a part (`explore`), and what became of
    those customers. Nothing is kept, and nothing is sent.
    """
    from placet.interfaces.telling.estimates.changed import told as told_estimate
    from placet.service.outcomes.estimating import estimate as estimate_of

    toolbox: Toolbox = context.obj
    changed, window = strategy_in(file), _days(days)
    database, policies = toolbox.database(), policies_by_agent(toolbox)
    found = told_estimate(estimate_of(database, toolbox.tenant, changed, window, policies))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        _print_estimate(found)


def _print_estimate(found: "StrategyEstimate") -> None:
    from placet.interfaces.telling.estimates.changed import HOW, effective_in_words, figures, summary

    output.print_field("strategy", f"“{found.title}” ({found.strategy}), published version {found.version[:16]}")
    output.print_field("changed", f"version {found.changed[:16]}")
    output.print_line(found.said)
    for line in summary(found):
        output.print_line(f"  {line}")
    for one in found.measures:
        output.print_line(f"{'* ' if one.primary else ''}{one.said}")
        for name, how in HOW.items():
            value, apart, ends = figures(getattr(one, name), found.days, found.currency)
            tells = effective_in_words(getattr(one, name))
            output.print_line(
                f"  {how}: {value}{f'; {apart}, {ends}; tells as much as {tells}' if apart else f': {ends}'}"
            )
    if found.measures:
        output.print_line("* what the strategy is for")


def _days(given: str) -> "Days":
    from placet.contracts.outcomes.windows import HORIZONS

    found = next((one for one in HORIZONS if str(one) == given), None)
    if found is None:
        raise typer.BadParameter(f"{given!r}: write 7, 30, 90 or 365", param_hint="--days")
    return found


def _kind(given: str | None) -> Literal["arm", "segment"] | None:
    if given is None or given in ("arm", "segment"):
        return given  # type: ignore[return-value]  # one of the two by now
    raise typer.BadParameter(f"{given!r}: write arm or segment", param_hint="--by")


def _print(report: "OutcomesReport") -> None:
    from placet.interfaces.telling.outcome_reports import summary

    output.print_field("strategy", f"“{report.title}” ({report.strategy}), version {report.version[:16]}")
    for line in summary(report):
        output.print_line(line)
    for group in report.groups:
        output.print_field(
            group.kind, f"{group.title}: {group.treated:,} treated, {group.control:,} of the control group"
        )
        if group.sample.kind == "unknown" or group.sample.verdict == "sample_ratio_mismatch":
            output.print_notice(f"groups are not as planned: {group.sample.detail}")
        for one in group.measures:
            output.print_line(f"  {'* ' if one.primary else ''}{one.said}")
        if group.value_said:
            output.print_line(f"  in money: {group.value_said}")
    if any(one.primary for group in report.groups for one in group.measures):
        output.print_line("* what the strategy is for")


def _verify(toolbox: Toolbox, name: str, days: "Days", *, as_json: bool) -> None:
    from placet.service.outcomes.verifying import verify_outcomes

    found = verify_outcomes(toolbox.database(), toolbox.tenant, name, days, policies_by_agent(toolbox))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_line(f"{found.same:,} customers: the events say what was counted")
        if found.gone:
            output.print_line(f"{found.gone:,} cannot be derived any more: erased, or events were taken by retention")
        for fault in found.faults:
            output.print_error(fault)
        if found.more:
            output.print_error(f"and {found.more:,} more")
    if found.faults:
        raise typer.Exit(_DIFFERS)
