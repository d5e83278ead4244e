"""How the answers of policy look on a terminal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.interfaces.cli import output

if TYPE_CHECKING:
    from placet.governance.policy.authoring.cases import CasesReport
    from placet.governance.policy.authoring.explain import PassedOver, RunExplained
    from placet.governance.policy.authoring.gate_words import PermitGate
    from placet.governance.policy.authoring.recorded import Recorded
    from placet.governance.policy.authoring.why import Explained, Say
    from placet.governance.policy.source import Finding

_SHOWN = 16
"""Of a version, in characters."""


def print_findings(place: Path, version: str, findings: "Sequence[Finding]", gates: "Sequence[PermitGate]") -> None:
    """Print what is to be said about one policy set, and what its permits to propose ask of people."""
    folder = place.parent if place.is_file() else place
    for finding in findings:
        at = f"{folder / finding.file}:{finding.line}"
        _line(f"{at}: {finding.severity}: {finding.message} [{finding.code}]")
    for gate in gates:
        _line(f"gate  {gate.policy} ({gate.where}): {gate.words}")
    _line(f"{place}: {'checked' if findings else 'sound'}, version {version[:_SHOWN]}")


def print_cases(table: Path, report: "CasesReport") -> None:
    """Print each case in a line; say what fell short where one failed."""
    for result in report.results:
        if result.passed:
            _line(f"ok    {result.name}")
            continue
        _line(f"FAIL  {result.name}  ({table}:{result.line})")
        _line(f"      {result.explained.question}")
        _line(f"      expected {result.expected}")
        _line(f"      got      {result.got}")
        _print_says(result.explained, "      ", _line)
    _line(f"{table}: {counted(len(report.results), 'case')}, {report.failures} failed")
    if report.never_decisive:
        _line(f"{table}: decided no case: {', '.join(report.never_decisive)}")


def print_explained(explained: "RunExplained") -> None:
    """Print a run's gate, its decisions, and who could decide it now."""
    from placet.governance.policy.authoring.gate_words import terms_in_words
    from placet.interfaces.approvals_words import people_of

    _report(f"run       {explained.run_id}  {explained.state}")
    if explained.gate is not None:
        _print_recorded("gate", explained.gate)
    if explained.passed_over is not None:
        _print_passed_over(explained.passed_over)
    told = [("amended", gate) for gate in explained.amendments] + [("decision", one) for one in explained.decisions]
    for what, recorded in sorted(told, key=lambda one: one[1].at):
        _print_recorded(what, recorded)
    if explained.propose_now is None:
        _report(f"now       no policy set is in force, so that nothing is permitted: {explained.problem}")
    else:
        same = explained.gate is not None and explained.gate.policy_set == explained.in_force
        _report(
            f"now       were it asked now: policy set {str(explained.in_force)[:_SHOWN]}"
            f" ({'the same as at the gate' if same else 'another one than at the gate'})"
        )
        _report(f"          {explained.propose_now.question} {_answer(explained.propose_now)}")
        if explained.propose_now.terms is not None:
            _report(f"          its gate would ask: {terms_in_words(explained.propose_now.terms)}")
        if not explained.propose_now.allowed:
            _print_says(explained.propose_now, "          ", _report)
    if not explained.approvers:
        _report("          nobody is enrolled who could decide")
    for person in people_of(explained.approvers):
        stead = f" in the stead of {person.stead}" if person.stead else ""
        _report(f"          {'yes' if person.allowed else 'no '}  {person.name}{stead}: {person.because}")
        for answer in person.explained:
            _print_says(answer, "               ", _report)


def _print_passed_over(passed: "PassedOver") -> None:
    _report(f"mandates  {moment(passed.at)}  looked at {counted(passed.mandates, 'mandate')}: none clears it")
    for one in passed.reasons:
        _report(f"          {f'{one.name}: ' if one.name else ''}{one.detail} ({one.code})")
    if (more := passed.mandates - len(passed.reasons)) > 0:
        _report(f"          and {more} more")


def _print_recorded(what: str, recorded: "Recorded") -> None:
    by = f" by policy {', '.join(recorded.policies)}" if recorded.policies else ""
    detail = f" ({recorded.detail})" if recorded.detail and recorded.detail != recorded.outcome else ""
    _report(f"{what:<9} {moment(recorded.at)}  {recorded.who}: {recorded.outcome}{by}{detail}")
    if recorded.terms:
        _report(f"          asks: {recorded.terms}")
    if recorded.policy_set is not None:
        _report(f"          policy set {recorded.policy_set[:_SHOWN]}")
    if recorded.explained is not None:
        _print_says(recorded.explained, "          ", _report)
    elif recorded.policies:
        _report(f"          its conditions cannot be shown: {recorded.unexplained}")
    if recorded.agrees is False and recorded.explained is not None:
        _report(f"          ATTENTION: asked again, that set says: {_answer(recorded.explained)}")


def _print_says(explained: "Explained", indent: str, line: Callable[[str], None]) -> None:
    deciding = [say for say in explained.says if say.applies]
    for say in explained.says:
        # Of one permit alone the gate asks what it asks; of several, each has its share in it.
        _print_say(say, indent, line, with_terms=len(deciding) > 1)


def _print_say(say: "Say", indent: str, line: Callable[[str], None], *, with_terms: bool) -> None:
    told = f": {say.description}" if say.description else ""
    line(f"{indent}{say.effect} {say.policy} ({say.where}){'' if say.applies else ' fell short'}{told}")
    # Of a policy that applied every condition held; of one that fell short, what failed is the reason.
    if say.terms and say.applies and with_terms:
        line(f"{indent}  asks: {say.terms}")
    for condition in say.conditions:
        if say.applies or not condition.holds:
            line(f"{indent}  {'yes' if condition.holds else 'no '}  {condition.words}")


def _answer(explained: "Explained") -> str:
    by = f" by {', '.join(explained.policies)}" if explained.policies else ""
    return f"{'yes' if explained.allowed else 'no'}, {explained.detail}{by}"


def _line(text: str) -> None:
    output.print_line(text)


def _report(text: str) -> None:
    output.print_report(text)
