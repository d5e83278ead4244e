"""What all endpoints stand on: one tenant of an installation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from placet.contracts.cohorts.economics import Economics
from placet.contracts.customer import Declared
from placet.contracts.propensity.held import HeldModels, ShownModel, none_so_named
from placet.errors import UsageError
from placet.governance.policy.set import PolicySet
from placet.governance.retention import Periods
from placet.interfaces.http.engine_link import EngineLink
from placet.service.documents.invitations import Invitations
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database


def _nothing() -> None:
    """Stand for a tenant that says nothing of its economics."""


class ChurnModels(Protocol):
    """The tenant's models of who may leave."""

    @property
    def runs_use(self) -> str:
        """Where runs take the probability of leaving from, in words. Nothing is read."""

    def held(self) -> HeldModels:
        """List them; one whose file is not in order says why."""

    def shown(self, model: str) -> ShownModel:
        """Return a model's card; `model` is a digest, or how one begins.

        Raises:
            UsageError: code `unknown_model`.
            ConfigurationError: its file cannot be read, or is another one.
        """


class NoModels:
    """Stands for a tenant that holds no models."""

    runs_use = ""

    def held(self) -> HeldModels:
        """Return none."""
        return HeldModels(runs_use=self.runs_use, models=(), left_out=0)

    def shown(self, model: str) -> ShownModel:
        """Find none."""
        raise UsageError(none_so_named(model), code="unknown_model")


@dataclass(frozen=True, slots=True)
class Served:
    """One tenant, as the API serves it.

    Attributes:
        database: Where runs and the record are kept.
        engine: Temporal, from the threads in which endpoints run.
        tenant: The only tenant whose things exist here.
        agents: Applications that may be started.
        policies: The policy set in force for an agent, read anew at every question; raises `PolicyError`.
        facts: What an agent tells customers apart by.
        links: Links to walkthroughs; None where nothing seals them.
        invitations: Invitations to register a passkey; None where nothing seals them.
        events_days: How old an event of a customer may be that is taken.
        models: The tenant's models of who may leave.
        economics: What the tenant says of margin and discount, read anew; a text says why it cannot be read.
        looking: Held while the whole base is looked through for a request: a thread and a core, one at a time.
    """

    database: Database
    engine: EngineLink
    tenant: str
    agents: tuple[str, ...]
    policies: Callable[[str], PolicySet]
    facts: Callable[[str], Declared]
    links: Walkthroughs | None = None
    invitations: Invitations | None = None
    events_days: int = Periods().events
    models: ChurnModels = field(default_factory=NoModels)
    economics: Callable[[], Economics | str | None] = _nothing
    looking: Lock = field(default_factory=Lock, compare=False, repr=False)

    def policies_of(self, agent: str) -> PolicySet:
        """Return the set in force for one agent.

        Raises:
            UsageError: code `unknown_agent`.
            PolicyError: its files are not in order.
        """
        if agent not in self.agents:
            raise UsageError(f"unknown agent {agent!r}; known: {', '.join(self.agents)}", code="unknown_agent")
        return self.policies(agent)

    def all_policies(self) -> Mapping[str, PolicySet]:
        """Return the set in force for each agent.

        Raises:
            PolicyError: the files of one are not in order.
        """
        return {agent: self.policies(agent) for agent in self.agents}
