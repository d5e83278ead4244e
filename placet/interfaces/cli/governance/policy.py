"""`placet policy check|test|explain|sign|signatures|withdraw`: mend a policy set, say why it answered, sign it.

A policy set is mended before it is in force. What is signed is that it may begin stages of rollouts.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import counted, spoken
from placet.contracts.times import minute, moment
from placet.errors import GovernanceError, PolicyError
from placet.files import read_given
from placet.interfaces.cli import output
from placet.interfaces.cli.live.published import policies_by_agent
from placet.interfaces.cli.options import (
    ApplicationOption,
    AsOption,
    ByOption,
    CancelReasonOption,
    JsonFlag,
    KeyOption,
    ReasonOption,
    RunArgument,
    application,
    asking,
)
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.policy.authoring.cases import CasesReport
    from placet.governance.policy.set import PolicySet
    from placet.service.documents.policy_signatures import ShownSignature

app = typer.Typer(no_args_is_help=True, help="Policies: what agents may do, and who may decide.")

_LARGEST_CASES_BYTES = 1024 * 1024
_SHOWN = 16
"""Of a digest, in characters."""


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


@app.command("sign")
def sign(
    context: typer.Context,
    name: AsOption,
    most: Annotated[str, typer.Option("--most", help="largest share of a cohort that policy may lead to: '50 %'")],
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="days until it ends")] = 90,
    agent: ApplicationOption = None,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign that policy may begin stages of rollouts.

    The policies in force then do so in your place, where one of them permits the action "promote", after a look at
    which all guard rails passed. You sign exactly this set: once a file of it changes, it is signed again. Whoever may
    publish strategies may sign it.
    """
    from placet.service.documents.policy_signatures import draft_signature, sign_policies, take_signature

    toolbox: Toolbox = context.obj
    check_signer(toolbox, name, key_file)
    of, policies = application(toolbox, agent), policies_by_agent(toolbox)
    drafted = draft_signature(
        policies(of), tenant=toolbox.tenant, agent=of, signer=name, most=most, days=days, reason=reason
    )
    for policy in policies(of).policies:
        if policy.id in drafted.policies:
            output.print_text(policy.text)
    output.print_line(
        f"you sign: policy set {drafted.policy_set[:_SHOWN]} of {of} may begin stages up to "
        f"{share_in_words(drafted.most)} of a cohort until {moment(drafted.valid_until)}, by "
        f"{', '.join(drafted.policies)}"
    )
    envelope = sign_policies(drafted, load_signer(toolbox, name, key_file).key)
    taken = take_signature(toolbox.database(), envelope, tenant=toolbox.tenant, policies=policies)
    output.print_line(f"{taken.signature_id}  signed by {name}, {spoken(taken.state)}")


@app.command("signatures")
def signatures(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List who signed which policy set, the newest first.

    Each says whether it begins stages of rollouts now.
    """
    from placet.service.documents.policy_signatures import list_signatures

    toolbox: Toolbox = context.obj
    found = list_signatures(toolbox.database(), toolbox.tenant, policies_by_agent(toolbox))
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in found])
        return
    none = "nobody signed a policy set: a person signs each stage of a rollout"
    output.print_lines((_signature(one) for one in found), none=none)


@app.command("withdraw")
def withdraw(
    context: typer.Context,
    signature_id: Annotated[str, typer.Argument(metavar="ID", help="its id, or an unambiguous beginning of it")],
    by: ByOption = None,
    reason: CancelReasonOption = "",
) -> None:
    """Withdraw a signature on a policy set.

    It begins no more stages. Those that it began stay.
    """
    from placet.service.documents.policy_signatures import withdraw_signature

    toolbox: Toolbox = context.obj
    found = withdraw_signature(
        toolbox.database(),
        tenant=toolbox.tenant,
        signature_id=signature_id,
        by=asking(toolbox, by),
        reason=reason,
        policies=policies_by_agent(toolbox),
    )
    output.print_line(f"{found.signature_id}  {spoken(found.state)}: policy begins no more stages by it")


def _signature(one: "ShownSignature") -> str:
    signed = one.signature
    by = f" by {one.withdrawn_by}" if one.withdrawn_by else ""
    detail = f" ({one.detail})" if one.detail else ""
    return (
        f"{one.signature_id}  {signed.agent}  policy set {signed.policy_set[:_SHOWN]}, up to "
        f"{share_in_words(signed.most)}, signed by {signed.signer} until {minute(signed.valid_until)}: "
        f"{spoken(one.state)}{by}{detail}"
    )


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
