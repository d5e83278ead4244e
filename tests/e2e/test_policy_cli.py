"""`placet policy`: an operator mends a set before it is in force, and an auditor reads why a run was answered so."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.service.policy_files import read_policy_files
from tests.support.programs.placet_process import one_line, placet
from tests.support.world import World

RETENTION = Path(__file__).parents[2] / "agents" / "retention"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A tenant's folder with the default policy and its cases."""
    folder = tmp_path / "policies" / "demo"
    folder.mkdir(parents=True)
    for name in ("policy.cedar", "policy_cases.yaml"):
        (folder / name).write_text((RETENTION / name).read_text())
    return folder


def test_the_shipped_policies_are_sound_and_pass_their_own_cases(tmp_path: Path) -> None:
    checked = placet(tmp_path, "policy", "check", "--strict", "--json")
    assert checked.returncode == 0, checked.stderr
    answer = json.loads(checked.stdout)
    assert (answer["errors"], answer["warnings"]) == (0, 0)
    (shipped,) = answer["sets"]
    assert [(gate["policy"], gate["terms"]["quorum"]) for gate in shipped["gates"]] == [
        ("retention-may-propose-within-cap", 1),
        ("retention-may-propose-large-with-two", 2),
        ("retention-may-propose-reversals", 1),
    ]
    assert (
        "gate  retention-may-propose-large-with-two (policy.cedar:27): 2 people holding retention lead must approve; "
        "reminder after 1 day; after 2 days care manager may decide as well; closes after 3 days"
    ) in placet(tmp_path, "policy", "check").stdout
    tested = placet(tmp_path, "policy", "test")
    assert tested.returncode == 0, tested.stderr
    assert tested.stdout.rstrip().endswith("policy_cases.yaml: 36 cases, 0 failed")


def test_a_tenants_own_folder_is_what_is_checked_and_tested(tmp_path: Path, policies: Path) -> None:
    mine = {"PLACET_POLICY_DIR": str(policies.parent)}
    assert placet(tmp_path, "policy", "test", **mine).returncode == 0
    (policies / "halt.cedar").write_text('@id("halt") forbid (principal, action == Action::"propose", resource);\n')
    checked = placet(tmp_path, "policy", "check", **mine)
    assert checked.returncode == 0
    assert f"{policies}/policy.cedar:9: warning: 'retention-may-propose-within-cap' is unreachable" in checked.stdout
    assert "3 warnings, and --strict" in one_line(placet(tmp_path, "policy", "check", "--strict", **mine))
    tested = placet(tmp_path, "policy", "test", **mine)
    assert one_line(tested) == "placet: 9 cases came out otherwise than expected"
    assert f"FAIL  a small credit may be proposed, to one lead  ({policies}/policy_cases.yaml:13)" in tested.stdout
    assert "expected allow by retention-may-propose-within-cap; gate: 1 person holding" in tested.stdout
    assert "got      deny: by halt" in tested.stdout


def test_an_error_has_its_file_and_line_and_exit_1(tmp_path: Path, policies: Path) -> None:
    (policies / "own.cedar").write_text(
        '// ours\n@id("a")\npermit (principal, action, resource is Proposal)\n'
        'when { resource.colour == "red" };\nallow everyone\n'
    )
    checked = placet(tmp_path, "policy", "check", str(policies))
    assert one_line(checked).startswith("placet: 2 errors: this set is refused")
    assert f"{policies}/own.cedar:4: error: attribute `colour` on entity type `Proposal` not found" in checked.stdout
    assert f"{policies}/own.cedar:5: error: does not parse: unexpected token `everyone`" in checked.stdout
    found = json.loads(placet(tmp_path, "policy", "check", str(policies), "--json").stdout)
    assert [(f["file"], f["line"], f["code"]) for f in found["sets"][0]["findings"] if f["severity"] == "error"] == [
        ("own.cedar", 4, "schema"),
        ("own.cedar", 5, "syntax"),
    ]
    assert "the policy set is invalid: own.cedar:4" in one_line(
        placet(tmp_path, "policy", "test", str(policies / "policy_cases.yaml"))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nowhere"), "no policy file (*.cedar) in 'nowhere'"),
        (("test", "nowhere.yaml"), "cannot read cases 'nowhere.yaml'"),
        (("explain", "run-" + "0" * 20), "see `placet run list`"),
    ],
)
def test_what_is_not_there_is_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in one_line(placet(tmp_path, "policy", *arguments))


def test_gate_terms_that_nobody_could_read_are_an_error_with_its_line(tmp_path: Path, policies: Path) -> None:
    policy = policies / "policy.cedar"
    policy.write_text(policy.read_text().replace('@gate_quorum("2")', '@gate_qorum("2")'))
    checked = placet(tmp_path, "policy", "check", str(policies))
    assert one_line(checked).startswith("placet: 1 error: this set is refused")
    assert (
        f"{policies}/policy.cedar:30: error: annotation `@gate_qorum` is unknown; known: @gate_roles" in checked.stdout
    )


def test_a_wrong_table_of_cases_is_one_line_with_its_place(tmp_path: Path, policies: Path) -> None:
    table = policies / "policy_cases.yaml"
    table.write_text(table.read_text().replace("question: commit", "question: comit"))
    assert one_line(placet(tmp_path, "policy", "test", str(table))).startswith(
        f"placet: {table}:71: cases.11.question 'comit': write 'propose', 'commit', 'promote', 'decide', 'authorise'"
    )


