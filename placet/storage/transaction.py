"""One unit of work: the repositories that write together, and the one way in which an entry comes on the record."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from placet.contracts.audit import (
    AuditEvent,
    RecordKind,
    coming_stream,
    journey_stream,
    policy_stream,
    tenant_stream,
)
from placet.storage.artifacts import ArtifactStore
from placet.storage.console.deliveries import DeliveryRepository
from placet.storage.console.invitations import InvitationRepository
from placet.storage.console.prompts import PromptRepository
from placet.storage.console.sessions import SessionRepository
from placet.storage.contacts import ContactReader
from placet.storage.effects import EffectLedger
from placet.storage.figures import FigureRepository
from placet.storage.governance.approvers import ApproverRepository
from placet.storage.governance.controls import ControlRepository
from placet.storage.governance.decisions import DecisionRepository
from placet.storage.governance.delegations import DelegationRepository
from placet.storage.governance.enrolment import Trust
from placet.storage.governance.halts import HaltRepository
from placet.storage.governance.mandates import MandateRepository
from placet.storage.governance.merges import MergeRepository
from placet.storage.inbox import InboxRepository
from placet.storage.kpis.kept import KpiRepository
from placet.storage.log.audit_log import Appended, AuditLog
from placet.storage.log.checkpoints import CheckpointRepository
from placet.storage.log.lease import LogLeases
from placet.storage.log.search import EntrySearch
from placet.storage.log.tree import LogTree
from placet.storage.notifications import Outbox
from placet.storage.projections.rows import ProjectionRows
from placet.storage.retention.erasures import Erasures
from placet.storage.runs import RunRepository
from placet.storage.sql.driver import Connection
from placet.storage.state.changes import ChangeRepository
from placet.storage.state.dead_letters import DeadLetterRepository
from placet.storage.state.events import EventRepository
from placet.storage.state.keys import KeyRepository
from placet.storage.state.states import StateRepository
from placet.storage.strategies.coming import ComingRepository
from placet.storage.strategies.journeys import JourneyRepository
from placet.storage.strategies.outcomes import OutcomeRepository
from placet.storage.strategies.rollouts import RolloutRepository


class OfRun(Protocol):
    """What belongs to a run: its request, its row, a notice about it."""

    @property
    def run_id(self) -> str:
        """Which run."""

    @property
    def tenant(self) -> str:
        """Whose it is."""


class AnotherRun(NamedTuple):
    """A run that is known by its id alone, such as the one that another takes back."""

    run_id: str
    tenant: str


class Transaction:
    """The repositories of one unit of work: all they write is committed together, or not at all.

    Attributes:
        connection: What they run on, for tools that copy whole tables.
    """

    __slots__ = (
        "approvers",
        "artifacts",
        "audit",
        "changes",
        "checkpoints",
        "coming",
        "connection",
        "contacts",
        "controls",
        "dead_letters",
        "decisions",
        "delegations",
        "deliveries",
        "effects",
        "entries",
        "erasures",
        "events",
        "figures",
        "halts",
        "inbox",
        "invitations",
        "journeys",
        "keys",
        "kpis",
        "log",
        "log_leases",
        "mandates",
        "merges",
        "outbox",
        "outcomes",
        "projections",
        "prompts",
        "rollouts",
        "runs",
        "sessions",
        "states",
    )

    def __init__(self, connection: Connection, trust: Trust) -> None:
        self.connection = connection
        self.audit = AuditLog(connection)
        self.runs = RunRepository(connection)
        self.inbox = InboxRepository(connection)
        self.outbox = Outbox(connection)
        self.artifacts = ArtifactStore(connection)
        self.approvers = ApproverRepository(connection, trust)
        self.decisions = DecisionRepository(connection)
        self.effects = EffectLedger(connection)
        self.delegations = DelegationRepository(connection, self.approvers)
        self.halts = HaltRepository(connection, self.approvers)
        self.log = LogTree(connection)
        self.log_leases = LogLeases(connection)
        self.mandates = MandateRepository(connection)
        self.merges = MergeRepository(connection, self.approvers)
        self.checkpoints = CheckpointRepository(connection)
        self.contacts = ContactReader(connection)
        self.controls = ControlRepository(connection)
        self.entries = EntrySearch(connection)
        self.erasures = Erasures(connection)
        self.figures = FigureRepository(connection)
        self.projections = ProjectionRows(connection)
        self.deliveries = DeliveryRepository(connection)
        self.invitations = InvitationRepository(connection)
        self.prompts = PromptRepository(connection)
        self.sessions = SessionRepository(connection)
        self.events = EventRepository(connection)
        self.outcomes = OutcomeRepository(connection)
        self.journeys = JourneyRepository(connection)
        self.rollouts = RolloutRepository(connection)
        self.states = StateRepository(connection)
        self.changes = ChangeRepository(connection)
        self.coming = ComingRepository(connection)
        self.dead_letters = DeadLetterRepository(connection)
        self.keys = KeyRepository(connection)
        self.kpis = KpiRepository(connection)

    def record(
        self, run: OfRun, kind: RecordKind, *, actor: str, at: datetime, body: dict[str, Any], key: str = ""
    ) -> Appended:
        """Append one entry to the run's stream, once per step key (the kind, where it occurs once in a run).

        Append first, and change nothing else unless the entry is `ours`: where it is not, another attempt of this step
        was quicker, and what it did and answered stands.

        Raises:
            GovernanceError: code `run_over`; the run has ended meanwhile.
        """
        return self.audit.add(
            stream=run.run_id,
            tenant=run.tenant,
            run_id=run.run_id,
            kind=kind,
            actor=actor,
            step_key=key or kind,
            at=at,
            body=body,
        )

    def record_act(
        self,
        tenant: str,
        kind: RecordKind,
        actor: str,
        at: datetime,
        what: str,
        body: dict[str, Any],
        *,
        step: str = "",
    ) -> AuditEvent:
        """Append an entry to the tenant's own stream, once per step key: `step` and `what` it concerns.

        `step` is the kind, unless entries of several kinds exclude each other.
        """
        return self.record_once(tenant, kind, actor, at, what, body, step=step).event

    def record_once(
        self,
        tenant: str,
        kind: RecordKind,
        actor: str,
        at: datetime,
        what: str,
        body: dict[str, Any],
        *,
        step: str = "",
    ) -> Appended:
        """Append an entry as `record_act` does, and say whether it is new."""
        return self.audit.add(
            stream=tenant_stream(tenant),
            tenant=tenant,
            run_id=None,
            kind=kind,
            actor=actor,
            step_key=f"{step or kind}.{what}",
            at=at,
            body=body,
        )

    def record_journey(
        self, tenant: str, journey: str, kind: RecordKind, *, actor: str, at: datetime, step: str, body: dict[str, Any]
    ) -> AuditEvent:
        """Append an entry to the stream of one customer's way through a strategy, once per `step`."""
        return self.audit.append(
            stream=journey_stream(journey),
            tenant=tenant,
            run_id=None,
            kind=kind,
            actor=actor,
            step_key=step,
            at=at,
            body=body,
        )

    def record_coming(
        self, tenant: str, version: str, kind: RecordKind, *, at: datetime, step: str, body: dict[str, Any]
    ) -> AuditEvent:
        """Append an entry to the stream of those who come into a version of a strategy, once per `step`."""
        return self.audit.append(
            stream=coming_stream(tenant, version),
            tenant=tenant,
            run_id=None,
            kind=kind,
            actor="worker",
            step_key=step,
            at=at,
            body=body,
        )

    def record_policies(
        self, tenant: str, agent: str, kind: RecordKind, *, at: datetime, step: str, body: dict[str, Any]
    ) -> AuditEvent:
        """Append an entry to the stream that says which policies came into force for `tenant` and `agent`, and when."""
        return self.audit.append(
            stream=policy_stream(tenant, agent),
            tenant=tenant,
            run_id=None,
            kind=kind,
            actor="worker",
            step_key=step,
            at=at,
            body={"agent": agent, **body},
        )

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what the block wrote when it raises, and raise; what was written before stays in the transaction."""
        with self.connection.begin_nested():
            yield
