"""What a person need not read and whoever mends a defect does: tracebacks and what libraries complain of, in a file."""

import contextlib
import logging
import os
import traceback
from collections.abc import Callable
from pathlib import Path

from placet.errors import PlacetError
from placet.files import open_own, private_folder

_MOST_BYTES = 1_000_000


def keep_error(home: Path, error: BaseException) -> str:
    """Keep the traceback of `error`; returns where it is, in words."""
    log = _keep(home, "".join(traceback.format_exception(error)))
    return f"the details are in {str(log)!r}" if log else "the details could not be kept"


def keep_complaints(home: Callable[[], Path]) -> None:
    """Send what libraries complain of to the file: a command's terminal shows Placet's own lines alone.

    A process that configures logging, as the services do, is not concerned. `home` is asked for when there is something
    to keep: settings that cannot be read stop no help page.
    """
    logging.lastResort = _Complaints(home)


class _Complaints(logging.Handler):
    def __init__(self, home: Callable[[], Path]) -> None:
        super().__init__(logging.WARNING)
        self._home = home
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(PlacetError):
            _keep(self._home(), f"{self.format(record)}\n")


def _keep(home: Path, text: str) -> Path | None:
    try:
        log = private_folder(private_folder(home) / "logs") / "errors.log"
        if log.exists() and log.stat().st_size > _MOST_BYTES:
            log.replace(log.with_name("errors.log.1"))
        with os.fdopen(open_own(log, os.O_WRONLY | os.O_APPEND), "a", encoding="utf-8") as kept:
            kept.write(text)
    except (OSError, PlacetError):
        return None
    return log
