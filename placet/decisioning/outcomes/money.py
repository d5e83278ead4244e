"""What an uplift is worth in money: whole minor units, the interval rounded outwards."""

from fractions import Fraction
from math import ceil, floor

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.outcomes.figures import MILLION, Unknown
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.decisioning.outcomes.groups import unknown
from placet.decisioning.outcomes.intervals import WHOLE_BP
from placet.errors import UsageError


def value_of(
    found: Uplift | Unknown, *, customers: int, cost: Money, each: Money | None = None, margin_bp: int = WHOLE_BP
) -> UpliftValue | Unknown:
    """Return uplift times treated customers, less what the treatments cost.

    Args:
        found: The uplift per customer.
        customers: Who were treated.
        cost: Of all treatments together.
        margin_bp: What of the uplift is margin, in basis points, where it is of an amount.
        each: What one customer more who has it is worth, where the uplift is of a share; negative where it is a loss.

    Raises:
        UsageError: `each` is missing for a share or given for an amount, has another currency, or a number is none.
    """
    if isinstance(found, Unknown):
        return found
    if (found.unit == "share") != (each is not None):
        said = "say what one customer more is worth" if each is None else "an uplift of an amount is money already"
        raise UsageError(f"uplift of a {found.unit}: {said}", code="outcomes")
    if isinstance(customers, bool) or customers < 0 or cost.amount_minor < 0:
        raise UsageError(f"{customers} customers treated for {cost}: neither is below zero", code="outcomes")
    if each is not None and each.currency != cost.currency:
        raise UsageError(f"{each} a customer and {cost} in all: both must have one currency", code="outcomes")
    if isinstance(margin_bp, bool) or not 0 <= margin_bp <= WHOLE_BP or (each is not None and margin_bp != WHOLE_BP):
        raise UsageError(f"margin {margin_bp!r}: it is 0 to 10,000 basis points, of an amount", code="outcomes")
    times = Fraction(customers * (each.amount_minor if each else 1) * margin_bp, MILLION * WHOLE_BP)
    ends = sorted((found.between.low * times, found.between.high * times))
    gained = round(found.difference * times)
    amounts = gained, gained - cost.amount_minor, floor(ends[0]) - cost.amount_minor, ceil(ends[1]) - cost.amount_minor
    if max(map(abs, amounts)) > LARGEST_MINOR:
        return unknown("too_large", f"{customers:,} customers times the uplift is more money than can be")
    in_all, value, low, high = (Money(amount_minor=one, currency=cost.currency) for one in amounts)
    return UpliftValue(
        customers=customers,
        gained=in_all,
        cost=cost,
        value=value,
        low=low,
        high=high,
        confidence_bp=found.confidence_bp,
    )
