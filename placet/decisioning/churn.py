"""Churn probability from observed counts, with Laplace smoothing. Counts are data; nothing is fitted here."""

from typing import Annotated

from pydantic import Field, StrictInt, model_validator

from placet.contracts.analysis.assessment import Risk
from placet.contracts.base import Frozen
from placet.contracts.customer import CustomerProfile

HIGH_BP = 4_000
MEDIUM_BP = 1_500
"""Lower bounds of high and medium risk; the sample as a whole churns at about 2,680."""

Count = Annotated[StrictInt, Field(ge=0)]


def risk_level(probability_bp: int) -> Risk:
    """Return the word of an assessment for the probability."""
    if probability_bp >= HIGH_BP:
        return "high"
    return "medium" if probability_bp >= MEDIUM_BP else "low"


class ChurnCell(Frozen):
    """Customers of one kind: how many were observed, how many of them left."""

    contract: str
    tenure_from: Count
    internet_service: str
    churned: Count
    observed: Annotated[StrictInt, Field(ge=1)]

    @model_validator(mode="after")
    def _no_more_left_than_were_there(self) -> "ChurnCell":
        if self.churned > self.observed:
            raise ValueError(f"{self.churned} churned of {self.observed} observed")
        return self


class ChurnTable(Frozen):
    """Observed churn by contract, tenure band and internet service.

    Attributes:
        source: Where the counts come from, for the record.
        tenure_bands: Lower bound of each band in months, ascending, the first 0.
    """

    source: str
    tenure_bands: tuple[Count, ...]
    cells: tuple[ChurnCell, ...]

    @model_validator(mode="after")
    def _bands_ascend_from_zero(self) -> "ChurnTable":
        if (
            not self.tenure_bands
            or self.tenure_bands[0] != 0
            or list(self.tenure_bands) != sorted(set(self.tenure_bands))
        ):
            raise ValueError(f"tenure_bands must ascend from 0, not {self.tenure_bands}")
        if not self.cells:
            raise ValueError("a churn table needs cells")
        return self

    def band(self, tenure_months: int) -> int:
        """Return the lower bound of the band that `tenure_months` falls into."""
        return max(lower for lower in self.tenure_bands if lower <= tenure_months)

    def probability_bp(self, customer: CustomerProfile) -> int:
        """Return the smoothed churn rate, in basis points, of customers like this one.

        Where none was observed, it is the rate of all.

        Laplace's rule of succession: (churned + 1) / (observed + 2), rounded half up.
        """
        kind = (customer.fact("contract"), self.band(customer.tenure_months), customer.fact("internet_service"))
        alike = [c for c in self.cells if (c.contract, c.tenure_from, c.internet_service) == kind] or list(self.cells)
        churned = sum(cell.churned for cell in alike) + 1
        observed = sum(cell.observed for cell in alike) + 2
        return (churned * 20_000 + observed) // (2 * observed)
