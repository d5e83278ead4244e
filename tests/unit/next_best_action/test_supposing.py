"""What if: facts as people write them, bounded by their columns; what is supposed decides exactly as what is so."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.decisioning.cohorts.columns import BY_NAME, COLUMNS, Column
from placet.decisioning.cohorts.flattening import Value
from placet.decisioning.next_best_action.assisting import MOST_REASONS, assist_of
from placet.decisioning.next_best_action.supposing import (
    FIXED,
    MOST_FACTS,
    fact_of,
    supposed_of,
    with_facts,
    within_bounds,
)
from placet.errors import UsageError
from tests.unit.next_best_action.drawing import customer, decided, live

MAY_BE = [column for column in COLUMNS if column.name not in FIXED]


@st.composite
def facts(draw: st.DrawFn) -> tuple[Column, Value]:
    """Draw a column and a value that it may have."""
    column = draw(st.sampled_from(MAY_BE))
    values: st.SearchStrategy[Any]
    if column.kind == "integer":
        values = st.integers(column.least, column.most)
    elif column.kind == "boolean":
        values = st.booleans()
    elif column.kind == "date":
        values = st.dates(date(1900, 1, 1), date(2100, 1, 1))
    else:
        values = st.sampled_from(column.choices) if column.choices else st.just("USD")
    return column, draw(values | st.none() if column.nullable else values)


@given(facts())
def test_a_fact_is_read_from_what_people_write_and_from_json_alike(fact: tuple[Column, Value]) -> None:
    column, value = fact
    said = {"None": "unknown", "True": "yes", "False": "no"}
    words = said.get(str(value), str(value))
    in_json = value.isoformat() if isinstance(value, date) else value
    assert fact_of(column.name, in_json) == value
    assert supposed_of([f" {column.name.upper()} = {words} "]) == {column.name: value}


@given(facts(), st.integers(0, 1), st.sampled_from([None, 0, 70]))
def test_a_supposed_fact_decides_as_if_it_were_so_and_changes_nothing_else(
    fact: tuple[Column, Value], tickets: int, churn: int | None
) -> None:
    column, value = fact
    row = customer(open_tickets=tickets, churn_percent=churn)
    kept = dict(row)
    supposed = with_facts(row, {column.name: value})
    assert row == kept
    assert {name for name in row if supposed[name] != row[name]} <= {column.name}
    strategies = [live(), live(("name: keep_at_risk", "name: another"))]
    assert decided(strategies, supposed) == decided(strategies, {**row, column.name: value})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "supposes nothing; write it as: products = 2"),
        ("products", "supposes nothing"),
        ("products > 2", "supposes nothing"),
        ("produkts = 2", "'produkts' is no fact about a customer; did you mean products?"),
        ("zzz = 2", "`placet cohort columns` lists"),
        ("customer_id = C1", "customer_id cannot be supposed: it says who is asked about, or by what"),
        ("simulated = no", "simulated cannot be supposed"),
        ("products = 33", "products cannot be '33': it is a whole number from 0 to 32"),
        ("products = 1.5", "products cannot be '1.5'"),
        ("products = \u0661", "products cannot be '\u0661'"),
        ("products = unknown", "products is always known of a customer; suppose a value"),
        ("churn_percent = 101", "it is a whole number from 0 to 100, or unknown"),
        ("consent_marketing = maybe", "it is true or false, or unknown"),
        ("last_contact_on = 2026-02-30", "it is a day such as 2026-03-01, or unknown"),
        ("last_contact_answer = shrugged", "it is one of"),
        ("area = " + "x" * 500, "cannot be"),
    ],
)
def test_what_cannot_be_is_refused_with_what_may_be(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        supposed_of([text])
    assert said in str(refused.value)
    assert refused.value.code == "malformed"


def test_a_fact_stands_once_and_not_too_many_are_supposed_at_once() -> None:
    with pytest.raises(UsageError, match="products is supposed twice"):
        supposed_of(["products = 1", "PRODUCTS = 2"])
    names = [column.name for column in MAY_BE if column.kind == "integer"][: MOST_FACTS + 1]
    with pytest.raises(UsageError, match=f"{MOST_FACTS + 1} facts are supposed"):
        within_bounds(dict.fromkeys(names, 1))
    for wrong in (True, 1.5, "1.0"):
        with pytest.raises(UsageError, match="products cannot be"):
            fact_of("products", wrong)
    assert set(BY_NAME) >= FIXED


def test_an_agent_says_signed_words_first_then_plain_facts_and_makes_up_none() -> None:
    found = decided([live()], row := customer(products=3, recharges_90d=5))
    said = assist_of(found, row).say
    assert [one.source for one in said] == ["strategy", "customer", "customer"]
    assert [one.reason.detail for one in said[1:]] == [
        "You have been with us for 1 year.",
        "You hold 3 products with us.",
    ]
    bare = customer(tenure_days=100, churn_percent=45)
    assert assist_of(decided([live()], bare), bare).say == ()
    nothing = customer(open_tickets=1)
    assist = assist_of(decided([live()], nothing), nothing)
    assert assist.say == ()
    assert "eligible" in {one.fell for one in assist.not_offer}


@given(st.integers(0, 1), st.booleans(), st.sampled_from([0, 45, 70]), st.integers(0, 3))
def test_every_treatment_is_offered_or_not_to_be_offered_or_second_best_or_for_others(
    tickets: int, consent: bool, churn: int, products: int
) -> None:
    row = customer(open_tickets=tickets, consent_marketing=consent, churn_percent=churn, products=products)
    found = decided([live(), live(("name: keep_at_risk", "name: another"))], row)
    assist = assist_of(found, row)
    assert len(assist.say) <= MOST_REASONS
    parts = [(one.strategy, one.treatment) for one in (*assist.not_offer, *assist.instead)]
    parts += [(one.strategy, one.treatment) for one in found.weighed if one.fell in (None, "cohort")]
    assert sorted(parts) == sorted((one.strategy, one.treatment) for one in found.weighed)
