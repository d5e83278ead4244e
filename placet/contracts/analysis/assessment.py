"""What (1) analyse concludes: the risk, why, and which bounded reads it wants next."""

from typing import Annotated, Literal

from pydantic import Field

from placet.contracts.analysis.inference import ModelUse
from placet.contracts.base import Digest, Frozen, RunId
from placet.contracts.billing import BillingQuery
from placet.contracts.customer import CustomerProfile

Risk = Literal["low", "medium", "high"]


class Assessment(Frozen):
    """The analysis of one customer's history.

    Attributes:
        marks: Codes of checks the text failed (`repetition`, `ungrounded_figure`, …); marked text is shown as such
            and never used to decide.
    """

    run_id: RunId
    customer: CustomerProfile
    risk: Risk
    drivers: tuple[Annotated[str, Field(max_length=80)], ...]
    summary: Annotated[str, Field(max_length=600)]
    marks: tuple[str, ...] = ()
    queries: tuple[BillingQuery, ...]
    model_use: tuple[ModelUse, ...]
    completion_artifact: Digest | None = None
