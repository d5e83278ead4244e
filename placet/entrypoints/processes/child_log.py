"""The log files of child processes: bounded in size, their owner's alone, without what colours or moves a terminal."""

import logging
import os
import re
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from placet.files import open_own, private_folder

_LONGEST_LINE = 16_384
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;:?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_DRAIN_SECONDS = 2.0


def clean(text: str) -> str:
    """Return a line without colours, and with every other control character written out."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", _ESCAPES.sub("", text))


class ChildLog:
    """One log file, written by the pumps of the children that share a name; rotated by size."""

    def __init__(self, path: Path, *, most_bytes: int, files: int) -> None:
        private_folder(path.parent)
        self.path = path
        self._last = ""
        self._handler = _PrivateFile(path, maxBytes=most_bytes, backupCount=files - 1, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    @property
    def last_line(self) -> str:
        """The last line that said anything; empty before the first."""
        return self._last

    def write(self, line: str) -> None:
        """Add one line."""
        if line.strip():
            self._last = line
        self._handler.handle(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


class Pump:
    """Carries what a child writes to its log, in a thread of its own, until the child has nothing more to say."""

    def __init__(self, output: IO[bytes], log: ChildLog) -> None:
        self._output = output
        self._log = log
        self._thread = threading.Thread(target=self._run, name=f"log of {log.path.stem}", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Wait until all that an ended child wrote is in the file; something it started may hold the pipe open."""
        self._thread.join(_DRAIN_SECONDS)

    def _run(self) -> None:
        with self._output:
            while line := self._output.readline(_LONGEST_LINE):
                self._log.write(clean(line.decode("utf-8", "backslashreplace").rstrip("\r\n")))


class _PrivateFile(RotatingFileHandler):
    """The standard library's rotation over files that follow no link and nobody else reads."""

    def _open(self) -> Any:
        descriptor = open_own(Path(self.baseFilename), os.O_WRONLY | os.O_APPEND)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's own name
        """Drop a line that cannot be written (disk full): the child must not stop because of its log."""
