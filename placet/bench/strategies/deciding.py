"""Next best actions of 50 strategies, for one customer and for a base, beside a plain loop that decides the same.

Strategies and customers follow from numbers: nothing depends on chance. Each strategy is for some 4 in 100 of the base.
The loop is what somebody writes who knows these strategies: comparisons in Python, draws by hashlib, whole numbers. It
checks nothing, gives no reasons, and must choose the same treatment with the same value for every customer.
"""

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from placet.bench.cohorts import in_turn
from placet.contracts.money import Money
from placet.contracts.strategies.rollout import Rollout
from placet.contracts.strategies.strategy import Budget, ContactRules, Market, Objective, Strategy, Term, ValueModel
from placet.contracts.strategies.treatment import CreditBalance, Rule, Staying, StrategyTreatment
from placet.decisioning.cohorts.cohort import SCHEMA
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.next_best_action.candidates import Live, Ready, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.next_best_action.sweeping import NOBODY, sweep
from placet.decisioning.state.aggregate import Aggregate
from placet.decisioning.state.reading import state_as_of
from placet.errors import UsageError

STRATEGIES: Final = 50
MOST_MILLISECONDS: Final = 5.0
LEAST_CUSTOMERS_PER_SECOND: Final = 100_000

_AT_ONCE: Final = 50_000
_ONE_BY_ONE: Final = 1_000
_DAY: Final = date(2026, 3, 1)
_NOON: Final = datetime(_DAY.year, _DAY.month, _DAY.day, 12, tzinfo=UTC)
_VARIED: Final = (
    "customer_id", "churn_percent", "tenure_days", "open_tickets", "billed_minor_90d", "refusals_90d", "contacts_30d",
)  # fmt: skip
_USD: Final = "USD"


@dataclass(frozen=True, slots=True)
class Decided:
    """A figure of decisions.

    Attributes:
        value: Milliseconds of one decision, the slowest of a hundred; or customers of the base a second.
        reference: The same of the loop.
        ratio: How many times as fast as the loop it is.
    """

    name: str
    unit: str
    value: float
    reference: float
    ratio: float
    aim: float
    met: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """What makes one strategy, for the strategy and for the loop."""

    number: int

    @property
    def name(self) -> str:
        """Return the strategy's name."""
        return f"bench_{self.number:02}"

    @property
    def churn(self) -> tuple[int, int]:
        """Return the first and the last score, in per cent, of its cohort."""
        return self.number * 2, self.number * 2 + 4

    @property
    def tenure(self) -> int:
        """Return the fewest days that a member has been a customer."""
        return 30 + self.number * 5

    @property
    def tickets(self) -> int:
        """Return the number of open tickets from which nothing is given."""
        return 1 + self.number % 3

    @property
    def shares(self) -> tuple[int, int]:
        """Return the share of a month that is given, and that of the chance of leaving that is removed."""
        return 1_000 + 10 * self.number, 1_000 + 20 * self.number


def figures(customers: int, rounds: int) -> tuple[Decided, ...]:
    """Measure, and return the figures.

    Raises:
        UsageError: code `bench`; the loop decides otherwise for somebody.
    """
    numbers = [Numbers(number) for number in range(STRATEGIES)]
    ready = prepare([Live(strategy_of_bench(one), "0" * 64) for one in numbers], "agent", _NOON)
    base = _base(customers)
    loop = base.select(_VARIED).rows(named=True)
    _compare(ready, base, loop, numbers)
    ours, theirs = in_turn(lambda: _swept(ready, base), lambda: [by_hand(row, numbers) for row in loop], rounds)
    return _one(ready, base, numbers), _figure(
        "base", "customers/s", customers / ours, customers / theirs, LEAST_CUSTOMERS_PER_SECOND
    )


def _figure(name: str, unit: str, value: float, reference: float, aim: float) -> Decided:
    return Decided(name, unit, value, reference, value / reference, aim, value >= aim)


def _one(ready: Sequence[Ready], base: pl.DataFrame, numbers: Sequence[Numbers]) -> Decided:
    rows: list[Row] = base.head(_ONE_BY_ONE).rows(named=True)

    def act(row: Row) -> object:
        return decide(ready, row, as_of=_NOON, state_version=1, channel="agent", at=_NOON)

    act(rows[0])
    ours, theirs = _slow(act, rows), _slow(lambda row: by_hand(row, numbers), rows)
    return Decided("one", "ms", ours, theirs, theirs / ours, MOST_MILLISECONDS, ours <= MOST_MILLISECONDS)


def _slow(act: Callable[[Row], object], rows: Sequence[Row]) -> float:
    """Return the milliseconds that 99 of 100 take at most."""
    taken = []
    for row in rows:
        began = time.perf_counter()
        act(row)
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(taken, n=100)[-1]


