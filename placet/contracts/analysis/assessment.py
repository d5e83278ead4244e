"""What (1) analyse concludes: the risk, why, and which bounded reads it wants next."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from placet.contracts.analysis.inference import ModelUse
from placet.contracts.base import Frozen, RunId
from placet.contracts.billing import BillingQuery
from placet.contracts.customer import CustomerProfile

Risk = Literal["low", "medium", "high"]
_FORMER = "completion_artifact"


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

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_stored(cls, said: Any) -> Any:
        # It also named the last answer by its digest, which `model_use` has.
        if not isinstance(said, dict):
            return said
        return {name: value for name, value in said.items() if name != _FORMER}
