"""One look at a rollout: all its guard rails, on what they were counted."""

from typing import Literal

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import Digest, Frozen
from placet.contracts.outcomes.guard import GuardVerdict
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.strategies.written import Share

Outcome = Literal["passed", "waits", "failed"]
"""`passed`: every guard rail passes, or there is none. `failed`: one fails. `waits`: anything else."""


class RolloutLook(Frozen):
    """What was seen, and what follows.

    Attributes:
        number: Which look of this rollout, from 1.
        stage: Which of the strategy's stages, from 0.
        reached: That stage's share of the cohort.
        treated: Members whom the stage reaches.
        control: Members of the control group.
        not_counted: Members of whom no state is known any more, or none that can be read.
    """

    strategy: StrategyName
    version: Digest
    number: StrictInt
    at: AwareDatetime
    stage: StrictInt
    reached: Share
    treated: StrictInt
    control: StrictInt
    not_counted: StrictInt
    verdicts: tuple[GuardVerdict, ...]

    @property
    def outcome(self) -> Outcome:
        """What follows from the verdicts."""
        said = {one.verdict for one in self.verdicts}
        if "fail" in said:
            return "failed"
        return "passed" if said <= {"pass"} else "waits"
