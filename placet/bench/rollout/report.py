"""The figures of the bench of rollouts on a terminal."""

from rich.table import Table

from placet.bench.report import verdict
from placet.bench.rollout.figures import Staged
from placet.interfaces.cli.output import console, print_json


def show(found: Staged, *, as_json: bool) -> None:
    """Print the figures: raw JSON, or tables."""
    if as_json:
        print_json(found.as_json())
        return
    out = console()
    title = (
        f"a stage of {found.customers:,} cleared customers of {found.taken_down:,} in the cohort; inference scripted"
    )
    table = Table("per cent", title=title, title_justify="left", box=None)
    for column in ("seconds", "worker CPU per customer, ms", "worker memory, MiB"):
        table.add_column(column, justify="right")
    for mark in found.marks:
        cells = (f"{mark.seconds:.1f}", f"{mark.worker_cpu_ms:.1f}", f"{mark.resident_mb:.0f}")
        table.add_row(str(mark.percent), *cells)
    out.print(table)
    aims = Table("aim", title="\naims", title_justify="left", box=None)
    for column in ("limit", "measured", ""):
        aims.add_column(column, justify="right")
    for aim in found.aims():
        limit = f"{'≥' if aim.at_least else '≤'} {aim.limit:,g}"
        aims.add_row(aim.name, limit, f"{aim.value:,.2f}", verdict(met=aim.met))
    out.print(aims)
    ledger = found.ledger
    out.print(
        f"\n{found.customers_per_second:.1f} customers a second after {found.enrolled_seconds:.1f} s of taking the "
        f"cohort down; {found.compared_per_second:.1f} runs a second that people decide ({found.in_flight} in flight, "
        f"{found.runs} before and {found.runs} after). The BSS booked one credit each for {ledger.changed_once:,} "
        f"customers, {ledger.given_minor / 100:,.2f} USD of simulated money as on the record, and "
        f"{ledger.others_changed or 'none'} for anybody else. Largest history of the rollout: {max(found.histories):,} "
        f"events, {found.largest_bytes:,} bytes, of {len(found.histories)}."
    )
