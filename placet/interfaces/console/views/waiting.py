"""What waits for a decision, as the inbox lists it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.proposal import Proposal
from placet.contracts.text import NAME, WORDS, one_line
from placet.interfaces.console.views.common import Badge, badge_of, pictured, roles_in_words, treatment_in_words
from placet.service.inbox import Waiting

_SOON_SECONDS: Final = 3600
_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One run that waits.

    Attributes:
        cost: Money in words; empty where the proposal cannot be read.
        takes: Whether that is taken from the customer, and costs nobody else.
        why: Why it was picked, in a few clauses.
        soon: Whether the gate closes within the hour.
        progress: How many of how many approvals are there.
        fault: What is wrong with it; empty where nothing is.
        choosable: Whether the visitor can decide it together with others.
        own: Whether the visitor asked for it, so that another person decides it.
    """

    run_id: str
    customer_id: str
    title: str
    does: str
    cost: str
    takes: bool
    why: str
    badge: Badge
    closes_at: datetime
    soon: bool
    roles: str
    progress: str
    fault: str
    choosable: bool
    own: bool


def item_of(row: Waiting, now: datetime, visitor: str) -> Item:
    """Return how one run is listed for `visitor`."""
    asked = row.asked
    waits = asked is not None and not row.fault and row.record.state == "awaiting_decision"
    own = row.record.requested_by == visitor
    closes_at = asked.gate.expires_at if asked else row.waits_until
    return Item(
        run_id=row.record.run_id,
        customer_id=row.record.customer_id,
        title=treatment_in_words(asked.proposal.treatment, asked.proposal.treatment_name)
        if asked
        else "A damaged proposal",
        does=asked.proposal.mutation.describe() if asked else "",
        cost=str(asked.proposal.cost) if asked else "",
        takes=asked is not None and asked.proposal.mutation.takes_from_customer,
        why=_why(asked.proposal) if asked else "",
        badge=badge_of(row.record.state),
        closes_at=closes_at,
        soon=(closes_at - now).total_seconds() < _SOON_SECONDS,
        roles=roles_in_words(asked.roles) if asked else "",
        progress=f"{asked.approvals} of {asked.gate.quorum}" if asked else "",
        fault=row.fault,
        choosable=waits and not own,
        own=waits and own,
    )


def _why(proposal: Proposal) -> str:
    """Return why this one was picked, or what holds of the customer where nothing was weighed."""
    picked = next((one for one in proposal.candidates if one.treatment == proposal.treatment), None)
    reasons = (picked.reasons_for if picked is not None else ()) or proposal.facts
    return "; ".join(one_line(pictured(reason.detail) or _title(reason.code), WORDS) for reason in reasons[:_REASONS])


def _title(code: str) -> str:
    return one_line(code, NAME).replace("_", " ")
