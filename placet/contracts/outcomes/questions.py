"""The standing questions of control: whether what is done is worth more than what could be done instead."""

from typing import Literal

from pydantic import Field, StrictInt

from placet.contracts.base import Frozen
from placet.contracts.outcomes.figures import Unknown
from placet.contracts.outcomes.off_policy import OffPolicyEstimate
from placet.contracts.outcomes.uplift import Uplift
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.strategy import StrategyName

Question = Literal["any_action", "ranking", "levers", "score", "rules"]
"""`any_action`: is it better to do something than nothing? `ranking`: is what is worth most better than what chance
picks? `levers`: is value with business levers better than propensity alone? `score`: is the model better than a random
score? `rules`: are eligibility and contact rules worth what they forgo?"""
Answer = Literal["yes", "no", "not_yet", "cannot_be_said"]
"""`not_yet`: the interval holds no difference. `cannot_be_said`: what it takes is not there."""


class Answered(Frozen):
    """One question, and what is known.

    Attributes:
        found: The difference; or why there is none. None where nothing was compared. Of choices that nobody
            made it is an estimate: what they would have brought, less what the strategy's own rule brings.
        more: Customers more that it roughly takes, if what is seen now is the truth; None where that is no help.
        missing: What is missing, in one sentence; empty where it is answered.
        said: The answer for people.
    """

    question: Question
    asked: str
    answer: Answer
    found: Uplift | OffPolicyEstimate | Unknown | None = Field(default=None, discriminator="kind")
    more: StrictInt | None = None
    missing: str = ""
    said: str = ""


class ControlQuestions(Frozen):
    """The five questions of one strategy at one horizon, by what the strategy is for."""

    strategy: StrategyName
    days: Days
    measure: Measure
    currency: str
    answers: tuple[Answered, ...]
