"""`placet policy check|test|explain`: mend a policy set before it is in force, and say why it answered as it did."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import counted
from placet.errors import GovernanceError, PolicyError
from placet.files import read_given
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag, RunArgument
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.policy.authoring.cases import CasesReport
    from placet.governance.policy.set import PolicySet

app = typer.Typer(no_args_is_help=True, help="Policies: what agents may do, and who may decide.")

_LARGEST_CASES_BYTES = 1024 * 1024


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="policy")


@app.command("check")
def check(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="policy file or folder (default: those in force)")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail as well")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Validate and lint policies; show what each asks of people.

    An error means that everything is denied.
    """
    from placet.governance.policy.authoring import gate_words as policy_gate_words
    from placet.governance.policy.authoring import lint as policy_lint
    from placet.governance.policy.set import policy_document
    from placet.governance.signing.canonical import sha256_hex
    from placet.interfaces.cli.governance import policy_output
    from placet.service.policy_files import read_policy_files

    sets = []
    for place in _places(context.obj) if path is None else [path]:
        files = read_policy_files(place)
        version = sha256_hex(policy_document(files))
        sets.append((place, version, policy_lint.check(files), policy_gate_words.gates(files)))
    findings = [finding for _, _, found, _ in sets for finding in found]
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    if as_json:
        listed = [
            {
                "path": str(place),
                "version": version,
                "findings": [finding.model_dump() for finding in found],
                "gates": [gate.model_dump() for gate in gates],
            }
            for place, version, found, gates in sets
        ]
        output.print_json({"sets": listed, "errors": errors, "warnings": warnings})
    else:
        for place, version, found, gates in sets:
            policy_output.print_findings(place, version, found, gates)
    if errors:
        raise PolicyError(f"{counted(errors, 'error')}: this set is refused, and without one everything is denied")
    if warnings and strict:
        raise PolicyError(f"{counted(warnings, 'warning')}, and --strict was asked for")


@app.command("test")
def run_tests(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="table of cases (default: policy_cases.yaml beside the policies in force)")
    ] = None,
    policies: Annotated[
        Path | None, typer.Option("--policies", help="policy file or folder (default: *.cedar beside the cases)")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a table of cases against policies.

    Fails when one comes out otherwise than expected.
    """
    from placet.interfaces.cli.governance import policy_output

    tables = [file] if file else [_cases_beside(place) for place in _places(context.obj)]
    reports = []
    for table in tables:
        report = _run_table(table, policies or table.parent)
        reports.append((table, report))
        if not as_json:
            policy_output.print_cases(table, report)
    if as_json:
        output.print_json([{"file": str(table), **report.model_dump(mode="json")} for table, report in reports])
    failures = sum(report.failures for _, report in reports)
    if failures:
        raise GovernanceError(f"{counted(failures, 'case')} came out otherwise than expected", code="case_failed")


@app.command("explain")
def explain(context: typer.Context, run_id: RunArgument, as_json: JsonFlag = False) -> None:
    """Say why policy answered as it did about a run.

    It answers for its gate and each decision, and says who could decide it now.
    """
    from placet.interfaces.cli.governance import policy_output
    from placet.service.explaining import explain_policy

    toolbox: Toolbox = context.obj
    explained = explain_policy(
        toolbox.database(), toolbox.tenant, run_id, lambda agent: _load(toolbox.policy_path(agent))
    )
    if as_json:
        output.print_json(explained.model_dump(mode="json"))
    else:
        policy_output.print_explained(explained)


def _places(toolbox: Toolbox) -> list[Path]:
    """List where the policies in force are: one folder of the tenant's, or a file per application."""
    return list(dict.fromkeys(toolbox.policy_path(agent) for agent in toolbox.agents))


def _cases_beside(place: Path) -> Path:
    from placet.governance.policy.authoring.case_table import CASES_FILE

    return (place.parent if place.is_file() else place) / CASES_FILE


def _run_table(table: Path, policies: Path) -> "CasesReport":
    from placet.governance.policy.authoring.case_table import parse_cases
    from placet.governance.policy.authoring.cases import run_cases

    text = read_given(table, "cases", most=_LARGEST_CASES_BYTES)
    return run_cases(_load(policies), parse_cases(text, str(table)))


def _load(place: Path) -> "PolicySet":
    from placet.governance.policy.set import PolicySet
    from placet.service.policy_files import read_policy_files

    return PolicySet(read_policy_files(place))
