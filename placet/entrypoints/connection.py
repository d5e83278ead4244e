"""Opening what a command needs and no more: the database, and a connection to Temporal."""

import asyncio
from typing import TYPE_CHECKING

from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.observability.telemetry import tracing_interceptors
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError
from placet.files import private_folder
from placet.governance.log.key import TrustedLog
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust

if TYPE_CHECKING:
    from placet.engine.client import Engine


def open_database(settings: Settings) -> Database:
    """Open the database of `settings`, migrated when it is the embedded one.

    An operator migrates PostgreSQL on purpose.

    Raises:
        StorageError: it is unreachable, locked, read-only or not migrated.
    """
    trust = Trust(settings.administrators, TrustedLog(settings.log_name, settings.log_key))
    database = Database(settings.database, pool_size=settings.worker_activities, trust=trust)
    if not settings.database_url:
        private_folder(settings.home)
        database.migrate()
    database.check()
    return database


async def connect(settings: Settings, *, patience_seconds: float = 0, for_worker: bool = False) -> "Engine":
    """Connect to Temporal, waiting up to `patience_seconds` for it to come up.

    Raises:
        ConfigurationError: it does not answer.
    """
    from placet.engine.client import Engine  # a command that reads the database alone need not load Temporal's SDK

    if settings.payload_key_file is None:
        private_folder(settings.home)
    keys = load_or_create_key(settings.payload_key)
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        try:
            address, namespace = settings.temporal_address, settings.temporal_namespace
            return await Engine.connect(
                address, namespace, keys, for_worker=for_worker, interceptors=tracing_interceptors()
            )
        except ConfigurationError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.1)
