"""What is said about a customer, rather than what happened to them: who they are, and what a model expects of them.

Such a word is no sign of life: it moves neither the newest event of a state nor any figure of its windows.
"""

from datetime import UTC
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StrictInt, StringConstraints, model_validator

from placet.contracts.base import PLAIN, Digest, Frozen
from placet.contracts.events.envelope import CloudEvent
from placet.contracts.times import Day

FIRST_YEAR: Final = 1880
"""Nobody who is a customer was born before."""

BirthYear = Annotated[StrictInt, Field(ge=FIRST_YEAR, le=9999)]
Area = Literal["urban", "suburban", "rural"]
AREA_CODE_FORM: Final = r"^[A-Za-z0-9][A-Za-z0-9 _.:/-]{0,31}$"
AreaCode = Annotated[str, StringConstraints(pattern=AREA_CODE_FORM), PLAIN]
BasisPoints = Annotated[StrictInt, Field(ge=0, le=10_000)]


class DescribedData(Frozen):
    """Who a customer is, as far as the source says it: a field that is left out says nothing.

    Attributes:
        area: What kind of place the home is in.
        area_code: The source's own code of that area, such as a district's; never an address.
        customer_since: The day on which they became a customer.
    """

    birth_year: BirthYear | None = None
    area: Area | None = None
    area_code: AreaCode | None = None
    customer_since: Day | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.birth_year, self.area, self.area_code, self.customer_since) == (None,) * 4:
            raise ValueError("it says nothing; give one of: birth_year, area, area_code, customer_since")
        return self


class Described(CloudEvent):
    """`placet.customer.described.v1`."""

    type: Literal["placet.customer.described.v1"]
    data: DescribedData

    @model_validator(mode="after")
    def _of_its_time(self) -> Self:
        on, since, born = self.time.astimezone(UTC).date(), self.data.customer_since, self.data.birth_year
        if born is not None and born > on.year:
            raise ValueError("birth_year is after the time of the event")
        # A day later than in UTC may be today where the customer is.
        if since is not None and (since - on).days > 1:
            raise ValueError("customer_since is after the time of the event")
        if since is not None and since.year < FIRST_YEAR:
            raise ValueError(f"customer_since is before {FIRST_YEAR}")
        return self


class ChurnScoredData(Frozen):
    """A model says how likely the customer is to leave.

    Attributes:
        basis_points: The probability: 10,000 is certain.
        model: SHA-256 of the model.
    """

    basis_points: BasisPoints
    model: Digest


class ChurnScored(CloudEvent):
    """`placet.churn.scored.v1`: the time is that of the score."""

    type: Literal["placet.churn.scored.v1"]
    data: ChurnScoredData
