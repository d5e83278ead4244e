"""What if: the next best action of a customer as they are, and as it would be, side by side. Nothing is kept."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, StrictBool, StrictInt

from placet.contracts.base import Frozen, ReasonCode
from placet.contracts.events.kinds import Channel
from placet.contracts.money import Money
from placet.contracts.proposal import Reason
from placet.contracts.strategies.decision import Fell, Weighed
from placet.contracts.strategies.strategy import StrategyName
from placet.decisioning.cohorts.columns import BY_NAME
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.errors import UsageError
from placet.gate.context import LiveCustomer
from placet.governance.policy.set import PolicySet
from placet.service.strategies.deciding import (
    Case,
    PublishedDecision,
    check_ahead,
    decide_case,
    known_customer,
    published_now,
)
from placet.storage.database import Database

FactValue = StrictBool | StrictInt | date | str | None
"""What a fact may be; None: nothing is known of it."""


class SupposedFact(Frozen):
    """A fact that was supposed.

    Attributes:
        name: Its column, as in docs/cohorts.md.
        about: What that is, in words.
        was: What is known.
        supposed: What was supposed.
    """

    name: str
    about: str
    was: FactValue
    supposed: FactValue


class Outcome(Frozen):
    """What became of a treatment.

    Attributes:
        fell: Where it fell; None: it was chosen.
        reason: Why, or what it was chosen for.
        value: What is expected to be left after its cost; None where it fell before that was asked.
    """

    fell: Fell | None
    reason: Reason
    value: Money | None


class Changed(Frozen):
    """A treatment of which something else becomes in the supposed case."""

    strategy: StrategyName
    treatment: ReasonCode
    title: str
    before: Outcome
    after: Outcome


class WhatIf(Frozen):
    """Two decisions for one customer, by the same strategies: as they are, and in a case that was supposed.

    Attributes:
        supposed_channel: The supposed channel; None where it is the same.
        supposed_at: The supposed time; None where it is the same.
        facts: The supposed facts, by their names.
        as_is: The decision as things are.
        supposed: The decision in that case. None of it is real.
        changed: The treatments of which something else becomes, in the order of the supposed decision.
        same_choice: Whether the same is offered, or nothing, in both.
    """

    supposed_channel: Channel | None
    supposed_at: AwareDatetime | None
    facts: tuple[SupposedFact, ...]
    as_is: PublishedDecision
    supposed: PublishedDecision
    changed: tuple[Changed, ...]
    same_choice: StrictBool


def what_if(
    database: Database,
    tenant: str,
    customer_id: str,
    policies: Callable[[str], PolicySet],
    as_is: Case,
    supposed: Case,
    now: datetime,
) -> WhatIf:
    """Return what would be done for a customer in a supposed case, beside what would be as things are.

    Both are decided by the strategies of one moment, and, where their times have the same state, on one reading of it.

    Args:
        database: Where their state is. Nothing is written.
        tenant: Whose customer.
        customer_id: Who.
        policies: Reads the set in force for an agent.
        as_is: Without facts.
        supposed: What is supposed.
        now: The current time.

    Raises:
        UsageError: code `malformed`; nothing is supposed, or a time is too far ahead. Code `unknown_customer`; no event
            of them is known.
        StorageError: the database does not answer, or their row is unreadable.
    """
    if supposed == as_is:
        raise UsageError("nothing is supposed: name another channel, another time or a fact", code="malformed")
    for case in (as_is, supposed):
        check_ahead(case, now)
    known, known_then = as_is.known_at(now), supposed.known_at(now)
    published = published_now(database, tenant, policies, now)
    customer = known_customer(database, tenant, customer_id, known)
    then = customer if known == known_then else known_customer(database, tenant, customer_id, known_then)
    one = decide_case(database, tenant, published, customer, as_is)
    other = decide_case(database, tenant, published, then, supposed)
    return WhatIf(
        supposed_channel=None if supposed.channel == as_is.channel else supposed.channel,
        supposed_at=None if supposed.at == as_is.at else supposed.at,
        facts=tuple(_facts(then, supposed)),
        as_is=one,
        supposed=other,
        changed=tuple(_changed(one, other)),
        same_choice=_chosen(one) == _chosen(other),
    )


def _facts(customer: LiveCustomer, case: Case) -> Iterator[SupposedFact]:
    known: Row = row_of(customer.state, customer.household_members)
    for name, value in sorted(case.facts.items()):
        yield SupposedFact(name=name, about=BY_NAME[name].about, was=known[name], supposed=value)


def _changed(one: PublishedDecision, other: PublishedDecision) -> Iterator[Changed]:
    before = {(weighed.strategy, weighed.treatment): weighed for weighed in one.decision.weighed}
    for weighed in other.decision.weighed:
        was = before[weighed.strategy, weighed.treatment]
        if (was.fell, was.reason, was.value) != (weighed.fell, weighed.reason, weighed.value):
            yield Changed(
                strategy=weighed.strategy,
                treatment=weighed.treatment,
                title=weighed.title,
                before=_outcome(was),
                after=_outcome(weighed),
            )


def _outcome(one: Weighed) -> Outcome:
    return Outcome(fell=one.fell, reason=one.reason, value=one.value)


def _chosen(one: PublishedDecision) -> Any:
    chosen = one.decision.chosen
    return None if chosen is None else (chosen.strategy, chosen.treatment)
