"""Our side of the reaper: which process groups it must end if we are killed."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar


class Reaper:
    """The process that ends our children's groups if we die without doing so; one for this process."""

    _ours: ClassVar["Reaper | None"] = None

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._groups: set[int] = set()
        file = Path(__file__).with_name("reaper.py")
        self._process = subprocess.Popen(  # noqa: S603 - our own file
            [sys.executable, "-I", "-S", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @classmethod
    def of_this_process(cls) -> "Reaper":
        """Return the one at work, started when first asked for."""
        if cls._ours is None or not cls._ours.serves:
            cls._ours = cls()
        return cls._ours

    @property
    def serves(self) -> bool:
        """Whether it is alive, and this process's own: not that of one we were forked from."""
        return self._owner == os.getpid() and self._process.poll() is None

    def introduce(self) -> None:
        """Have the group of this process ended when its parent dies: called in a child before it becomes a program.

        A parent that is killed before it can say `watch` would leave what the child starts.
        """
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(OSError):
            os.write(self._process.stdin.fileno(), f"+{os.getpid()}\n".encode())

    def watch(self, group: int) -> None:
        """Have `group` ended when we die."""
        self._groups.add(group)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Leave `group` alone: it has ended, and its number may be given to others. Without groups the reaper ends."""
        self._groups.discard(group)
        self._tell(f"-{group}")
        if not self._groups and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