def _swept(ready: Sequence[Ready], base: pl.DataFrame) -> list[pl.DataFrame]:
    return [sweep(ready, part).chosen for part in base.iter_slices(_AT_ONCE)]


def _compare(
    ready: Sequence[Ready], base: pl.DataFrame, loop: Sequence[Mapping[str, object]], numbers: Sequence[Numbers]
) -> None:
    ours = pl.concat(_swept(ready, base)).select("candidate", "value").rows()
    for row, found in zip(loop, ours, strict=True):
        wanted = by_hand(row, numbers)
        if found != wanted:
            said = f"the reference decides otherwise for {row['customer_id']!r}: {wanted}, not {found}"
            raise UsageError(said, code="bench")


def by_hand(row: Mapping[str, object], numbers: Sequence[Numbers]) -> tuple[int, int | None]:
    """Return the number of the treatment that is worth most and its value, as somebody writes it for these alone."""
    best, most = NOBODY, 0
    churn, tenure, customer = row["churn_percent"], row["tenure_days"], str(row["customer_id"])
    assert isinstance(churn, int)  # noqa: S101 - for the type checker
    assert isinstance(tenure, int)  # noqa: S101
    spends = min(max(int(str(row["billed_minor_90d"])) // 3, 0), 5 * 10**10)
    for one in numbers:
        low, high = one.churn
        if not (low <= churn <= high and tenure >= one.tenure):
            continue
        salt = f"placet-assignment/1\nholdout\n{one.name}\n{customer}".encode()
        if int(hashlib.sha256(salt).hexdigest()[:15], 16) % 10_000 < 1_000:  # noqa: PLR2004 - 10 %
            continue
        if not (int(str(row["open_tickets"])) < one.tickets and row["refusals_90d"] == 0):
            continue
        if int(str(row["contacts_30d"])) >= 3:  # noqa: PLR2004 - at most three
            continue
        given, removed = one.shares
        costs = min(spends * given // 10_000, 2_000) // 50 * 50
        worth = spends * 4_500 // 10_000 * 12 * churn * removed // (100 * 10_000) - costs
        if costs > 0 and worth > most:
            best, most = one.number, worth
    return best, (most if best != NOBODY else None)


def strategy_of_bench(one: Numbers) -> Strategy:
    """Return the strategy of a number."""
    low, high = one.churn
    given, removed = one.shares
    treatment = StrategyTreatment(
        code="credit",
        title="Credit",
        action=CreditBalance(kind="adjust_balance", of_monthly=given, at_most=_usd(2_000), in_steps_of=_usd(50)),
        eligible=(Rule(when=f"open_tickets < {one.tickets}", code="open_ticket", otherwise="has an open ticket"),),
        value=Staying(of="staying", removes=removed),
    )
    return Strategy(
        form="placet-strategy/1",
        name=one.name,
        title="Bench",
        about="One of many strategies of the benchmark.",
        agent="retention",
        market=Market(code="us", currency=_USD, time_zone="America/Chicago"),
        objective=Objective(measure="churn", direction="lower", within_days=90),
        cohort=f"churn_percent BETWEEN {low} AND {high} AND tenure_days >= {one.tenure}",
        treatments=(treatment,),
        contact=ContactRules(
            purpose="marketing",
            channels=("agent",),
            cool_down_days=0,
            period_days=30,
            most_per_period=3,
            after_refusal_days=90,
        ),
        value=ValueModel(margin=4_500, horizon_months=12),
        budget=Budget(total=_usd(10**9), per_customer=_usd(2_000), period_days=90),
        holdout=1_000,
        rollout=Rollout(stages=(10_000,), hold_days=1, per_hour=1),
        term=Term(first=_DAY - timedelta(days=10), last=_DAY + timedelta(days=10)),
    )


def _usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency=_USD)


def _base(customers: int) -> pl.DataFrame:
    """Return so many customers with all columns; what strategies ask of follows from their number."""
    template = row_of(state_as_of("C1", Aggregate(), 0, _NOON), None) | {"consent_marketing": True, "currency": _USD}
    columns = (pl.Series(name, [template[name]], kind).new_from_index(0, customers) for name, kind in SCHEMA.items())
    number = pl.int_range(customers, dtype=pl.Int64, eager=True)
    return pl.DataFrame(list(columns)).with_columns(
        pl.format("C{}", number).alias("customer_id"),
        (number * 37 % 101).alias("churn_percent"),
        (number * 71 % 900).alias("tenure_days"),
        (number * 13 % 4).alias("open_tickets"),
        (number * 7_919 % 60_000).alias("billed_minor_90d"),
        (number * 29 % 9 // 8).alias("refusals_90d"),
        (number * 17 % 5).alias("contacts_30d"),
    )
