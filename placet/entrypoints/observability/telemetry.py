"""Which telemetry this process makes. Its libraries are imported only where something is exported."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from placet.entrypoints.environment import traces_are_exported
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, UpstreamUnavailable

if TYPE_CHECKING:
    from temporalio.client import Interceptor

    from placet.engine.client import Engine
    from placet.storage.database import Database

_PATIENCE_SECONDS = 8.0
"""How long a scrape waits for Temporal."""


@contextmanager
def observed(part: str, *, quiet: bool = False) -> Iterator[None]:
    """Export spans while the block runs, where the environment names a collector.

    Raises:
        ConfigurationError: it names one that cannot be spoken to.
    """
    if not traces_are_exported():
        yield
        return
    import placet.telemetry.log_fields  # noqa: F401, PLC0415 - from here on, log lines name their trace
    from placet.telemetry.tracing import tracing  # noqa: PLC0415 - half a second, for those who export

    with tracing(part, quiet=quiet):
        yield


def tracing_interceptors() -> "Sequence[Interceptor]":
    """Return what a connection to Temporal needs to trace runs across it; nothing where nobody listens."""
    if not traces_are_exported():
        return ()
    from placet.telemetry.temporal import RunSpans  # noqa: PLC0415 - as above

    return (RunSpans(),)


def metrics_of_worker(
    settings: Settings,
    database: "Database",
    engine: "Engine",
    clock: Callable[[], datetime],
    waiting: Callable[[], Mapping[str, int]] = dict,
) -> AbstractContextManager[object]:
    """Serve `/metrics` while the block runs, where a port is set. Call it on the event loop that serves `engine`.

    `waiting` tells how many events of each tenant wait at Kafka.

    Raises:
        ConfigurationError: a port is set and no token, or the port is taken.
    """
    if not settings.metrics_port:
        return nullcontext()
    if settings.metrics_token is None:
        raise ConfigurationError("PLACET_METRICS_PORT is set, and nobody could read it; set PLACET_METRICS_TOKEN")
    from placet.engine.queues import QueueFigures, queue_backlog  # noqa: PLC0415 - as above
    from placet.telemetry.metrics.registry import Metrics  # noqa: PLC0415
    from placet.telemetry.metrics.server import serving  # noqa: PLC0415

    loop = asyncio.get_running_loop()

    def queues() -> Mapping[str, QueueFigures]:
        asked = asyncio.run_coroutine_threadsafe(queue_backlog(engine), loop)
        try:
            return asked.result(_PATIENCE_SECONDS)
        except TimeoutError as error:
            asked.cancel()
            raise UpstreamUnavailable("Temporal did not answer; try again", code="engine_unavailable") from error

    metrics = Metrics(database, settings.tenants, clock, queues, waiting)
    return serving(metrics, settings.metrics_host, settings.metrics_port, settings.metrics_token)
