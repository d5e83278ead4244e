"""`placet audit checkpoint|prove|verify`: what an auditor holds in hand, and what they find out with it."""

import json
import shutil
import stat
from pathlib import Path

import pytest

from placet.governance.log.checkpoints import open_checkpoint
from tests.integration.record.log_home import ORIGIN, Installation
from tests.support.logs import AT, TENANT, record, run_id


def test_a_checkpoint_is_the_note_itself_and_its_key_is_made_once(here: Installation) -> None:
    note = here.placet("checkpoint")
    head = open_checkpoint(note, here.keys)
    assert (head.origin, head.size) == (ORIGIN, 7)
    described = json.loads(here.placet("checkpoint", "--json"))
    assert described == {
        "origin": ORIGIN,
        "size": 7,
        "root": head.root.hex(),
        "verifier_key": str(here.keys[0]),
        "checkpoint": note,
    }
    key = here.home / "keys" / "log.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert sorted(path.name for path in key.parent.iterdir()) == ["log.pem", "log.pem.pub"]
    key.chmod(0o644)
    record(here.database, 1, first=7)
    assert "mode 0644; run chmod 600" in here.placet("checkpoint", code=1)


def test_a_proof_verifies_offline_with_the_file_and_the_public_key_alone(here: Installation, tmp_path: Path) -> None:
    bundle, elsewhere = tmp_path / "run.proof.json", tmp_path / "auditor"
    assert "3 entries proven under the checkpoint of 7" in here.placet("prove", run_id(0), "--out", bundle)
    elsewhere.mkdir()
    public = shutil.copy(here.home / "keys" / "log.pem.pub", elsewhere / "log.pub")
    vkey = json.loads(here.placet("checkpoint", "--json"))["verifier_key"]
    here.database.close()
    (here.home / "placet.db").unlink()
    auditor = Installation.__new__(Installation)
    auditor.home = elsewhere
    for key in (str(public), vkey):
        said = auditor.placet("verify", "--proof", bundle, "--key", key)
        assert said.startswith(f"3 entries verified, in log {ORIGIN} of 7 entries: the last is plugin.violation")
        assert f"up to entry 3 of run {run_id(0)}, which was not over" in said
    described = json.loads(auditor.placet("verify", "--proof", bundle, "--key", vkey, "--json"))
    assert (described["stream"], described["standing"]) == (run_id(0), "up_to_entry")
    assert not (elsewhere / "placet.db").exists()
    assert "not signed by a key that is trusted here (none)" in auditor.placet("verify", "--proof", bundle, code=1)
    whole = json.loads(bundle.read_text())
    bundle.write_text(json.dumps({**whole, "entries": whole["entries"][:2]}))
    line = auditor.placet("verify", "--proof", bundle, "--key", vkey, code=1)
    assert f"holds entries 1 to 2 of stream '{run_id(0)}', which is not all its log had of it" in line
    bundle.write_text(json.dumps(whole).replace("agent:retention", "agent:mallory", 1))
    assert "its content does not match its hash" in auditor.placet("verify", "--proof", bundle, "--key", vkey, code=1)


def test_a_proof_of_a_run_that_ended_says_that_it_is_complete(here: Installation, tmp_path: Path) -> None:
    with here.database.transaction() as tx:
        for kind in ("run.ended", "execute.settled"):
            tx.audit.append(
                stream=run_id(0), tenant=TENANT, run_id=run_id(0), kind=kind, actor="worker", step_key=kind, at=AT,
                body={"state": "executed"},
            )  # fmt: skip
    proof = tmp_path / "proof.json"
    here.placet("prove", run_id(0), "--out", proof)
    said = here.placet("verify", "--proof", proof)
    assert f"complete: run {run_id(0)} ends with run.ended (executed), entry 4 of 5" in said
    here.placet("prove", run_id(0), "--entry", "1", "--out", proof)
    assert "it says nothing of what else is on that record" in here.placet("verify", "--proof", proof)


