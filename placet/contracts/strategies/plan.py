"""What several strategies together would do to the base, and a strategy's preview and a plan by a file of the base."""

from pydantic import AwareDatetime, StrictInt

from placet.contracts.base import Digest, Frozen, ReasonCode
from placet.contracts.cohorts.base_file import BaseHeader
from placet.contracts.events.kinds import Channel
from placet.contracts.money import Money
from placet.contracts.strategies.decision import Fell
from placet.contracts.strategies.preview import StrategyPreview
from placet.contracts.strategies.strategy import StrategyName


class Fallen(Frozen):
    """How many customers a treatment was not chosen for, by where it fell."""

    fell: Fell
    customers: StrictInt


class PlannedTreatment(Frozen):
    """A treatment, and what would become of it.

    Attributes:
        chosen: Customers who would get it.
        cost: What all of them would cost at most.
        value: What is expected to be left, times the strategy's weight.
        fallen: The others, in the order in which hurdles are asked.
    """

    treatment: ReasonCode
    title: str
    chosen: StrictInt
    cost: Money
    value: Money
    fallen: tuple[Fallen, ...]


class PlannedStrategy(Frozen):
    """A strategy beside the others.

    Attributes:
        chosen: Customers who would get one of its treatments.
        cost: What all of them would cost at most.
        budget: What it may give in all.
        closed: Why it says nothing to anybody on this channel now; empty where it may.
    """

    name: StrategyName
    version: Digest
    title: str
    chosen: StrictInt
    cost: Money
    budget: Money
    closed: str
    treatments: tuple[PlannedTreatment, ...]


class StrategyPlan(Frozen):
    """The next best action of everybody, counted, as if all strategies had reached everybody.

    Attributes:
        base: Customers of whom events are known.
        chosen: Customers who would get something.
        several: Customers for whom more than one treatment was worth something; the others were outranked.
        simulated: Customers of the base with simulated events, which are not real.
        left_out: Customers whose rows cannot be read; they are not in the base.
        unreadable: The first of them.
    """

    as_of: AwareDatetime
    at: AwareDatetime
    channel: Channel
    base: StrictInt
    chosen: StrictInt
    several: StrictInt
    simulated: StrictInt
    left_out: StrictInt
    unreadable: tuple[str, ...]
    strategies: tuple[PlannedStrategy, ...]


class FilePlan(Frozen):
    """A plan, by a file of the base."""

    header: BaseHeader
    found: StrategyPlan


class FileStrategyPreview(Frozen):
    """A preview, by a file of the base."""

    header: BaseHeader
    found: StrategyPreview
