"""`placet audit checkpoint|prove|verify|anchor`: what an auditor holds in hand, and what they find out with it."""

import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from placet.entrypoints.main import Tools
from placet.entrypoints.processes.process import free_port
from placet.governance.log.checkpoints import open_checkpoint
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.key import load_or_create_log_identity
from placet.governance.log.notes import VerifierKey, open_note
from placet.interfaces.cli.app import run
from placet.network import client
from placet.service.keeping.heads import unextended
from tests.support.databases import migrated
from tests.support.logs import AT, TENANT, record, run_id
from tests.support.servers.witness import Witness, running_witness

ORIGIN = "placet.internal/acme"


class Installation:
    """An installation's home, and the `placet` program there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = migrated(f"sqlite:///{home / 'placet.db'}")

    def placet(self, *arguments: str | Path, code: int = 0) -> str:
        """Run `placet audit ...`; its stdout, or its one line on stderr when it is to fail."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
        stdout, stderr = io.StringIO(), io.StringIO()
        toolbox = Tools()
        with (
            patch.dict(os.environ, {**clean, "PLACET_HOME": str(self.home), "PLACET_TENANT": TENANT}, clear=True),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
        ):
            returned = run(["audit", *map(str, arguments)], toolbox)
        if "_database" in vars(toolbox):
            toolbox.database().close()
        assert returned == code, stdout.getvalue() + stderr.getvalue()
        if code == 0:
            return stdout.getvalue()
        assert len(stderr.getvalue().strip().splitlines()) == 1, stderr.getvalue()
        return stderr.getvalue().strip()

    def forget_heads(self) -> None:
        """Remove the heads that were signed last, which are kept outside the database."""
        heads = list((self.home / "log").rglob("*.head"))
        assert heads
        for head in heads:
            head.unlink()

    def rewrite_history(self) -> None:
        """Another record under the same key: what the installation's own administrator can do."""
        self.database.close()
        (self.home / "placet.db").unlink()
        self.database.migrate()
        record(self.database, 30, first=500)

    def tamper(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home / "placet.db", isolation_level=None)) as file:
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                file.execute(f"DROP TRIGGER {name}")
            file.execute(statement)

    @property
    def keys(self) -> list[VerifierKey]:
        """The installation's log key."""
        return load_or_create_log_identity("placet.internal", self.home / "keys" / "log.pem").verifiers(TENANT)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    home = tmp_path / "home"
    home.mkdir()
    made = Installation(home)
    record(made.database, 7)
    yield made
    made.database.close()


@pytest.fixture
def witness(here: Installation) -> Iterator[Witness]:
    with running_witness(here.keys) as served:
        yield served


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


