"""The columns of what a run reads of its customer: billing, the chance of leaving, and what an application declares.

A catalogue's conditions name them (`placet.contracts.strategies.catalogue`). They are there in a run alone: the base
has none of them, so cohorts, segments and published strategies cannot name them.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC
from types import MappingProxyType
from typing import Final

from placet.contracts.billing import Evidence
from placet.contracts.customer import Declared, DeclaredFact
from placet.decisioning.cohorts.columns import MOST_MINOR, TODAY, Column, Vocabulary
from placet.decisioning.cohorts.flattening import Row, Value
from placet.decisioning.facts import bucket_of, held_in, monthly_charge, usage_trend
from placet.errors import ConfigurationError

CHARGE: Final = "monthly_charge_minor"
LEAVING: Final = "churn_bp"

_MOST_DECLARED: Final = 10**12
_LISTED: Final = "docs/strategies.md lists the columns of a run"

RUN_COLUMNS: Final[tuple[Column, ...]] = (
    Column("customer_status", "text", "status of the customer, in small letters"),
    Column("tenure_months", "integer", "months since they became a customer"),
    Column("currency", "text", "that of the monthly charge", "no amount was read"),
    Column(
        CHARGE,
        "integer",
        "minor units of the newest bill; without one, of the prices of all products held; 0 where neither was read",
        least=-MOST_MINOR,
        most=MOST_MINOR,
    ),
    Column(
        "open_amount_minor",
        "integer",
        "minor units still to be paid of the bills that were read",
        least=-MOST_MINOR,
        most=MOST_MINOR,
    ),
    Column("open_bills", "integer", "bills of which something is still to be paid"),
    Column(
        "balance_minor",
        "integer",
        "minor units on the balance that a credit would be put on",
        "they have no balance",
        least=-MOST_MINOR,
        most=MOST_MINOR,
    ),
    Column(
        "usage_trend_bp",
        "integer",
        "change of use: the newest month against the mean of those before, in basis points",
        "fewer than three months are known",
        least=-10_000,
    ),
    Column("products_held", "integer", "products that they hold"),
    Column(LEAVING, "integer", "how likely they leave, by what the run read, in basis points", most=10_000),
)
"""Those of every application, in the order of the docs."""


def columns_of_run(declared: Declared) -> Vocabulary:
    """Return the columns that an application's catalogue may name: those of every run, and the facts it declares.

    Raises:
        ConfigurationError: it declares a fact of which there is a column.
    """
    columns = {column.name: column for column in RUN_COLUMNS}
    for fact in declared:
        if fact.name in columns:
            raise ConfigurationError(f"agent.toml declares {fact.name!r}, which every run has; leave it out")
        columns[fact.name] = _declared(fact)
    return Vocabulary(MappingProxyType(columns), _LISTED)


def _declared(fact: DeclaredFact) -> Column:
    about, unsaid = "a fact that the application declares", "billing did not say it"
    if fact.kind == "number":
        return Column(fact.name, "integer", about, unsaid, least=-_MOST_DECLARED, most=_MOST_DECLARED)
    return Column(fact.name, "text", about, unsaid, choices=fact.one_of)


def row_of_run(evidence: Evidence, churn_bp: int, known: Vocabulary) -> Row:
    """Return the row of what a run read.

    Args:
        evidence: It.
        churn_bp: How likely the customer leaves, in basis points.
        known: The columns, of `columns_of_run`.
    """
    row: Row = {
        TODAY: evidence.read_at.astimezone(UTC).date(),
        "customer_id": evidence.customer.customer_id,
        "simulated": _simulated(evidence),
    }
    row.update(_values(evidence, churn_bp))
    for name, column in known.columns.items():
        value = row.setdefault(name, _said(evidence, column))
        if isinstance(value, int) and not column.least <= value <= column.most:
            row[name] = column.least if value < column.least else column.most
    return row


def _values(evidence: Evidence, churn_bp: int) -> Iterator[tuple[str, Value]]:
    held, bucket = held_in(evidence.products), bucket_of(evidence.balances)
    charge, currency = monthly_charge(evidence.bills, held)
    yield "customer_status", evidence.customer.status.lower()
    yield "tenure_months", evidence.customer.tenure_months
    yield "currency", currency
    yield CHARGE, charge
    yield "open_amount_minor", sum(bill.amount_due.amount_minor for bill in evidence.bills)
    yield "open_bills", sum(bill.amount_due.amount_minor > 0 for bill in evidence.bills)
    yield "balance_minor", None if bucket is None else bucket.remaining.amount_minor
    yield "usage_trend_bp", usage_trend(evidence.usage)
    yield "products_held", len(held)
    yield LEAVING, churn_bp


def _said(evidence: Evidence, column: Column) -> Value:
    value = evidence.customer.fact(column.name)
    return value if isinstance(value, int if column.kind == "integer" else str) else None


def _simulated(evidence: Evidence) -> bool:
    read: Iterable[Iterable[object]] = (evidence.products, evidence.bills, evidence.balances, evidence.usage)
    return any(getattr(one, "simulated", False) for part in read for one in part)
