"""Three published strategies, and a customer for whom one of them has something to offer."""

from typing import Any, Final

from placet.storage.database import Database
from tests.integration.strategies.publishing import head, published
from tests.support.strategies.published import IN_BOTH, happens, let_be_at_risk, text

TITLE: Final = "Keep <b>them</b>"
FAMILIES: Final = (
    ("name: keep_at_risk", "name: for_families"),
    ("title: Keep customers who are likely to leave", "title: Lines for families"),
    ("cohort: churn_percent >= 30 AND recharges_90d > 0", "cohort: recharges_90d > 0"),
    ("code: loyalty_credit", "code: second_line"),
    ("title: Loyalty credit", "title: Second line"),
    ("when: open_tickets = 0", "when: tenure_days >= 5000"),
    ("otherwise: has an open support ticket", "otherwise: is not yet of age with us"),
    ("treatments: [loyalty_credit, small_credit]", "treatments: [second_line, small_credit]"),
    ("treatments: [small_credit]", "treatments: [small_credit, second_line]"),
    ("stages: [60 %, 100 %]", "stages: [100 %]"),
    ("holdout: 20 %", "holdout: 1 %"),
)
OTHERS: Final = (
    ("name: keep_at_risk", "name: for_others"),
    ("title: Keep customers who are likely to leave", "title: For others"),
    ("cohort: churn_percent >= 30 AND recharges_90d > 0", "cohort: wallet_payments_7d > 0"),
)


def offered(world: Any) -> None:
    """Publish them, and let a customer be one whom the first would keep."""
    database: Database = world.database
    let_be_at_risk(database, IN_BOTH)
    for hours in (300, 600):
        amount = {"amount_minor": 0, "currency": "USD"}
        happens(database, IN_BOTH, "balance.recharged", {"amount": amount | {"amount_minor": 1}}, hours=hours)
    happens(database, IN_BOTH, "churn.scored", {"basis_points": 7000, "model": "a" * 64})
    happens(database, IN_BOTH, "customer.described", {"customer_since": "2023-06-01"})
    signer = world.hilde = head(database, world.root, "hilde")
    for edits in ((), FAMILIES, OTHERS):
        published(database, text(*edits), signer)
