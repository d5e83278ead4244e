"""What outcomes of a strategy are measured by: one list, from which docs are written and figures will be computed.

Each is asked of a customer's state at the end of the time, of treated customers and of the control group alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from placet.contracts.strategies.rollout import Measure
from placet.decisioning.kpis.definitions import ACTIVE


@dataclass(frozen=True, slots=True)
class Outcome:
    """One measure.

    Attributes:
        title: For people.
        unit: `share`: of customers on whom `of` is true, so that margins are points; `amount`: the mean of the sum of
            columns in `of`, so that margins are per cent.
        of: A condition of cohorts, or a sum of columns.
        about: What it means, in one sentence.
    """

    title: str
    unit: Literal["share", "amount"]
    of: str
    about: str


OUTCOMES: Final[Mapping[Measure, Outcome]] = MappingProxyType(
    {
        "churn": Outcome("Churn", "share", f"NOT ({ACTIVE})", "They did nothing for 30 days."),
        "conversion": Outcome(
            "Conversion",
            "share",
            "last_contact_answer = 'accepted'",
            "They accepted the last offer that reached them.",
        ),
        "spend": Outcome(
            "Spend",
            "amount",
            "billed_minor_30d + recharged_minor_30d",
            "What they were billed and recharged in 30 days.",
        ),
        "complaints": Outcome(
            "Complaints",
            "share",
            "bills_disputed_30d + tickets_opened_30d > 0",
            "They disputed a bill or opened a support ticket in 30 days.",
        ),
        "refusals": Outcome("Refusals", "share", "refusals_30d > 0", "They refused an offer in 30 days."),
        "products": Outcome("Three products", "share", "products >= 3", "They hold three products or more."),
        "wallet_use": Outcome("Wallet use", "share", "wallet_payments_30d > 0", "They paid by the wallet in 30 days."),
    }
)


def docs_table() -> str:
    """Return the table of measures in docs/strategies.md."""
    lines = ["| measure | what | of the state | margins in |", "|---|---|---|---|"]
    for name, one in OUTCOMES.items():
        unit = "points" if one.unit == "share" else "per cent"
        lines.append(f"| `{name}` | {one.about} | `{one.of}` | {unit} |")
    return "\n".join(lines)
