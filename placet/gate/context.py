"""What the gate is given, and how it writes on a run's record."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.contracts.customer import Declared
from placet.contracts.gate import GateTerms
from placet.contracts.proposal import Proposal
from placet.contracts.run import EndState, RunRequest
from placet.contracts.state import CustomerState
from placet.decisioning.contact import ContactPolicy
from placet.errors import GovernanceError
from placet.governance.policy.set import PolicySet
from placet.notify.address_book import AddressBook
from placet.plugin_api.protocols import ReadPlugin
from placet.storage.database import Database
from placet.storage.log.audit_log import Appended
from placet.storage.transaction import Transaction

M = TypeVar("M", bound=BaseModel)


class LiveCustomer(NamedTuple):
    """A customer as of now.

    Attributes:
        drawn_by: The id by which they are drawn into control groups, stages and arms.
        household_members: How many members of their household are known; None where they have none.
    """

    state: CustomerState
    drawn_by: str
    household_members: int | None


@dataclass(frozen=True, slots=True)
class GateContext(ABC):
    """The seams of the gate.

    Attributes:
        database: Our own tables and the record.
        billing: Reads the customer's state again before the effect.
        policies: The policy set in force for a tenant and agent, read again at every question; raises `PolicyError`.
        contact: The contact policy in force for a tenant and agent, likewise.
        addresses: Who is told that a gate waits for them.
        tenants: The tenants this installation serves.
        live_customer: Returns a customer as of now, by tenant and id.
        clock: The current time, with its zone.
    """

    database: Database
    billing: ReadPlugin
    policies: Callable[[str, str], PolicySet]
    contact: Callable[[str, str], ContactPolicy]
    addresses: AddressBook
    tenants: frozenset[str]
    live_customer: Callable[[str, str], LiveCustomer]
    clock: Callable[[], datetime]

    @abstractmethod
    def terms(self, agent: str) -> GateTerms:
        """Return what the application asks for where policy leaves it open.

        Raises:
            UsageError: there is no such application.
        """

    @abstractmethod
    def declared(self, agent: str) -> Declared:
        """Return what the application tells customers apart by.

        Raises:
            UsageError: there is no such application.
        """

    @abstractmethod
    def leaving(self, tenant: str, evidence: Evidence, state: CustomerState) -> int | None:
        """Return how likely the customer leaves by what a run read, in per cent; None where nothing says it."""

    def recorded(self, run: RunRequest, step_key: str) -> AuditEvent | None:
        """Return the entry that an earlier attempt of this step left; None if it left none.

        A step whose answer was lost is not done again.
        """
        with self.database.reading() as tx:
            return tx.audit.find(run.run_id, step_key)

    def artifact(self, run: RunRequest, digest: str, kind: type[M]) -> M:
        """Fetch a document of the run's tenant; its content is checked against its digest."""
        with self.database.reading() as tx:
            return tx.artifacts.get_model(digest, kind, tenant=run.tenant)

    def proposal(self, run: RunRequest, digest: str, tx: Transaction | None = None) -> Proposal:
        """Fetch the run's own proposal, within `tx` where one is open.

        Raises:
            GovernanceError: the document is another run's.
        """
        if tx is None:
            proposal = self.artifact(run, digest, Proposal)
        else:
            proposal = tx.artifacts.get_model(digest, Proposal, tenant=run.tenant)
        if (proposal.run_id, proposal.tenant, proposal.agent) != (run.run_id, run.tenant, run.agent):
            raise GovernanceError(
                f"proposal {digest!r} is of {proposal.run_id!r}, not {run.run_id!r}", code="wrong_run"
            )
        return proposal


def milliseconds_since(began: float) -> int:
    """Return the whole milliseconds since the monotonic time `began`, for the record."""
    return int((time.monotonic() - began) * 1000)


def end(tx: Transaction, run: RunRequest, state: EndState, code: str, detail: str, at: datetime) -> Appended:
    """Record the end of a run, or its parking; what was recorded first is what stands."""
    return tx.record(
        run,
        "run.parked" if state == "unknown_outcome" else "run.ended",
        actor="worker",
        at=at,
        body={"state": state, "code": code, "detail": detail},
    )
