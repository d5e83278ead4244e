"""What each figure is: one list, from which it is computed and docs/metrics.md is written.

A figure is a sum over customers divided by another. Each sum counts customers, or adds up columns of the state, of
those on whom a condition is true; or it counts households. Conditions are those of cohorts, so that whoever is counted
can be previewed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from placet.decisioning.cohorts.segments import asked

Unit = Literal["customers", "percent", "money", "times", "products", "score"]

_VERSION: Final = "placet kpis 1"

ACTIVE: Final = (
    "recharges_30d + bills_issued_30d + bills_paid_30d + wallet_payments_30d + app_visits_30d + data_mb_30d + "
    "voice_seconds_30d + messages_30d > 0"
)
"""Something that only a customer does, or is done to one only, happened in the last 30 days."""
BEFORE: Final = (
    "recharges_90d - recharges_30d + bills_issued_90d - bills_issued_30d + bills_paid_90d - bills_paid_30d + "
    "wallet_payments_90d - wallet_payments_30d + app_visits_90d - app_visits_30d + data_mb_90d - data_mb_30d + "
    "voice_seconds_90d - voice_seconds_30d + messages_90d - messages_30d > 0"
)
"""The same, in the 60 days before those."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over customers.

    Attributes:
        where: Of which customers; empty: all.
        adds: The columns that are added up; empty: customers are counted.
        less: A condition on whose customers 1 is taken away.
    """

    where: str = ""
    adds: Sequence[str] = ()
    less: str = ""

    def formula(self) -> str:
        """Write it for docs."""
        what = " + ".join(f"`{name}`" for name in self.adds) if self.adds else "customers"
        of = f"sum of {what}" if self.adds else f"number of {what}"
        where = f" where {_named(self.where)}" if self.where else ""
        return f"{of}{where}" + (f", less those where {_named(self.less)}" if self.less else "")


@dataclass(frozen=True, slots=True)
class Households:
    """A number of households: whose members together hold so many products. Who is in none is one of their own.

    Of a segment, those members count who are in it.
    """

    least: int = 1

    def formula(self) -> str:
        """Write it for docs."""
        many = "a product" if self.least == 1 else f"{self.least} products or more together"
        return f"number of households that hold {many}"


@dataclass(frozen=True, slots=True)
class Kpi:
    """One figure.

    Attributes:
        over: The divisor; None where the figure is the sum itself.
        about: What it means, in one sentence for a business person.
        notes: What it is not.
    """

    name: str
    title: str
    unit: Unit
    of: Sum | Households
    over: Sum | Households | None
    about: str
    notes: str = ""

    def formula(self) -> str:
        """Write it for docs."""
        if self.over is None:
            return self.of.formula()
        hundred = "100 * " if self.unit in ("percent", "score") else ""
        return f"{hundred}({self.of.formula()}) / ({self.over.formula()})"


KPIS: Final = (
    Kpi(
        "active_customers",
        "Active customers",
        "customers",
        Sum(ACTIVE),
        None,
        "Customers with whom something happened in 30 days: a recharge, a bill, a payment, a visit, a call, a message.",
        "Who is billed counts, also one who uses nothing.",
    ),
    Kpi(
        "churn_rate",
        "Churn rate",
        "percent",
        Sum(f"({BEFORE}) AND NOT ({ACTIVE})"),
        Sum(BEFORE),
        "Of 100 customers who were active in the 60 days before, so many have done nothing for 30 days.",
        "Silent churn, by what customers do: who ended a contract and still pays counts as kept.",
    ),
    Kpi(
        "retention_rate",
        "Retention rate",
        "percent",
        Sum(f"({BEFORE}) AND ({ACTIVE})"),
        Sum(BEFORE),
        "Of 100 customers who were active in the 60 days before, so many still are.",
        "100 % less the churn rate.",
    ),
    Kpi(
        "arpu",
        "ARPU",
        "money",
        Sum(ACTIVE, ("recharged_minor_30d", "billed_minor_30d")),
        Sum(ACTIVE),
        "What an active customer brought in, in 30 days: recharges and bills.",
        "Recharges as they come in and bills as they are issued, with taxes where the events have them. One for each "
        "currency; who has no amount counts with the currency of most.",
    ),
    Kpi(
        "ecosystem_arpu",
        "Ecosystem ARPU",
        "money",
        Sum(ACTIVE, ("recharged_minor_30d", "billed_minor_30d", "wallet_minor_30d")),
        Sum(ACTIVE),
        "The same with what they paid by the wallet.",
        "What the wallet paid is turnover, not revenue. Currencies as for ARPU.",
    ),
    Kpi(
        "products_per_customer",
        "Products per customer",
        "products",
        Sum("products > 0", ("products",)),
        Sum("products > 0"),
        "Products that a customer holds.",
        "Of those of whom a product is known.",
    ),
    Kpi(
        "three_products",
        "Three products or more",
        "percent",
        Sum("products >= 3"),
        Sum("products > 0"),
        "Of 100 customers, so many hold three products or more.",
        "The trade calls such a customer retained.",
    ),
    Kpi(
        "products_per_household",
        "Products per household",
        "products",
        Sum("products > 0", ("products",)),
        Households(),
        "Products that the members of a household hold together.",
        "Of households of which a product is known; who is in no household is one of their own.",
    ),
    Kpi(
        "three_products_household",
        "Households with three products or more",
        "percent",
        Households(3),
        Households(),
        "Of 100 households, so many hold three products or more together.",
        "The trade calls such a household retained.",
    ),
    Kpi(
        "engagement",
        "Visits to the app",
        "times",
        Sum(ACTIVE, ("app_visits_30d",)),
        Sum(ACTIVE),
        "How often an active customer visited the app in 30 days.",
        "In 30 days, of each active customer.",
    ),
    Kpi(
        "wallet_penetration",
        "Wallet penetration",
        "percent",
        Sum("wallet_payments_30d > 0"),
        Sum(ACTIVE),
        "Of 100 active customers, so many paid by the wallet in 30 days.",
    ),
    Kpi(
        "wallet_frequency",
        "Payments by the wallet",
        "times",
        Sum("wallet_payments_30d > 0", ("wallet_payments_30d",)),
        Sum("wallet_payments_30d > 0"),
        "How often a customer who uses the wallet paid by it in 30 days.",
        "In 30 days, of each customer who used it.",
    ),
    Kpi(
        "nps",
        "NPS",
        "score",
        Sum("nps >= 9", less="nps <= 6"),
        Sum("nps IS NOT NULL"),
        "Customers who would recommend us, less those who would not, of 100 who answered.",
        "Each customer's last answer, however old; -100 to 100.",
    ),
    Kpi(
        "csat",
        "CSAT",
        "percent",
        Sum("csat >= 4"),
        Sum("csat IS NOT NULL"),
        "Of 100 customers who answered, so many are satisfied.",
        "The share of those whose last answer was 4 or 5.",
    ),
)

LEFT_OUT: Final = (("Churn by contract", "no event says that a contract ended"),)
"""Figures that people expect and that the state cannot give, with the reason."""


def definitions_digest() -> str:
    """Return the SHA-256 of what figures and segments mean: sums of other meanings are not added to these."""
    said = [(one.name, one.unit, one.formula()) for one in KPIS]
    segments = [(segment.name, cohort.digest) for segment, cohort in asked()]
    return hashlib.sha256(f"{_VERSION}\n{said}\n{segments}".encode()).hexdigest()


def docs_table() -> str:
    """Return the table of figures in docs/metrics.md."""
    lines = ["| figure | name | unit | formula | mind |", "|---|---|---|---|---|"]
    lines += (f"| {one.title} | `{one.name}` | {one.unit} | {one.formula()} | {one.notes} |" for one in KPIS)
    return "\n".join(lines)


def _named(condition: str) -> str:
    """Write a condition with its two long parts by their names."""
    text = condition.replace(f"({BEFORE})", "BEFORE").replace(f"({ACTIVE})", "ACTIVE")
    text = text.replace(BEFORE, "BEFORE").replace(ACTIVE, "ACTIVE")
    return f"`{text}`"
