"""What the record and the tables show of a tenant's strategies, people and stops: asked once, for the playbook."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.outcomes.looks import RolloutLook
from placet.contracts.outcomes.windows import Days
from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.contracts.strategies.strategy import Strategy
from placet.errors import GovernanceError
from placet.gate.strategies.promoted import LOOKED
from placet.gate.strategies.rollout import RolloutStanding, standing_of
from placet.governance.log.chain import entry_hash
from placet.governance.policy.set import PolicySet
from placet.service.approvers import list_approvers
from placet.service.cohorts import count_base
from placet.service.outcomes.reading import batches_of
from placet.service.rollouts.showing import authorised
from placet.service.strategies.publishing import PublishedStrategy, publications
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_EXECUTED: Final = "executed"
_MOST_PEOPLE: Final = 500
_MOST_HALTS: Final = 1_000
_LATER: Final[tuple[Days, ...]] = (30, 90, 365)


@dataclass(frozen=True, slots=True)
class Rolled:
    """The rollout of a published version: where it stands by the record, and what came of it.

    Attributes:
        control: Members of the control group.
        executed: Runs of it that gave something.
        look: The newest look at its guard rails; None where there was none.
    """

    published: PublishedStrategy
    strategy: Strategy
    stands: RolloutStanding
    control: int
    executed: int
    look: RolloutLook | None

    @property
    def name(self) -> str:
        """What the strategy is called."""
        return self.strategy.name

    @property
    def going_on(self) -> bool:
        """Whether it may treat somebody still: its version is in force, and nobody ended it."""
        ended = self.stands.ended
        return self.published.in_force and (ended is None or ended.body.get("how") == "completed")


@dataclass(frozen=True, slots=True)
class Stops:
    """How often something was stopped, and let go on again."""

    placed: int
    lifted: int


@dataclass(frozen=True, slots=True)
class People:
    """Who is enrolled with a key that counts now.

    Attributes:
        deciding: Those who hold a role other than that of an administrator, who only enrolls.
        publishing: Those of them whose role policy names for publishing.
        roles: The roles that it names.
    """

    deciding: tuple[str, ...]
    publishing: tuple[str, ...]
    roles: tuple[str, ...]


class Standing:
    """What is found of a tenant. Each part is read when it is first asked for, and once."""

    def __init__(
        self,
        database: Database,
        tenant: str,
        policies: Callable[[str], PolicySet],
        agents: tuple[str, ...],
        now: datetime,
    ) -> None:
        self._database, self._tenant, self._policies = database, tenant, policies
        self._agents, self._now = agents, now

    @cached_property
    def base(self) -> int:
        """Of how many customers events are known."""
        return count_base(self._database, self._tenant)

    @cached_property
    def people(self) -> People:
        """Who may decide, and who may publish."""
        roles = {role for agent in self._agents for role in self._policies(agent).roles_for("authorise")}
        known = list_approvers(self._database, self._tenant, self._now, limit=_MOST_PEOPLE)
        deciding = tuple(one.name for one in known if set(one.roles) - {ADMINISTRATOR})
        publishing = tuple(one.name for one in known if roles & set(one.roles))
        return People(deciding, publishing, tuple(sorted(roles)))

    @cached_property
    def published(self) -> tuple[PublishedStrategy, ...]:
        """Every version that somebody signed."""
        with self._database.reading() as tx:
            found = publications(tx, self._tenant, self._policies, self._now)
        return tuple(one for one in found if isinstance(one, PublishedStrategy))

    @cached_property
    def in_force(self) -> tuple[PublishedStrategy, ...]:
        """Those that runs may carry out now."""
        return tuple(one for one in self.published if one.in_force)

    @cached_property
    def texts(self) -> tuple[Strategy, ...]:
        """The texts of those in force."""
        with self._database.reading() as tx:
            return tuple(authorised(tx, one, self._policies, self._now).strategy for one in self.in_force)

    @property
    def began_at(self) -> datetime | None:
        """When the first strategy was signed by a signature that counts, or did; None where none was."""
        return min((one.record.mandate.signed_at for one in self.published), default=None)

    @cached_property
    def rolled(self) -> tuple[Rolled, ...]:
        """The rollouts that the record says were started, of versions in force and of those that are over."""
        found = []
        with self._database.reading() as tx:
            for one in self.published:
                if one.state == "does_not_count":
                    continue
                it = authorised(tx, one, self._policies, self._now)
                stands = standing_of(tx, it)
                if stands.started is not None:
                    counts = tx.rollouts.counts(self._tenant, one.version, stands.share)
                    runs = tx.rollouts.ends(self._tenant, one.version)
                    look = self._look(tx, one.version)
                    found.append(Rolled(one, it.strategy, stands, counts.control, runs.get(_EXECUTED, 0), look))
        return tuple(found)

    @cached_property
    def stops(self) -> Stops:
        """Halts, and rollouts that were held."""
        with self._database.reading() as tx:
            halts = [one for one in tx.halts.list(self._tenant, lifted=True, limit=_MOST_HALTS) if not one.doubt]
        held = [one.stands for one in self.rolled if one.stands.holds]
        lifted = sum(one.lifted_at is not None for one in halts) + sum(one.resumed_at is not None for one in held)
        return Stops(len(halts) + sum(one.holds for one in held), lifted)

    def _look(self, tx: Transaction, version: str) -> RolloutLook | None:
        row = tx.rollouts.get(self._tenant, version)
        entry = None
        if row is not None and row.looks:
            entry = tx.audit.find(tenant_stream(self._tenant), f"{LOOKED}.{version}.{row.looks}")
        if entry is None:
            return None
        if entry_hash(entry) != entry.hash:
            raise GovernanceError(f"entry {entry.step_key!r} is not what was written", code="audit_broken")
        return tx.artifacts.get_model(str(entry.body["look"]), RolloutLook, tenant=self._tenant)

    def outcomes_known(self) -> tuple[str, ...]:
        """Return the names of strategies whose outcomes after 30 days or more were counted, by the record."""
        known = (one for one in self.rolled if any(self._counted(one.published.version, days) for days in _LATER))
        return tuple(dict.fromkeys(one.name for one in known))

    def _counted(self, version: str, days: Days) -> bool:
        return bool(batches_of(self._database, self._tenant, version, days))


def standing_now(
    database: Database,
    tenant: str,
    policies: Callable[[str], PolicySet],
    agents: tuple[str, ...],
    now: datetime,
) -> Standing:
    """Return what is found of a tenant now. Nothing is read yet."""
    return Standing(database, tenant, policies, agents, now)
