"""A strategy: whom it is for, what they may be given, how often, for how much, how fast, and what stops it.

A strategy's name stays; its versions are known by their digest. The draw of who is in the control group and in which
stage goes by the name, so that a new version draws nobody anew.
"""

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from placet.contracts.base import AgentName, Frozen, ReasonCode
from placet.contracts.events.kinds import Channel, Purpose
from placet.contracts.money import Currency
from placet.contracts.strategies.rollout import Measure, Rollout
from placet.contracts.strategies.steps import MOST_STEPS, Step, StepName, TreatStep, permitted
from placet.contracts.strategies.treatment import Expression, Sentence, StrategyTreatment, Title
from placet.contracts.strategies.written import Amount, Share, Weight, WrittenHours
from placet.contracts.times import Day

StrategyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]

Window = Literal[7, 30, 90]
"""Days over which the live state counts what happened (`placet.contracts.state.WINDOWS`)."""

Reach = Literal[30, 90, 365]
"""Days after a decision at which outcomes are measured."""


class Market(Frozen):
    """Where a strategy runs: one currency, one time zone where a customer's own is not known.

    Attributes:
        code: ISO 3166-1 alpha-2 in small letters, perhaps with a part of the country: `us`, `in-mh`.
        time_zone: IANA name.
    """

    code: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z0-9]{1,8})?$")]
    currency: Currency
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=60)]


class Objective(Frozen):
    """What the strategy is for, and when that is measured."""

    measure: Measure
    direction: Literal["higher", "lower"]
    within_days: Reach


class ContactRules(Frozen):
    """How often this strategy may reach one customer, beside the tenant's own contact policy. The stricter one holds.

    Attributes:
        purpose: Whose consent is asked; `service` asks for none.
        channels: Where it may be said.
        cool_down_days: Days after any message of ours in which it sends nothing.
        period_days: What `most_per_period` messages are for.
        after_refusal_days: Days after a refusal in which it says nothing; 0: none.
        quiet_hours: None: it may reach them at any hour.
    """

    purpose: Purpose
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=9)]
    cool_down_days: Annotated[StrictInt, Field(ge=0, le=3_660)]
    period_days: Window
    most_per_period: Annotated[StrictInt, Field(ge=1, le=1_000)]
    after_refusal_days: Window | Literal[0]
    quiet_hours: WrittenHours | None = None


class ValueModel(Frozen):
    """What the arithmetic takes for granted: assumptions, to be replaced by what the control group shows.

    Attributes:
        margin: What is left of 100 of revenue.
        horizon_months: How long a customer who stays is counted.
        weight: A lever of the business: what every value of this strategy is multiplied with beside other strategies.
    """

    margin: Share
    horizon_months: Annotated[StrictInt, Field(ge=1, le=120)]
    weight: Weight = 10_000


class Budget(Frozen):
    """What the strategy may give at most; a mandate's bounds.

    Attributes:
        per_customer: To one customer in `period_days`.
    """

    total: Amount
    per_customer: Amount
    period_days: Annotated[StrictInt, Field(ge=1, le=366)]


class Arm(Frozen):
    """A part of the treated customers that gets only some of the treatments, so that they can be compared."""

    name: ReasonCode
    share: Share
    treatments: Annotated[tuple[ReasonCode, ...], Field(min_length=1, max_length=50)]


class Term(Frozen):
    """When it runs, in days of the market.

    Attributes:
        first: The first day.
        last: The last one.
    """

    first: Day
    last: Day


class Strategy(Frozen):
    """One version of a strategy.

    Attributes:
        agent: The application whose runs carry it out.
        cohort: For whom it is.
        holdout: The share of the cohort that is never treated: the control group.
        arms: None: every treated customer gets the best of all treatments.
        explore: Share of the treated for whom one of the treatments that pass everything is drawn by chance, so that it
            can be estimated what another choice would have brought. None: the best is chosen.
        steps: What is done over time, in their order; none: the best of all treatments at once.
    """

    form: Literal["placet-strategy/1"]
    name: StrategyName
    title: Title
    about: Sentence
    agent: AgentName
    market: Market
    objective: Objective
    cohort: Expression
    treatments: Annotated[tuple[StrategyTreatment, ...], Field(min_length=1, max_length=50)]
    contact: ContactRules
    value: ValueModel
    budget: Budget
    holdout: Share
    arms: Annotated[tuple[Arm, ...], Field(max_length=20)] = ()
    explore: Annotated[Share, Field(exclude_if=lambda share: share == 0)] = 0
    # Texts without steps keep the version that they had before there were any.
    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS, exclude_if=lambda steps: not steps)] = ()
    rollout: Rollout
    term: Term

    def step_named(self, name: StepName) -> Step | None:
        """Return one of its steps; None where it has none of that name."""
        return next((one for one in self.steps if one.step == name), None)

    def at_step(self, name: StepName | None) -> "Strategy":
        """Return the strategy with only what a step may give; as it is where no step is named.

        A step that gives nothing, or is none of its own, leaves no treatment at all.
        """
        if name is None:
            return self
        step = self.step_named(name)
        codes = tuple(one.code for one in self.treatments)
        may = permitted(step, codes) if isinstance(step, TreatStep) else ()
        return self.model_copy(update={"treatments": tuple(one for one in self.treatments if one.code in may)})
