"""The services a row holds, as inventory items whose prices add up to its monthly charge."""

from dataclasses import dataclass
from datetime import date

from placet.sandbox.derived.calendar import add_months
from placet.sandbox.derived.draw import draw
from placet.sandbox.derived.offerings import INTERNET, OFFERINGS, TERM_MONTHS
from placet.sandbox.money import allocate
from placet.sandbox.seed import ADD_ONS, Customer


@dataclass(frozen=True, slots=True)
class Held:
    """A product in the inventory; `monthly` in cents, None where nobody stated a price."""

    id: str
    customer_id: str
    offering_id: str
    name: str
    monthly: int | None
    started_on: date
    term_months: int
    simulated: bool
    order_id: str | None = None
    order_item_id: str | None = None


def joined_on(customer: Customer, as_of: date) -> date:
    """Return the simulated day on which the customer joined: `tenure` billing days ago."""
    return add_months(_last_billing_day(customer, as_of), -customer.tenure) if customer.tenure else as_of


def _last_billing_day(customer: Customer, as_of: date) -> date:
    billing_day = 1 + draw(customer.id, "billing-day", 28)
    this_month = as_of.replace(day=billing_day)
    return this_month if this_month <= as_of else add_months(this_month, -1)


def held_products(customer: Customer, as_of: date) -> list[Held]:
    """Make one product per service, list prices scaled so that their sum is exactly `monthly_charges`."""
    offerings = [OFFERINGS[offering_id] for offering_id in _offering_ids(customer)]
    prices = allocate(customer.monthly_charges, [offering.monthly for offering in offerings])
    started_on = joined_on(customer, as_of)
    return [
        Held(
            id=f"P-{customer.id}-{_service(offering.id)}",
            customer_id=customer.id,
            offering_id=offering.id,
            name=offering.name,
            monthly=price,
            started_on=started_on,
            term_months=TERM_MONTHS[customer.contract],
            simulated=True,
        )
        for offering, price in zip(offerings, prices, strict=True)
    ]


def _offering_ids(customer: Customer) -> list[str]:
    ids = []
    if customer.phone_service:
        ids.append("PO-voice-multi" if customer.multiple_lines else "PO-voice")
    if customer.internet_service in INTERNET:
        ids.append(INTERNET[customer.internet_service])
    return ids + [f"PO-{name.replace('_', '-')}" for name in ADD_ONS if name in customer.add_ons]


def _service(offering_id: str) -> str:
    """Return `internet` for PO-internet-dsl: what the product is, whatever it is moved to later."""
    name = offering_id.removeprefix("PO-")
    return name.partition("-")[0] if name.startswith(("internet-", "voice-")) else name
