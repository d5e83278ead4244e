"""`placet bench rollout`: a stage of many cleared customers on the embedded stack, checked against the BSS's ledger."""

from contextlib import closing

from placet.bench.governed import settings_of
from placet.bench.processes.parts import Parts
from placet.bench.rollout.crowd import draw_crowd, write_customers
from placet.bench.rollout.figures import Staged
from placet.bench.rollout.publishing import bench_strategy, with_commits
from placet.bench.rollout.report import show
from placet.bench.rollout.session import Session
from placet.entrypoints.connection import open_database
from placet.entrypoints.processes.interruption import run_interruptible, terminate_as_interrupt
from placet.entrypoints.settings import Settings


def bench_rollout(settings: Settings, *, customers: int, runs: int, in_flight: int, as_json: bool) -> int:
    """Measure, print the figures, stop and remove everything that was started, also on Ctrl-C.

    Args:
        settings: Only the worker's capacity is taken from them.
        customers: How many the stage treats.
        runs: Runs that people decide, measured before and after it for comparison.
        in_flight: How many of those are under way at a time.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        PlacetError: a run did not end as it should, or the BSS's ledger says otherwise than the record.
    """
    terminate_as_interrupt()
    strategy = bench_strategy(customers)
    crowd = draw_crowd(strategy, customers)
    with (
        Parts(settings, policies=with_commits, customers=lambda home: write_customers(home, crowd)) as parts,
        closing(open_database(settings_of(parts.place))) as database,
    ):
        found: Staged = run_interruptible(lambda: Session(parts, database, strategy, crowd, runs, in_flight).run())
    show(found, as_json=as_json)
    return 0
