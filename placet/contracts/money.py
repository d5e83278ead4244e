"""Money: integer minor units with an ISO 4217 currency. No floats, no implied currency."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt

from placet.contracts.base import Frozen

# ISO 4217:2015 active currencies by their number of minor-unit digits.
_ZERO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_TWO_DIGITS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW
KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK
PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG
"""
_DIGITS = {
    code: digits
    for codes, digits in ((_ZERO_DIGITS, 0), (_TWO_DIGITS, 2), (_THREE_DIGITS, 3))
    for code in codes.split()
}

CURRENCIES = tuple(sorted(_DIGITS))
"""All codes that there are."""


def minor_digits(currency: str) -> int:
    """Return the number of decimal digits between the major and the minor unit of `currency`.

    Raises:
        ValueError: `currency` is not an active ISO 4217 alphabetic code.
    """
    digits = _DIGITS.get(currency)
    if digits is not None:
        return digits
    raise ValueError(f"currency {currency!r} is not an active ISO 4217 code; write it like 'EUR'")


def _known(currency: str) -> str:
    minor_digits(currency)
    return currency


Currency = Annotated[str, AfterValidator(_known)]


LARGEST_MINOR = 2**53 - 1
"""Largest amount, in minor units, of either sign: beyond it JSON carries no integer exactly (RFC 8785, RFC 7493)."""


class Money(Frozen):
    """An amount in minor units (cents for EUR); negative where a ledger needs it."""

    amount_minor: Annotated[StrictInt, Field(ge=-LARGEST_MINOR, le=LARGEST_MINOR)]
    currency: Currency

    def __str__(self) -> str:
        """Write the amount in major units, for people: `12.50 EUR`."""
        digits = minor_digits(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        whole, rest = divmod(abs(self.amount_minor), 10**digits)
        return f"{sign}{whole}{f'.{rest:0{digits}d}' if digits else ''} {self.currency}"


def check_not_negative(amount: Money) -> Money:
    """Return an amount that is a limit or a bound.

    Raises:
        ValueError: it is below zero.
    """
    if amount.amount_minor < 0:
        raise ValueError(f"{amount} is below zero; write an amount of zero or more")
    return amount


Bound = Annotated[Money, AfterValidator(check_not_negative)]
"""A limit or a bound of what something may cost."""


def parse_money(text: str) -> Money:
    """Read an amount as people write it: `12.50 EUR`, `1200 JPY`.

    Raises:
        ValueError: the amount or the currency is malformed; never rounds.
    """
    match = re.fullmatch(r"(-?)([0-9]{1,12})(?:\.([0-9]+))? ([A-Z]{3})", text.strip())
    if match is None:
        named = re.search(r"[A-Z]{3}$", text.strip())
        raise ValueError(f"amount {text!r} is malformed; write it like '12.50 {named.group() if named else 'EUR'}'")
    sign, whole, fraction, currency = match.groups()
    digits = minor_digits(currency)
    if len(fraction or "") not in {0, digits}:
        raise ValueError(f"amount {text!r} has the wrong number of decimals; {currency} has {digits}")
    minor = int(whole) * 10**digits + int(fraction or 0)
    return Money(amount_minor=-minor if sign else minor, currency=currency)
