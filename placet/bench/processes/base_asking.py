"""One act on a file of the base: writing it, asking it, the same by hand. It says how long it took and its memory."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl

from placet.bench.strategies.deciding import Numbers, strategy_of_bench
from placet.contracts.cohorts.base_file import BaseHeader
from placet.contracts.events.kinds import EVENT
from placet.decisioning.cohorts.base_columns import FILE_SCHEMA, columns_digest
from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.columns import COLUMNS
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.cohorts.profile import PROFILED
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.service.base_file import AT_ONCE, BaseFile, write_base
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate

TEMPLATES: Final = 200
_PLANNED: Final = tuple(map(Numbers, range(0, 50, 5)))
"""Ten strategies."""
_TENANT: Final = "demo"
_DAY: Final = date(2026, 3, 1)
_AS_OF: Final = datetime(_DAY.year, _DAY.month, _DAY.day, tzinfo=UTC) + timedelta(days=1)

_VARIED: Final = tuple(
    one.name for one in COLUMNS if one.kind == "integer" and one.name.endswith(("_7d", "_30d", "_90d"))
)

_EXPRESSION: Final = "recharges_30d = 0 AND balance_checks_7d >= 1 AND NOT (place = 'airport' OR nps BETWEEN 0 AND 6)"
_BY_HAND: Final = (
    (pl.col("recharges_30d") == 0)
    & (pl.col("balance_checks_7d") >= 1)
    & ~((pl.col("place") == "airport") | pl.col("nps").is_between(0, 6))
).fill_null(value=False)
_USED: Final = (
    "recharges", "bills_issued", "bills_paid", "wallet_payments", "app_visits", "data_mb", "voice_seconds", "messages",
)  # fmt: skip


def write(path: Path, customers: int) -> None:
    """Write a file of so many customers, made of a few that were simulated; each has a usage of their own."""
    made = [
        (row_of(state_as_of("C1", fold([EVENT.validate_python(one) for one in theirs]), len(theirs), _AS_OF), None))
        for theirs in _events()
    ]
    templates = frame_of(made, FILE_SCHEMA)

    def frames() -> Iterator[pl.DataFrame]:
        for first in range(0, customers, AT_ONCE):
            number = pl.int_range(first, min(first + AT_ONCE, customers), dtype=pl.Int64, eager=True)
            own = templates[(number.hash() % len(made)).to_list()]
            yield own.with_columns(
                pl.concat_str(pl.lit("S"), number.cast(pl.String)).alias("customer_id"),
                *(pl.col(name) * (number.hash(seed) % 5 + 1).cast(pl.Int64) for seed, name in enumerate(_VARIED)),
            )

    def header(rows: int) -> BaseHeader:
        return BaseHeader(tenant=_TENANT, as_of=_AS_OF, written_at=_AS_OF, columns=columns_digest(), customers=rows)

    write_base(path, frames(), header)


def _events() -> list[list[dict[str, Any]]]:
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for event in simulate(sample_rows(TEMPLATES), last=_DAY, days=90, seed=1):
        by_customer.setdefault(str(event["subject"]), []).append(dict(event))
    return list(by_customer.values())


def preview(path: Path, _: int) -> list[int]:
    """Ask for a preview, as the command does."""
    found = BaseFile(str(path), _TENANT, str(path), datetime.now(UTC)).preview(cohort_of(_EXPRESSION)).found
    return [found.base, found.members, found.simulated]


def preview_by_hand(path: Path, _: int) -> list[int]:
    """Count, and sum up of each profiled column what a preview tells: the mean and deviation of all and of members."""
    columns = [pl.col(one.name).cast(pl.Int64) for one in PROFILED]
    row = (
        pl.scan_parquet(path)
        .select(
            pl.len(),
            _BY_HAND.sum().alias("members"),
            pl.col("simulated").sum(),
            *(one.mean().name.suffix(" mean") for one in columns),
            *(one.std().name.suffix(" deviation") for one in columns),
            *(one.filter(_BY_HAND).mean().name.suffix(" of members") for one in columns),
        )
        .collect(engine="streaming")
        .row(0)
    )
    return list(row[:3])


def kpis(path: Path, _: int) -> list[int]:
    """Ask for the figures of a cohort, as the command does."""
    found = BaseFile(str(path), _TENANT, str(path), datetime.now(UTC)).kpis(cohort_of(_EXPRESSION)).found
    figures = {one.name: one for one in found.kpis}
    return [found.customers, *(figures[name].of or 0 for name in ("active_customers", "churn_rate", "arpu"))]


def kpis_by_hand(path: Path, _: int) -> list[int]:
    """Sum up what three of the figures are made of."""
    active = pl.sum_horizontal(f"{name}_30d" for name in _USED) > 0
    before = pl.sum_horizontal(pl.col(f"{name}_90d") - pl.col(f"{name}_30d") for name in _USED) > 0
    row = (
        pl.scan_parquet(path)
        .filter(_BY_HAND)
        .select(
            pl.len(),
            active.sum().alias("active"),
            (before & ~active).sum().alias("left"),
            (pl.col("billed_minor_30d") + pl.col("recharged_minor_30d")).filter(active).sum().alias("revenue"),
        )
        .collect(engine="streaming")
        .row(0)
    )
    return list(row)


def plan(path: Path, _: int) -> list[int]:
    """Ask for the plan of several strategies, as the command does; tell the base and the members of each cohort."""
    base = BaseFile(str(path), _TENANT, str(path), datetime.now(UTC))
    found = base.plan([strategy_of_bench(one) for one in _PLANNED], "agent").found
    outside = [
        next((fallen.customers for fallen in one.treatments[0].fallen if fallen.fell == "cohort"), 0)
        for one in found.strategies
    ]
    return [found.base, *(found.base - many for many in outside)]


def plan_by_hand(path: Path, _: int) -> list[int]:
    """Count the members of each cohort, and of each on whom its rules are true, without draws and values."""
    members, could = [], []
    for one in _PLANNED:
        member = pl.col("churn_percent").is_between(*one.churn) & (pl.col("tenure_days") >= one.tenure)
        rules = (pl.col("open_tickets") < one.tickets) & (pl.col("refusals_90d") == 0) & pl.col("consent_marketing")
        members.append(member.sum().alias(f"members {one.number}"))
        could.append((member & rules & (pl.col("contacts_30d") < 3)).sum().alias(f"could {one.number}"))  # noqa: PLR2004
    row = pl.scan_parquet(path).select(pl.len(), *members, *could).collect(engine="streaming").row(0)
    return list(row[: 1 + len(_PLANNED)])


ACTS: Final[dict[str, Callable[[Path, int], Any]]] = {
    act.__name__: act for act in (write, preview, preview_by_hand, kpis, kpis_by_hand, plan, plan_by_hand)
}


def main() -> None:
    """Do one act."""
    act, path, customers = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    began = time.perf_counter()
    found = ACTS[act](path, customers)
    seconds = time.perf_counter() - began
    json.dump({"seconds": seconds, "megabytes": _most_kilobytes() / 1024, "found": found}, sys.stdout)


def _most_kilobytes() -> int:
    """Return the most memory that this process had; what its parent had counts in `ru_maxrss` as well."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
