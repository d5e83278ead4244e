"""Mandates in words: what each clears, and what of its budget is left."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from placet.contracts.customer import Declared
from placet.contracts.money import Money
from placet.contracts.people.mandate import CohortTest, Mandate, MandateRecord, MandateUse
from placet.contracts.text import NAME, WORDS, counted, one_line
from placet.governance.authority.cohorts import known_facts
from placet.governance.authority.mandates import MandateState, left, state_of
from placet.interfaces.console.views.common import Badge, kind_in_words

_STATES: Final[dict[MandateState, Badge]] = {
    "valid": Badge("In force", "good"),
    "not_yet_valid": Badge("Begins later", "waits"),
    "over": Badge("Over", "quiet"),
    "exhausted": Badge("Spent", "quiet"),
    "revoked": Badge("Revoked", "bad"),
}
_OPS: Final = {"eq": "is", "ne": "is not", "ge": "at least", "le": "at most", "in": "one of"}
_GOOD: Final = "good"
_SHOWN: Final = 16
"""Of a digest, in characters."""


@dataclass(frozen=True, slots=True)
class MandateShown:
    """One mandate.

    Attributes:
        left_minor: What is left, for a bar; never below nothing or above the budget.
        fault: Why its signature does not count now, in words; empty where it does, or it is over anyway.
        code: The whole line of the check, for engineers.
        strategy: Digest of the strategy that it publishes; empty where it publishes none.
    """

    mandate_id: str
    name: str
    agent: str
    signer: str
    signed_at: datetime
    drafted_by: str
    reason: str
    badge: Badge
    kinds: str
    clears: str
    cohort: str
    cap: str
    budget: str
    spent: str
    left: str
    left_minor: int
    budget_minor: int
    valid_from: datetime
    valid_until: datetime
    revoked: bool
    revoked_by: str
    revoked_at: datetime | None
    revoked_reason: str
    document: str
    key_id: str
    fault: str
    code: str
    strategy: str


@dataclass(frozen=True, slots=True)
class UseShown:
    """What one run took of a budget."""

    run_id: str
    customer_id: str
    amount: str
    at: datetime
    given_back: bool


class Bounds(NamedTuple):
    """Bounds of a mandate in words."""

    kinds: str
    clears: str
    cohort: str
    cap: str


def bounds_of(mandate: Mandate) -> Bounds:
    """Return what kinds of change and what treatments a mandate clears, for whom, and how much for one customer."""
    everybody = "every customer"
    if mandate.strategy is not None:
        named = f"{one_line(mandate.name, NAME)}, version {mandate.strategy[:_SHOWN]}"
        everybody = f"customers of strategy {named}"
    return Bounds(
        kinds=" or ".join(kind_in_words(kind) for kind in mandate.kinds),
        clears=" or ".join(one_line(code, NAME).replace("_", " ") for code in mandate.treatments),
        cohort=" and ".join(_test(test) for test in mandate.cohort) or everybody,
        cap=f"{mandate.cap_per_customer} in {counted(mandate.period_days, 'day')}",
    )


def mandate_of(record: MandateRecord, now: datetime, signature: str) -> MandateShown:
    """Return how a mandate is shown; `signature` is `good`, or the code and reason of the check that fails."""
    mandate, state, rest = record.mandate, state_of(record, now), left(record)
    budget = mandate.budget.amount_minor
    stands = state in ("valid", "not_yet_valid")
    bounds = bounds_of(mandate)
    doubtful = signature != _GOOD and stands
    return MandateShown(
        mandate_id=mandate.document_id,
        name=one_line(mandate.name, NAME),
        agent=mandate.agent,
        signer=mandate.signer,
        signed_at=mandate.signed_at,
        drafted_by=mandate.drafted_by,
        reason=mandate.reason,
        badge=Badge("Does not count", "bad") if doubtful else _STATES[state],
        kinds=bounds.kinds,
        clears=bounds.clears,
        cohort=bounds.cohort,
        cap=bounds.cap,
        budget=str(mandate.budget),
        spent=str(Money(amount_minor=record.spent_minor, currency=mandate.budget.currency)),
        left=str(rest),
        left_minor=max(0, min(rest.amount_minor, budget)),
        budget_minor=budget,
        valid_from=mandate.valid_from,
        valid_until=mandate.valid_until,
        revoked=record.revoked_at is not None,
        revoked_by=record.revoked_by or "",
        revoked_at=record.revoked_at,
        revoked_reason=record.revoked_reason or "",
        document=record.document,
        key_id=record.key_id,
        fault=f"It clears nothing: {one_line(signature.partition(': ')[2] or signature, WORDS)}" if doubtful else "",
        code=one_line(signature, WORDS),
        strategy=mandate.strategy or "",
    )


def altered_of(mandate_id: str) -> str:
    """Return the sentence about a row that was altered."""
    return f"Mandate {one_line(mandate_id, NAME)} was altered in the database: it does not verify, and clears nothing."


def use_of(use: MandateUse, currency: str) -> UseShown:
    """Return how one use is shown."""
    amount = str(Money(amount_minor=use.amount_minor, currency=currency))
    return UseShown(use.run_id, use.customer_id, amount, use.used_at, use.released_at is not None)


def _test(test: CohortTest) -> str:
    value = ", ".join(map(str, test.value)) if isinstance(test.value, tuple) else str(test.value)
    return one_line(f"{test.field} {_OPS[test.op]} {value}".replace("_", " "), WORDS)


def facts_in_words(declared: Declared) -> tuple[tuple[str, str], ...]:
    """Return the facts that a cohort's tests may name, each with what it may be compared with."""

    def compared(number: bool, words: tuple[str, ...]) -> str:
        if number:
            return "a number: eq, ne, ge or le"
        return f"{', '.join(words) or 'words'}: eq, ne or in"

    return tuple((name, compared(*kind)) for name, kind in sorted(known_facts(declared).items()))