def test_a_folder_keeps_every_checkpoint_and_finds_a_rewritten_history(here: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    assert "does not exist" in here.placet("anchor", "--to", folder, code=1)
    folder.mkdir()
    here.placet("anchor", "--to", folder)
    here.placet("anchor", "--to", folder)
    record(here.database, 4, first=7)
    said = here.placet("anchor", "--to", folder)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    # Each anchoring is an entry of its own, which the next checkpoint covers.
    assert files == [Path(ORIGIN) / f"{size:012}.checkpoint" for size in (7, 8, 13)]
    assert said.strip() == f"{ORIGIN} at 13 entries anchored: {folder / files[2]}"
    with here.database.reading() as tx:
        entries = [event for event in tx.audit.read("tenant/acme") if event.kind == "log.anchored"]
    assert [entry.body["size"] for entry in entries] == [7, 8, 13]
    assert {entry.body["to"] for entry in entries} == {str(folder)}
    found = json.loads(here.placet("verify", "--against", folder, "--json"))
    assert (found["anchors"], found["entries"]) == (3, 13)
    found = json.loads(here.placet("verify", "--against", folder / files[0], "--json"))
    assert found["anchors"] == 1

    here.rewrite_history()
    assert "does not extend the tree of 13 leaves" in here.placet("checkpoint", code=1)
    here.forget_heads()  # whoever reaches the database and the home, but no anchor
    here.placet("checkpoint")
    assert json.loads(here.placet("verify", "--json"))["entries"] == 30
    line = here.placet("verify", "--against", folder, code=1)
    assert "its first 7 entries are not those of the anchored checkpoint of that size" in line
    assert "the log is not the one that" in here.placet("anchor", "--to", folder, code=1)
    assert len(list(folder.rglob("*.checkpoint"))) == 3


def test_a_log_that_does_not_extend_the_head_kept_is_signed_only_once_a_person_accepted_it(here: Installation) -> None:
    assert "no head of it is kept here" in here.placet("accept-head", "--reason", "why not", code=1)
    here.placet("checkpoint")
    assert "it extends the head that is kept" in here.placet("accept-head", "--reason", "why not", code=1)
    (head,) = (here.home / "log").rglob("*.head")
    signed = head.read_text()
    here.rewrite_history()
    line = here.placet("checkpoint", code=1)
    assert "does not extend the tree of 7 leaves" in line
    trusted = [key.public_key for key in here.keys]
    said_by_restore = unextended(here.database, KeptHeads(here.home / "log"), "placet.internal", trusted, [TENANT])
    assert list(said_by_restore) == [TENANT]
    assert "does not extend the tree of 7 leaves" in said_by_restore[TENANT]
    assert f"as the head in {str(head)!r} says; after a restore that was meant: `placet audit accept-head`" in line
    assert "nothing was signed" in line

    assert "--reason" in here.placet("accept-head", code=2)
    assert "say why" in here.placet("accept-head", "--reason", " ", code=1)
    assert head.read_text() == signed
    said = here.placet("accept-head", "--reason", "restored the backup of Monday")
    assert "accepted, and on the record: " in said
    assert here.placet("checkpoint") == head.read_text() == said.partition("\n")[2]
    with here.database.reading() as tx:
        entry = tx.audit.read("tenant/acme")[-1]
    assert (entry.kind, entry.body["kept"], entry.body["reason"]) == (
        "log.head_accepted",
        signed,
        "restored the backup of Monday",
    )
    assert entry.actor
    assert json.loads(here.placet("verify", "--json"))["entries"] == 31

    head.write_text("no head at all")
    assert "not a signed note" in here.placet("checkpoint", code=1)
    here.placet("accept-head", "--reason", "a disk was full")
    head.write_text(signed)
    here.tamper("UPDATE audit_event SET actor = 'mallory' WHERE id = 4")
    assert "its content does not match its hash" in here.placet("accept-head", "--reason", "never mind", code=1)
    assert head.read_text() == signed


def test_a_git_repository_gets_one_commit_for_each_checkpoint(here: Installation, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    assert "git refused" in here.placet("anchor", "--to", f"git:{repository}", code=1)

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    (repository / "theirs").write_text("staged by somebody else\n")
    git("add", "theirs")
    here.placet("anchor", "--to", f"git:{repository}")
    here.placet("anchor", "--to", f"git:{repository}")
    record(here.database, 4, first=7)
    here.placet("anchor", "--to", f"git:{repository}")
    assert git("log", "--format=%s").splitlines() == [f"Anchor {ORIGIN} at {size} entries" for size in (13, 8, 7)]
    assert git("ls-files", "--", "placet.internal").splitlines() == [
        f"{ORIGIN}/000000000007.checkpoint",
        f"{ORIGIN}/000000000008.checkpoint",
        f"{ORIGIN}/000000000013.checkpoint",
    ]
    assert git("diff", "--cached", "--name-only") == "theirs"
    assert json.loads(here.placet("verify", "--against", repository, "--json"))["anchors"] == 3


def test_a_witness_cosigns_what_extends_the_last_it_saw(here: Installation, witness: Witness, tmp_path: Path) -> None:
    cosigned = tmp_path / "cosigned"
    to = ("anchor", "--to", witness.url)
    said = here.placet(*to, "--witness-key", str(witness.key), "--out", cosigned)
    assert said.strip() == f"{ORIGIN} at 7 entries cosigned by {witness.url}"
    text = cosigned.read_text()
    assert open_note(text, here.keys) == open_note(text, [witness.key])
    record(here.database, 6, first=7)
    assert "its signature was not verified" in here.placet(*to)
    assert witness.seen[ORIGIN].size == 14
    # It asks for the size the witness has, then sends the proof from there: 7 to 14 takes four hashes.
    assert [request.split("\n", 1)[0] for request in witness.requests] == ["old 0", "old 0", "old 7"]
    assert len(witness.requests[2].partition("\n\n")[0].split("\n")) == 6
    assert json.loads(here.placet("verify", "--against", cosigned, "--json"))["anchors"] == 1


def test_a_witness_that_saw_another_history_is_believed(here: Installation, witness: Witness) -> None:
    record(here.database, 40, first=7)
    here.placet("anchor", "--to", witness.url)
    here.rewrite_history()
    assert "a checkpoint of 47 entries was signed, it has 30" in here.placet("anchor", "--to", witness.url, code=1)
    here.forget_heads()
    line = here.placet("anchor", "--to", witness.url, code=1)
    assert "has a checkpoint of 47 entries, the log has 30: it was cut off" in line
    record(here.database, 40, first=900)
    line = here.placet("anchor", "--to", witness.url, code=1)
    assert "the log is not the one that witness" in line
    assert witness.seen[ORIGIN].size == 47


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [
        (403, "", "answered 403: it does not accept the signature"),
        (404, "", "answered 404: it does not know this log"),
        (503, "", "answered 503; try again"),
        (418, "", "answered 418: it refused"),
        (301, "", "answered 301: it refused"),
        (409, "many\n", "answered 409 without the size it has: 'many'"),
        (409, "1000000000000000000000\n", "answered 409 without the size it has"),
        (200, "", "is not a sequence of signature lines"),
        (200, "thank you\n", "is not a signature line"),
        (200, "— witness.example/w1 AAAAAAAA\n", "is not signed by a key that is trusted here"),
    ],
)
def test_a_witness_that_answers_otherwise_cosigned_nothing(
    here: Installation, witness: Witness, status: int, text: str, message: str
) -> None:
    witness.scripted = [(status, text)]
    assert message in here.placet("anchor", "--to", witness.url, "--witness-key", str(witness.key), code=1)


def test_a_witness_that_is_not_there_is_named(here: Installation) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert f"witness {url!r} does not answer" in here.placet("anchor", "--to", url, code=1)


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


def test_a_witness_that_answers_without_end_is_refused(
    here: Installation, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LARGEST_ANSWER", 1024)
    witness.scripted.append((200, "x" * 2048))
    line = here.placet("anchor", "--to", witness.url, code=1)
    assert "does not answer: its answer is longer than 1024 bytes" in line
