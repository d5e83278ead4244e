"""The contact policy: how often, and for how much, one customer may be treated. Pure.

 (1) After a treatment the customer is left alone for a while (cool-down), perhaps longer by the same treatment.
 (2) A customer receives only so many treatments in a period, of one kind perhaps fewer.
 (3) A customer receives only so much money in a period.
What waits for a decision counts as if it were given now. What was sent and is unknown counts as given. What cannot be
read counts against everything.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictInt

from placet.contracts.base import Frozen, ReasonCode
from placet.contracts.contact import Contact, ContactHistory
from placet.contracts.money import Money, parse_money
from placet.contracts.proposal import Candidate, Reason
from placet.contracts.text import counted, shortened

SHOWN_DAYS = 90
"""How far back what was given is shown to an approver, at least."""

_DETAIL = 160
_RULES = {
    "contact_cool_down": "cool-down after any treatment",
    "contact_treatment_cool_down": "cool-down after the same treatment",
    "contact_cap": "most treatments in a period",
    "contact_treatment_cap": "most of the same treatment in a period",
    "contact_money_cap": "most money in a period",
    "contact_currency": "most money in a period",
    "contact_unreadable": "what cannot be read counts against everything",
}
_MOST_SHOWN = 6

Days = Annotated[StrictInt, Field(ge=0, le=3_660)]
Count = Annotated[StrictInt, Field(ge=0, le=1_000)]
WrittenMoney = Annotated[Money, BeforeValidator(lambda value: parse_money(value) if isinstance(value, str) else value)]


class TreatmentLimits(Frozen):
    """What is asked of one treatment in addition. None: nothing."""

    cool_down_days: Days | None = None
    max_per_period: Count | None = None


class ContactPolicy(Frozen):
    """`contact.toml` of an application or of a tenant.

    Attributes:
        cool_down_days: Days after any treatment in which the customer gets no other one; 0: none.
        period_days: Length of the period that the caps are for, in days.
        max_per_period: Most treatments in a period.
        max_cost_per_period: Most that all treatments in a period may cost, written like `100.00 USD`.
        treatments: Further limits by treatment code.
    """

    cool_down_days: Days
    period_days: Annotated[StrictInt, Field(ge=1, le=3_660)]
    max_per_period: Count
    max_cost_per_period: WrittenMoney
    treatments: dict[ReasonCode, TreatmentLimits] = Field(default_factory=dict)

    @property
    def reach_days(self) -> int:
        """How many days of history the policy needs, and an approver is shown."""
        own = (limits.cool_down_days or 0 for limits in self.treatments.values())
        return max(SHOWN_DAYS, self.cool_down_days, self.period_days, *own)


def rule(breach: Reason) -> str:
    """Name the rule of the contact policy that `breach` is about."""
    return _RULES.get(breach.code, breach.code.replace("_", " "))


def breaches(
    policy: ContactPolicy, history: ContactHistory, treatment: str, cost: Money, now: datetime
) -> tuple[Reason, ...]:
    """Return each limit that `treatment` at `cost` would break now, as a sentence; none where it is permitted."""
    unreadable = [contact for contact in history.contacts if contact.treatment is None or contact.cost is None]
    if unreadable:
        detail = f"what run {unreadable[0].run_id} gave this customer cannot be read any more"
        return (Reason(code="contact_unreadable", detail=detail),)
    found = [_cool_down(history.contacts, policy.cool_down_days, now, "contact_cool_down")]
    found.extend(_caps(policy, history, cost, now))
    limits = policy.treatments.get(treatment)
    if limits is not None:
        same = [contact for contact in history.contacts if contact.treatment == treatment]
        found.append(_cool_down(same, limits.cool_down_days or 0, now, "contact_treatment_cool_down"))
        if limits.max_per_period is not None:
            inside = _within(same, policy.period_days, now)
            found.append(_count(inside, limits.max_per_period, policy, "contact_treatment_cap"))
    return tuple(reason for reason in found if reason is not None)


def within_contact_policy(
    candidates: Iterable[Candidate], policy: ContactPolicy, history: ContactHistory | None, currency: str, now: datetime
) -> tuple[Candidate, ...]:
    """Return the candidates, those that the policy does not permit as not eligible, the eligible before the others.

    Without a history nothing is known to be permitted.
    """
    weighed = [_weighed(candidate, policy, history, currency, now) for candidate in candidates]
    return tuple(sorted(weighed, key=lambda candidate: not candidate.eligible))


def given(history: ContactHistory | None, now: datetime) -> tuple[Reason, ...]:
    """Say what the customer was given in the last `SHOWN_DAYS` days, and what was given before or is pending."""
    if history is None:
        return (Reason(code="given_unknown", detail="what this customer was given before was not read"),)
    sums: dict[str, int] = {}
    for contact in _within(history.contacts, SHOWN_DAYS, now):
        if contact.cost is not None and contact.standing != "pending":
            sums[contact.cost.currency] = sums.get(contact.cost.currency, 0) + contact.cost.amount_minor
    total = ", ".join(str(Money(amount_minor=minor, currency=currency)) for currency, minor in sorted(sums.items()))
    first = _reason("given", f"was given {total or 'nothing'} in the last {counted(SHOWN_DAYS, 'day')}")
    shown = [_reason("given_before", given_sentence(contact)) for contact in history.contacts[-_MOST_SHOWN:]]
    more = len(history.contacts) - len(shown)
    if more:
        shown.insert(0, _reason("given_before", f"{more} more before that, in {counted(history.days, 'day')}"))
    return first, *shown


def given_sentence(contact: Contact) -> str:
    """Say what was given when: `26.00 USD (goodwill credit) given on 3 Nov 2026`."""
    what = f"{contact.cost} ({(contact.treatment or 'unreadable').replace('_', ' ')})"
    if contact.standing == "pending":
        return f"{what} waits for a decision or its execution in {contact.run_id}"
    if contact.standing == "unknown":
        return f"{what} sent on {day(contact.at)}, outcome unknown, counted as given"
    return f"{what} given on {day(contact.at)}"


def day(at: datetime) -> str:
    """Write the day of `at` in UTC for people: `3 Nov 2026`."""
    there = at.astimezone(UTC)
    return f"{there.day} {there:%b %Y}"


def _weighed(
    candidate: Candidate, policy: ContactPolicy, history: ContactHistory | None, currency: str, now: datetime
) -> Candidate:
    if not candidate.eligible or candidate.mutation is None:
        return candidate
    if history is None:
        against: tuple[Reason, ...] = (
            Reason(code="contact_unreadable", detail="what this customer was given before was not read"),
        )
    else:
        cost = Money(amount_minor=candidate.cost_minor, currency=currency)
        against = breaches(policy, history, candidate.treatment, cost, now)
    if not against:
        return candidate
    return candidate.model_copy(
        update={
            "eligible": False,
            "mutation": None,
            "preconditions": (),
            "reasons_against": (*candidate.reasons_against, *against),
        }
    )


def _cool_down(contacts: Iterable[Contact], days: int, now: datetime, code: str) -> Reason | None:
    if days == 0:
        return None
    waits = max(contacts, key=lambda contact: _counted_at(contact, now), default=None)
    if waits is None:
        return None
    until = _counted_at(waits, now) + timedelta(days=days)
    if now >= until:
        return None
    after = "" if waits.standing == "pending" else f"; next possible on {day(until)}"
    return _reason(code, f"{given_sentence(waits)}{after}")


def _caps(policy: ContactPolicy, history: ContactHistory, cost: Money, now: datetime) -> list[Reason | None]:
    inside = _within(history.contacts, policy.period_days, now)
    most = policy.max_cost_per_period
    known = [contact.cost for contact in inside if contact.cost is not None]
    currencies = {most.currency, cost.currency, *(one.currency for one in known)}
    if len(currencies) > 1:
        detail = f"amounts in {', '.join(sorted(currencies))} cannot be compared with the cap of {most}"
        money: Reason | None = _reason("contact_currency", detail)
    else:
        before = sum(one.amount_minor for one in known)
        money = None
        if before + cost.amount_minor > most.amount_minor:
            so_far = Money(amount_minor=before, currency=most.currency)
            detail = (
                f"{so_far} in the last {counted(policy.period_days, 'day')}; {cost} more is above the cap of {most}"
            )
            money = _reason("contact_money_cap", detail)
    return [_count(inside, policy.max_per_period, policy, "contact_cap"), money]


def _count(inside: list[Contact], most: int, policy: ContactPolicy, code: str) -> Reason | None:
    if len(inside) < most:
        return None
    return _reason(
        code, f"{len(inside)} in the last {counted(policy.period_days, 'day')}, at most {most} are permitted"
    )


def _within(contacts: Iterable[Contact], days: int, now: datetime) -> list[Contact]:
    since = now - timedelta(days=days)
    return [contact for contact in contacts if _counted_at(contact, now) > since]


def _counted_at(contact: Contact, now: datetime) -> datetime:
    return now if contact.standing == "pending" else contact.at


def _reason(code: str, detail: str) -> Reason:
    return Reason(code=code, detail=shortened(detail, _DETAIL))
