"""Figures that the trade steers by, as every face of Placet shows them."""

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.cohorts.preview import CheckedCohort


class KpiValue(Frozen):
    """One figure.

    Attributes:
        unit: customers, percent, money, times, products or score; of money, `value` is in minor units of `currency`.
        value: `of` over `over`, in the unit; None where `over` is nobody.
        of: The sum above.
        over: The sum below; None where the figure is the sum itself.
    """

    name: str
    title: str
    unit: str
    currency: str | None
    value: float | None
    of: StrictInt
    over: StrictInt | None


class KpiReport(Frozen):
    """The figures of a base, or of a cohort in it.

    Attributes:
        cohort: Whose; None: all customers.
        customers: How many they are.
        simulated: How many of them have simulated events, which are not real.
        left_out: Customers whose rows cannot be read; they count in nothing here.
        unreadable: The first of them.
        days: The period ends with the day of `as_of` and has so many days.
    """

    cohort: CheckedCohort | None
    as_of: AwareDatetime
    days: StrictInt
    customers: StrictInt
    simulated: StrictInt
    left_out: StrictInt = 0
    unreadable: tuple[str, ...] = ()
    kpis: tuple[KpiValue, ...]
