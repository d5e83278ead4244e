"""A rollout under way: what its workflow is asked, where it stands, and the small messages between its steps."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictInt

from placet.contracts.base import AgentName, Digest, Frozen, PersonName, TenantId
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import Share

Phase = Literal["reaching", "watching", "looking", "asking", "held", "closed", "over"]
"""What a rollout does.

`reaching`: starts runs for who is in the stage. `watching`: waits for the next look. `looking`: a look is due.
`asking`: waits for a signature on the next stage. `held`: nothing starts until somebody signs that it may. `closed`:
its strategy may say nothing now, or is not in force. `over`: for good.
"""


class RolloutAsked(Frozen):
    """What somebody started: one version of a strategy. Its workflow carries it from then on."""

    tenant: TenantId
    strategy: StrategyName
    version: Digest
    agent: AgentName
    channel: Channel
    requested_by: PersonName
    requested_at: AwareDatetime

    @property
    def workflow_id(self) -> str:
        """The id of its workflow."""
        return f"rollout-{self.tenant}-{self.version[:20]}"


class RolloutStep(Frozen):
    """Where a rollout stands, and when to ask again.

    Attributes:
        stage: Which of the strategy's stages, from 0.
        reached: The share of the cohort that may be reached now.
        wait_seconds: After these something may be due; sooner where somebody says so.
        detail: The same in one sentence.
    """

    phase: Phase
    stage: StrictInt
    reached: Share
    wait_seconds: Annotated[StrictInt, Field(ge=1)]
    detail: str


class Reached(Frozen):
    """What one step of reaching came to.

    Attributes:
        started: Runs that were started by it.
        wait_seconds: Until the next batch may be started.
    """

    started: StrictInt
    wait_seconds: Annotated[StrictInt, Field(ge=1)]


class Velocity(Frozen):
    """How fast customers who came in were reached: from what had happened to their run, and to the effect.

    Attributes:
        started: Members for whom a run was started, of the newest thousand.
        executed: Those of them whose run was executed.
        run_ms: Milliseconds from what had happened until the run was started, of the one in the middle.
        run_slow_ms: What nine of ten did not exceed.
        effect_ms: The same until the effect; None where nothing was executed.
        effect_slow_ms: As above.
        passed_over: Members for whom another strategy was worth more, or who were treated by it, so that no run was
            started.
    """

    started: StrictInt
    executed: StrictInt
    run_ms: StrictInt | None
    run_slow_ms: StrictInt | None
    effect_ms: StrictInt | None
    effect_slow_ms: StrictInt | None
    passed_over: StrictInt
