"""A running system for tests: real Temporal, BSS over HTTP and worker; only the model is scripted, at our seam."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.admission import Admission
from activities.resources import WorkerResources
from agents.model_calls.completion import Inference
from agents.testing import ScriptedInference
from placet.contracts.audit import AuditEvent
from placet.contracts.money import parse_money
from placet.contracts.people.decision import DecisionPredicate, Verdict
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES, RunRequest, RunState
from placet.engine.client import Engine
from placet.entrypoints.bootstrap import Parts, build_parts
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.settings import Settings
from placet.entrypoints.worker import build_worker
from placet.governance.approvals import sign_decision
from placet.governance.signing.keys import Signer, SigningKey, create_key_file, load_key_file, public_bytes
from placet.network.client import plain_client
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from placet.service.documents import keys as key_operations
from placet.storage.database import Database
from placet.storage.records import RunRecord
from tests.support.databases import spare_migrations
from tests.support.guard import GUARD
from tests.support.policies import own_policies
from tests.support.servers.bss import BssBehind

T = TypeVar("T")
PASSPHRASE = "correct horse"
LOOK_SECONDS = 0.05
"""Between two looks at a run: each costs a transaction, and tests share two cores."""
EXECUTED_RECORD = [
    "run.requested",
    "run.started",
    "analyse.completed",
    "query_billing.completed",
    "propose.completed",
    "approve.opened",
    "approve.decided",
    "execute.intended",
    "execute.sending",
    "execute.settled",
    "run.ended",
]
"""What a run that was approved and executed leaves on the record, in order."""


class AnyCaller(Admission):
    """Admission for steps that are called without Temporal: there is no workflow to look at."""

    def check_caller(self, run: RunRequest) -> None:
        """Ask nothing."""


@dataclass
class Approver:
    """An enrolled person and their key."""

    name: str
    key: SigningKey


@dataclass
class World(BssBehind):
    """One installation under test."""

    settings: Settings
    inference: Inference = field(default_factory=ScriptedInference)
    clock: Callable[[], datetime] | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._bss = plain_client(5, base_url=self.settings.bss_url)
        if not self.settings.database_url:
            spare_migrations(self.settings.home / "placet.db")
        self.database: Database = open_database(self.settings)
        self.engine: Engine = self.run(connect(self.settings))
        self.worker_engine: Engine = self.run(connect(self.settings, for_worker=True))
        self.engine.is_ours = True  # worlds share one Temporal server
        self._worker: Worker | None = None
        self._parts: Parts | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the world's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(GUARD)

    def start_worker(self, **overrides: Any) -> None:
        """Start the worker; `overrides` replace settings."""
        settings = self.settings.model_copy(update=overrides)
        self._parts = build_parts(settings, inference=self.inference, database=self.database, clock=self.clock)
        context = self._parts.context

        async def begin() -> Worker:
            worker = build_worker(self.worker_engine.client, context, settings, self.engine.task_queue, sandboxed=True)
            assert worker._workflow_worker is not None
            # The SDK interrupts a task after two seconds, wherever it is: a busy machine takes longer.
            worker._workflow_worker._deadlock_timeout_seconds = None
            self._running = asyncio.create_task(worker.run())
            return worker

        self._worker = self.run(begin())

    def shorten_gate(self, how_long: timedelta) -> None:
        """Let policy close gates after `how_long`, whole seconds, without reminder or escalation."""
        seconds = round(how_long.total_seconds())

        def shorter(text: str) -> str:
            untimed = re.sub(r'@gate_(remind|escalate|expire)_[a-z]+\("[^"]*"\)\n', "", text)
            return re.sub(
                r"^permit \(principal == Agent",
                f'@gate_expire_after("{seconds}s")\n\\g<0>',
                untimed,
                flags=re.MULTILINE,
            )

        self.edit_policy(shorter)

    def edit_policy(self, edit: Callable[[str], str]) -> None:
        """Change the tenant's policies, which at first are the application's own; it bites at the next question."""
        file = self.policy_file
        changed = edit(file.read_text())
        assert changed != file.read_text(), "the policy is as it was"
        written = file.with_suffix(".new")
        written.write_text(changed)
        written.replace(file)  # never half of it

    @property
    def policy_file(self) -> Path:
        """The tenant's policies."""
        assert self.settings.policy_dir is not None
        return self.settings.policy_dir / self.settings.tenant / "policy.cedar"

    def stop_worker(self) -> None:
        """Stop the worker."""
        if self._worker is not None:
            self.run(self._worker.shutdown())
            self._worker = None
        if self._parts is not None:
            self._parts.plugins.close()

    def close(self) -> None:
        """Stop everything."""
        self.stop_worker()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._loop.close()
        self._bss.close()
        self.database.close()

    def request(self, customer: str = "C00002", key: str | None = None, by: str = "olga") -> RunRequest:
        """A checked request."""
        return run_operations.build_request(
            tenant=self.settings.tenant,
            customer_id=customer,
            agent="retention",
            requested_by=by,
            key=key,
            agents=("retention",),
        )

    def start(self, customer: str = "C00002", key: str | None = None, by: str = "olga") -> str:
        """Start a run; returns its id."""
        request = self.request(customer, key, by)
        self.run(run_operations.start_run(self.database, self.engine, request))
        return request.run_id

    def record(self, run_id: str) -> RunRecord:
        """The run's record."""
        return run_operations.find_run(self.database, run_id, self.settings.tenant)

    def wait(self, run_id: str, *states: RunState) -> RunRecord:
        """Wait until the run is in one of `states`; fail at once when it ended otherwise."""
        record = self.record(run_id)
        deadline = time.monotonic() + GUARD
        while record.state not in states:
            final = record.state in END_STATES
            if final or time.monotonic() > deadline:
                message = f"{run_id} is {record.state} ({record.code}: {record.detail}), not {states}"
                raise AssertionError(message)
            threading.Event().wait(LOOK_SECONDS)
            record = self.record(run_id)
        return record

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for any condition."""
        deadline = time.monotonic() + GUARD
        while not condition():
            if time.monotonic() > deadline:
                message = f"{what} did not happen within {GUARD} s"
                raise AssertionError(message)
            threading.Event().wait(LOOK_SECONDS)

    def pending(self, customer: str = "C00002", **arguments: Any) -> str:
        """Start a run and wait for the gate."""
        run_id = self.start(customer, **arguments)
        self.wait(run_id, "awaiting_decision")
        return run_id

    def approver(
        self,
        name: str = "anna",
        *,
        roles: tuple[str, ...] = ("retention_lead",),
        limit: str | None = "500.00 USD",
        enroll: bool = True,
        expires_at: datetime | None = None,
    ) -> Approver:
        """Create a key and, unless told otherwise, enroll it."""
        path = self.settings.home / "keys" / f"{name}-{time.monotonic_ns()}.pem"
        key = create_key_file(path, PASSPHRASE)
        if enroll:
            key_operations.enroll_key(
                self.database,
                name=name,
                tenant=self.settings.tenant,
                roles=roles,
                limit=limit,
                public_key=public_bytes(key.private.public_key()),
                by=self.root,
                expires_at=expires_at,
            )
        return Approver(name, key)

    @cached_property
    def root(self) -> Signer:
        """The first administrator, who enrolls and revokes."""
        return administrator(self.database, self.settings)

    def revoke(self, key: SigningKey, reason: str = "left") -> None:
        """Revoke a key, as the administrator."""
        key_operations.revoke_key(
            self.database, tenant=self.settings.tenant, key_id=key.key_id, by=self.root, reason=reason
        )

    def sign(
        self,
        run_id: str,
        approver: Approver,
        verdict: Verdict = "approve",
        *,
        proposal: str | None = None,
        decided_at: datetime | None = None,
        **predicate: Any,
    ) -> str:
        """A signed decision; any part may be bent."""
        record = self.record(run_id)
        body = {
            "tenant": record.tenant,
            "run_id": run_id,
            "verdict": verdict,
            "approver": approver.name,
            "decided_at": decided_at or datetime.now(UTC),
            "decision_id": f"{time.monotonic_ns():032x}",
            "reason": "test",
            **predicate,
        }
        digest = proposal or record.proposal or "0" * 64
        return sign_decision(DecisionPredicate(**body), digest, approver.key.private, approver.key.key_id)

    def sign_amendment(
        self, run_id: str, approver: Approver, *, amount: str | None = None, treatment: str | None = None
    ) -> tuple[Proposal, str]:
        """The pending proposal as changed, and the signature on it."""
        record = self.record(run_id)
        change = parse_money(amount) if amount else None, treatment
        pending = str(record.proposal), self.proposal(run_id)
        return decision_operations.sign_amendment(record, pending, change, approver.name, "test", approver.key)

    def proposal(self, run_id: str) -> Proposal:
        """What is pending, or was."""
        with self.database.reading() as tx:
            return tx.artifacts.get_model(str(self.record(run_id).proposal), Proposal)

    def send(self, run_id: str, envelope: Any) -> None:
        """Signal anything at all to the run."""

        async def signal() -> None:
            value = envelope
            if isinstance(envelope, str):
                try:
                    value = json.loads(envelope)
                except ValueError:
                    value = envelope
            await self.engine.handle(run_id).signal("decide", value)

        self.run(signal())

    def approve(self, run_id: str, approver: Approver) -> RunRecord:
        """Approve and wait for the end."""
        self.send(run_id, self.sign(run_id, approver))
        return self.wait(run_id, "executed")

    def cancel(self, run_id: str, by: str = "olga") -> None:
        """Ask for the end of a run, as `placet run cancel` does."""
        run_operations.record_cancellation(self.database, self.record(run_id), by)
        self.run(self.engine.cancel(run_id))

    def events(self, run_id: str, kind: str | None = None) -> list[AuditEvent]:
        """The run's entries."""
        with self.database.reading() as tx:
            events = tx.audit.read(run_id)
        return [event for event in events if kind is None or event.kind == kind]

    def refusal(self, run_id: str, count: int = 1) -> str:
        """Wait for the next refused decision and return its code."""
        self.until(lambda: len(self.events(run_id, "approve.refused")) >= count, "a refusal")
        return str(self.events(run_id, "approve.refused")[count - 1].body["code"])

    def request_of(self, run_id: str) -> RunRequest:
        """The request as it was recorded."""
        record = self.record(run_id)
        return RunRequest(**{name: getattr(record, name) for name in RunRequest.model_fields})

    def in_activity(self, work: Callable[[WorkerResources], T]) -> T:
        """Do `work` with a worker's context, as an activity would that Temporal never hears of."""
        parts = build_parts(self.settings, inference=self.inference, database=self.database, admission=AnyCaller)
        try:
            return ActivityEnvironment().run(work, parts.context)
        finally:
            parts.plugins.close()

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    def attempts(self, run_id: str) -> int:
        """How often Temporal has tried the step that is pending now."""
        description = self.run(self.engine.handle(run_id).describe())
        return max((pending.attempt for pending in description.raw_description.pending_activities), default=0)


