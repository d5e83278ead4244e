"""How the answers of policy look on a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from placet.interfaces.cli import output

if TYPE_CHECKING:
    from placet.governance.policy_cases import CasesReport
    from placet.governance.policy_explain import Recorded, RunExplained
    from placet.governance.policy_source import Finding
    from placet.governance.policy_why import Explained, Say

_SHOWN = 16
"""Of a version, in characters."""


def print_findings(place: Path, version: str, findings: "Sequence[Finding]") -> None:
    """What is to be said about one policy set."""
    folder = place.parent if place.is_file() else place
    for finding in findings:
        at = f"{folder / finding.file}:{finding.line}"
        _line(f"{at}: {finding.severity}: {finding.message} [{finding.code}]")
    _line(f"{place}: {'checked' if findings else 'sound'}, version {version[:_SHOWN]}")


def print_cases(table: Path, report: "CasesReport") -> None:
    """Each case in a line; what fell short where one failed."""
    for result in report.results:
        if result.passed:
            _line(f"ok    {result.name}")
            continue
        got = "allow" if result.explained.allowed else "deny"
        by = f"by {', '.join(result.explained.policies)}" if result.explained.policies else result.explained.detail
        _line(f"FAIL  {result.name}  ({table}:{result.line})")
        _line(f"      {result.explained.question}")
        _line(f"      expected {result.expected}; got {got}: {by}")
        _print_says(result.explained, "      ")
    _line(f"{table}: {len(report.results)} cases, {report.failures} failed")
    if report.never_decisive:
        _line(f"{table}: decided no case: {', '.join(report.never_decisive)}")


def print_explained(explained: "RunExplained") -> None:
    """A run's gate, its decisions, and who could decide it now."""
    _line(f"run       {explained.run_id}  {explained.state}")
    if explained.gate is not None:
        _print_recorded("gate", explained.gate)
    for decision in explained.decisions:
        _print_recorded("decision", decision)
    if explained.propose_now is None:
        _line(f"now       no policy set is in force, so that nothing is permitted: {explained.problem}")
    else:
        same = explained.gate is not None and explained.gate.policy_set == explained.in_force
        _line(
            f"now       were it asked now: policy set {str(explained.in_force)[:_SHOWN]}"
            f" ({'the same as at the gate' if same else 'another one than at the gate'})"
        )
        _line(f"          {explained.propose_now.question} {_answer(explained.propose_now)}")
        if not explained.propose_now.allowed:
            _print_says(explained.propose_now, "          ")
    if not explained.approvers:
        _line("          nobody is enrolled who could decide")
    for approver in explained.approvers:
        _line(f"          {'yes' if approver.allowed else 'no '}  {approver.name}: {approver.because}")
        if approver.explained is not None and not approver.allowed:
            _print_says(approver.explained, "               ")


def _print_recorded(what: str, recorded: "Recorded") -> None:
    by = f" by policy {', '.join(recorded.policies)}" if recorded.policies else ""
    detail = f" ({recorded.detail})" if recorded.detail and recorded.detail != recorded.outcome else ""
    _line(f"{what:<9} {recorded.at:%Y-%m-%d %H:%M:%S}  {recorded.who}: {recorded.outcome}{by}{detail}")
    if recorded.policy_set is not None:
        _line(f"          policy set {recorded.policy_set[:_SHOWN]}")
    if recorded.explained is not None:
        _print_says(recorded.explained, "          ")
    elif recorded.policies:
        _line("          its conditions cannot be shown: the text of that set is not kept, or speaks an older schema")
    if recorded.agrees is False and recorded.explained is not None:
        _line(f"          ATTENTION: asked again, that set says: {_answer(recorded.explained)}")


def _print_says(explained: "Explained", indent: str) -> None:
    for say in explained.says:
        _print_say(say, indent)


def _print_say(say: "Say", indent: str) -> None:
    told = f": {say.description}" if say.description else ""
    _line(f"{indent}{say.effect} {say.policy} ({say.where}){'' if say.applies else ' fell short'}{told}")
    # Of a policy that applied every condition held; of one that fell short, what failed is the reason.
    for condition in say.conditions:
        if say.applies or not condition.holds:
            _line(f"{indent}  {'yes' if condition.holds else 'no '}  {condition.words}")


def _answer(explained: "Explained") -> str:
    by = f" by {', '.join(explained.policies)}" if explained.policies else ""
    return f"{'yes' if explained.allowed else 'no'}, {explained.detail}{by}"


def _line(text: str) -> None:
    """One line; what people and other systems wrote cannot steer the terminal."""
    output.print_line(
        "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    )
