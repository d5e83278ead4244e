"""What each figure is: one list, from which it is computed and docs/metrics.md is written.

A figure is a sum over customers divided by another. Each sum counts customers, or adds up columns of the state, of
those on whom a condition is true. Conditions are those of cohorts, so that whoever is counted can be previewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["customers", "percent", "money", "times", "products", "score"]

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
class Kpi:
    """One figure.

    Attributes:
        over: The divisor; None where the figure is the sum itself.
        notes: What it is not.
    """

    name: str
    title: str
    unit: Unit
    of: Sum
    over: Sum | None
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
        "Who is billed counts, also one who uses nothing.",
    ),
    Kpi(
        "churn_rate",
        "Churn rate",
        "percent",
        Sum(f"({BEFORE}) AND NOT ({ACTIVE})"),
        Sum(BEFORE),
        "Silent churn, by what customers do: who ended a contract and still pays counts as kept.",
    ),
    Kpi(
        "retention_rate",
        "Retention rate",
        "percent",
        Sum(f"({BEFORE}) AND ({ACTIVE})"),
        Sum(BEFORE),
        "100 % less the churn rate.",
    ),
    Kpi(
        "arpu",
        "ARPU",
        "money",
        Sum(ACTIVE, ("recharged_minor_30d", "billed_minor_30d")),
        Sum(ACTIVE),
        "Recharges as they come in and bills as they are issued, with taxes where the events have them. One for each "
        "currency; who has no amount counts with the currency of most.",
    ),
    Kpi(
        "ecosystem_arpu",
        "Ecosystem ARPU",
        "money",
        Sum(ACTIVE, ("recharged_minor_30d", "billed_minor_30d", "wallet_minor_30d")),
        Sum(ACTIVE),
        "What the wallet paid is turnover, not revenue. Currencies as for ARPU.",
    ),
    Kpi(
        "products_per_customer",
        "Products per customer",
        "products",
        Sum("products > 0", ("products",)),
        Sum("products > 0"),
        "Of those of whom a product is known.",
    ),
    Kpi(
        "three_products",
        "Three products or more",
        "percent",
        Sum("products >= 3"),
        Sum("products > 0"),
        "The trade calls such a customer retained.",
    ),
    Kpi(
        "engagement",
        "Visits to the app",
        "times",
        Sum(ACTIVE, ("app_visits_30d",)),
        Sum(ACTIVE),
        "In 30 days, of each active customer.",
    ),
    Kpi(
        "wallet_penetration",
        "Wallet penetration",
        "percent",
        Sum("wallet_payments_30d > 0"),
        Sum(ACTIVE),
    ),
    Kpi(
        "wallet_frequency",
        "Payments by the wallet",
        "times",
        Sum("wallet_payments_30d > 0", ("wallet_payments_30d",)),
        Sum("wallet_payments_30d > 0"),
        "In 30 days, of each customer who used it.",
    ),
    Kpi(
        "nps",
        "NPS",
        "score",
        Sum("nps >= 9", less="nps <= 6"),
        Sum("nps IS NOT NULL"),
        "Each customer's last answer, however old; -100 to 100.",
    ),
    Kpi(
        "csat",
        "CSAT",
        "percent",
        Sum("csat >= 4"),
        Sum("csat IS NOT NULL"),
        "The share of those whose last answer was 4 or 5.",
    ),
)

LEFT_OUT: Final = (
    ("CLV", "no margin of a customer is known"),
    ("Products per household", "a household's products are not added up yet; products per customer stand in"),
    ("Churn by contract", "no event says that a contract ended"),
)
"""Figures that people expect and that the state cannot give, with the reason."""


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
