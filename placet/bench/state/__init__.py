"""`placet bench state`: what events and the state of a customer cost, each figure beside its reference."""

from placet.bench.governance.report import show
from placet.bench.state.session import measure, parts_of
from placet.entrypoints.settings import Settings


def bench_state(
    settings: Settings, *, only: str | None, events: int, rounds: int, postgres: str | None, as_json: bool
) -> int:
    """Measure, print the figures, stop and remove everything that was started, also on Ctrl-C.

    The bench has its own servers and databases, and never touches an installation's. Its events are simulated.

    Args:
        settings: The installation's settings.
        only: Parts to measure, separated by commas; None: all.
        events: Events that are stored before anything is measured: at most 1,000,000 where states are read.
        rounds: How often each measurement is repeated, beside its reference.
        postgres: URL of a PostgreSQL server on which databases may be created; None: the embedded one, if installed.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        UsageError: `only` names a part that there is not.
        ConfigurationError: a part does not start, or `postgres` cannot be used.
        PlacetError: an event was not taken, or the API answers something else than it should.
    """
    measured = measure(settings, only=parts_of(only), events=events, rounds=rounds, postgres=postgres)
    show(
        measured,
        f"{rounds} rounds, {events:,} events stored; medians, each beside its reference",
        as_json=as_json,
    )
    return 0
