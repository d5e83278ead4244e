"""What the tests of a mandate's cohort mean: rules only.

A test is judged by what the mandate's agent declares of its customers. A fact that is not declared, is missing, is of
another type, or has a value that no customer should have never holds, not even for an exclusion.
"""

from typing import get_args

from placet.contracts.analysis.assessment import Risk
from placet.contracts.customer import RISK, STATUS, TENURE, CustomerProfile, Declared
from placet.contracts.people.mandate import CohortTest

_EVERY_CUSTOMERS: dict[str, tuple[bool, tuple[str, ...]]] = {
    STATUS: (False, ()),
    TENURE: (True, ()),
    RISK: (False, get_args(Risk)),
}
"""What needs no declaration: whether it is a number, and the only words it has."""


def fault(test: CohortTest, declared: Declared) -> str | None:
    """Return why a test makes no sense; None where it does make sense."""
    kinds = known_facts(declared)
    if test.field not in kinds:
        return f"{test.field!r} is no fact of this agent's customers; it knows {', '.join(sorted(kinds))}"
    number, known = kinds[test.field]
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    if number:
        fits = isinstance(test.value, int) and test.op != "in"
    elif test.op == "in":
        fits = isinstance(test.value, tuple) and len(values) > 0
    else:
        fits = isinstance(test.value, str) and test.op in ("eq", "ne")
    if not fits or "" in values:
        return f"{test.field!r} cannot be compared {test.op!r} with {test.value!r}"
    if known and not set(values) <= set(known):
        return f"{test.field!r} is never {test.value!r}; it is one of {', '.join(known)}"
    return None


def actual(field: str, profile: CustomerProfile, risk: Risk) -> object:
    """Return what the analysis found of the customer; None where it found nothing."""
    every = {STATUS: profile.status, TENURE: profile.tenure_months, RISK: risk}
    return every[field] if field in every else profile.fact(field)


def holds(test: CohortTest, profile: CustomerProfile, risk: Risk, declared: Declared) -> bool:
    """Return whether the customer is one of those that the test means."""
    found = actual(test.field, profile, risk)
    if fault(test, declared) is not None:
        return False
    if isinstance(found, int) and not isinstance(found, bool) and isinstance(test.value, int):
        compared = {"eq": found == test.value, "ne": found != test.value, "ge": found >= test.value}
        return compared.get(test.op, found <= test.value)
    if not isinstance(found, str) or not found or isinstance(test.value, int):
        return False
    _, known = known_facts(declared)[test.field]
    if known and found not in known:
        return False
    # Systems differ in how they write a status: for `ne`, another spelling must not be another value.
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    among = found.casefold() in {value.casefold() for value in values}
    return not among if test.op == "ne" else among


def known_facts(declared: Declared) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """Return the facts that tests may name: for each, whether it is a number, and the only words it has."""
    return {**{fact.name: (fact.kind == "number", fact.one_of) for fact in declared}, **_EVERY_CUSTOMERS}
