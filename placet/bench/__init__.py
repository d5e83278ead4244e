"""`placet bench run`: the governed run beside a bare Temporal workflow, on one embedded server, in one go.

This file imports nothing heavy: Temporal's sandbox executes it again for every bare run.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placet.entrypoints.settings import Settings


def bench_run(settings: "Settings", *, runs: int, in_flight: int, as_json: bool) -> int:
    """Measure both kinds, print the figures, stop and remove everything that was started, also on Ctrl-C.

    Only the worker's capacity is taken from `settings`: the bench has its own server, databases and keys, and
    never touches an installation's.

    Args:
        settings: The installation's settings.
        runs: Runs of each kind under load.
        in_flight: How many of them are under way at a time.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        PlacetError: a run did not end as it should, or the BSS shows another number of effects than runs.
    """
    from placet.bench.report import show  # noqa: PLC0415 - see above
    from placet.bench.session import measure  # noqa: PLC0415

    show(measure(settings, runs=runs, in_flight=in_flight), as_json=as_json)
    return 0
