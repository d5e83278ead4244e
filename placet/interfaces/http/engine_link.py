"""One connection to Temporal for the whole API, usable from the threads in which endpoints run."""

import asyncio
from collections.abc import Awaitable, Callable

from anyio import from_thread

from placet.contracts.run import RunRequest
from placet.errors import UpstreamUnavailable
from placet.interfaces.engine import Engine

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
        """The connection.

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

    def from_thread(self) -> Engine:
        """The connection, for an endpoint that runs in a thread of the server."""
        return _ThreadEngine(from_thread.run(self.connected))


class _ThreadEngine(Engine):
    """Makes each call on the server's event loop: a Temporal client belongs to the loop it was made in."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.client)
        self._engine = engine

    async def start(self, request: RunRequest) -> bool:
        return from_thread.run(self._engine.start, request)

    async def decide(self, run_id: str, envelope: str) -> None:
        from_thread.run(self._engine.decide, run_id, envelope)

    async def cancel(self, run_id: str) -> None:
        from_thread.run(self._engine.cancel, run_id)
