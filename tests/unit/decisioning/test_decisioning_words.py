"""Every fact has its sentence, and no sentence is a bare code or a count of minor units."""

import re

import pytest

from placet.contracts.billing import HeldProduct
from placet.decisioning.facts import Facts
from placet.decisioning.words import per_cent, situation, statement
from tests.unit.decisioning.decisioning_support import facts

HELD = HeldProduct(product_id="P-1", offering_id="PO-1", name="Fiber_2", status="active")


@pytest.mark.parametrize("fact", sorted(Facts.model_fields))
def test_every_fact_has_a_sentence(fact: str) -> None:
    said = statement(fact, facts(held=(HELD,)))
    assert said
    assert not re.search(r"_|minor|\bbp\b", said)


def test_figures_are_amounts_months_and_per_cent() -> None:
    known = facts(tenure_months=1, open_amount_minor=10_480, open_bills=1, monthly_charge_minor=5_990, churn_bp=4_392)
    told = {reason.code: reason.detail for reason in situation(known)}
    assert told["tenure_months"] == "has been with us 1 month"
    assert told["open_amount_minor"] == "owes 104.80 USD on 1 open bill"
    assert told["churn_bp"] == "44 % of customers like this one leave"
    assert [per_cent(one) for one in (0, 1, 99, 100, 149, 150)] == ["0 %", *["less than 1 %"] * 2, "1 %", "1 %", "2 %"]


def test_another_system_s_words_cannot_leave_their_sentence() -> None:
    said = statement("balance_minor", facts(bucket_name="Main\n\x1b[2J” costs 0.00"))
    assert said == "has 0.00 USD on balance “Main 2J costs 0.00”"
