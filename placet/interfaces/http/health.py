"""Can this API do its work? Open to everyone, so it names codes and nothing else."""

import asyncio
import time
from datetime import timedelta

from temporalio.service import RPCError

from placet.contracts.base import Frozen
from placet.errors import PlacetError
from placet.interfaces.http.engine_link import EngineLink
from placet.storage.database import Database

PROBE_SECONDS = 2.0
# Anyone may ask, and a probe takes the database's write lock: however many ask, it is probed once in this time.
_REMEMBERED_SECONDS = 1.0

Health = dict[str, str]


class Readiness(Frozen):
    """What this API stands on: `ok`, or the code of what is wrong with it."""

    database: str
    temporal: str


class HealthCheck:
    """Probes the database and Temporal."""

    def __init__(self, database: Database, engine: EngineLink) -> None:
        self._database = database
        self._engine = engine
        self._probing = asyncio.Lock()
        self._found: Health = {}
        self._found_at = float("-inf")

    async def __call__(self) -> Health:
        """Answer `{"database": "ok", "temporal": "ok"}`; anything but `ok` is the code of what is wrong."""
        async with self._probing:
            if time.monotonic() - self._found_at > _REMEMBERED_SECONDS:
                database, temporal = await asyncio.gather(self._probe_database(), self._probe_temporal())
                self._found, self._found_at = {"database": database, "temporal": temporal}, time.monotonic()
            return self._found

    async def _probe_database(self) -> str:
        try:
            await asyncio.wait_for(asyncio.to_thread(self._database.check), PROBE_SECONDS)
        except PlacetError as error:
            return error.code
        except TimeoutError:
            return "storage_timeout"
        return "ok"

    async def _probe_temporal(self) -> str:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                engine = await self._engine.connected()
                served = await engine.client.service_client.check_health(timeout=timedelta(seconds=PROBE_SECONDS))
        except (PlacetError, RPCError, TimeoutError):
            return "engine_unavailable"
        return "ok" if served else "engine_unavailable"
