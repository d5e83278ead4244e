"""`placet bench console`: what pages and the start of a run cost with many runs in the database."""

from placet.bench.console.report import show
from placet.bench.console.session import measure
from placet.entrypoints.settings import Settings


def bench_console(
    settings: Settings, *, runs: int, pending: int, requests: int, postgres: str | None, as_json: bool
) -> int:
    """Measure, print the figures, stop and remove everything that was started, also on Ctrl-C.

    The bench has its own servers, databases and keys, and never touches an installation's.

    Args:
        settings: The installation's settings.
        runs: Runs in the database; a tenth of them first, to see what grows.
        pending: How many of them wait for a decision.
        requests: How often each page is asked for.
        postgres: URL of a PostgreSQL server on which databases may be created; None: the embedded one, if installed.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        ConfigurationError: a part does not start, or `postgres` cannot be used.
        PlacetError: a page does not answer as it should.
    """
    show(measure(settings, runs=runs, pending=pending, requests=requests, postgres=postgres), as_json=as_json)
    return 0
