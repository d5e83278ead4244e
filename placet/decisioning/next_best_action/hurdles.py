"""What a candidate must pass before it is valued, in the order in which it is asked.

Eligibility comes first, then contact. Messages of service need no consent and are bound by no frequency. Where the
customer came to us (`INBOUND`), no cool-down and no quiet hours apply.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.decision import Fell
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import StrategyTreatment
from placet.contracts.strategies.written import QuietHours
from placet.contracts.text import counted, spoken
from placet.contracts.times import clock

INBOUND: Final[frozenset[Channel]] = frozenset({"in_app", "ivr", "agent", "store"})
"""Where the customer comes to us."""


@dataclass(frozen=True, slots=True)
class Hurdle:
    """A condition on the state that must be true.

    Attributes:
        said: What is true of the customer where it is not, as a sentence without a subject.
    """

    fell: Fell
    code: str
    said: str
    condition: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a strategy says nothing to anybody now, on this channel."""

    code: str
    said: str


def hurdles(strategy: Strategy, treatment: StrategyTreatment, channel: Channel) -> tuple[Hurdle, ...]:
    """Return what must hold for a member of the cohort who was drawn for treatment, in order."""
    rules = (Hurdle(stage, rule.code, rule.otherwise, rule.when) for stage, _, rule in treatment.rules())
    return *rules, *_contact(strategy, channel)


def other_currency(currency: str) -> str:
    """Return the condition that nobody's money of another currency is counted; who has none passes."""
    return f"currency IS NULL OR currency = '{currency}'"


def closed(strategy: Strategy, channel: Channel, at: datetime) -> Closed | None:
    """Return why nothing is said now, on this channel; None where it may be."""
    contact = strategy.contact
    if channel not in contact.channels:
        used = ", ".join(map(spoken, contact.channels))
        return Closed("contact_channel", f"it is not said by {spoken(channel)}, only by {used}")
    try:
        local = at.astimezone(ZoneInfo(strategy.market.time_zone))
    except OverflowError:  # the first or the last day of the calendar, which is another one there
        return Closed("contact_term", f"it runs from {strategy.term.first} to {strategy.term.last}")
    if not strategy.term.first <= local.date() <= strategy.term.last:
        return Closed("contact_term", f"it runs from {strategy.term.first} to {strategy.term.last}")
    quiet = contact.quiet_hours
    if quiet is None or contact.purpose == "service" or channel in INBOUND:
        return None
    if within(quiet, local.hour * 60 + local.minute):
        return Closed("contact_quiet_hours", f"nothing is sent from {quiet}; it is {clock(local)} there")
    return None


def within(quiet: QuietHours, minute: int) -> bool:
    """Return whether a minute of the day is in quiet hours."""
    if quiet.from_minute < quiet.to_minute:
        return quiet.from_minute <= minute < quiet.to_minute
    return minute >= quiet.from_minute or minute < quiet.to_minute


def _contact(strategy: Strategy, channel: Channel) -> Iterator[Hurdle]:
    contact = strategy.contact
    if contact.purpose == "service":
        return
    yield Hurdle("contact", "contact_consent", f"has not agreed to {contact.purpose}", f"consent_{contact.purpose}")
    if contact.after_refusal_days:
        window = contact.after_refusal_days
        said = f"refused an offer in the last {counted(window, 'day')}"
        yield Hurdle("contact", "contact_refused", said, f"refusals_{window}d = 0")
    if contact.cool_down_days and channel not in INBOUND:
        days = contact.cool_down_days
        said = f"heard from us less than {counted(days, 'day')} ago"
        condition = f"days_since_contact IS NULL OR days_since_contact >= {days}"
        yield Hurdle("contact", "contact_cool_down", said, condition)
    most, period = contact.most_per_period, contact.period_days
    said = f"heard from us {counted(most, 'time')} or more in {counted(period, 'day')}"
    yield Hurdle("contact", "contact_cap", said, f"contacts_{period}d < {most}")
