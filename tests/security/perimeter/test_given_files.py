"""Files that somebody hands over: no command waits for one or reads a device; one line says what is wrong."""

import json
import os
from pathlib import Path

import pytest

from placet.errors import ConfigurationError
from placet.files import read_given
from placet.governance.signing.plain_json import MOST_DEPTH, read_json
from tests.replay.record import PAYLOAD_KEY, RECORDED
from tests.support.programs.placet_process import one_line, placet

READ_BY = {
    "proof": ("audit", "verify", "--proof", "FILE"),
    "anchor": ("audit", "verify", "--against", "FILE"),
    "log key": ("audit", "verify", "--key", "FILE"),
    "checkpoint": ("audit", "prove", "run-1", "--at", "FILE"),
    "history": ("replay", "FILE.json"),
    "key": ("replay", str(RECORDED / "executed.json"), "--key", "FILE"),
    "mandate": ("replay", str(RECORDED / "executed.json"), "--mandate", "FILE"),
    "draft": ("mandate", "sign", "FILE", "--as", "root"),
    "cases": ("policy", "test", "FILE"),
    "backup": ("restore", "FILE"),
    "public half": ("keys", "enroll", "x", "--public", "FILE", "--role", "r", "--limit", "1.00 USD", "--as", "root"),
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation with an administrator."""
    made = tmp_path / "home"
    for command in (("migrate",), ("keys", "new", "root"), ("keys", "bootstrap", "root")):
        assert placet(made, *command).returncode == 0
    (key := made / "payload.key").write_text(PAYLOAD_KEY)
    key.chmod(0o600)
    return made


def test_no_command_waits_for_a_pipe_or_reads_a_device(home: Path, tmp_path: Path) -> None:
    """What hung cannot be told from what is slow: without the mend this test does not end."""
    pipe, device = tmp_path / "pipe", tmp_path / "device"
    for name in ("", ".json"):
        os.mkfifo(f"{pipe}{name}")
        Path(f"{device}{name}").symlink_to("/dev/zero")
    for what, command in READ_BY.items():
        for file in (pipe, device):
            given = [part.replace("FILE", str(file)) for part in command]
            done = placet(home, *given)
            said = one_line(done, code=done.returncode or -1)
            assert "it is not an ordinary file" in said, (what, said)


def test_what_lies_in_a_folder_of_anchors_leads_nowhere_else(home: Path, tmp_path: Path) -> None:
    assert placet(home, "halt", "--reason", "x", "--by", "olga").returncode == 0
    folder = tmp_path / "anchors"
    folder.mkdir()
    assert placet(home, "audit", "anchor", "--to", str(folder)).returncode == 0
    (anchor,) = folder.rglob("*.checkpoint")
    # An old one under a larger number, and one that is none of its own, are found before anything is anchored.
    (false := anchor.with_name(f"{10**9:012d}.checkpoint")).write_text(anchor.read_text())
    assert "find out who put it there" in one_line(placet(home, "audit", "anchor", "--to", str(folder)))
    false.write_text("junk")
    assert "is no checkpoint of this log" in one_line(placet(home, "audit", "anchor", "--to", str(folder)))
    false.unlink()
    (stray := anchor.with_name("zzz.checkpoint")).write_text(anchor.read_text())
    assert "is not named as a checkpoint anchored here is" in one_line(
        placet(home, "audit", "anchor", "--to", str(folder))
    )
    stray.unlink()
    for linked in (True, False):
        if linked:
            false.symlink_to("/dev/zero")
        else:
            os.mkfifo(false)
        for command in (("anchor", "--to"), ("verify", "--against")):
            assert "cannot read checkpoint" in one_line(placet(home, "audit", *command, str(folder)))
        false.unlink()
    assert placet(home, "audit", "anchor", "--to", str(folder)).returncode == 0


def history(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "history.json"
    file.write_text(text)
    return file


def test_an_exported_history_may_be_any_nonsense(home: Path, tmp_path: Path) -> None:
    whole = (RECORDED / "executed.json").read_text()
    document = json.loads(whole)
    document["history"]["events"][0]["eventTime"] = "99999-01-01T00:00:00Z"
    nested = '{"workflowId": "x", "history": ' + "[" * 100_000 + "]" * 100_000 + "}"
    less = '{"workflowId": "x", "history": ' + "[" * 300 + "]" * 300 + "}"
    twice = whole.replace('"history":', '"history": {"events": []}, "history":', 1)
    for text, fault in (
        (nested, f"nests deeper than {MOST_DEPTH} levels"),
        (less, f"nests deeper than {MOST_DEPTH} levels"),
        (json.dumps(document), "is not a history exported"),
        (twice, "a name stands twice in one object"),
    ):
        assert fault in one_line(placet(home, "replay", str(history(tmp_path, text))))


def test_a_given_text_is_bounded_and_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_bytes(b"x" * 9)
    assert read_given(file, "thing", most=9) == "x" * 9
    with pytest.raises(Exception, match="is larger than 8 bytes"):
        read_given(file, "thing", most=8)
    file.write_bytes(b"\xff")
    with pytest.raises(Exception, match=r"cannot read thing .* it is not UTF-8 text, from byte 1 on"):
        read_given(file, "thing")
    (link := tmp_path / "link").symlink_to(file)
    with pytest.raises(Exception, match="is a symbolic link, which is not followed here"):
        read_given(link, "thing", follow=False)


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    for path, fault in (
        (tmp_path, "it is not an ordinary file"),
        (tmp_path / "no-such", "No such file or directory"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(ConfigurationError, match=fault):
            read_given(path, "thing", follow=False)


def test_json_is_read_to_a_depth_and_says_each_name_once() -> None:
    deepest = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert read_json(deepest) is not None
    assert read_json("[" + "[],{}," * 500 + "1]") is not None
    for text in (f"[{deepest}]", '{"a":' * 101 + "1" + "}" * 101, "[" * 10**5, "9" * 5000):
        with pytest.raises(ValueError, match=r"."):
            read_json(text)
    with pytest.raises(ValueError, match="too large"):
        read_json("9" * 400, number=lambda digits: float(int(digits)))
    assert read_json('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(ValueError, match="twice"):
        read_json('[{"a": 1, "a": 2}]', once_each=True)
