"""`placet bench governance`: what each part of governance costs, each figure beside its reference in the same run."""

from placet.bench.governance.report import show
from placet.bench.governance.scale import Scale
from placet.bench.governance.session import measure
from placet.entrypoints.settings import Settings


def bench_governance(
    settings: Settings, *, only: str | None, entries: int, rounds: int, postgres: str | None, as_json: bool
) -> int:
    """Measure, print the figures, stop and remove everything that was started, also on Ctrl-C.

    Only the worker's capacity is taken from `settings`: the bench has its own servers, databases and keys, and never
    touches an installation's.

    Args:
        settings: The installation's settings.
        only: Parts to measure, separated by commas; None: all.
        entries: Entries of the largest log.
        rounds: How often each measurement is repeated, beside its reference.
        postgres: URL of a PostgreSQL server on which databases may be created; None: the embedded one, if installed.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        UsageError: `only` names a part that there is not.
        ConfigurationError: a part does not start, or `postgres` cannot be used.
        PlacetError: a run did not end as it should, or a proof did not verify.
    """
    measured = measure(settings, Scale.of(only, entries, rounds), postgres)
    title = f"{rounds} rounds, logs of up to {entries:,} entries; medians, each beside its reference"
    show(measured, title, as_json=as_json)
    return 0
