"""What goes wrong at the command line is one clear line and the right exit code; nothing is lost, nothing half done."""

import json
import subprocess
from pathlib import Path

import pytest

from placet.entrypoints.processes.process import free_port
from tests.support.databases import outsider
from tests.support.programs.command import Command
from tests.support.programs.placet_process import one_line, placet
from tests.support.world import World


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "No such command 'nosuch'"),
        (("run", "start"), "Missing option '--customer'"),
        (("run", "list", "--state", "lost"), "'lost' is no state of a run"),
        (("inbox", "--max-cost", "-1"), "'-1' is malformed; write it like '12.50 EUR'"),
        (("inbox", "--max-cost", "-1 USD"), "--max-cost: -1.00 USD is below zero; write an amount of zero or more"),
        (("approve", "--all", "--max-cost", "-1", "--as", "anna"), "'-1' is malformed; write it like '12.50 EUR'"),
        (("reject", "run-1", "--total-cost", "-1 USD", "--as", "anna"), "--total-cost: -1.00 USD is below zero"),
        (("inbox", "--min-cost", "-1 USD"), "--min-cost: -1.00 USD is below zero"),
        (
            ("keys", "enroll", "anna", "--public", "x", "--role", "r", "--as", "r", "--limit", "-1 USD"),
            "--limit: -1.00 USD is below zero",
        ),
        (("settle", "run-1", "--found", "maybe", "--as", "anna"), "'maybe' is neither 'executed' nor 'not-executed'"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in one_line(placet(tmp_path, *arguments), 2)


def test_an_unknown_agent_or_malformed_customer_starts_nothing(tmp_path: Path) -> None:
    line = one_line(placet(tmp_path, "run", "start", "--customer", "C00005", "--agent", "collections"))
    assert line == "placet: unknown agent 'collections'; known: retention"
    line = one_line(placet(tmp_path, "run", "start", "--customer", "C 1; DROP"))
    assert line.startswith("placet: malformed: customer_id 'C 1; DROP'")


def test_where_no_stack_runs_it_is_said_beside_what_is_for_programs(tmp_path: Path) -> None:
    done = placet(tmp_path, "env")
    assert done.stdout.startswith("export PLACET_HOME=")
    assert done.stderr.startswith(f"no stack runs in '{tmp_path}': start it with `placet up`, or set ")
    assert placet(tmp_path, "env", PLACET_TEMPORAL_ADDRESS="temporal.example:7233").stderr == ""
    told = placet(tmp_path, "env", PLACET_CONSOLE_URL="https://placet.example").stdout
    assert "export PLACET_CONSOLE_URL=https://placet.example" in told
    customers = ("bss", "customers", "--limit", "1")
    shown, told = placet(tmp_path, *customers).stderr.splitlines()
    assert shown.startswith("showing 1 of ")
    assert told.endswith("no sandbox BSS runs here that would answer for them: start it with `placet up`")
    assert len(placet(tmp_path, *customers, PLACET_BSS_URL="https://bss.example").stderr.splitlines()) == 1


def test_a_file_that_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    file, home = tmp_path / "notes.txt", tmp_path / "home"
    file.write_text("hello")
    line = one_line(placet(home, "restore", str(file)))
    assert line == (f"placet: '{file}' is no backup: it does not read as gzip; name a file that `placet backup` wrote")


def test_an_unknown_setting_is_named(tmp_path: Path) -> None:
    line = one_line(placet(tmp_path, "run", "list", PLACET_BSS_ULR="http://x"))
    assert line.startswith("placet: unknown setting 'PLACET_BSS_ULR'")
    line = one_line(placet(tmp_path, "run", "list", PLACET_EFFECT_ATTEMPTS="many"))
    assert line.startswith("placet: PLACET_EFFECT_ATTEMPTS='many'")


def test_without_temporal_a_run_says_where_it_looked_and_the_key_works_later(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("run", "start", "--customer", "C00005", "--key", "k1")
    line = one_line(placet(tmp_path, *arguments, PLACET_TEMPORAL_ADDRESS=f"127.0.0.1:{port}"))
    assert f"Temporal does not answer at '127.0.0.1:{port}'" in line


@pytest.mark.parametrize(
    ("spoil", "message"),
    [("missing", "No such file"), ("mode", "mode 0644; run chmod 600"), ("passphrase", "wrong passphrase")],
)
def test_a_bad_key_file_signs_nothing(a_world: World, spoil: str, message: str) -> None:
    run_id = a_world.pending("C00005")
    home = a_world.settings.home
    extra: dict[str, str] = {"PLACET_TEMPORAL_ADDRESS": a_world.settings.temporal_address}
    done = placet(home, "keys", "new", "anna", **extra)
    assert done.returncode == 0, done.stderr
    key = home / "keys" / "anna.pem"
    if spoil == "missing":
        key.unlink()
    elif spoil == "mode":
        key.chmod(0o644)
    else:
        extra["PLACET_KEY_PASSPHRASE"] = "wrong"
    line = one_line(placet(home, "approve", run_id, "--as", "anna", **extra))
    assert message in line
    assert spoil != "passphrase" or "check PLACET_KEY_PASSPHRASE, or unset it to be asked" in line
    assert a_world.record(run_id).state == "awaiting_decision"


@pytest.mark.parametrize(
    ("variable", "what"),
    [
        ("PLACET_HOME", "folder"),
        ("PLACET_PROPENSITY_DIR", "folder"),
        ("PLACET_POLICY_DIR", "folder"),
        ("PLACET_ALLOWLIST", "file"),
        ("PLACET_NOTIFY_FILE", "file"),
    ],
)
@pytest.mark.parametrize("given", ["", " "])
def test_an_empty_path_is_not_the_folder_one_happens_to_be_in(
    tmp_path: Path, variable: str, what: str, given: str
) -> None:
    line = one_line(placet(tmp_path, "run", "list", **{variable: given}))
    said = f"placet: {variable} is empty, which would be this very folder; name a {what}, or unset it"
    assert line == said


def test_what_is_no_run_is_not_looked_for_at_temporal_and_an_auditor_gets_no_new_key(tmp_path: Path) -> None:
    line = one_line(placet(tmp_path, "replay", "run-0123456789abcdef0123"))
    assert line.startswith(
        f"placet: there is no payload key file '{tmp_path / 'payload.key'}', without which no history"
    )
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "payload.key").write_text("00" * 32)
    (tmp_path / "payload.key").chmod(0o600)
    line = one_line(placet(tmp_path, "replay", "nope"))
    assert line == "placet: 'nope' is neither a run id nor an exported history, FILE.json; see `placet run list`"


def test_a_malformed_limit_enrolls_nobody(tmp_path: Path) -> None:
    for words in (("new", "anna"), ("new", "root"), ("bootstrap", "root")):
        assert placet(tmp_path, "keys", *words).returncode == 0
    public = str(tmp_path / "keys" / "anna.pem.pub")
    enroll = ("keys", "enroll", "anna", "--public", public, "--role", "retention_lead", "--as", "root")
    for limit in ("200", "12.5 EUR", "20 QQQ", "-5.00 USD"):
        line = one_line(placet(tmp_path, *enroll, f"--limit={limit}"), 2)
        assert limit.rsplit(maxsplit=1)[-1] in line
    assert [key["name"] for key in json.loads(placet(tmp_path, "keys", "list", "--json").stdout)] == ["root"]


def test_nobody_is_enrolled_before_an_administrator_is_pinned_and_no_key_leads_out_of_its_folder(
    tmp_path: Path,
) -> None:
    for name in ("root", "anna"):
        assert placet(tmp_path, "keys", "new", name).returncode == 0
    public = str(tmp_path / "keys" / "anna.pem.pub")
    enroll = ("keys", "enroll", "anna", "--public", public, "--role", "retention_lead", "--as", "root")
    line = one_line(placet(tmp_path, *enroll))
    assert "no administrator of tenant 'demo' is pinned in" in line
    assert line.endswith("run `placet keys bootstrap root`")
    nobodys = one_line(placet(tmp_path, *enroll[:4], f"{public}.none", *enroll[5:]))
    assert nobodys.endswith("whose key it is makes it with `placet keys new NAME`, which writes NAME.pem.pub")
    line = one_line(placet(tmp_path, "keys", "bootstrap", "root", "--public", public))
    assert "is not the public half of root's key" in line
    assert placet(tmp_path, "keys", "bootstrap", "root").returncode == 0
    assert "let them enroll 'anna'" in one_line(placet(tmp_path, "keys", "bootstrap", "anna"))
    assert placet(tmp_path, *enroll).returncode == 0
    assert "'worker' names a part of the system" in one_line(placet(tmp_path, "keys", "new", "worker"))
    assert "malformed name '../../x'" in one_line(placet(tmp_path, "keys", "new", "../../x"))
    assert not (tmp_path.parent.parent / "x.pem").exists()


def test_a_role_that_no_policy_names_is_said_and_a_person_is_enough_to_revoke_their_one_key(tmp_path: Path) -> None:
    for words in (("new", "root"), ("bootstrap", "root"), ("new", "anna")):
        assert placet(tmp_path, "keys", *words).returncode == 0
    public = str(tmp_path / "keys" / "anna.pem.pub")
    done = placet(tmp_path, "keys", "enroll", "anna", "--public", public, "--role", "retention_led", "--as", "root")
    assert done.returncode == 0
    assert done.stderr.startswith("no policy of 'demo' names role 'retention_led'; roles named: care_manager, ")
    revoke = ("keys", "revoke", "anna", "--as", "root")
    assert placet(tmp_path, *revoke).returncode == 0
    assert "0 keys of tenant 'demo' begin with 'anna' or are theirs" in one_line(placet(tmp_path, *revoke))


def test_the_whole_life_of_an_approval_at_the_command_line(a_world: World, command: Command) -> None:
    home = a_world.settings.home
    address = {"PLACET_TEMPORAL_ADDRESS": a_world.settings.temporal_address}
    run_id = a_world.pending("C00005")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return placet(home, *arguments, **address)

    assert a_world.root.name == "root"
    assert run("keys", "new", "anna").returncode == 0
    assert "refused (unknown_key)" in one_line(run("approve", run_id, "--as", "anna"))
    public = str(home / "keys" / "anna.pem.pub")
    enroll = ("keys", "enroll", "anna", "--public", public, "--role", "retention_lead", "--as", "root")
    assert run(*enroll, "--limit", "0.01 USD").returncode == 0
    assert "refused (unentitled)" in one_line(run("approve", run_id, "--as", "anna"))
    assert "an enrolment is never changed: make a new key pair" in one_line(run(*enroll, "--limit", "200.00 USD"))
    assert run("keys", "new", "berta").returncode == 0
    enroll = ("keys", "enroll", "berta", "--public", str(home / "keys" / "berta.pem.pub"), *enroll[5:])
    assert run(*enroll, "--limit", "200.00 USD").returncode == 0
    wrong = ("approve", run_id, "--as", "berta", "--proposal", "0" * 64)
    assert "nothing was signed" in one_line(run(*wrong))
    done = run("approve", run_id, "--as", "berta", "--reason", "two outages")
    assert done.returncode == 0, done.stderr
    *_, accepted, hint = done.stdout.splitlines()
    assert (accepted, hint) == (
        f"{run_id}  approve by berta: accepted",
        f"what becomes of it: `placet run wait {run_id}`",
    )
    a_world.wait(run_id, "executed")
    assert "is executed and does not wait for a decision: there is nothing to approve" in one_line(
        run("approve", run_id, "--as", "berta")
    )
    assert "is 'executed' and not running" in one_line(run("run", "cancel", run_id))
    assert run("audit", "verify").returncode == 0
    assert one_line(run("audit", "log", "nope")) == "placet: nothing is on record of 'nope'; see `placet run list`"
    assert run("replay", run_id).returncode == 0
    assert a_world.effects()["adjustments"] == 1
    assert one_line(run("run", "show", "run-" + "0" * 20)).endswith("see `placet run list`")
    other = command("run", "start", "--customer", "C00006", "--key", a_world.record(run_id).key)
    assert other.refusal().startswith("placet: run key")


def test_a_models_words_cannot_repaint_the_mutation_and_no_reason_breaks_a_list(a_world: World) -> None:
    home = a_world.settings.home
    run_id = a_world.pending("C00005")
    reason = "see ticket [/crm 17] \x1b[5A\x1b[2K approve 1.00 USD \u202e"
    anna = a_world.approver("anna")
    a_world.send(run_id, a_world.sign(run_id, anna, "reject", reason=reason))
    a_world.wait(run_id, "rejected")
    for arguments in (("run", "list"), ("run", "show", run_id), ("audit", "log", run_id)):
        done = placet(home, *arguments)
        assert done.returncode == 0, done.stderr
        assert "\x1b[5A" not in done.stdout
        assert "\u202e" not in done.stdout
    assert "[/crm 17]" in placet(home, "run", "show", run_id).stdout
    with outsider(a_world.settings.database) as shell:
        shell("UPDATE run SET customer_id = 'C77777'")
    done = placet(home, "run", "show", run_id)
    assert done.returncode == 1
    assert one_line(done).startswith(f"placet: do not rely on this: the row of run {run_id} says customer “C77777”")


def test_a_decision_no_worker_has_reviewed_yet_is_delivered_and_not_called_refused(a_world: World) -> None:
    home = a_world.settings.home
    run_id = a_world.pending("C00005")
    extra = {"PLACET_TEMPORAL_ADDRESS": a_world.settings.temporal_address}
    assert a_world.root.name == "root"
    assert placet(home, "keys", "new", "anna").returncode == 0
    enroll = ("keys", "enroll", "anna", "--public", str(home / "keys" / "anna.pem.pub"), "--role", "retention_lead")
    assert placet(home, *enroll, "--as", "root", "--limit", "200.00 USD").returncode == 0
    a_world.stop_worker()
    done = placet(home, "approve", run_id, "--as", "anna", "--wait", "1", **extra)
    assert done.returncode == 3, done.stderr
    assert "delivered, but no worker has reviewed it yet" in done.stdout
    a_world.start_worker()
    a_world.wait(run_id, "executed")
