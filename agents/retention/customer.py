"""A customer as the retention application sees them: the facts that it declares, checked and by name."""

from collections.abc import Callable
from typing import Self

from agents.retention.schema import Driver
from placet.contracts.base import Frozen
from placet.contracts.customer import CustomerProfile, Declared
from placet.errors import ConfigurationError, UsageError


class RetentionCustomer(Frozen):
    """What the application's sentences and drivers are made of."""

    tenure_months: int
    contract: str
    internet_service: str
    payment_method: str

    @classmethod
    def check_declared(cls, declared: Declared) -> None:
        """Check that the manifest declares what this class holds, and nothing else.

        Raises:
            ConfigurationError: it does not.
        """
        named, held = {fact.name for fact in declared}, set(cls.model_fields) - {"tenure_months"}
        if named != held:
            raise ConfigurationError(
                f"agent.toml of retention declares {', '.join(sorted(named)) or 'no facts'}; "
                f"the application reads {', '.join(sorted(held))}. Declare the same in both"
            )

    @classmethod
    def of(cls, profile: CustomerProfile, declared: Declared) -> Self:
        """Read a profile.

        Raises:
            UsageError: code `unknown_fact`; billing named no such fact, or gave it a value that is not declared.
        """
        known: dict[str, str] = {}
        for fact in declared:
            value = profile.fact(fact.name)
            if not fact.admits(value):
                expected = f"one of {', '.join(fact.one_of)}" if fact.one_of else f"a {fact.kind}"
                raise UsageError(
                    f"{fact.name} of customer {profile.customer_id!r} is {value!r}, not {expected}; "
                    f"declare the value in agent.toml, or correct the mapping of the billing plugin",
                    code="unknown_fact",
                )
            known[fact.name] = str(value)
        return cls(tenure_months=profile.tenure_months, **known)


_SHORT_TENURE_MONTHS = 12
_LONG_TENURE_MONTHS = 24

_SUPPORTED: dict[Driver, Callable[[RetentionCustomer], bool]] = {
    "short_tenure": lambda customer: customer.tenure_months <= _SHORT_TENURE_MONTHS,
    "long_tenure": lambda customer: customer.tenure_months >= _LONG_TENURE_MONTHS,
    "no_commitment": lambda customer: customer.contract == "month_to_month",
    "under_contract": lambda customer: customer.contract != "month_to_month",
    "fiber_service": lambda customer: customer.internet_service == "fiber_optic",
    "no_internet_product": lambda customer: customer.internet_service == "none",
    "manual_payment": lambda customer: "automatic" not in customer.payment_method.lower(),
}


def supported(customer: RetentionCustomer) -> tuple[Driver, ...]:
    """Return the drivers a model may name for `customer`; never empty, since a contract either binds or does not."""
    return tuple(driver for driver, holds in _SUPPORTED.items() if holds(customer))
