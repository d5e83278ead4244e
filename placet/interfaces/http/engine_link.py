"""One connection to Temporal for the whole API, usable from the threads in which endpoints run."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio import from_thread

from placet.engine.client import Engine
from placet.errors import UpstreamUnavailable

T = TypeVar("T")

EngineFactory = Callable[[], Awaitable[Engine]]

CONNECT_SECONDS = 5.0
"""How long a request waits for the first connection."""


class EngineLink:
    """Connects when first asked and keeps the connection, which mends itself; a failed attempt is not kept."""

    def __init__(self, factory: EngineFactory) -> None:
        self._factory = factory
        self._engine: Engine | None = None
        self._connecting = asyncio.Lock()

    async def connected(self) -> Engine:
        """Return the connection; make it where there is none yet.

        Raises:
            ConfigurationError: Temporal does not answer.
            UpstreamUnavailable: it did not within `CONNECT_SECONDS`.
        """
        async with self._connecting:
            if self._engine is None:
                try:
                    async with asyncio.timeout(CONNECT_SECONDS):
                        self._engine = await self._factory()
                except TimeoutError as error:
                    raise UpstreamUnavailable(
                        f"Temporal did not answer within {CONNECT_SECONDS:g} s; try again", code="engine_unavailable"
                    ) from error
            return self._engine

    def call(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """Do `work` on the server's event loop, for an endpoint that runs in one of its threads."""

        async def connected_work() -> T:
            return await work(await self.connected())

        return from_thread.run(connected_work)
