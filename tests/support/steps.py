"""The activities of one run, driven directly on either database: no Temporal, no clock of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.analyse import Analyse
from activities.approve import Approve
from activities.close_run import CloseRun
from activities.execute import Execute
from activities.propose import Propose
from activities.query_billing import QueryBilling
from agents.model_calls.completion import Check, Completion
from agents.testing import ScriptedInference
from placet.contracts.gate import Gate
from placet.contracts.people.decision import DecisionPredicate, ReceivedDecision, ReviewResult
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import (
    END_STATES,
    Analysed,
    CloseInput,
    ExecuteInput,
    GateInput,
    Proposed,
    ProposeInput,
    Queried,
    QueryInput,
    ReviewInput,
    RunRequest,
)
from placet.entrypoints.bootstrap import Parts, build_parts
from placet.entrypoints.settings import Settings
from placet.governance.approvals import sign_decision
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import Signer, SigningKey, create_key_file, public_bytes
from placet.service import runs as run_operations
from placet.service.documents import keys as key_operations
from placet.storage.database import Database
from placet.storage.pending import pending_on_record
from placet.storage.records import RunRecord
from tests.support.enrolment import new_signer, trusted
from tests.support.policies import own_policies
from tests.support.world import PASSPHRASE, AnyCaller


@dataclass
class Pausing:
    """A model that lets something else happen once, while the first attempt waits for its answer."""

    meanwhile: Callable[[], object] | None = None
    answers: dict[str, Any] = field(default_factory=dict)

    def complete(
        self, task: str, *, agent: str, system: str, user: str, schema: type[Any], check: Check[Any]
    ) -> Completion[Any]:
        answers = self.answers
        if (happens := self.meanwhile) is not None:
            self.meanwhile = None
            happens()
        return ScriptedInference(answers).complete(
            task, agent=agent, system=system, user=user, schema=schema, check=check
        )


@dataclass
class Steps:
    """The activities of one run, called as Temporal would."""

    parts: Parts
    model: Pausing
    run: RunRequest
    key: SigningKey
    root: Signer

    def another(self, key: str) -> "Steps":
        """The activities of one more run for the same customer, recorded under `key`."""
        request = _built(key, self.run.customer_id)
        run_operations.record_request(self.parts.database, request)
        return replace(self, run=request)

    def approver(self, name: str, role: str) -> Signer:
        """A person who is enrolled in `role`."""
        who = new_signer(name)
        key_operations.enroll_key(
            self.parts.database,
            name=name,
            tenant="demo",
            roles=(role,),
            limit="1000.00 USD",
            public_key=public_bytes(who.key.private.public_key()),
            by=self.root,
            expires_at=None,
        )
        return who

    def call(self, step: Callable[..., Any], value: object) -> Any:
        return ActivityEnvironment().run(step, value)

    def analyse(self) -> Analysed:
        done: Analysed = self.call(Analyse(self.parts.context).analyse, self.run)
        return done

    def query(self, analysed: Analysed) -> Queried:
        asked = QueryInput(run=self.run, queries=analysed.queries)
        done: Queried = self.call(QueryBilling(self.parts.context).query_billing, asked)
        return done

    def propose(self, analysed: Analysed, queried: Queried) -> Proposed:
        asked = ProposeInput(run=self.run, assessment=analysed.assessment, evidence=queried.evidence)
        done: Proposed = self.call(Propose(self.parts.context).propose, asked)
        return done

    def open(self, proposed: Proposed) -> Gate:
        assert proposed.digest is not None
        asked = GateInput(run=self.run, proposal=proposed.digest)
        done: Gate = self.call(Approve(self.parts.context).open_gate, asked)
        return done

    def review(self, proposed: Proposed, gate: Gate, envelope: str) -> ReviewResult:
        assert proposed.digest is not None
        received = ReceivedDecision(envelope=envelope, received_at=datetime.now(UTC), early=False)
        asked = ReviewInput(run=self.run, proposal=proposed.digest, gate=gate, phase="decide", received=(received,))
        done: ReviewResult = self.call(Approve(self.parts.context).review_decisions, asked)
        return done

    def execute(self, proposed: Proposed, review: ReviewResult) -> ExecutionResult:
        envelopes = tuple(decision.envelope_digest for decision in review.decisions)
        effect = ExecuteInput(run=self.run, proposal=str(proposed.digest), decisions=envelopes)
        done: ExecutionResult = self.call(Execute(self.parts.context).execute, effect)
        return done

    def executed(self) -> Proposed:
        """Let the run be approved and executed."""
        proposed, gate = self.to_the_gate()
        assert self.execute(proposed, self.review(proposed, gate, self.sign(proposed))).outcome == "executed"
        return proposed

    def close(
        self,
        state: Any,
        proposed: Proposed | None = None,
        late: tuple[ReceivedDecision, ...] = (),
        *,
        early: bool = False,
    ) -> None:
        """End the run; as expired when its gate has closed, or `early`, before that."""
        context = self.parts.context
        if state == "expired" and not early:
            with self.parts.database.reading() as tx:
                closes = pending_on_record(tx, self.run.run_id).gate.expires_at
            context = replace(context, clock=lambda: closes)
        digest = proposed.digest if proposed else None
        if state == "cancelled" and self.record().state not in END_STATES:
            run_operations.record_cancellation(self.parts.database, self.record(), "olga")
        closing = CloseInput(run=self.run, state=state, code="over", detail="over", proposal=digest, late=late)
        self.call(CloseRun(context).close_run, closing)

    def sign(self, proposed: Proposed, verdict: Any = "approve") -> str:
        said = DecisionPredicate(
            tenant=self.run.tenant,
            run_id=self.run.run_id,
            verdict=verdict,
            approver="anna",
            decided_at=datetime.now(UTC),
            decision_id=sha256_hex(self.run.run_id.encode())[:32],
            reason="test",
        )
        return sign_decision(said, str(proposed.digest), self.key.private, self.key.key_id)

    def to_the_gate(self) -> tuple[Proposed, Gate]:
        analysed = self.analyse()
        proposed = self.propose(analysed, self.query(analysed))
        return proposed, self.open(proposed)

    def record(self) -> RunRecord:
        with self.parts.database.reading() as tx:
            record = tx.runs.get(self.run.run_id)
        assert record is not None
        return record

    def kinds(self) -> list[str]:
        with self.parts.database.reading() as tx:
            return [event.kind for event in tx.audit.read(self.run.run_id)]

    def projected(self, kind: str, name: str) -> tuple[object, object]:
        """What the run's row says, and what its record says."""
        with self.parts.database.reading() as tx:
            entry = tx.audit.find(self.run.run_id, kind)
        assert entry is not None
        return getattr(self.record(), name), entry.body[name]


