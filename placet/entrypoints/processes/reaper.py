"""Ends the process groups of a parent that died without ending them itself (SIGKILL, out of memory).

It runs as a file of its own with nothing but the standard library: it must start at once and stay small. The parent
writes `+<group>` and `-<group>` lines to its standard input; when that closes the parent is gone. A child's own death
signal (PR_SET_PDEATHSIG) would not reach what the child has started.
"""

import contextlib
import os
import signal
import sys
import time

_GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.05


def main() -> None:
    """Keep the groups that are alive in mind until the parent is gone, then end them: politely, then for certain."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(group)
    _end(groups)


def _end(groups: set[int]) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    _signal(groups, signal.SIGTERM)
    while any(_is_alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - a process of its own that waits for nothing else
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
