"""A figure is what docs/metrics.md says it is, whatever pages the base comes in."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from placet.contracts.cohorts.economics import Economics
from placet.contracts.cohorts.kpis import KpiValue
from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.kpis.adding import Pass
from placet.decisioning.kpis.definitions import ACTIVE, BEFORE, KPIS, LEFT_OUT, Sum, docs_table
from placet.decisioning.kpis.lifetime import with_lifetime
from placet.decisioning.kpis.sealing import NotSealedError, seal, unseal
from placet.interfaces.telling.kpis import kpi_in_words
from tests.unit.cohorts.drawing import empty_state

GIVEN = {"margin_percent": 40.0, "yearly_discount_percent": 21.0}
DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"


def customer(number: int, **values: object) -> Row:
    return {**row_of(empty_state(f"C{number}"), None), **values}  # type: ignore[dict-item]


def base() -> list[Row]:
    paid = {"currency": "USD", "bills_issued_30d": 1, "bills_issued_90d": 3, "billed_minor_30d": 4000}
    return [
        *(customer(number, **paid, nps=10, products=1) for number in range(6)),
        customer(6, recharges_90d=2, recharged_minor_90d=1000, currency="USD", nps=0),  # nothing for 30 days
        customer(7, recharges_30d=1, recharges_90d=1, recharged_minor_30d=500, currency="EUR", csat=5),
        customer(8, app_visits_30d=4, app_visits_90d=4, csat=1, products=3),  # no amount is known
        customer(9),
    ]


def values(rows: Sequence[Row], page: int = 100) -> dict[tuple[str, str | None], KpiValue]:
    sums = Pass()
    for first in range(0, len(rows), page):
        sums.add(frame_of(rows[first : first + page]))
    return {(one.name, one.currency): one for one in sums.sums().values()}


def test_each_figure_by_hand() -> None:
    found = {key: (one.value, one.of, one.over) for key, one in values(base()).items()}
    assert found == {
        ("active_customers", None): (8, 8, None),
        ("churn_rate", None): (14.29, 1, 7),
        ("retention_rate", None): (85.71, 6, 7),
        ("arpu", "EUR"): (500.0, 500, 1),
        ("arpu", "USD"): (3428.57, 24_000, 7),
        ("ecosystem_arpu", "EUR"): (500.0, 500, 1),
        ("ecosystem_arpu", "USD"): (3428.57, 24_000, 7),
        ("products_per_customer", None): (1.29, 9, 7),
        ("three_products", None): (14.29, 1, 7),
        ("products_per_household", None): (1.29, 9, 7),
        ("three_products_household", None): (14.29, 1, 7),
        ("engagement", None): (0.5, 4, 8),
        ("wallet_penetration", None): (0.0, 0, 8),
        ("wallet_frequency", None): (None, 0, 0),
        ("nps", None): (71.43, 5, 7),
        ("csat", None): (50.0, 1, 2),
    }


@pytest.mark.parametrize("page", [1, 3, 7])
def test_pages_do_not_matter(page: int) -> None:
    assert values(base(), page) == values(base())


def test_of_nobody_there_is_no_figure_and_no_currency() -> None:
    found = values([])
    assert {one.name for one in found.values()} == {one.name for one in KPIS}
    assert {one.value for one in found.values()} == {0, None}
    assert values([customer(1)])["arpu", None].value is None


def test_who_is_kept_and_who_left_are_all_that_were_there() -> None:
    found = values(base())
    churned, kept = found["churn_rate", None], found["retention_rate", None]
    assert churned.of is not None
    assert kept.of is not None
    assert churned.of + kept.of == churned.over


def test_the_docs_have_the_formulas_and_each_condition_is_a_cohort() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for part in (docs_table(), f"`{ACTIVE}`", f"`{BEFORE}`", *(f"*{name}*: {why}." for name, why in LEFT_OUT)):
        assert part in text
    conditions = {
        condition
        for one in KPIS
        for part in (one.of, one.over)
        if isinstance(part, Sum)
        for condition in (part.where, part.less)
    }
    assert all(cohort_of(one).digest for one in conditions - {""})


def test_words() -> None:
    told = {key: kpi_in_words(one) for key, one in values(base()).items()}
    assert told["active_customers", None] == "8"
    assert told["churn_rate", None] == "14.29 % (1 over 7)"
    assert told["arpu", "USD"] == "34.29 USD (240.00 USD over 7 customers)"
    assert told["nps", None] == "71.43 (5 over 7 who answered)"
    assert told["wallet_frequency", None] == "not known: there is nobody to count"


def test_a_lifetime_is_the_margin_over_who_leaves_and_the_discount() -> None:
    plain = list(values(base()).values())
    found = {(one.name, one.currency): one for one in with_lifetime(plain, Economics(**GIVEN))}
    # 3428.57... * 0.4 * r / (1 + i - r), with r = 6/7 and i = 1.21 ** (1/12) - 1
    assert found["clv", "USD"].value == round(24_000 / 7 * 0.4 * (6 / 7) / (1.21 ** (1 / 12) - 6 / 7), 2) == 7399.24
    assert found["clv", "EUR"].value is not None
    assert kpi_in_words(found["clv", "USD"]) == "73.99 USD"
    names = [one.name for one in with_lifetime(plain, None)]
    assert names.index("clv") == names.index("ecosystem_arpu") + 2


@pytest.mark.parametrize(("economics", "why"), [(None, "the operator gives no margin"), ("line 1: wrong", "line 1")])
def test_without_margin_there_is_no_lifetime_and_it_says_why(economics: str | None, why: str) -> None:
    found = [one for one in with_lifetime(list(values(base()).values()), economics) if one.name == "clv"]
    assert [one.value for one in found] == [None, None]
    assert all(one.why.startswith(why) and why in kpi_in_words(one) for one in found)


@pytest.mark.parametrize("wrong", [{"margin_percent": 0}, {"margin_percent": 101}, {"yearly_discount_percent": 0}])
def test_economics_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Economics(**{**GIVEN, **wrong})


def test_a_household_has_the_products_of_its_members_and_who_is_in_none_is_their_own() -> None:
    rows = [
        customer(1, products=2, household_id="h"),
        customer(2, products=1, household_id="h"),
        customer(3, products=0, household_id="h"),
        customer(4, products=3),
        customer(5, products=1),
        customer(6),
        customer(7, products=0, household_id="empty"),
    ]
    for page in (1, 3, 100):
        found = values(rows, page)
        assert (found["products_per_household", None].of, found["products_per_household", None].over) == (7, 3)
        assert (found["three_products_household", None].of, found["three_products_household", None].over) == (2, 3)


def test_what_is_sealed_is_read_under_its_names_alone() -> None:
    text = seal([1, "x"], "a", 2)
    assert unseal(text, "a", 2) == [1, "x"]
    for wrong in (text.replace("x", "y"), text[:-1], "", None, 5, text[1:]):
        with pytest.raises(NotSealedError):
            unseal(wrong, "a", 2)
    with pytest.raises(NotSealedError):
        unseal(text, "a", 3)
