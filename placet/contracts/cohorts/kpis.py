"""Figures that the trade steers by, as every face of Placet shows them."""

from pydantic import AwareDatetime, StrictBool, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.cohorts.preview import CheckedCohort


class KpiValue(Frozen):
    """One figure.

    Attributes:
        unit: customers, percent, money, times, products or score; of money, `value` and `of` are in minor units of
            `currency` (as CSV they are in whole units).
        value: `of` over `over`, in the unit; None where `over` is nobody, or where `why` says why there is none.
        of: The sum above; None where the figure is no ratio of sums.
        over: The sum below; None where the figure is the sum itself, or no ratio of sums.
        about: What it means, in one sentence.
        why: Why it has no value.
    """

    name: str
    title: str
    unit: str
    currency: str | None
    value: float | None
    of: StrictInt | None
    over: StrictInt | None
    about: str = ""
    why: str = ""


class KpiReport(Frozen):
    """The figures of a base, or of a cohort in it.

    Attributes:
        cohort: Whose; None: all customers.
        segment: Its name, where it is a named segment.
        as_of: The time of all of it; of figures that are kept, the end of their day.
        counted_at: When the kept figures had everything that was known; None: they were computed for this answer.
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
    segment: str | None = None
    counted_at: AwareDatetime | None = None
    kpis: tuple[KpiValue, ...]


class KpiDay(Frozen):
    """The figures of a day that is kept.

    Attributes:
        closed: Whether the day is over; today's still change.
        left_out: Customers whose rows could not be read; of a segment it is not known.
        counted_at: When it had everything that was known then; None: it was not counted to its end.
    """

    day: str
    closed: StrictBool
    customers: StrictInt
    simulated: StrictInt
    left_out: StrictInt = 0
    counted_at: AwareDatetime | None = None
    kpis: tuple[KpiValue, ...]


class KpiDays(Frozen):
    """The figures of some days.

    Attributes:
        unreadable: Days whose rows cannot be read, or are of other definitions; they are left out.
    """

    days: tuple[KpiDay, ...]
    unreadable: tuple[str, ...]
