"""Attempts of one step overlap: what the first one recorded stands, and the others say the same and change nothing.

Temporal starts a step again when the first attempt was too slow, and does not stop that one. The activities are driven
directly here, so that one attempt pauses in its slow part while another one, and what follows it, runs to its end.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from temporalio.exceptions import ApplicationError

from activities import query_billing
from placet.contracts.people.decision import ReceivedDecision, ReviewResult
from placet.contracts.run import Queried
from placet.entrypoints.processes.process import await_condition
from placet.plugin_api.evidence import gather
from placet.service.documents.keys import revoke_key
from placet.service.runs import record_cancellation
from placet.storage.governance import halts
from tests.support.databases import together
from tests.support.guard import GUARD
from tests.support.steps import Steps
from tests.support.world import EXECUTED_RECORD


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
    assert steps.execute(proposed, reviews[0]).outcome == "executed"
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("withdrawn", "code"), [("by a cancellation", "cancel_requested"), ("a key", "revoked_key")])
def test_what_is_withdrawn_while_a_send_waits_for_who_halts_stops_it(
    steps: Steps, database_url: str, withdrawn: str, code: str
) -> None:
    """On PostgreSQL a send waits for whoever places a halt; what it relies on is read after that, not before."""
    proposed, gate = steps.to_the_gate()
    review = steps.review(proposed, gate, steps.sign(proposed))
    engine = create_engine(database_url)
    with engine.connect() as halting, engine.connect() as looking, ThreadPoolExecutor(1) as threads:
        halting.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": halts._lock_key("demo")})
        sending = threads.submit(steps.execute, proposed, review)
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        await_condition(lambda: looking.scalar(waits) == 1, seconds=GUARD, what="the send waiting for the halt")
        if withdrawn == "a key":
            revoke_key(steps.parts.database, tenant="demo", key_id=steps.key.key_id, by=steps.root, reason="lost")
        else:
            record_cancellation(steps.parts.database, steps.record(), "olga")
        halting.rollback()
        assert sending.result(GUARD).code == code
    engine.dispose()
    assert "execute.sending" not in steps.kinds()
