"""The figures on a terminal."""

from rich.table import Table

from placet.bench.console.figures import Measurement
from placet.bench.report import verdict
from placet.interfaces.cli.output import console, print_json


def show(measured: Measurement, *, as_json: bool) -> None:
    """Print the figures: raw JSON, or tables."""
    if as_json:
        print_json(measured.as_json())
        return
    out = console()
    out.print(_pages(measured))
    out.print(_aims(measured))
    out.print("\nreference: the sign-in page of the same server, asked for in turn, which reads nothing", markup=False)
    for note in measured.notes:
        out.print(note, markup=False)


def _pages(measured: Measurement) -> Table:
    title = f"{measured.pending} runs wait; {measured.requests} requests each; milliseconds"
    table = Table("database", title=title, title_justify="left", box=None)
    table.add_column("runs", justify="right")
    table.add_column("page")
    for column in ("p50", "p95", "CPU", "reference p50", "ratio", "bytes"):
        table.add_column(column, justify="right")
    for one in measured.samples:
        figures = (one.p50_ms, one.p95_ms, one.cpu_ms, one.reference_p50_ms, one.ratio)
        shown = [f"{figure:.1f}" for figure in figures]
        table.add_row(one.database, f"{one.runs:,}", one.name, *shown, f"{one.size:,}")
    return table


def _aims(measured: Measurement) -> Table:
    table = Table("aim", title="\naims, with the largest database", title_justify="left", box=None)
    for column in ("limit", "measured", ""):
        table.add_column(column, justify="right")
    for aim in measured.aims():
        form = ".3f" if aim.limit < 1 else ",.0f"
        table.add_row(aim.name, f"≤ {aim.limit:{form}}", f"{aim.value:{form}}", verdict(met=aim.met))
    return table
