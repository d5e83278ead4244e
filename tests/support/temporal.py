"""A real Temporal server on a file database."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from placet.entrypoints.connection import connect
from placet.entrypoints.processes.process import Child, free_port
from placet.entrypoints.processes.stack import temporal_command
from placet.entrypoints.settings import Settings
from tests.support.guard import GUARD


@contextmanager
def temporal_server(home: Path, *, bare: bool = False) -> Iterator[tuple[str, Child]]:
    """Start one in `home`; `bare` ones do not know our search attributes.

    Yields:
        Its address and process, once its namespace is there, which is after its port.
    """
    port = free_port()
    command = temporal_command(port, free_port(), home / "temporal.db")
    if bare:
        command = [part for part in command if part != "--search-attribute" and not part.startswith("Placet")]
    server = Child("temporal", command, home / "temporal.log")
    address = f"127.0.0.1:{port}"
    try:
        asyncio.run(connect(Settings(home=home / "probe", temporal_address=address), patience_seconds=GUARD))
        yield address, server
    finally:
        server.stop()
