"""Notifications: what is told to whom over which channel. The text of one never approves anything by itself."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictInt

from placet.contracts.base import Digest, Frozen, RunId, TenantId

Occasion = Literal["asked", "reminded", "escalated", "expired", "decided", "outcome_unknown"]
Channel = Literal["console", "email", "webhook"]
DeliveryStatus = Literal["waiting", "delivered", "failed"]


class NoticeData(Frozen):
    """What a webhook is told: of which run, for which occasion, in words; never anything that could decide it."""

    tenant: TenantId
    run_id: RunId
    proposal: Digest | None
    occasion: Occasion
    role: str
    subject: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=4000)]


class WebhookMessage(Frozen):
    """The body of a webhook (Standard Webhooks 1.0.0): `type` is `placet.notice.` and the occasion."""

    type: Annotated[str, Field(pattern=r"^placet\.notice\.[a-z_]+$")]
    timestamp: AwareDatetime
    data: NoticeData


class Told(Frozen):
    """Who is told of what, and what became of it: a notification as its tenant knows it.

    Attributes:
        recipient: A person's name, an e-mail address, or the name of a webhook.
        role: The role that is asked; empty where nobody is.
        subject: One line.
        text: What is to be decided and where, without anything that could decide it, and without the customer's data.
        status: `failed` after the last attempt.
        next_attempt_at: When delivery is due; None once delivered or failed.
    """

    tenant: TenantId
    run_id: RunId
    proposal: Digest | None
    occasion: Occasion
    channel: Channel
    recipient: Annotated[str, Field(min_length=1, max_length=254)]
    role: str
    subject: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=4000)]
    created_at: AwareDatetime
    status: DeliveryStatus
    attempts: StrictInt
    next_attempt_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    detail: str


class Notification(Told):
    """One message to one recipient, kept with the entry of the record that caused it, delivered later.

    Attributes:
        notification_id: Counts the notifications of all tenants; nobody outside is told.
    """

    notification_id: StrictInt
