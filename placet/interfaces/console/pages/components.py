"""Every component with its states, for whoever maintains the pages. The figures are made up and marked so."""

from datetime import timedelta

from starlette.responses import Response

from placet.contracts.money import Money
from placet.contracts.run import RUN_STATES
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.change import Change, Difference, Option
from placet.interfaces.console.views.common import badge_of
from placet.interfaces.console.views.customers.rollouts import Cell, Lines
from placet.interfaces.console.views.evidence import Chart, Point

_HOSTILE = "<b>bold</b> \u202egnol oot\u202c and\nnext line"


def show(asked: Asked) -> Response:
    """Show them all."""
    months = [f"2026-0{month}" for month in range(1, 7)]
    amounts = (4550, 4550, 5120, 3980, 4550, 6200)
    points = tuple(
        Point(month, str(Money(amount_minor=minor, currency="EUR")), str(minor / 100))
        for month, minor in zip(months, amounts, strict=True)
    )
    return asked.page(
        "gallery.html",
        badges=[badge_of(state) for state in RUN_STATES],
        soon=asked.now + timedelta(minutes=40),
        later=asked.now + timedelta(days=3),
        digest="0123456789abcdef" * 4,
        hostile=_HOSTILE,
        chart=Chart("Example bills", "EUR", "Amount of each bill", points),
        lines=Lines(
            "Example measure",
            "points more than the control group",
            ("Seen", "At least", "At most", "Margin"),
            (
                ("1, 2026-01-01", (Cell("no data", ""),) * 4),
                ("2, 2026-01-02", (Cell("0.1", "0.1"), Cell("-0.4", "-0.4"), Cell("0.6", "0.6"), Cell("0.5", "0.5"))),
                ("3, 2026-01-03", (Cell("0.2", "0.2"), Cell("-0.1", "-0.1"), Cell("0.4", "0.4"), Cell("0.5", "0.5"))),
            ),
        ),
        change=Change(
            name="Example credit",
            sentence="credit 5.00 EUR once to an example balance",
            price="costs 5.00 EUR",
            worth="12.40 EUR expected",
            target="an example balance",
            differences=(Difference("Balance main", "12.00 EUR", "17.00 EUR"),),
            notes=("Another candidate is expected to be worth 1.00 EUR more",),
        ),
        options=(
            Option("Example credit", "example_credit", True, True, "12.40 EUR", "5.00 EUR", ("It costs little.",), ()),
            Option("Example bonus", "example_bonus", False, True, "9.10 EUR", "8.00 EUR", ("It binds.",), ()),
            Option("Example plan", "example_plan", False, False, "not computed", "0.00 EUR", (), ("Not held.",)),
        ),
    )
