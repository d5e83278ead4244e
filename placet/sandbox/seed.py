"""The sample's customers, read once at start and held in memory; nothing here is ever changed."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path

from placet.sandbox.errors import SandboxError

ADD_ONS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)

# NANP numbers 555-0100 to 555-0199 are reserved for fiction in every area code; N11 is no area code.
_AREA_CODES = [code for code in range(201, 990) if code % 100 != 11]  # noqa: PLR2004 - the 11 of N11


@dataclass(frozen=True, slots=True)
class Customer:
    """One row. Charges are in cents; `total_charges` is 0 before the first bill.

    `phone` is simulated: an E.164 number from the range reserved for fiction.
    """

    id: str
    female: bool
    senior_citizen: bool
    partner: bool
    dependents: bool
    tenure: int
    phone_service: bool
    multiple_lines: bool
    internet_service: str
    add_ons: frozenset[str]
    contract: str
    paperless_billing: bool
    payment_method: str
    monthly_charges: int
    total_charges: int
    phone: str

    @property
    def automatic_payment(self) -> bool:
        """Whether the payment method is collected without the customer acting."""
        return self.payment_method.endswith("(automatic)")


def load_customers(path: Path | None = None) -> dict[str, Customer]:
    """Read the bundled sample, or a file of the same columns.

    Raises:
        SandboxError: The file is missing, lacks a column, or a row contradicts itself.
    """
    try:
        if path is not None:
            with path.open(encoding="utf-8", newline="") as stream:
                return _index(csv.DictReader(stream))
        return dict(_bundled())
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"customer file {str(path)!r} cannot be read: {error}") from None


@cache
def _bundled() -> dict[str, Customer]:
    text = files("placet.sandbox").joinpath("data/telco_customers.csv").read_text(encoding="utf-8")
    return _index(csv.DictReader(text.splitlines()))


def _index(rows: Iterator[dict[str, str]]) -> dict[str, Customer]:
    customers: dict[str, Customer] = {}
    for position, row in enumerate(rows):
        try:
            customer = _customer(row, position)
        except (KeyError, ValueError, InvalidOperation) as error:
            raise SandboxError(f"customer file, row {position + 2}: {error!r}; expected the sample's columns") from None
        if customer.id in customers:
            raise SandboxError(f"customer file, row {position + 2}: customer_id {customer.id!r} appears twice")
        customers[customer.id] = customer
    if not customers:
        raise SandboxError("customer file holds no rows; expected the sample's columns and at least one customer")
    return customers


def _customer(row: Mapping[str, str], position: int) -> Customer:
    tenure, monthly = int(row["tenure"]), _cents(row["monthly_charges"])
    total = _cents(row["total_charges"]) if tenure else 0
    if tenure and total < monthly:
        raise ValueError(f"total_charges {row['total_charges']!r} below monthly_charges {row['monthly_charges']!r}")
    area, line = divmod(position, 100)
    return Customer(
        id=row["customer_id"],
        female=row["female"] == "1",
        senior_citizen=row["senior_citizen"] == "1",
        partner=row["partner"] == "1",
        dependents=row["dependents"] == "1",
        tenure=tenure,
        phone_service=row["phone_service"] == "1",
        multiple_lines=row["multiple_lines"] == "Yes",
        internet_service=row["internet_service"],
        add_ons=frozenset(name for name in ADD_ONS if row[name] == "Yes"),
        contract=row["contract"],
        paperless_billing=row["paperless_billing"] == "1",
        payment_method=row["payment_method"],
        monthly_charges=monthly,
        total_charges=total,
        phone=f"+1{_AREA_CODES[area % len(_AREA_CODES)]}55501{line:02d}",
    )


def _cents(text: str) -> int:
    cents = Decimal(text) * 100
    if cents != cents.to_integral_value():
        raise ValueError(f"amount {text!r} is finer than a cent")
    return int(cents)
