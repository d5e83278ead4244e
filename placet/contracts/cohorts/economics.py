"""What an operator says of its economics, without which a customer's lifetime has no value in money."""

from typing import Annotated

from pydantic import Field

from placet.contracts.base import Frozen


class Economics(Frozen):
    """What is said in a tenant's `economics.toml`.

    Attributes:
        margin_percent: What is left of 100 of revenue after the costs of serving a customer.
        yearly_discount_percent: By how much money in a year is worth less than money now.
    """

    margin_percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
    yearly_discount_percent: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
