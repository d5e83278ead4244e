"""`placet audit anchor`: heads kept by a folder, a Git repository or a witness, and a rewritten history they find."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.entrypoints.processes.process import free_port
from placet.governance.log.kept_head import KeptHeads
from placet.governance.log.notes import open_note
from placet.network import client
from placet.service.keeping.heads import unextended
from tests.integration.record.log_home import ORIGIN, Installation
from tests.support.logs import TENANT, record
from tests.support.servers.witness import Witness, running_witness


@pytest.fixture
def witness(here: Installation) -> Iterator[Witness]:
    with running_witness(here.keys) as served:
        yield served


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


def test_a_witness_that_answers_without_end_is_refused(
    here: Installation, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LARGEST_ANSWER", 1024)
    witness.scripted.append((200, "x" * 2048))
    line = here.placet("anchor", "--to", witness.url, code=1)
    assert "does not answer: its answer is longer than 1024 bytes" in line
