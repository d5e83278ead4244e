"""A child process that works on what may harm it: bounded in memory, first to go, and ended with all it started."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

OUT_OF_MEMORY: Final = 77
"""Exit code of a child that reached its bound and could still say so."""

_NICENESS: Final = 10
_MEGABYTE: Final = 1024 * 1024


def confine(megabytes: int) -> None:
    """Bound the memory of this process, and let it give way to others."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
    os.nice(_NICENESS)
    if sys.platform == "linux":
        Path("/proc/self/oom_score_adj").write_text("1000")


def answer_order(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Do, as the child, what the order on standard input says, and write the answer to standard output: JSON both.

    `megabytes` in the order bounds the memory; import what is large in `work`, under that bound.
    """
    from placet.entrypoints.processes.process import die_with_parent, leave  # noqa: PLC0415 - only the child needs it

    die_with_parent()
    # Nothing else that writes may spoil the answer.
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        order = json.loads(sys.stdin.buffer.read())
        confine(int(order["megabytes"]))
        said = work(order)
    except MemoryError:
        leave(OUT_OF_MEMORY)
    with os.fdopen(answer, "w") as written:
        json.dump(said, written)
    leave(0)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child that still runs, and whatever it started: it leads a process group of its own."""
    if child.poll() is None:
        os.killpg(child.pid, 9)
        child.wait()
