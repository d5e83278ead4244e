"""A customer's way through a strategy of several steps: what its workflow is asked, and where it stands."""

import hashlib
from typing import Annotated, Final, Literal

from pydantic import Field, StrictInt

from placet.contracts.base import CustomerId, Frozen, TenantId
from placet.contracts.strategies.steps import StepName
from placet.contracts.strategies.strategy import StrategyName

JourneyPhase = Literal["treating", "waiting", "waiting_for", "held", "closed", "over"]
"""What a journey does.

`treating`: a governed run is started, or under way. `waiting`: for a time. `waiting_for`: until something is so of the
customer. `held`: the rollout is held, or does not reach them now. `closed`: the strategy may say nothing now. `over`.
"""

EndedCode = Literal[
    "exit",
    "through",
    "left_cohort",
    "no_consent",
    "control_group",
    "other_currency",
    "not_in_force",
    "rollout_ended",
    "replaced",
]
"""Why a journey ended: by a step that says so, after the last step, or because the strategy is for them no more."""

_ID_DIGITS: Final = 32


def journey_id(tenant: str, strategy: str, customer_id: str) -> str:
    """Return the id of the workflow that carries a customer through a strategy."""
    named = f"{tenant}/{strategy}/{customer_id}"  # no slash is in any of them
    return f"journey-{hashlib.sha256(named.encode()).hexdigest()[:_ID_DIGITS]}"


class JourneyAsked(Frozen):
    """One customer in one strategy, whatever its version: there is never a second workflow of it."""

    tenant: TenantId
    strategy: StrategyName
    customer_id: CustomerId

    @property
    def workflow_id(self) -> str:
        """The id of its workflow. It says nothing of the customer to whoever sees a list of workflows."""
        return journey_id(self.tenant, self.strategy, self.customer_id)


class JourneyLook(Frozen):
    """Where a journey stands, and when to ask again.

    Attributes:
        step: None where there is no journey, or it is over.
        wait_seconds: After these something may be due; sooner where somebody says so.
        detail: The same in one sentence.
    """

    phase: JourneyPhase
    step: StepName | None
    wait_seconds: Annotated[StrictInt, Field(ge=1)]
    detail: str
