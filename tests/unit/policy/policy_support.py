"""Policy sets from text, as tests write them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from placet.contracts.money import Money
from placet.contracts.people.halt import Halt
from placet.contracts.people.mandate import Mandate
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile

RETENTION = Path(__file__).parents[3] / "agents" / "retention"
DEFAULT = (RETENTION / "policy.cedar").read_text()


def files(*texts: str) -> tuple[PolicyFile, ...]:
    """Files `a.cedar`, `b.cedar`, …"""
    return tuple(PolicyFile(name=f"{chr(ord('a') + place)}.cedar", text=text) for place, text in enumerate(texts))


def a_set(*texts: str) -> PolicySet:
    """The set of these files."""
    return PolicySet(files(*texts))


def a_mandate(budget_minor: int = 5000, *, currency: str = "USD", drafted_by: str = "olga") -> Mandate:
    """A mandate of the retention agent: credits, a fifth of the budget for one customer, for two days and a bit."""
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    return Mandate(
        tenant="demo",
        signer="anna",
        signed_at=begin,
        document_id="e" * 32,
        name="spring",
        drafted_by=drafted_by,
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit", "loyalty_bonus"),
        cap_per_customer=Money(amount_minor=budget_minor // 5, currency=currency),
        period_days=30,
        budget=Money(amount_minor=budget_minor, currency=currency),
        valid_from=begin,
        valid_until=begin + timedelta(days=2, seconds=1),
    )


def a_halt(*, placed_by: str = "olga") -> Halt:
    """A halt of the whole tenant."""
    return Halt(
        halt_id="halt-" + "0" * 12,
        tenant="demo",
        scope="tenant",
        subject="",
        reason="",
        placed_by=placed_by,
        placed_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
