"""A mandate as people draft it: small credits of the retention agent."""

from datetime import UTC, datetime, timedelta

from placet.service.documents.mandates import MandateDraft, draft_mandate
from tests.support.facts import FACTS


def small_credits(name: str, *, tenant: str = "demo", days: int = 1) -> MandateDraft:
    """Return the draft of a mandate that is valid since a minute ago."""
    now = datetime.now(UTC)
    return draft_mandate(
        FACTS,
        tenant=tenant,
        name=name,
        drafted_by="olga",
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit",),
        cap_per_customer="20.00 USD",
        period_days=30,
        budget="100.00 USD",
        valid_from=now - timedelta(minutes=1),
        valid_until=now + timedelta(days=days),
    )