def _built(key: str, customer_id: str) -> RunRequest:
    return run_operations.build_request(
        tenant="demo",
        customer_id=customer_id,
        agent="retention",
        requested_by="olga",
        key=key,
        agents=("retention",),
    )


def requested(database: Database, key: str) -> RunRequest:
    """A run on record, of the one customer."""
    request = _built(key, "C00005")
    run_operations.record_request(database, request)
    return request


@pytest.fixture
def steps(tmp_path: Path, database: Database, database_url: str, bss_url: str) -> Iterator[Steps]:
    policies = own_policies(tmp_path)
    settings = Settings(
        home=tmp_path,
        database_url=database_url,
        bss_url=bss_url,
        effect_lease_seconds=60.0,
        policy_dir=policies,
        churn_sources={"demo": "counts"},
    )
    model = Pausing()
    parts = build_parts(settings, inference=model, database=database, admission=AnyCaller)
    key = create_key_file(tmp_path / "anna.pem", PASSPHRASE)
    root = trusted(database, tmp_path)
    key_operations.enroll_key(
        database,
        name="anna",
        tenant="demo",
        roles=("retention_lead",),
        limit="500.00 USD",
        public_key=public_bytes(key.private.public_key()),
        by=root,
        expires_at=None,
    )
    yield Steps(parts, model, requested(database, "one"), key, root)
    parts.plugins.close()
