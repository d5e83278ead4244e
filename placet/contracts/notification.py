"""Notifications: what is told to whom over which channel. The text of one never approves anything by itself."""

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from placet.contracts.base import Digest, Frozen, RunId, TenantId
from placet.contracts.strategies.strategy import StrategyName


def _is_none(value: object) -> bool:
    return value is None


RunOccasion = Literal["asked", "reminded", "escalated", "expired", "decided", "outcome_unknown"]
"""What is told of a run."""

StrategyOccasion = Literal[
    "strategy_asked",
    "stage_asked",
    "stage_promoted",
    "rollout_waits",
    "rollout_held",
    "rollout_reminded",
]
"""What is told of a strategy: it waits for a signature, or its rollout asks, goes on by policy, waits or is held."""

Occasion = Literal[RunOccasion, StrategyOccasion]
Channel = Literal["console", "email", "webhook"]
DeliveryStatus = Literal["waiting", "delivered", "failed"]

_OCCURRENCE = r"^[a-z0-9_.-]{0,80}$"


class NoticeData(Frozen):
    """What a webhook is told: of which run or strategy, for which occasion, in words; never what could decide it.

    Attributes:
        run_id: The run; None where it is about a strategy.
        strategy: The strategy's name; None where it is about a run.
        version: Digest of the strategy.
        occurrence: Which one of a strategy's occasions, such as `move.2`.
    """

    tenant: TenantId
    run_id: RunId | None
    strategy: StrategyName | None = Field(default=None, exclude_if=_is_none)
    version: Digest | None = Field(default=None, exclude_if=_is_none)
    occurrence: str | None = Field(default=None, pattern=_OCCURRENCE, exclude_if=_is_none)
    proposal: Digest | None
    occasion: Occasion
    role: str
    subject: Annotated[str, Field(max_length=200)]
    text: Annotated[str, Field(max_length=4000)]

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        of_strategy = (self.strategy, self.version, self.occurrence)
        if (self.run_id is None) == (None in of_strategy) or (self.run_id is not None and any(of_strategy)):
            raise ValueError("a notice is about a run, or about one occurrence of a strategy's version")
        return self

    @property
    def about(self) -> str:
        """The run, or the strategy's version."""
        return str(self.run_id or self.version)

    @property
    def matter(self) -> str:
        """What of it: the proposal of a run, empty where there is none; which occurrence of a strategy's version."""
        return (self.proposal if self.run_id is not None else self.occurrence) or ""


class WebhookMessage(Frozen):
    """The body of a webhook (Standard Webhooks 1.0.0): `type` is `placet.notice.` and the occasion."""

    type: Annotated[str, Field(pattern=r"^placet\.notice\.[a-z_]+$")]
    timestamp: AwareDatetime
    data: NoticeData


class Told(NoticeData):
    """Who is told of what, and what became of it: a notification as its tenant knows it.

    Attributes:
        recipient: A person's name, an e-mail address, or the name of a webhook.
        role: The role that is asked; empty where nobody is.
        subject: One line.
        text: What is to be decided and where, without anything that could decide it, and without the customer's data.
        status: `failed` after the last attempt.
        next_attempt_at: When delivery is due; None once delivered or failed.
    """

    channel: Channel
    recipient: Annotated[str, Field(min_length=1, max_length=254)]
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