def test_explain_tells_gate_decisions_and_who_could_decide_now(
    make_world: Callable[..., World], policies: Path
) -> None:
    world = make_world(policy_dir=policies.parent)
    in_force = PolicySet(read_policy_files(policies))
    run_id = world.pending("C00005")
    with world.database.transaction() as tx:
        # What the gate itself keeps; the same bytes again change nothing.
        tx.artifacts.put("demo", POLICY_SET_MEDIA_TYPE, in_force.document)
    anna, junior = world.approver("anna"), world.approver("junior", limit="0.01 USD")
    world.approver("olga")
    world.send(run_id, world.sign(run_id, junior))
    assert world.refusal(run_id) == "unentitled"
    world.approve(run_id, anna)

    def explain(*flags: str) -> subprocess.CompletedProcess[str]:
        whole = {"PLACET_POLICY_DIR": str(policies.parent), "COLUMNS": "0"}
        return placet(world.settings.home, "policy", "explain", run_id, *flags, **whole)

    told = json.loads(explain("--json").stdout)
    assert (told["gate"]["policy_set"], told["gate"]["agrees"]) == (in_force.digest, True)
    assert told["gate"]["policies"] == ["retention-may-propose-within-cap"]
    assert [(d["who"], d["outcome"], d["agrees"]) for d in told["decisions"]] == [
        ("signed by junior", "refused (unentitled)", None),
        ("anna", "approve accepted, entitled", True),
    ]
    assert [(a["name"], a["allowed"]) for a in told["approvers"]] == [
        ("anna", True),
        ("junior", False),
        ("olga", False),
        ("root", False),
    ]
    text = explain().stdout
    assert "permit retention-may-propose-within-cap (policy.cedar:9): The retention agent may put credits" in text
    assert "is at most the person's limit (0.01 USD)" in text
    assert "no   olga: forbidden by four-eyes" in text
    assert "(the same as at the gate)" in text
    asks = "1 person holding retention lead must approve; reminder after 1 day"
    assert told["gate"]["terms"].startswith(asks)
    assert f"asks: {asks}" in text
    assert f"its gate would ask: {asks}" in text

    (policies / "halt.cedar").write_text('@id("halt") forbid (principal, action, resource);')
    text = explain().stdout
    assert "(another one than at the gate)" in text
    assert "no   anna: forbidden by halt" in text
    assert "agent retention: permitted by policy retention-may-propose-within-cap" in text


def test_explain_tells_the_gate_of_an_amended_proposal_and_asks_about_what_was_decided(
    make_world: Callable[..., World], policies: Path
) -> None:
    world = make_world(policy_dir=policies.parent)
    run_id = world.pending("C00005")
    anna = world.approver("anna")
    changed, envelope = world.sign_amendment(run_id, anna, amount="5.00 USD")
    world.send(run_id, envelope)
    world.wait(run_id, "executed")
    done = placet(world.settings.home, "policy", "explain", run_id, "--json", PLACET_POLICY_DIR=str(policies.parent))
    told = json.loads(done.stdout)
    assert told["gate"]["agrees"] is True
    assert [(gate["who"], gate["agrees"]) for gate in told["amendments"]] == [
        ("agent retention, amended by anna", True)
    ]
    (decision,) = told["decisions"]
    assert (decision["who"], decision["outcome"], decision["agrees"]) == ("anna", "amend accepted, entitled", True)
    question = f"may anna decide a {changed.treatment.replace('_', ' ')} (adjust balance) that costs 5.00 USD?"
    assert decision["explained"]["question"] == question


def test_permits_that_contradict_each_other_in_what_they_ask_deny_the_run_and_explain_says_so(
    make_world: Callable[..., World], policies: Path
) -> None:
    second = '@id("second") @gate_roles("finance_lead") permit (principal, action == Action::"propose", resource);'
    (policies / "second.cedar").write_text(second)
    world = make_world(policy_dir=policies.parent)
    run_id = world.start("C00005")
    world.wait(run_id, "denied")
    whole = {"PLACET_POLICY_DIR": str(policies.parent), "COLUMNS": "0"}
    done = placet(world.settings.home, "policy", "explain", run_id, **whole)
    assert "denied by policy retention-may-propose-within-cap, second (the permits that decided name different" in (
        done.stdout
    )
    assert "retention-may-propose-within-cap: retention_lead; second: finance_lead" in done.stdout
    assert "ATTENTION" not in done.stdout
    wrapped = placet(world.settings.home, "policy", "explain", run_id, **{**whole, "COLUMNS": "80"})
    assert max(map(len, wrapped.stdout.splitlines())) <= 80
    assert "".join(wrapped.stdout.split()) == "".join(done.stdout.split())


def test_explain_of_a_run_without_policies_says_that_nothing_is_permitted(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    world = make_world(policy_dir=tmp_path / "nowhere")
    run_id = world.start("C00005")
    world.wait(run_id, "denied")
    whole = {"PLACET_POLICY_DIR": str(world.settings.policy_dir), "COLUMNS": "0"}
    done = placet(world.settings.home, "policy", "explain", run_id, **whole)
    assert done.returncode == 0, done.stderr
    assert "agent retention: denied (no policy set for tenant 'demo'" in done.stdout
    assert "no policy set is in force, so that nothing is permitted: no policy file (*.cedar)" in done.stdout
