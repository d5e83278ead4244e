"""What billing answered, as charts and the tables behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from placet.contracts.billing import Bill, Evidence, HeldProduct, Usage
from placet.contracts.money import minor_digits
from placet.contracts.text import NAME, counted, one_line, quoted
from placet.interfaces.read_words import read_in_words


class Point(NamedTuple):
    """One bar: its label, its exact value in words, and its height."""

    label: str
    shown: str
    height: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A series. The table of its points is the chart's source, so that both say the same."""

    title: str
    unit: str
    what: str
    points: tuple[Point, ...]


class Row(NamedTuple):
    """A label and its value, foreign text made safe."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The evidence of a run.

    Attributes:
        simulated: Whether the sandbox derived it.
        state: The live state that the run read beside it; empty where it read none.
    """

    customer: tuple[Row, ...]
    charts: tuple[Chart, ...]
    balances: tuple[Row, ...]
    products: tuple[Row, ...]
    simulated: bool
    state: tuple[Row, ...] = ()
    state_digest: str = ""


def evidence_of(kept: Evidence) -> Shown:
    """Return what is shown of the evidence."""
    customer = kept.customer
    rows = (
        Row("Status", one_line(customer.status, NAME)),
        Row("With the operator for", _months(customer.tenure_months)),
        *(Row(fact.name.replace("_", " ").capitalize(), _word(fact.value)) for fact in customer.facts),
    )
    marks = [*(one.simulated for one in kept.bills), *(one.simulated for one in kept.usage)]
    marks += [*(one.simulated for one in kept.balances), *(one.simulated for one in kept.products)]
    return Shown(
        customer=rows,
        charts=(*_bills(kept.bills), *_usage(kept.usage)),
        balances=tuple(
            Row(quoted(one.name, NAME), f"{one.remaining}, {one_line(one.status, NAME)}") for one in kept.balances
        ),
        products=tuple(Row(quoted(one.name, NAME), _held(one)) for one in kept.products),
        simulated=any(marks),
        state=() if kept.state is None else tuple(Row(label, text) for label, text in read_in_words(kept.state)),
        state_digest="" if kept.state is None else kept.state.digest,
    )


def _bills(bills: Sequence[Bill]) -> tuple[Chart, ...]:
    charts = []
    for currency in sorted({one.amount.currency for one in bills}):
        of_it = sorted((one for one in bills if one.amount.currency == currency), key=lambda one: one.issued_on)
        scale = Decimal(10) ** -minor_digits(currency)
        points = tuple(
            Point(
                f"{one.issued_on:%Y-%m}",
                str(one.amount),
                str(one.amount.amount_minor * scale),
                f"{one_line(one.state, NAME)}, due {one.amount_due}",
            )
            for one in of_it
        )
        charts.append(Chart("Bills", currency, "Amount of each bill", points))
    return tuple(charts)


def _usage(usage: Sequence[Usage]) -> tuple[Chart, ...]:
    charts = []
    for kind, unit in sorted({(one.kind, one.unit) for one in usage}):
        months = sorted((one for one in usage if (one.kind, one.unit) == (kind, unit)), key=lambda one: one.month)
        points = tuple(Point(one.month, f"{one.quantity} {unit}", str(one.quantity)) for one in months)
        charts.append(Chart(f"Usage: {one_line(kind, NAME)}", one_line(unit, NAME), "Quantity in each month", points))
    return tuple(charts)


def _word(value: int | str) -> str:
    return one_line(str(value), NAME).replace("_", " ")


def _held(product: HeldProduct) -> str:
    status = one_line(product.status, NAME)
    return status if product.monthly_price is None else f"{status}, {product.monthly_price} a month"


def _months(number: int) -> str:
    years, months = divmod(number, 12)
    parts = [counted(years, "year")] if years else []
    parts += [counted(months, "month")] if months else []
    return " and ".join(parts) or "less than a month"
