"""What is on disk is its owner's alone, nothing is written through a link, and no stray file decides for us."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from placet import files
from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.connection import open_database
from placet.entrypoints.processes.stack import Stack
from placet.entrypoints.settings import Settings, load_settings
from placet.errors import ConfigurationError
from placet.governance.log.key import load_or_create_log_identity
from placet.governance.signing.keys import create_key_file
from placet.interfaces.cli import output
from placet.replay import load_history
from placet.replay.files import write_history
from tests.replay.record import RECORDED


def looser(folder: Path) -> list[str]:
    """What others may do anything with."""
    everything = [folder, *folder.rglob("*")]
    return sorted(str(path) for path in everything if stat.S_IMODE(path.lstat().st_mode) & 0o077)


@pytest.fixture
def lax_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_everything_in_home_is_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "a" / "home"
    home.mkdir(mode=0o755, parents=True)  # as an earlier version left it
    settings = Settings(home=home)
    open_database(settings).close()
    load_or_create_key(settings.payload_key)
    load_or_create_log_identity("here", settings.log_key)
    create_key_file(home / "keys" / "anna.pem", "correct horse")
    (home / "placet.db").chmod(0o644)
    open_database(settings).close()
    output.write_file(home / "proof.json", "{}")
    assert looser(home) == []


def test_a_command_makes_nothing_that_others_may_read(tmp_path: Path) -> None:
    environment = {**os.environ, "PLACET_HOME": str(tmp_path / "home"), "PLACET_KEY_PASSPHRASE": "correct horse"}
    command = [sys.executable, "-m", "placet.entrypoints.program", "keys", "new", "anna", "--file", "anna.pem"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, umask=0)
    assert looser(tmp_path / "anna.pem") == looser(tmp_path / "anna.pem.pub") == []


@pytest.mark.parametrize(
    "write",
    [
        lambda path: output.write_file(path, "proof"),
        lambda path: write_history(path, load_history(RECORDED / "executed.json")),
        lambda path: os.close(files.open_own(path, os.O_WRONLY)),
        files.make_own_file,
        files.read_own,
    ],
    ids=["--out", "--export", "log or lock", "database", "stack.json"],
)
def test_nothing_is_written_or_trusted_through_a_symbolic_link(tmp_path: Path, write: Callable[[Path], None]) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "dangling").symlink_to(tmp_path / "made")
    for name in ("link", "dangling"):
        with pytest.raises(ConfigurationError, match=f"{name}.*symbolic link"):
            write(tmp_path / name)
    assert victim.read_text() == "precious"
    assert not (tmp_path / "made").exists()


def test_what_is_trusted_is_no_folder_and_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(ConfigurationError, match=f"{name}' is not an ordinary file; remove it"):
            files.read_own(tmp_path / name)


def test_a_result_never_replaces_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="not an ordinary file"):
        output.write_file(tmp_path / "pipe", "proof")
    with pytest.raises(ConfigurationError, match="cannot open"):
        files.open_own(tmp_path / "pipe", os.O_WRONLY)


def test_a_stacks_lock_does_not_follow_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    home = tmp_path / "home"
    home.mkdir()
    (home / "stack.lock").symlink_to(victim)
    with pytest.raises(ConfigurationError, match=r"stack.lock' is a symbolic link"), Stack(Settings(home=home)):
        pass
    assert victim.read_text() == "precious"


def test_a_shared_folder_is_no_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigurationError, match="use a folder of your own"):
        open_database(Settings(home=tmp_path))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_no_key_is_used_that_others_can_read(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "payload.key"
    load_or_create_key(key)
    key.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"has mode {mode:04o}; run chmod 600"):
        load_or_create_key(key)


STACK = {"temporal_address": "127.0.0.1:7999", "bss_url": "http://127.0.0.1:7998"}


def stack_file(home: Path, **settings: object) -> Path:
    home.mkdir(exist_ok=True)
    path = home / "stack.json"
    path.write_text(json.dumps({"pid": os.getpid(), **settings}))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    "planted",
    [
        {"allow_hosted_models": True},
        {"database_url": "sqlite:////tmp/theirs.db"},
        {"policy_dir": "theirs"},
        {"model_url": "https://api.openai.com/v1"},
        {"bss_url": "http://127.0.0.1:7998@elsewhere.example"},
        {"temporal_address": "elsewhere.example:7233"},
        {"temporal_address": ["127.0.0.1:7999"]},
    ],
    ids=lambda planted: next(iter(planted)),
)
def test_a_stack_file_sets_ports_of_this_machine_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: dict[str, object]
) -> None:
    monkeypatch.delenv("PLACET_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    stack_file(tmp_path / ".placet", **STACK)
    assert load_settings().temporal_address == "127.0.0.1:7999"
    stack_file(tmp_path / ".placet", **{**STACK, **planted})
    with pytest.raises(ConfigurationError, match=rf"stack.json' sets {next(iter(planted))}="):
        load_settings()


def test_a_stack_file_that_others_may_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_HOME", str(tmp_path))
    stack_file(tmp_path, **STACK).chmod(0o620)
    with pytest.raises(ConfigurationError, match="can be written by others"):
        load_settings()
    if os.getuid() == 0:
        stack_file(tmp_path, **STACK)
        os.chown(tmp_path / "stack.json", 12345, 12345)
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            load_settings()
