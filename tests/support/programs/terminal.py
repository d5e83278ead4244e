"""The real command on a real pseudo-terminal: what a person at it would see, byte by byte."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.guard import GUARD

ROWS, COLUMNS = 24, 80
_ASKED = b"'s key: "


def on_terminal(
    arguments: list[str],
    environment: Mapping[str, str],
    until: str | None,
    *,
    passphrases: Sequence[str] = (),
    seconds: float = GUARD,
) -> str:
    """Run `placet` with `arguments` on a terminal of 24 by 80, typing each of `passphrases` as it is asked for.

    Returns:
        Everything it writes, until `until` or its end.
    """
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    # The prompt for a passphrase opens the controlling terminal.
    program = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    program += "from placet.entrypoints.main import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, **environment, "TERM": "xterm-256color"},
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    os.close(follower)
    seen, typed, deadline = b"", 0, time.monotonic() + seconds
    try:
        while until is None or until.encode() not in seen:
            assert time.monotonic() < deadline, f"not seen within {seconds} s: {until!r} in {seen!r}"
            if not select.select([leader], [], [], 0.2)[0]:
                continue
            try:
                part = os.read(leader, 65_536)
            except OSError:  # the last writer is gone
                break
            if not part:
                break
            seen += part
            while typed < min(len(passphrases), seen.count(_ASKED)):
                os.write(leader, passphrases[typed].encode() + b"\n")
                typed += 1
    finally:
        child.kill()
        child.wait(GUARD)
        os.close(leader)
    return seen.decode()
