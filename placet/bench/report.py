"""The figures on a terminal."""

from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from placet.bench.figures import Figures, Measured
from placet.interfaces.cli.output import console, print_json

_ROWS: tuple[tuple[str, Callable[[Measured], float], str], ...] = (
    ("runs per second, {in_flight} in flight", lambda m: m.runs_per_second, ".1f"),
    ("p50 of a run alone, ms", lambda m: m.alone_ms, ".1f"),
    ("  request to waiting, ms", lambda m: m.to_waiting_ms, ".1f"),
    ("  decision to end, ms", lambda m: m.decision_ms, ".1f"),
    ("p50 decision to end, {in_flight} in flight, ms", lambda m: m.decision_under_load_ms, ".0f"),
    ("history events per run", lambda m: m.events, "d"),
    ("history bytes per run", lambda m: m.history_bytes, ",d"),
    ("worker CPU per run, ms", lambda m: m.cpu_ms, ".1f"),
    ("Temporal server CPU per run, ms", lambda m: m.server_cpu_ms, ".1f"),
    ("BSS CPU per run, ms", lambda m: m.bss_cpu_ms, ".1f"),
    ("worker peak memory, MiB", lambda m: m.peak_rss_mb, ".0f"),
)

# Aims below this are ratios and need their decimals.
_RATIO_BELOW = 10


def show(figures: Figures, *, as_json: bool) -> None:
    """Print the figures: raw JSON, or two tables."""
    if as_json:
        print_json(figures.as_json())
        return
    out = console()
    out.print(_side_by_side(figures))
    out.print(_aims(figures))
    effects = figures.effects
    out.print(
        f"\n{effects.executed_runs} governed runs ended executed, with {effects.distinct_receipts} distinct receipts; "
        f"the BSS counts {effects.changes_in_bss} changes"
    )


def _side_by_side(figures: Figures) -> Table:
    runs = f"{figures.runs} runs of each kind under load, {figures.alone_runs} alone; inference scripted"
    table = Table("medians", title=runs, title_justify="left", box=None)
    for column in ("bare", "governed", "ratio"):
        table.add_column(column, justify="right")
    for name, value, form in _ROWS:
        bare, governed = value(figures.bare), value(figures.governed)
        label = name.format(in_flight=figures.in_flight)
        ratio = f"{governed / bare:.2f}" if bare else ""
        table.add_row(label, format(bare, form), format(governed, form), ratio)
    return table


def _aims(figures: Figures) -> Table:
    table = Table("aim", title="\naims for the governed run", title_justify="left", box=None)
    for column in ("limit", "measured", ""):
        table.add_column(column, justify="right")
    for aim in figures.aims():
        limit = f"{'≥' if aim.at_least else '≤'} {aim.limit:,g}"
        measured = f"{aim.value:.2f}" if aim.limit < _RATIO_BELOW else f"{aim.value:,.0f}"
        table.add_row(aim.name, limit, measured, verdict(met=aim.met))
    return table


def verdict(*, met: bool) -> Text:
    """Say whether an aim is met, in colour where the terminal has any."""
    return Text("met", style="green") if met else Text("missed", style="red")
