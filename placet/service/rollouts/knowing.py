"""What each step of a rollout knows first: the strategy in force, where its rollout stands by the record, its row."""

from datetime import datetime
from typing import NamedTuple

from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import GovernanceError
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import Authorised, RolloutStanding, standing_of
from placet.governance.policy.set import PolicySet
from placet.storage.strategies.rollouts import RolloutRow
from placet.storage.transaction import Transaction


class Known(NamedTuple):
    """A rollout at one step.

    Attributes:
        asked: What was started.
        found: The strategy in force.
        it: The same with what says who may order its rollout on, as of the step's time.
        stands: Where it stands.
        row: What its steps have done.
    """

    asked: RolloutAsked
    found: Published
    it: Authorised
    stands: RolloutStanding
    row: RolloutRow

    @property
    def now(self) -> datetime:
        """The time of the step."""
        return self.it.now


def know(tx: Transaction, asked: RolloutAsked, policies: PolicySet, now: datetime) -> Known:
    """Return what a step knows.

    Raises:
        DecisionRefused: the strategy is not in force.
        GovernanceError: code `rollout_altered`; the row is gone or cannot be read.
    """
    found = published(tx, asked.tenant, asked.agent, asked.version, policies, now)
    it = Authorised(found.strategy, found.record.mandate, policies, now)
    row = tx.rollouts.get(asked.tenant, asked.version)
    if row is None:
        raise GovernanceError(f"the rollout of {asked.strategy!r} has no row", code="rollout_altered")
    return Known(asked, found, it, standing_of(tx, it), row)
