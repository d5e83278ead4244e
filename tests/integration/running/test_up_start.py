"""`placet up` before it is ready: Ctrl-C stops it at once and says so."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from placet.entrypoints.processes.process import free_port
from placet.entrypoints.processes.stack import Stack
from placet.entrypoints.settings import load_settings
from tests.support.guard import GUARD


def test_ctrl_c_ends_a_start(tmp_path: Path) -> None:
    environment = {**os.environ, "PLACET_HOME": str(tmp_path)}
    first = subprocess.Popen(
        [sys.executable, "-m", "placet.entrypoints.program", "up"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    assert first.stdout.readline().startswith("starting Temporal")
    first.send_signal(signal.SIGINT)
    rest, _ = first.communicate(timeout=GUARD)
    assert (first.returncode, rest) == (130, "stopping …\nstopped\n")


def test_the_console_keeps_its_port_because_passkeys_are_bound_to_it(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    port = free_port()
    (tmp_path / "console.port").write_text(f"{port}\n")
    stack = Stack(settings)
    assert (stack.api_port, stack.moved_from) == (port, None)
    stack.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        stack = Stack(settings)
        assert stack.api_port != port
        assert stack.moved_from == port
        stack.stop()
    for junk in ("", "x", "0", "99999", "-1"):
        (tmp_path / "console.port").write_text(junk)
        stack = Stack(settings)
        assert stack.moved_from is None
        stack.stop()
    asked = Stack(load_settings(home=tmp_path, api_port=port))
    assert asked.api_port == port
    asked.stop()


def test_another_port_that_was_asked_for_is_not_taken_for_one_that_is_taken(tmp_path: Path) -> None:
    before, port = free_port(), free_port()
    (tmp_path / "console.port").write_text(f"{before}\n")
    stack = Stack(load_settings(home=tmp_path, api_port=port))
    assert (stack.api_port, stack.moved_from) == (port, None)
    stack.stop()
