"""What policy would ask of people if an agent proposed something: nothing is started, and nothing recorded."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.base import AgentName, CustomerId, Frozen, PersonName, ReasonCode
from placet.contracts.customer import RISK, CustomerProfile, Declared
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.proposal import MutationKind
from placet.contracts.text import spoken_list
from placet.errors import UsageError
from placet.governance.authority.cohorts import fault as senseless
from placet.governance.authority.cohorts import holds
from placet.governance.authority.mandates import left, state_of
from placet.governance.policy.authoring.why import Explained, explain
from placet.governance.policy.facts import AgentFacts, PersonFacts, ProposalFacts
from placet.governance.policy.question import AgentQuestion, DecideQuestion
from placet.governance.policy.set import PolicySet
from placet.service.customers import find_customer
from placet.service.given import checked
from placet.storage.database import Database
from placet.storage.governance.mandates import AlteredMandate

MOST_PEOPLE: Final = 50
_MOST_MANDATES: Final = 100
_NO_RUN: Final = "run-" + "0" * 20
_FOUND_BY_THE_RUN: Final = RISK
_OPS: Final = {"eq": "is", "ne": "is not", "ge": "is at least", "le": "is at most", "in": "is one of"}


class Supposed(Frozen):
    """What is supposed: this agent proposes this for a customer, in a run that this person asked for.

    Attributes:
        customer_id: Whose facts mandates are asked about; None: any customer.
    """

    agent: AgentName
    kind: MutationKind
    treatment: ReasonCode
    cost: Money
    requested_by: PersonName
    customer_id: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class MandateSaid:
    """Whether a mandate in force would clear it without a decision.

    Attributes:
        clears: None where it depends on the customer, or on what the run finds.
        because: Why not, or on what it depends.
    """

    record: MandateRecord
    clears: bool | None
    because: str


@dataclass(frozen=True, slots=True)
class PersonSaid:
    """Whether somebody who is enrolled could decide it, and what policy says of that."""

    name: str
    allowed: bool
    because: str
    explained: Explained


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The answers.

    Attributes:
        proposing: Whether it may be put before people, and what is asked of them.
        mandates: Those in force, where policy lets one clear it at all.
        people: Of those who hold keys, the first `MOST_PEOPLE` by name.
        customer: What our record knows of the customer; None where it knows nothing, or none was named.
    """

    proposing: Explained
    mandates: tuple[MandateSaid, ...]
    people: tuple[PersonSaid, ...]
    customer: CustomerProfile | None


def suppose(values: Mapping[str, object]) -> Supposed:
    """Return what a person supposes.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return Supposed.model_validate(values)


def what_if(
    database: Database,
    tenant: str,
    supposed: Supposed,
    policies: Callable[[str], PolicySet],
    facts: Callable[[str], Declared],
    now: datetime,
) -> WhatIf:
    """Ask the set in force, the mandates and the keys what would become of it.

    Raises:
        UsageError: the agent is unknown.
        PolicyError: the policies of the agent are not in order: everything would be denied.
    """
    found = policies(supposed.agent)
    agent = AgentFacts(name=supposed.agent, tenant=tenant)
    proposal = ProposalFacts(
        run_id=_NO_RUN,
        tenant=tenant,
        agent=supposed.agent,
        kind=supposed.kind,
        treatment=supposed.treatment,
        cost=supposed.cost,
        triggered_by=supposed.requested_by,
    )
    proposing = explain(found, AgentQuestion("propose", agent, proposal))
    committing = explain(found, AgentQuestion("commit", agent, proposal))
    profile = _profile(database, tenant, supposed.customer_id, now)
    with database.reading() as tx:
        mandates = tx.mandates.listed(tenant, supposed.agent, limit=_MOST_MANDATES) if committing.allowed else ()
        keys = sorted((key for key in tx.approvers.list(tenant) if key.counts(now)), key=lambda key: key.name)
    asked = proposing.terms.roles if proposing.terms is not None else None
    return WhatIf(
        proposing=proposing,
        mandates=tuple(
            _mandate(one, supposed, profile, facts(supposed.agent))
            for one in mandates
            if not isinstance(one, AlteredMandate) and state_of(one, now) == "valid"
        ),
        people=tuple(_person(found, key, proposal, asked) for key in keys[:MOST_PEOPLE]) if proposing.allowed else (),
        customer=profile,
    )


def _profile(database: Database, tenant: str, customer_id: str | None, now: datetime) -> CustomerProfile | None:
    if customer_id is None:
        return None
    try:
        facts = find_customer(database, tenant, customer_id, now=now).facts
    except UsageError:
        return None
    return None if facts is None else facts.customer


def _person(
    policies: PolicySet, key: EnrolledKey, proposal: ProposalFacts, asked: tuple[str, ...] | None
) -> PersonSaid:
    explained = explain(policies, DecideQuestion(PersonFacts.of(key), proposal))
    if explained.allowed and asked and not set(asked) & set(key.roles):
        return PersonSaid(key.name, False, f"holds none of the roles that are asked: {spoken_list(asked)}", explained)
    return PersonSaid(key.name, explained.allowed, "" if explained.allowed else explained.detail, explained)


def _mandate(
    record: MandateRecord, supposed: Supposed, profile: CustomerProfile | None, declared: Declared
) -> MandateSaid:
    outside = next(_outside(record, supposed), None)
    return _of_customer(record, profile, declared) if outside is None else MandateSaid(record, False, outside)


def _outside(record: MandateRecord, supposed: Supposed) -> Iterator[str]:
    """Yield what of the mandate's bounds it does not keep, whoever the customer is."""
    mandate, cost = record.mandate, supposed.cost
    if supposed.kind not in mandate.kinds or supposed.treatment not in mandate.treatments:
        yield "it is for other treatments"
    if supposed.requested_by == mandate.signer:
        yield f"{mandate.signer} signed it and asked for the run: another must decide"
    if cost.currency != mandate.budget.currency:
        yield f"it is in {mandate.budget.currency}"
    if cost.amount_minor <= 0:
        yield "it clears only what costs something"
    if cost.amount_minor > mandate.cap_per_customer.amount_minor:
        yield f"it gives one customer at most {mandate.cap_per_customer}"
    if cost.amount_minor > left(record).amount_minor:
        yield f"only {left(record)} of its budget are left"


def _of_customer(record: MandateRecord, profile: CustomerProfile | None, declared: Declared) -> MandateSaid:
    open_tests = []
    for test in record.mandate.cohort:
        said = f"{test.field.replace('_', ' ')} {_OPS[test.op]} {_value(test.value)}"
        if senseless(test, declared) is not None:
            return MandateSaid(record, False, f"its test of the customer makes no sense: {said}")
        if profile is None or test.field == _FOUND_BY_THE_RUN:
            open_tests.append(said)
        elif not holds(test, profile, "low", declared):
            return MandateSaid(record, False, f"the customer is none of those it is for: {said}")
    used = "and to what the customer was given already in its period"
    depends = " and ".join(open_tests)
    return MandateSaid(record, None if depends else True, f"for customers with {depends}, {used}" if depends else used)


def _value(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)
