"""`placet bench cohorts`: cohorts over a base in memory and on one row, each beside polars written by hand.

The frame has the columns that a condition asks. Values follow from the number of the row: nothing depends on chance.
Cohort and reference are measured in turn, and must have the same customers.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from placet.bench.key_figures import CHANGED, measure
from placet.contracts.events.kinds import EVENT
from placet.decisioning.cohorts.cohort import SCHEMA, cohort_of
from placet.decisioning.cohorts.columns import TODAY
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.state.aggregate import Aggregate
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate

LEAST_ROWS_PER_SECOND: Final = 20_000_000
MOST_MICROSECONDS: Final = 200.0

_AT_ONCE: Final = 50
_CUSTOMERS: Final = 50
_BASE: Final = 2000
_DAY: Final = date(2026, 3, 1)

CONDITIONS: Final[tuple[tuple[str, pl.Expr], ...]] = (
    (
        "recharges_30d = 0 AND balance_checks_7d >= 3",
        (pl.col("recharges_30d") == 0) & (pl.col("balance_checks_7d") >= 3),  # noqa: PLR2004 - as the text says
    ),
    (
        "recharge_late_percent >= 50 AND NOT (place = 'airport' OR nps BETWEEN 0 AND 6)",
        (pl.col("recharge_late_percent") >= 50)  # noqa: PLR2004
        & ~((pl.col("place") == "airport") | pl.col("nps").is_between(0, 6)),
    ),
    (
        "billed_minor_30d / bills_issued_30d > 5000 AND last_contact_on < CURRENT_DATE - 7",
        (pl.col("billed_minor_30d") / pl.when(pl.col("bills_issued_30d") != 0).then("bills_issued_30d") > 5000)  # noqa: PLR2004
        & (pl.col("last_contact_on") < pl.col(TODAY) - pl.duration(days=7)),
    ),
)
"""Conditions, and the same as somebody writes them on polars."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of a condition, and of its reference in the same run.

    Attributes:
        aim: What it should be; None where none was set.
    """

    what: str
    unit: str
    cohort: float
    reference: float
    aim: float | None
    met: bool | None


def bench_cohorts(*, rows: int, rounds: int, as_json: bool) -> int:
    """Measure, and print the figures.

    Args:
        rows: Customers of the base in memory.
        rounds: How often each is repeated, beside its reference.
        as_json: Print the raw figures.

    Returns:
        0; a missed aim is a figure, not a failure.
    """
    found = [
        *(_over_the_base(text, by_hand, rows, rounds) for text, by_hand in CONDITIONS),
        *(_of_one(text, by_hand, rounds) for text, by_hand in CONDITIONS),
        _making_rows(rounds),
        _key_figures(rounds),
    ]
    if as_json:
        output.print_text(json.dumps({"rows": rows, "rounds": rounds, "measured": [asdict(one) for one in found]}))
        return 0
    for one in found:
        aim = "" if one.met is None else f"; aim {one.aim:,.0f}, {'met' if one.met else 'MISSED'}"
        output.print_line(f"{one.what}: {one.cohort:,.1f} {one.unit}, reference {one.reference:,.1f}{aim}")
    return 0


def _frame(rows: int) -> pl.DataFrame:
    number = pl.int_range(rows, dtype=pl.Int64)

    def spread(step: int, values: int) -> pl.Expr:
        return (number * step + 7) % values

    base = pl.select(
        pl.repeat(_DAY, rows).alias(TODAY),
        spread(31, 5).alias("recharges_30d"),
        spread(17, 6).alias("balance_checks_7d"),
        pl.when(spread(13, 4) != 0).then(spread(29, 200) - 100).alias("recharge_late_percent"),
        pl.when(spread(3, 9) != 0).then(spread(7, 11)).alias("nps"),
        spread(101, 9000).alias("billed_minor_30d"),
        spread(5, 3).alias("bills_issued_30d"),
        pl.when(spread(11, 8) != 0)
        .then((pl.lit(_DAY).cast(pl.Int32) - spread(19, 60).cast(pl.Int32)).cast(pl.Date))
        .alias("last_contact_on"),
        spread(23, 4)
        .replace_strict({0: "home", 1: "airport", 2: "work", 3: None}, return_dtype=pl.String)
        .alias("place"),
    )
    return base.with_columns(pl.col(name).cast(SCHEMA[name]) for name in base.columns)


def _over_the_base(text: str, by_hand: pl.Expr, rows: int, rounds: int) -> Measured:
    cohort, base = cohort_of(text), _frame(rows)
    frame, reference = base.select(cohort.needs), base.select(cohort.needs)
    _check_same(text, cohort.members(frame), reference.select(by_hand).to_series())
    ours, theirs = in_turn(lambda: frame.filter(cohort.condition), lambda: reference.filter(by_hand), rounds)
    speed = rows / ours
    return Measured(
        f"over the base: {text}", "rows/s", speed, rows / theirs, LEAST_ROWS_PER_SECOND, speed >= LEAST_ROWS_PER_SECOND
    )


def _of_one(text: str, by_hand: pl.Expr, rounds: int) -> Measured:
    cohort, base = cohort_of(text), _frame(100)
    all_rows: list[Row] = base.to_dicts()
    frames = [base.select(cohort.needs).slice(at, 1) for at in range(base.height)]
    _check_same(
        text, pl.Series([cohort.has(row) for row in all_rows], dtype=pl.Boolean), base.select(by_hand).to_series()
    )
    ours, theirs = in_turn(
        lambda: [cohort.has(row) for row in all_rows[:_AT_ONCE]],
        lambda: [frame.select(by_hand).item() for frame in frames[:_AT_ONCE]],
        rounds,
    )
    micros = ours / _AT_ONCE * 1e6
    return Measured(
        f"one row: {text}", "µs", micros, theirs / _AT_ONCE * 1e6, MOST_MICROSECONDS, micros <= MOST_MICROSECONDS
    )


def _making_rows(rounds: int) -> Measured:
    """Measure how fast rows are made of aggregates as they are stored; the reference reads their JSON alone."""
    events = simulate(sample_rows(_CUSTOMERS), last=_DAY, days=90, seed=1)
    by_customer: dict[str, list[object]] = {}
    for event in events:
        by_customer.setdefault(str(event["subject"]), []).append(event)
    stored = [fold([EVENT.validate_python(one) for one in theirs]).dump() for theirs in by_customer.values()]
    as_of = datetime(_DAY.year, _DAY.month, _DAY.day, tzinfo=UTC) + timedelta(days=1)
    ours, theirs = in_turn(
        lambda: [row_of(state_as_of("C1", Aggregate.load(text), 1, as_of), None) for text in stored],
        lambda: [json.loads(text) for text in stored],
        rounds,
    )
    many = len(stored)
    return Measured("making rows of stored states", "customers/s", many / ours, many / theirs, None, None)


def _key_figures(rounds: int) -> Measured:
    """Measure a refresh of the kept key figures after a few customers changed; the reference is one pass over all."""
    ours, theirs = measure(_BASE, rounds)
    what = f"key figures after {CHANGED} of {_BASE:,} customers changed, beside one pass"
    return Measured(what, "ms", ours * 1e3, theirs * 1e3, None, None)


def _check_same(text: str, ours: pl.Series, theirs: pl.Series) -> None:
    if ours.to_list() != theirs.to_list():
        raise UsageError(f"the reference has other customers than {text!r}", code="bench")


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the median seconds of both, measured in turn after one of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for kind, work in zip(taken, (ours, theirs), strict=True):
            began = time.perf_counter()
            work()
            kind.append(time.perf_counter() - began)
    return statistics.median(taken[0][1:]), statistics.median(taken[1][1:])
