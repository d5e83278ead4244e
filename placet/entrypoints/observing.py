"""Which telemetry this process makes. Its libraries are imported only where something is exported."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from placet.entrypoints.settings import traces_are_exported

if TYPE_CHECKING:
    from temporalio.client import Interceptor


@contextmanager
def observed(part: str, *, quiet: bool = False) -> Iterator[None]:
    """Export spans while the block runs, where the environment names a collector.

    Raises:
        ConfigurationError: it names one that cannot be spoken to.
    """
    if not traces_are_exported():
        yield
        return
    from placet.telemetry.tracing import tracing  # noqa: PLC0415 - half a second, for those who export

    with tracing(part, quiet=quiet):
        yield


def tracing_interceptors() -> "Sequence[Interceptor]":
    """What a connection to Temporal needs so that runs are traced across it; nothing where nobody listens."""
    if not traces_are_exported():
        return ()
    from placet.telemetry.temporal import RunSpans  # noqa: PLC0415 - as above

    return (RunSpans(),)
