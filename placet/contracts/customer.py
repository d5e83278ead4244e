"""A customer as every application knows them: who they are, and named facts whose meaning is an application's.

The facts that an application tells customers apart by are declared in its `agent.toml`; no rule here knows their names.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, StringConstraints, model_validator

from placet.contracts.base import CustomerId, ExternalId, ExternalWord, Frozen

FACT = r"^[a-z][a-z0-9_]{0,47}$"
FactName = Annotated[str, StringConstraints(pattern=FACT)]
FactValue = Annotated[StrictInt, Field(ge=-(10**12), le=10**12)] | ExternalWord

MOST_FACTS = 32

STATUS, TENURE, RISK = "status", "tenure_months", "risk"
RESERVED = frozenset({"customer_id", "billing_account_id", STATUS, TENURE, RISK})
"""Names that no fact may have: every customer has these, and of each run the analysis finds the risk."""

_FORMER = ("contract", "internet_service", "payment_method")
"""Fields of the profiles that were stored before facts had names of their own."""


class Fact(Frozen):
    """One thing that billing says of a customer: a figure, or a word in our spelling."""

    name: FactName
    value: FactValue


def named(facts: Mapping[str, int | str]) -> tuple[Fact, ...]:
    """Return facts in the order in which a profile holds them."""
    return tuple(Fact(name=name, value=facts[name]) for name in sorted(facts))


class CustomerProfile(Frozen):
    """TMF629 Customer, reduced to what a decision may use (no protected attributes).

    A profile that was stored with three facts as fields is read as one with named facts.
    """

    customer_id: CustomerId
    status: ExternalWord
    tenure_months: Annotated[int, Field(ge=0)]
    facts: Annotated[tuple[Fact, ...], Field(max_length=MOST_FACTS)] = ()
    billing_account_id: ExternalId | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_stored(cls, said: Any) -> Any:
        if not isinstance(said, dict) or "facts" in said or not all(name in said for name in _FORMER):
            return said
        others = {name: value for name, value in said.items() if name not in _FORMER}
        return {**others, "facts": [{"name": name, "value": said[name]} for name in _FORMER]}

    @model_validator(mode="after")
    def _canonical(self) -> Self:
        names = [fact.name for fact in self.facts]
        if names != sorted(set(names)):
            raise ValueError(f"facts must be in order, each once, not {names}")
        for name in names:
            if name in RESERVED:
                raise ValueError(f"{name!r} is no name for a fact: every customer has one")
        return self

    def fact(self, name: str) -> int | str | None:
        """Return the value of one fact; None where billing said nothing of it."""
        return next((fact.value for fact in self.facts if fact.name == name), None)


class DeclaredFact(Frozen):
    """A fact that an application tells customers apart by.

    Attributes:
        kind: Whether its values are words or figures.
        one_of: The only words it has; none means any.
    """

    name: FactName
    kind: Literal["word", "number"] = "word"
    one_of: tuple[ExternalWord, ...] = ()

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.name in RESERVED:
            raise ValueError(f"{self.name!r} is declared of every customer already")
        if self.kind == "number" and self.one_of:
            raise ValueError(f"{self.name!r} is a number; one_of is for words")
        return self

    def admits(self, value: object) -> bool:
        """Return whether the fact may have this value."""
        if self.kind == "number":
            return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, str) and value != "" and (not self.one_of or value in self.one_of)


Declared = tuple[DeclaredFact, ...]
"""Everything that one application tells customers apart by, beside what every customer has."""
