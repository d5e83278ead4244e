"""The value of a customer's lifetime (CLV), by Gupta and Lehmann (2003): margin * r / (1 + i - r).

`margin` is what a month brings, r the share of customers who are kept from month to month, i the discount of a month.
It is the present value of what a customer of today will bring, if all three stay as they are. A month is 30 days here.
"""

from collections.abc import Sequence
from typing import Final

from placet.contracts.cohorts.economics import Economics
from placet.contracts.cohorts.kpis import KpiValue

NAME: Final = "clv"
TITLE: Final = "CLV"
ABOUT: Final = "What a customer of today will bring in their whole lifetime, in money of today, if all stays as it is."
_MONTHS: Final = 12
_PLACES: Final = 2
_HUNDRED: Final = 100
_NOT_GIVEN: Final = "the operator gives no margin: write economics.toml beside the tenant's policies"


def with_lifetime(kpis: Sequence[KpiValue], economics: Economics | str | None) -> tuple[KpiValue, ...]:
    """Return figures with the lifetime value after ecosystem ARPU, one for each currency.

    Args:
        kpis: The others, ARPU and the retention rate among them.
        economics: What the operator says; a text says why it cannot be read, None that it says nothing.
    """
    kept = next(one for one in kpis if one.name == "retention_rate")
    values = [_value(one, kept, economics) for one in kpis if one.name == "arpu"]
    last = max(at for at, one in enumerate(kpis) if one.name == "ecosystem_arpu") + 1
    return (*kpis[:last], *values, *kpis[last:])


def _value(arpu: KpiValue, kept: KpiValue, economics: Economics | str | None) -> KpiValue:
    value, why = None, ""
    if not isinstance(economics, Economics):
        why = economics or _NOT_GIVEN
    elif not arpu.over or not kept.over or arpu.of is None or kept.of is None:
        why = "ARPU or the retention rate has no value"
    else:
        share = kept.of / kept.over
        discount = (1 + economics.yearly_discount_percent / _HUNDRED) ** (1 / _MONTHS) - 1
        margin = arpu.of / arpu.over * economics.margin_percent / _HUNDRED
        value = round(margin * share / (1 + discount - share), _PLACES)
    return KpiValue(
        name=NAME,
        title=TITLE,
        unit="money",
        currency=arpu.currency,
        value=value,
        of=None,
        over=None,
        about=ABOUT,
        why=why,
    )
