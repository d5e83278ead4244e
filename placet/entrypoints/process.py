"""Child processes that never outlive us, conditions awaited with a deadline, and the one way out.

A Python process that used temporalio aborts at interpreter exit now and then (temporalio/sdk-python#300), so every
entry point leaves by `leave`.
"""

import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from placet.errors import ConfigurationError
from placet.files import open_own, private_folder

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.03
_STOP_SECONDS = 8.0
_PORTS = range(10_240, 32_000)
_PORT_TRIES = 100


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until the block ends: what is begun in it is known to whoever must end it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread alone
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            signal.raise_signal(signal.SIGINT)


class Child:
    """One child process in its own session, logging to a file. Linux ends it when we die."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str | None] | None = None
    ) -> None:
        """Start it. `environment` is added to ours; None takes a variable away."""
        self.name = name
        given = {**os.environ, **(environment or {})}
        self.log = log
        private_folder(log.parent)
        with os.fdopen(open_own(log, os.O_WRONLY | os.O_APPEND), "ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                list(command),
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={variable: value for variable, value in given.items() if value is not None},
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one C call
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise when it has ended.

        Raises:
            ConfigurationError: with its last log line.
        """
        code = self._process.poll()
        if code is not None:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            last = lines[-1] if lines else "no output"
            raise ConfigurationError(f"{self.name} ended with code {code}: {last} (log: {str(self.log)!r})")

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it: politely, then for certain."""
        self.ask_to_stop()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """SIGKILL, for tests of recovery."""
        self._process.kill()
        self._process.wait()


def await_condition(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until `condition` holds.

    Raises:
        ConfigurationError: it did not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"{what} did not happen within {seconds:g} s")
        pause.wait(_POLL_SECONDS)


def answers(port: int) -> bool:
    """Does something accept connections on this loopback port?"""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(preferred: int = 0) -> int:
    """`preferred` when it is free, else another free loopback port.

    It is not taken from the system's own choice: that range also serves outgoing connections, so that the port could be
    gone before the server for which it was found has started.
    """
    for _ in range(_PORT_TRIES):
        candidate = preferred or _PORTS.start + secrets.randbelow(len(_PORTS))
        preferred = 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return candidate
    raise ConfigurationError(f"no free port on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}")


def leave(code: int) -> NoReturn:
    """Flush what we wrote and leave without running the interpreter's exit."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    os._exit(code)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