def administrator(database: Database, settings: Settings, name: str = "root") -> Signer:
    """The first administrator of an installation, made now unless its key is there."""
    path = settings.home / "keys" / f"{name}.pem"
    key = load_key_file(path, PASSPHRASE) if path.exists() else create_key_file(path, PASSPHRASE)
    signer = Signer(name, key)
    key_operations.bootstrap_administrator(database, tenant=settings.tenant, by=signer)
    return signer


HASTY: Mapping[str, Any] = {"effect_lease_seconds": 8.0, "bss_timeout_seconds": 2.0}
"""For tests that wait for a lease or a timeout to pass; of what a starved machine delays, they bear two seconds."""


@contextmanager
def world(home: Path, temporal: str, bss_url: str, **settings: Any) -> Iterator[World]:
    """A world with a running worker."""
    values = {
        "temporal_address": temporal,
        "bss_url": bss_url,
        "effect_lease_seconds": 12.0,
        "effect_settle_seconds": 2.0,
        "bss_timeout_seconds": 3.0,
        "churn_sources": {"demo": "counts"},
    }
    made = World(Settings(home=home, **{**values, "policy_dir": own_policies(home), **settings}))
    try:
        made.start_worker()
        yield made
    finally:
        made.close()


def soon(**delta: float) -> datetime:
    """Now plus a difference."""
    return datetime.now(UTC) + timedelta(**delta)