def test_one_entry_is_proven_by_its_number_and_a_newer_one_signs_a_new_head(here: Installation, tmp_path: Path) -> None:
    first = here.placet("checkpoint")
    at = tmp_path / "first.checkpoint"
    at.write_text(first)
    newer = record(here.database, 1, first=7)[0]
    number = str(newer.seq)
    line = here.placet("prove", newer.stream, "--entry", number, "--at", at, code=1)
    assert line == f"placet: entry {number} of {newer.stream!r} is newer than the checkpoint of 7 entries"
    bundle = json.loads(here.placet("prove", newer.stream, "--entry", number))
    assert [proven["index"] for proven in bundle["entries"]] == [7]
    assert "\n8\n" in bundle["checkpoint"]
    proof = tmp_path / "old.json"
    here.placet("prove", run_id(1), "--entry", "1", "--at", at, "--out", proof)
    assert json.loads(proof.read_text())["checkpoint"] == first
    assert "1 entry verified" in here.placet("verify", "--proof", proof, "--against", at)
    proof.write_text(json.dumps(bundle))
    assert "no anchored checkpoint has the 8 entries" in here.placet(
        "verify", "--proof", proof, "--against", at, code=1
    )


def test_a_proof_and_a_checkpoint_that_are_taken_for_each_other_are_told_apart(
    here: Installation, tmp_path: Path
) -> None:
    proof, at, neither = (tmp_path / name for name in ("proof.json", "first.checkpoint", "notes.txt"))
    at.write_text(here.placet("checkpoint"))
    here.placet("prove", run_id(1), "--out", proof)
    neither.write_text("{}\n")
    assert here.placet("verify", "--against", proof, code=1) == (
        f"placet: '{proof}' is a proof of entries, not a checkpoint; verify it by `placet audit verify --proof {proof}`"
    )
    line = here.placet("verify", "--proof", at, code=1)
    assert line.startswith(f"placet: '{at}' is not a proof bundle: ")
    assert line.endswith(f"; it is a checkpoint: compare the record with it by `placet audit verify --against {at}`")
    line = here.placet("verify", "--against", neither, code=1)
    assert f"'{neither}' is no checkpoint, as `placet audit checkpoint` and `placet audit anchor` write them: " in line
    assert here.placet("verify", "--proof", neither, code=1).endswith("; `placet audit prove --out FILE` writes one")


def test_the_whole_record_is_verified_and_says_what_it_rests_on(here: Installation) -> None:
    found = json.loads(here.placet("verify", "--json"))
    assert (found["entries"], found["pending"], found["streams"], found["checkpoints"]) == (0, 7, 3, 0)
    here.placet("checkpoint")
    found = json.loads(here.placet("verify", "--json"))
    assert (found["entries"], found["pending"], found["checkpoints"], found["anchors"]) == (7, 0, 1, 0)
    assert "log of 7 entries verified" in here.placet("verify")
    assert "1 stream verified" in here.placet("verify", run_id(2))
    here.tamper("UPDATE audit_event SET actor = 'mallory' WHERE id = 4")
    assert "broken at entry 2: its content does not match its hash" in here.placet("verify", code=1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("prove",), 1, "no audit stream 'tenant/acme'"),
        (("prove", "run-1", "--entry", "0"), 2, "--entry': Input should be greater than"),
        (("prove", "run-1", "--entry", "zz"), 2, "--entry': Input should be a valid integer"),
        (("prove", "run-1"), 1, "no audit stream 'run-1'"),
        (("verify", "run-1", "--proof", "x"), 2, "give a run or --proof, not both"),
        (("verify", "run-1", "--against", "x"), 2, "are for the whole record"),
        (("verify", "--proof", "nowhere.json"), 1, "cannot read proof 'nowhere.json': No such file"),
        (("verify", "--proof", "/dev/null"), 1, "it is not an ordinary file"),
        (("verify", "--against", "nowhere"), 1, "cannot read checkpoint 'nowhere'"),
        (("verify", "--against", "/dev/null"), 1, "it is not an ordinary file"),
        (("verify", "--against", "/proc/self/attr"), 1, f"no checkpoint of log '{ORIGIN}'"),
        (("verify", "--key", "nokey"), 1, "cannot read public key file 'nokey'"),
        (("anchor", "--to", "folder", "--out", "x"), 2, "are for a witness"),
    ],
)
def test_wrong_usage_is_one_clear_line(here: Installation, arguments: tuple[str, ...], code: int, message: str) -> None:
    assert message in here.placet(*arguments, code=code)


def test_an_empty_record_has_nothing_to_sign(tmp_path: Path) -> None:
    empty = Installation(tmp_path)
    assert "the record of tenant 'acme' is empty" in empty.placet("checkpoint", code=1)
    empty.database.close()
