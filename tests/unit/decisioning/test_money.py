"""Money never rounds, never guesses a currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from placet.contracts.money import LARGEST_MINOR, Money, minor_digits, parse_money
from placet.governance.signing.canonical import canonical_bytes

CURRENCIES = st.sampled_from(["USD", "EUR", "JPY", "KWD", "XAF"])


@given(amount=st.integers(1 - 10**12, 10**12 - 1), currency=CURRENCIES)
def test_what_is_shown_reads_back_as_the_same_amount(amount: int, currency: str) -> None:
    money = Money(amount_minor=amount, currency=currency)
    assert parse_money(str(money)) == money


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12.50 EUR", (1250, "EUR")), ("1200 JPY", (1200, "JPY")), ("1.234 KWD", (1234, "KWD")), ("7 USD", (700, "USD"))],
)
def test_amounts_are_read_exactly(text: str, expected: tuple[int, str]) -> None:
    money = parse_money(text)
    assert (money.amount_minor, money.currency) == expected


@pytest.mark.parametrize(
    "text", ["12,50 EUR", "12.5 EUR", "12.505 EUR", "1.5 JPY", "EUR 12", "12 eur", "1e3 USD", "", "∞ USD", "12 QQQ"]
)
def test_a_malformed_amount_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"malformed|decimals|ISO 4217"):
        parse_money(text)


@pytest.mark.parametrize("amount", [1.0, "100", True])
def test_an_amount_is_an_integer_and_nothing_like_one(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate({"amount_minor": amount, "currency": "EUR"})


@pytest.mark.parametrize("sign", [1, -1])
def test_an_amount_is_one_that_json_carries_exactly(sign: int) -> None:
    largest = Money(amount_minor=sign * LARGEST_MINOR, currency="EUR")
    assert canonical_bytes(largest) == b'{"amount_minor":%d,"currency":"EUR"}' % (sign * (2**53 - 1))
    for beyond in (2**53, 2**63, 10**400):
        with pytest.raises(ValidationError, match="amount_minor"):
            Money(amount_minor=sign * beyond, currency="EUR")


def test_an_unknown_currency_is_named() -> None:
    with pytest.raises(ValueError, match="'BTC' is not an active ISO 4217 code"):
        minor_digits("BTC")
