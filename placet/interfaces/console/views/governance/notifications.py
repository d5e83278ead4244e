"""Notifications in words: on what occasion, to whom, and how delivery goes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.notification import Channel, DeliveryStatus, Occasion, Told
from placet.contracts.text import NAME, counted, one_line
from placet.interfaces.console.views.common import Badge

CHANNELS: Final[dict[Channel, str]] = {"console": "Console", "email": "E-mail", "webhook": "Webhook"}
STATUSES: Final[dict[DeliveryStatus, Badge]] = {
    "waiting": Badge("Waits to be sent", "waits"),
    "delivered": Badge("Delivered", "good"),
    "failed": Badge("Failed, sent no more", "bad"),
}
_OCCASIONS: Final[dict[Occasion, str]] = {
    "asked": "Asked to decide",
    "reminded": "Reminded",
    "escalated": "Asked after escalation",
    "expired": "Told that it expired",
    "decided": "Told of the decision",
    "outcome_unknown": "Asked what became of it",
    "strategy_asked": "Asked to sign a strategy",
    "stage_asked": "Asked for a rollout's next stage",
    "stage_promoted": "Told that policy began a rollout's next stage",
    "rollout_waits": "Asked to look at a rollout",
    "rollout_held": "Told that a rollout is held",
    "rollout_reminded": "Reminded of a rollout",
}


@dataclass(frozen=True, slots=True)
class ToldShown:
    """One notification.

    Attributes:
        run_id: The run that it is about; empty where it is about a strategy.
        strategy: The strategy, else empty; `version` likewise.
        page: Where the strategy's version is shown.
        progress: How many attempts there were, where it is not delivered by being there.
        next_at: When the next attempt is due; None where none is.
        detail: What the last attempt met, another system's words; empty where nothing.
    """

    occasion: str
    channel: str
    recipient: str
    role: str
    run_id: str
    strategy: str
    version: str
    page: str
    badge: Badge
    progress: str
    at: datetime
    delivered_at: datetime | None
    next_at: datetime | None
    detail: str
    subject: str
    text: str


def told_of(told: Told, now: datetime) -> ToldShown:
    """Return how one notification is shown."""
    badge = STATUSES[told.status]
    if told.status == "waiting" and told.attempts:
        badge = Badge("Is tried again", "waits")
    return ToldShown(
        occasion=_OCCASIONS[told.occasion],
        channel=CHANNELS[told.channel],
        recipient=_recipient(told),
        role="" if told.recipient == told.role else one_line(told.role, NAME).replace("_", " "),
        run_id=told.run_id or "",
        strategy=told.strategy or "",
        version=told.version or "",
        page="strategies/asked" if told.occasion == "strategy_asked" else "rollouts",
        badge=badge,
        progress=counted(told.attempts, "attempt") if told.attempts else "",
        at=told.created_at,
        delivered_at=told.delivered_at,
        next_at=told.next_attempt_at if told.next_attempt_at is not None and told.next_attempt_at > now else None,
        detail=told.detail,
        subject=told.subject,
        text=told.text,
    )


def _recipient(told: Told) -> str:
    recipient = one_line(told.recipient, NAME)
    # To the console a role is told, and nobody in particular.
    return f"Whoever holds {recipient.replace('_', ' ')}" if told.channel == "console" else recipient
