"""The figures on a terminal."""

from rich.table import Table
from rich.text import Text

from placet.bench.governance.figures import Figure, Measurement
from placet.bench.report import verdict
from placet.interfaces.cli.output import console, print_json


def show(measured: Measurement, title: str, *, as_json: bool) -> None:
    """Print the figures: raw JSON, or a table."""
    if as_json:
        print_json(measured.as_json())
        return
    out = console()
    table = Table("figure", title=title, title_justify="left", box=None)
    for column in ("ours", "reference", "ratio", "aim", ""):
        table.add_column(column, justify="right")
    for figure in measured.figures:
        table.add_row(*_cells(figure))
    out.print(table)
    out.print()
    for part, against in dict.fromkeys((figure.part, figure.against) for figure in measured.figures):
        out.print(f"reference, {part}: {against}", markup=False)
    for note in measured.notes:
        out.print(note, markup=False)


def _cells(figure: Figure) -> tuple[str | Text, ...]:
    aim = figure.aim
    name = f"{figure.name} [{figure.unit}]"
    cells = (name, _number(figure.ours), _number(figure.reference), f"{figure.ratio:.3g}")
    if aim is None:
        return (*cells, "", "")
    limit = f"{'≥' if aim.at_least else '≤'} {aim.limit:,.4g}{'' if figure.absolute else ' x'}"
    return (*cells, limit, verdict(met=aim.met))


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - four figures need no decimals
