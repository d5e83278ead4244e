"""What a mandate clears. Rules only: callers bring the record, the signed text, the customer's profile and the clock.

Invariants:
 (1) a mandate counts while its signed document verifies, its signer's key is good and policy entitles the signer to it;
 (2) it clears its own agent's proposals, of its kinds and treatments, while it is valid, in its currency;
 (3) every test of its cohort holds; what is missing, of another type, or a test that makes no sense never holds;
 (4) one that publishes a strategy clears what runs of exactly that version propose, and no other mandate clears these;
 (5) it never clears what a person amended, what takes from a customer or takes back another run's effect, what its own
     signer triggered, or what costs nothing, which no budget would bound.
Budget and the cap per customer and period are the database's to enforce, atomically
(`placet.storage.governance.mandates`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from placet.contracts.analysis.assessment import Risk
from placet.contracts.customer import CustomerProfile, Declared
from placet.contracts.money import Money
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.lasting import LONGEST, MOST_DAYS
from placet.contracts.people.mandate import Mandate, MandateRecord
from placet.contracts.proposal import Proposal
from placet.contracts.text import a_code, counted
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.authority.cohorts import actual, fault, holds
from placet.governance.policy.facts import MandateFacts, PersonFacts
from placet.governance.policy.question import AuthoriseQuestion
from placet.governance.policy.set import PolicySet
from placet.governance.signing.signed import verify_document

_SHOWN = 16
"""Of a digest, in characters."""
_SOMEBODY = "somebody.of.that.role"
"""Stands for a holder of a role who drafted nothing and triggered nothing."""

MandateState = Literal["valid", "not_yet_valid", "over", "exhausted", "revoked"]


@dataclass(frozen=True, slots=True)
class Authority:
    """Whose signature a mandate rests on, and the policies that entitle them to it."""

    key: EnrolledKey
    policies: tuple[str, ...]


def check_sense(mandate: Mandate, now: datetime, declared: Declared) -> None:
    """Check that a mandate can be meant as it stands: before one is signed, and before one is taken on.

    Args:
        mandate: What is to be signed, or was.
        now: When it is to count.
        declared: What the mandate's agent tells customers apart by.

    Raises:
        DecisionRefused: code `mandate_senseless`; it is over, lasts too long, or a cohort test names a fact that its
            agent does not declare, compares what cannot be compared, or names a value that no customer has (of which
            `ne` would always hold).
    """
    if mandate.valid_until <= now:
        raise _senseless(f"it was valid until {moment(mandate.valid_until)}; choose a later end")
    if mandate.valid_until - max(mandate.valid_from, mandate.signed_at) > LONGEST:
        raise _senseless(f"it lasts longer than {MOST_DAYS} days; choose an earlier end")
    for test in mandate.cohort:
        if (why := fault(test, declared)) is not None:
            raise _senseless(why)


def check_authority(
    record: MandateRecord,
    text: str,
    *,
    policies: PolicySet,
    now: datetime,
    find_key: Callable[[str], EnrolledKey | None],
) -> Authority:
    """Check that the mandate on record is what a good key signed, and that policy entitles its holder (invariant 1).

    Args:
        record: The mandate as the database holds it.
        text: Its signed document from the artifact store.
        policies: The set in force for the mandate's agent.
        now: When it is to count.
        find_key: The key registry.

    Raises:
        DecisionRefused: the document does not verify, is of another mandate, or its signer is not entitled.
    """
    verified = verify_document(text, Mandate, tenant=record.mandate.tenant, now=now, find_key=find_key)
    if (verified.document, verified.digest, verified.key.key_id) != (record.mandate, record.document, record.key_id):
        raise DecisionRefused("the mandate on record is not the one that was signed", code="mandate_altered")
    return Authority(verified.key, entitle_signer(record.mandate, verified.key, policies))


def entitle_signer(mandate: Mandate, key: EnrolledKey, policies: PolicySet) -> tuple[str, ...]:
    """Return the policies that permit the holder of `key` to sign `mandate`.

    Raises:
        DecisionRefused: code `unentitled`; none does, or one forbids it.
    """
    answer = policies.may_authorise(key, mandate)
    if not answer.allowed:
        because = f" by {', '.join(answer.policies)}" if answer.policies else ""
        raise DecisionRefused(
            f"{key.name!r} may not sign mandate {mandate.name!r} over {mandate.budget}: "
            f"{answer.detail}{because}; {policies.asks('authorise', key)}",
            code="unentitled",
        )
    return answer.policies


def roles_that_may_sign(mandate: Mandate, policies: PolicySet) -> tuple[str, ...]:
    """Return the roles whose holders policy entitles to sign a mandate, given a limit that covers it.

    Where policy names a role that no holder could sign as, it is left out; so nobody is told of what they cannot sign.
    """
    return tuple(role for role in policies.roles_for("authorise") if _may_sign_as(role, mandate, policies))


def _may_sign_as(role: str, mandate: Mandate, policies: PolicySet) -> bool:
    somebody = PersonFacts.model_construct(name=_SOMEBODY, tenant=mandate.tenant, roles=(role,), limit=mandate.budget)
    return policies.ask(AuthoriseQuestion(somebody, MandateFacts.of(mandate))).allowed


def charge(proposal: Proposal) -> Money:
    """Return what a proposal takes of a mandate: its cost, and for a credit never less than what is credited.

    Raises:
        DecisionRefused: code `mandate_currency`; cost and credit differ in currency.
    """
    moved = proposal.mutation.moved
    if moved is None:
        return proposal.cost
    if moved.currency != proposal.cost.currency:
        raise DecisionRefused(f"a credit of {moved} is said to cost {proposal.cost}", code="mandate_currency")
    return max(proposal.cost, moved, key=lambda money: money.amount_minor)


def covers(
    mandate: Mandate, proposal: Proposal, profile: CustomerProfile, risk: Risk, now: datetime, declared: Declared
) -> None:
    """Check that the proposal lies within the mandate (invariants 2 to 5).

    Args:
        mandate: A mandate whose authority was checked.
        proposal: The exact proposal.
        profile: The customer as the run's analysis read them.
        risk: What that analysis found.
        now: When it is to be cleared.
        declared: What the mandate's agent tells customers apart by.

    Raises:
        DecisionRefused: with the code of the first bound that the proposal does not keep.
    """
    _check_origin(mandate, proposal)
    if not mandate.valid_from <= now < mandate.valid_until:
        window = f"from {moment(mandate.valid_from)} until {moment(mandate.valid_until)}"
        raise DecisionRefused(f"it is valid {window}", code="mandate_window")
    if proposal.mutation.kind not in mandate.kinds:
        raise DecisionRefused(f"it does not clear {a_code(proposal.mutation.kind)}", code="mandate_kind")
    if proposal.mutation.takes_from_customer:
        raise DecisionRefused("taking from a customer needs a person each time", code="mandate_kind")
    if proposal.treatment not in mandate.treatments:
        raise DecisionRefused(f"it does not clear treatment {proposal.treatment!r}", code="mandate_treatment")
    _check_amount(mandate, proposal)
    if not proposal.customer_id == proposal.mutation.customer_id == profile.customer_id:
        raise DecisionRefused(
            f"the proposal is for customer {proposal.mutation.customer_id!r}, the analysis of {profile.customer_id!r}",
            code="mandate_customer",
        )
    for test in mandate.cohort:
        if not holds(test, profile, risk, declared):
            found = actual(test.field, profile, risk)
            raise DecisionRefused(
                f"the customer is outside its cohort: {test.field} is {found!r}, not {test.op} {test.value!r}",
                code="mandate_cohort",
            )


def state_of(record: MandateRecord, now: datetime) -> MandateState:
    """Return the state of a mandate, its signature aside."""
    mandate = record.mandate
    if record.revoked_at is not None:
        return "revoked"
    if now >= mandate.valid_until:
        return "over"
    if record.spent_minor >= mandate.budget.amount_minor:
        return "exhausted"
    return "valid" if now >= mandate.valid_from else "not_yet_valid"


def left(record: MandateRecord) -> Money:
    """Return what of its budget is not spent."""
    budget = record.mandate.budget
    return Money(amount_minor=budget.amount_minor - record.spent_minor, currency=budget.currency)


def _check_origin(mandate: Mandate, proposal: Proposal) -> None:
    if proposal.tenant != mandate.tenant:
        raise DecisionRefused(f"it is of tenant {mandate.tenant!r}, not {proposal.tenant!r}", code="mandate_tenant")
    if proposal.agent != mandate.agent:
        raise DecisionRefused(f"it is for agent {mandate.agent!r}, not {proposal.agent!r}", code="mandate_agent")
    version = None if proposal.strategy is None else proposal.strategy.version
    if version != mandate.strategy:
        asked = "no strategy" if version is None else f"strategy version {version[:_SHOWN]}"
        ours = "no strategy" if mandate.strategy is None else f"version {mandate.strategy[:_SHOWN]}"
        raise DecisionRefused(f"the proposal is of {asked}, it publishes {ours}", code="mandate_strategy")
    if proposal.reverses is not None:
        raise DecisionRefused("taking back an effect needs a person each time", code="mandate_reversal")
    if proposal.amends is not None or proposal.amended_by is not None:
        raise DecisionRefused("what a person amended is theirs to decide", code="mandate_amended")
    if proposal.triggered_by == mandate.signer:
        raise DecisionRefused(
            f"{mandate.signer!r} signed it and triggered the run; another person must decide", code="mandate_four_eyes"
        )


def _check_amount(mandate: Mandate, proposal: Proposal) -> None:
    amount = charge(proposal)
    if amount.currency != mandate.budget.currency:
        raise DecisionRefused(
            f"its budget is in {mandate.budget.currency}, the proposal costs {amount}", code="mandate_currency"
        )
    if amount.amount_minor <= 0:
        raise DecisionRefused(f"a proposal that costs {amount} is bounded by no budget", code="mandate_cost")
    if amount.amount_minor > mandate.cap_per_customer.amount_minor:
        days = counted(mandate.period_days, "day")
        raise DecisionRefused(
            f"{amount} is more than {mandate.cap_per_customer} for one customer in {days}",
            code="mandate_cap",
        )


def _senseless(why: str) -> DecisionRefused:
    return DecisionRefused(f"the mandate makes no sense: {why}", code="mandate_senseless")
