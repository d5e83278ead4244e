"""Child processes that never outlive us, conditions awaited with a deadline, and the one way out.

A Python process that used temporalio aborts at interpreter exit now and then (temporalio/sdk-python#300), so every
entry point leaves by `leave`.
"""

import contextlib
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from placet.entrypoints.processes.child_log import ChildLog, Pump
from placet.entrypoints.processes.reaping import Reaper
from placet.errors import ConfigurationError

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.03
_STOP_SECONDS = 8.0
_LOG_BYTES = 10_000_000
_LOG_FILES = 5
_PORTS = range(10_240, 32_000)
_PORT_TRIES = 100


class Child:
    """One child process in its own session, logging to a file. It ends when we die, and what it started with it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path | ChildLog,
        environment: Mapping[str, str | None] | None = None,
    ) -> None:
        """Start it, from the main thread: Linux ends it when the thread that started it ends.

        Args:
            name: What a person calls it.
            command: Program and arguments.
            log: Where what it writes goes.
            environment: Added to ours; None takes a variable away.
        """
        self.name = name
        self.command = tuple(command)
        given = {**os.environ, **(environment or {})}
        self.log = log if isinstance(log, ChildLog) else ChildLog(log, most_bytes=_LOG_BYTES, files=_LOG_FILES)
        reaper = Reaper.of_this_process()
        self._process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env={variable: value for variable, value in given.items() if value is not None},
            preexec_fn=lambda: _begin(reaper),  # noqa: PLW1509 - two system calls
        )
        reaper.watch(self.pid)
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self._pump = Pump(self._process.stdout, self.log)

    @property
    def pid(self) -> int:
        """Process id, and that of its process group."""
        return self._process.pid

    @property
    def death(self) -> str:
        """How it ended, with its last words where it ended by itself; empty while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        self._pump.drain()
        log = f"(log: {str(self.log.path)!r})"
        if code < 0:  # nothing that it wrote says why
            return f"{self.name} was killed by signal {-code} {log}"
        return f"{self.name} ended with code {code}: {self.log.last_line or 'no output'} {log}"

    def check(self) -> None:
        """Raise when it has ended.

        Raises:
            ConfigurationError: with its last log line.
        """
        if death := self.death:
            raise ConfigurationError(death)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it and what it started: politely, then for certain."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._bury()

    def kill(self) -> None:
        """Send SIGKILL, for tests of recovery."""
        self._process.kill()
        self._process.wait()

    def _bury(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._pump.drain()
        Reaper.of_this_process().forget(self.pid)


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
    """Return whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port(preferred: int = 0) -> int:
    """Return `preferred` when it is free, else another free loopback port.

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


def _begin(reaper: Reaper) -> None:
    """Prepare a forked child before it becomes a program: it must not outlive its parent, nor may what it starts."""
    reaper.introduce()
    die_with_parent()


def die_with_parent() -> None:
    """Have this process sent SIGTERM when the thread that started it ends, as it does with its process; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
