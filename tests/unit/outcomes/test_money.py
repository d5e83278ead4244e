"""What an uplift is worth is a whole amount, with an interval that is never narrower than the uplift's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.outcomes.figures import MILLION, Between, GroupFigures, Unknown
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.decisioning.outcomes.money import value_of
from placet.decisioning.outcomes.uplift import CONFIDENCE_BP
from placet.errors import UsageError


def _usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def _uplift(difference: int, low: int, high: int, unit: str = "amount") -> Uplift:
    group = GroupFigures(customers=1_000, mean=MILLION)
    return Uplift.model_validate(
        {
            "unit": unit,
            "treated": group,
            "control": group,
            "difference": difference,
            "between": Between(low=low, high=high),
            "relative": None,
            "confidence_bp": CONFIDENCE_BP,
            "method": "skew_corrected_mean",
        }
    )


def test_an_uplift_in_spend_is_worth_what_it_brings_less_what_it_costs() -> None:
    found = value_of(_uplift(150 * MILLION, 40 * MILLION, 260 * MILLION), customers=1_000, cost=_usd(50_000))
    assert isinstance(found, UpliftValue)
    assert [str(one) for one in (found.gained, found.value, found.low, found.high)] == [
        "1500.00 USD",
        "1000.00 USD",
        "-100.00 USD",
        "2100.00 USD",
    ]


def test_fewer_who_leave_are_worth_what_each_of_them_is() -> None:
    left = _uplift(-18_000, -32_000, -4_000, unit="share")
    found = value_of(left, customers=10_000, cost=_usd(100_000), each=_usd(-12_000))
    assert isinstance(found, UpliftValue)
    assert found.gained == _usd(180 * 12_000)
    assert (found.low, found.high) == (_usd(40 * 12_000 - 100_000), _usd(320 * 12_000 - 100_000))


def test_nothing_known_is_worth_nothing_known() -> None:
    why = Unknown(code="too_few", detail="three customers")
    assert value_of(why, customers=10, cost=_usd(0)) == why
    large = _uplift(LARGEST_MINOR // 2, 0, LARGEST_MINOR)
    found = value_of(large, customers=10_000_000, cost=_usd(0))
    assert isinstance(found, Unknown)
    assert found.code == "too_large"


@pytest.mark.parametrize(
    ("unit", "customers", "cost", "each"),
    [
        ("share", 10, _usd(0), None),
        ("amount", 10, _usd(0), _usd(100)),
        ("share", 10, _usd(0), Money(amount_minor=1, currency="EUR")),
        ("amount", -1, _usd(0), None),
        ("amount", 10, _usd(-1), None),
    ],
)
def test_what_makes_no_sense_is_refused(unit: str, customers: int, cost: Money, each: Money | None) -> None:
    with pytest.raises(UsageError):
        value_of(_uplift(1, 0, 2, unit), customers=customers, cost=cost, each=each)


@given(
    ends=st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=3).map(sorted),
    customers=st.integers(0, 10**6),
    cost=st.integers(0, 10**9),
    each=st.integers(-(10**4), 10**4),
)
def test_the_value_is_inside_its_interval(ends: list[int], customers: int, cost: int, each: int) -> None:
    found = value_of(_uplift(ends[1], ends[0], ends[2], "share"), customers=customers, cost=_usd(cost), each=_usd(each))
    assert isinstance(found, UpliftValue)
    assert found.low.amount_minor <= found.value.amount_minor <= found.high.amount_minor
    assert found.value.amount_minor == found.gained.amount_minor - cost
