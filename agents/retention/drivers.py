"""Which drivers a profile bears out: arithmetic first, the model picks among them."""

from collections.abc import Callable

from agents.retention.customer import RetentionCustomer
from agents.retention.schema import Driver

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
