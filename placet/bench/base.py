"""`placet bench base`: a file of very many simulated customers, asked as `--base` asks it, and by polars alone.

Each act is a process of its own, so that its memory is its own. References are plain polars on the same file, written
by hand: one streaming query for the same sums. They check nothing, and must come to the same customers.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

from placet.bench.folder import temporary_folder
from placet.bench.governance.figures import Figure, Measurement
from placet.bench.governance.report import show
from placet.bench.governance.sampling import in_turn
from placet.bench.processes import base_asking
from placet.entrypoints.processes.interruption import terminate_as_interrupt
from placet.errors import PlacetError

_MOST_MEGABYTES: Final = 1024.0
_AGAINST: Final = "one streaming query of polars for the same sums, by hand, on the same file; nothing is checked"

_AGAINST_PLAN: Final = (
    "one streaming query of polars for the members of the cohorts and those on whom the rules are true, by hand, on "
    "the same file; without draws, values and the choice between strategies; nothing is checked"
)


def bench_base(*, customers: int, rounds: int, as_json: bool) -> int:
    """Measure, print the figures, and remove the file, also on Ctrl-C.

    Args:
        customers: Rows of the file.
        rounds: How often each question is repeated, beside its reference.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.

    Raises:
        PlacetError: a question failed, or the reference has other customers.
    """
    terminate_as_interrupt()
    with temporary_folder() as folder:
        path = folder / "base.parquet"
        written = _done("write", path, customers)
        note = (
            f"the file has {path.stat().st_size / 1e6:,.0f} MB; a process of at most {written['megabytes']:,.0f} MB "
            f"wrote {customers / written['seconds']:,.0f} rows/s, made of {base_asking.TEMPLATES} simulated customers"
        )
        figures = tuple(_figures(path, customers, rounds))
    title = f"{customers:,} simulated customers, {rounds} rounds; medians, each beside its reference"
    show(Measurement(customers, rounds, figures, (note,)), title, as_json=as_json)
    return 0


def _figures(path: Path, customers: int, rounds: int) -> Iterator[Figure]:
    for what, ours, theirs, against in (
        ("a preview", "preview", "preview_by_hand", _AGAINST),
        ("figures of a cohort", "kpis", "kpis_by_hand", _AGAINST),
        ("a plan of ten strategies", "plan", "plan_by_hand", _AGAINST_PLAN),
    ):
        found: dict[str, list[dict[str, Any]]] = {ours: [], theirs: []}
        for number in range(rounds):
            for act in in_turn([ours, theirs], number):
                found[act].append(_done(act, path, customers))
        if len({json.dumps(one["found"]) for many in found.values() for one in many}) != 1:
            raise PlacetError(f"the reference of {what} has other customers: {found}", code="bench")
        seconds, memory = (
            {act: median(one[of] for one in found[act]) for act in found} for of in ("seconds", "megabytes")
        )
        yield Figure(what, what, "rows/s", customers / seconds[ours], customers / seconds[theirs], against)
        yield Figure(
            what,
            f"{what}: most memory of the process",
            "MB",
            memory[ours],
            memory[theirs],
            against,
            limit=_MOST_MEGABYTES,
            absolute=True,
        )


def _done(act: str, path: Path, customers: int) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", base_asking.__name__, act, str(path), str(customers)],
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise PlacetError(f"{act} ended with code {done.returncode}", code="bench")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
