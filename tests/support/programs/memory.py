"""Where the files of tests lie: in memory, where the machine has room for them.

Tests check what is committed and who sees it, not a disk. On ext4 a PostgreSQL database costs ten times the CPU to make
and drop that it costs in memory: the file system looks for numbers of files that were not deleted a moment ago.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
_ROOM: Final = 6 * 1024**3
"""Bytes that must be free: several times what all tests together keep at once."""
_PREFIX: Final = "placet-"
"""Short, and a process's number follows: a socket below it has at most 107 characters."""


@contextmanager
def in_memory() -> Iterator[Path | None]:
    """Let temporary files lie in memory while the block runs, those of processes it starts as well; yield where.

    Whoever names a folder (`TMPDIR`) gets them there, and keeps what failed tests left.
    """
    if os.environ.get("TMPDIR") or not _has_room():
        yield None
        return
    _sweep()
    made = _MEMORY / f"{_PREFIX}{os.getpid()}"
    made.mkdir(mode=0o700)
    os.environ["TMPDIR"] = tempfile.tempdir = str(made)
    try:
        yield made
    finally:
        os.environ.pop("TMPDIR", None)
        tempfile.tempdir = None
        shutil.rmtree(made, ignore_errors=True)


def _has_room() -> bool:
    if not os.access(_MEMORY, os.W_OK):
        return False
    return min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) > _ROOM


def _sweep() -> None:
    """Remove what a run left that was killed."""
    for left in _MEMORY.glob(f"{_PREFIX}*"):
        with suppress(ValueError):
            number = int(left.name.removeprefix(_PREFIX))
            if number == os.getpid() or not psutil.pid_exists(number):
                shutil.rmtree(left, ignore_errors=True)
