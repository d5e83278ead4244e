"""Attempts of one step overlap: what the first one recorded stands, and the others say the same and change nothing.

Temporal starts a step again when the first attempt was too slow, and does not stop that one. The activities are driven
directly here, so that one attempt pauses in its slow part while another one, and what follows it, runs to its end.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import query_billing
from activities.analyse import Analyse
from activities.approve import Approve
from activities.close_run import CloseRun
from activities.execute import Execute
from activities.propose import Propose
from activities.query_billing import QueryBilling
from agents.completion import Check, Completion
from agents.testing import ScriptedInference
from placet.contracts.decision import DecisionPredicate, ReceivedDecision, ReviewResult
from placet.contracts.gate import Gate
from placet.contracts.run import (
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
from placet.governance.signing.keys import SigningKey, create_key_file, public_bytes
from placet.plugin_api.evidence import gather
from placet.service import keys as key_operations
from placet.service import runs as run_operations
from placet.storage.database import Database
from placet.storage.records import RunRecord
from tests.support.databases import together
from tests.support.world import EXECUTED_RECORD, PASSPHRASE

T = TypeVar("T", Analysed, Queried, Proposed)


@dataclass
class Pausing:
    """A model that lets something else happen once, while the first attempt waits for its answer."""

    meanwhile: Callable[[], object] | None = None
    answers: dict[str, Any] = field(default_factory=dict)

    def complete(self, task: str, *, system: str, user: str, schema: type[Any], check: Check[Any]) -> Completion[Any]:
        answers = self.answers
        if (happens := self.meanwhile) is not None:
            self.meanwhile = None
            happens()
        return ScriptedInference(answers).complete(task, system=system, user=user, schema=schema, check=check)


@dataclass
class Steps:
    """The activities of one run, called as Temporal would."""

    parts: Parts
    model: Pausing
    run: RunRequest
    key: SigningKey

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

    def close(self, state: Any, proposed: Proposed | None = None, late: tuple[ReceivedDecision, ...] = ()) -> None:
        digest = proposed.digest if proposed else None
        closing = CloseInput(run=self.run, state=state, code="over", detail="over", proposal=digest, late=late)
        self.call(CloseRun(self.parts.context).close_run, closing)

    def sign(self, proposed: Proposed, verdict: Any = "approve") -> str:
        said = DecisionPredicate(
            tenant=self.run.tenant,
            run_id=self.run.run_id,
            verdict=verdict,
            approver="anna",
            decided_at=datetime.now(UTC),
            decision_id="7" * 32,
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


@pytest.fixture
def steps(tmp_path: Path, database: Database, database_url: str, bss_url: str) -> Iterator[Steps]:
    settings = Settings(home=tmp_path, database_url=database_url, bss_url=bss_url, effect_lease_seconds=2.0)
    model = Pausing()
    parts = build_parts(settings, inference=model, database=database)
    asked = {"tenant": "demo", "customer_id": "C00005", "agent": "retention", "requested_by": "olga", "key": "one"}
    request = run_operations.build_request(**asked, agents=("retention",))
    run_operations.record_request(database, request)
    key = create_key_file(tmp_path / "anna.pem", PASSPHRASE)
    key_operations.enroll_key(
        database,
        name="anna",
        tenant="demo",
        roles=("retention_lead",),
        limit="500.00 USD",
        public_key=public_bytes(key.private.public_key()),
        enrolled_by="root",
        expires_at=None,
    )
    yield Steps(parts, model, request, key)
    parts.plugins.close()


def test_a_stale_analyse_says_what_the_quicker_attempt_recorded_and_moves_nothing_back(steps: Steps) -> None:
    answers: list[Any] = []

    def quicker() -> None:
        steps.model.answers = {"analyse": {"risk": "low"}}
        answers.append(steps.analyse())
        answers.append(steps.query(answers[0]))
        steps.model.answers = {"analyse": {"risk": "high"}}

    steps.model.meanwhile = quicker
    assert steps.analyse() == answers[0]
    row, recorded = steps.projected("analyse.completed", "assessment")
    assert row == recorded == answers[0].assessment
    assert (steps.record().state, steps.record().evidence) == ("proposing", answers[1].evidence)


def test_a_stale_query_leaves_the_evidence_that_the_gate_has(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    analysed = steps.analyse()
    seen: list[Queried] = []

    def slow(*given: Any, **named: Any) -> Any:
        evidence = gather(*given, **named)
        monkeypatch.undo()
        seen.append(steps.query(analysed))  # read at another moment: other evidence, another digest
        steps.open(steps.propose(analysed, seen[0]))
        return evidence

    monkeypatch.setattr(query_billing, "gather", slow)
    assert steps.query(analysed) == seen[0]
    row, recorded = steps.projected("query_billing.completed", "evidence")
    assert row == recorded == seen[0].evidence
    assert steps.record().state == "awaiting_decision"


def test_a_stale_propose_answers_with_the_proposal_on_record(steps: Steps) -> None:
    analysed = steps.analyse()
    queried = steps.query(analysed)
    answers: list[Any] = []

    def quicker() -> None:
        answers.append(steps.propose(analysed, queried))
        answers.append(steps.open(answers[0]))
        steps.model.answers = {"propose": {"rationale": "Other words for another proposal."}}

    steps.model.meanwhile = quicker
    assert steps.propose(analysed, queried) == answers[0]
    row, recorded = steps.projected("propose.completed", "proposal")
    assert row == recorded == answers[0].digest
    assert steps.record().state == "awaiting_decision"


@pytest.mark.parametrize("step", ["analyse", "propose"])
def test_a_step_that_outlives_its_run_writes_nothing_after_the_end(steps: Steps, step: str) -> None:
    before: tuple[Any, ...] = ()
    if step == "propose":
        analysed = steps.analyse()
        before = (analysed, steps.query(analysed))

    def cancelled() -> None:
        steps.close("cancelled")

    steps.model.meanwhile = cancelled
    with pytest.raises(ApplicationError, match="is over") as refused:
        steps.propose(*before) if before else steps.analyse()
    assert (refused.value.type, refused.value.non_retryable) == ("run_over", True)
    assert steps.kinds()[-1] == "run.ended"
    assert steps.record().state == "cancelled"


def test_attempts_that_race_open_one_gate_count_one_decision_and_end_once(steps: Steps) -> None:
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    gates = together(3, lambda _: steps.open(proposed))
    assert gates == [gates[0]] * 3
    envelope = steps.sign(proposed)
    reviews = together(3, lambda _: steps.review(proposed, gates[0], envelope))
    assert [review.verdict for review in reviews] == ["approve"] * 3
    envelopes = tuple(decision.envelope_digest for decision in reviews[0].decisions)
    effect = ExecuteInput(run=steps.run, proposal=str(proposed.digest), decisions=envelopes)
    assert steps.call(Execute(steps.parts.context).execute, effect).outcome == "executed"
    together(3, lambda _: steps.close("executed", proposed))
    assert steps.kinds() == EXECUTED_RECORD
    assert steps.record().state == "executed"


def test_a_review_and_an_end_that_race_agree_on_which_was_first(steps: Steps) -> None:
    proposed, gate = steps.to_the_gate()
    envelope = steps.sign(proposed)
    acts: tuple[Callable[[], object], ...] = (
        lambda: steps.review(proposed, gate, envelope),
        lambda: steps.close("cancelled", proposed),
    )
    review, _ = together(2, lambda number: acts[number]())
    kinds = steps.kinds()
    decided = "approve.decided" in kinds
    assert isinstance(review, ReviewResult)
    assert (review.verdict, kinds[-1]) == (("approve", "run.ended") if decided else (None, "approve.refused"))
    assert steps.record().state == "cancelled"
    assert (steps.record().decision is None) == (not decided)


def test_a_second_end_changes_nothing_and_late_decisions_are_still_recorded(steps: Steps) -> None:
    proposed, _ = steps.to_the_gate()
    steps.close("expired", proposed)
    late = ReceivedDecision(envelope=steps.sign(proposed), received_at=datetime.now(UTC), early=False)
    steps.close("cancelled", proposed, (late,))
    assert steps.kinds()[-2:] == ["run.ended", "approve.refused"]
    assert (steps.record().state, steps.record().code) == ("expired", "over")
    assert steps.review(proposed, _, late.envelope).verdict is None
    assert steps.kinds()[-1] == "approve.refused"
