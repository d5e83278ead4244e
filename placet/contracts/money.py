"""Money: integer minor units with an ISO 4217 currency. No floats, no implied currency."""

from typing import Annotated

from pydantic import AfterValidator, StrictInt

from placet.contracts.base import Frozen

# ISO 4217:2015 active currencies by number of minor-unit digits; all others listed have two.
_ZERO_DIGITS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())
_THREE_DIGITS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_TWO_DIGITS = frozenset(
    """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG
    HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR
    SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES
    WST XCD YER ZAR ZMW ZWG""".split()
)


def minor_digits(currency: str) -> int:
    """Number of decimal digits between the major and the minor unit of `currency`.

    Raises:
        ValueError: `currency` is not an active ISO 4217 alphabetic code.
    """
    if currency in _TWO_DIGITS:
        return 2
    if currency in _ZERO_DIGITS:
        return 0
    if currency in _THREE_DIGITS:
        return 3
    raise ValueError(f"currency {currency!r} is not an active ISO 4217 code; write it like 'EUR'")


def _known(currency: str) -> str:
    minor_digits(currency)
    return currency


Currency = Annotated[str, AfterValidator(_known)]


class Money(Frozen):
    """An amount in minor units (cents for EUR); negative where a ledger needs it."""

    amount_minor: StrictInt
    currency: Currency

    def __str__(self) -> str:
        """The amount in major units, for people: `12.50 EUR`."""
        digits = minor_digits(self.currency)
        sign = "-" if self.amount_minor < 0 else ""
        whole, rest = divmod(abs(self.amount_minor), 10**digits)
        return f"{sign}{whole}{f'.{rest:0{digits}d}' if digits else ''} {self.currency}"
