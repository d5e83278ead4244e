"""Promise 2: a decision is used once, for one run and one proposal."""

from datetime import UTC, datetime
from typing import Any

import pytest

from placet.contracts.people.decision import AcceptedDecision
from placet.storage.database import Database
from placet.storage.records import UsedDecision
from tests.support.databases import outsider, together

AT = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)
RUN, OTHER_RUN = "run-" + "0" * 20, "run-" + "1" * 20
PROPOSAL = "c" * 64


def decision(nonce: int = 1, **changes: Any) -> AcceptedDecision:
    fields: dict[str, Any] = {
        "verdict": "approve",
        "approver": "maria.lopez",
        "key_id": "a" * 64,
        "decision_id": f"{nonce:032x}",
        "decided_at": AT,
        "reason": "loyal customer",
        "proposal": PROPOSAL,
        "roles": ("retention_lead", "care_manager"),
        "envelope_digest": f"{nonce:064x}",
    }
    return AcceptedDecision(**{**fields, **changes})


def use(database: Database, used: AcceptedDecision, *, tenant: str = "acme", run_id: str = RUN, place: int = 1) -> bool:
    with database.transaction() as tx:
        return tx.decisions.use(used, tenant=tenant, run_id=run_id, place=place)


def test_a_decision_counts_once_and_a_retried_step_finds_it(database: Database) -> None:
    assert use(database, decision())
    assert use(database, decision())
    with database.reading() as tx:
        assert tx.decisions.of_run(RUN) == (
            UsedDecision(tenant="acme", run_id=RUN, phase="decide", place=1, decision=decision()),
        )
        assert tx.decisions.on_proposal(RUN, PROPOSAL) == tx.decisions.of_run(RUN)
        assert tx.decisions.of_run(RUN, "settle") == ()
        assert tx.decisions.of_run(OTHER_RUN) == ()


def test_a_used_decision_counts_nowhere_else(database: Database) -> None:
    assert use(database, decision())
    assert not use(database, decision(), run_id=OTHER_RUN)
    assert not use(database, decision(proposal="d" * 64))
    assert not use(database, decision(envelope_digest="e" * 64))
    with database.reading() as tx:
        assert tx.decisions.of_run(OTHER_RUN) == ()


def test_each_place_on_a_proposal_is_taken_once_in_each_phase(database: Database) -> None:
    assert use(database, decision(1))
    assert not use(database, decision(2, approver="ben"))
    assert not use(database, decision(3, approver="ben", verdict="reject"))
    assert use(database, decision(4, approver="ben", verdict="confirm_executed"))
    assert not use(database, decision(5, approver="cora", verdict="confirm_not_executed"))
    with database.reading() as tx:
        (settled,) = tx.decisions.on_proposal(RUN, PROPOSAL, "settle")
        assert settled.decision == decision(4, approver="ben", verdict="confirm_executed")


def test_a_key_says_a_thing_once_about_each_proposal(database: Database) -> None:
    other = "b" * 64
    assert use(database, decision(1))
    assert not use(database, decision(2), place=2)
    assert use(database, decision(3, approver="ben", key_id=other), place=2)
    assert use(database, decision(4, verdict="reject"), place=3)
    assert use(database, decision(5, proposal="d" * 64))
    with database.reading() as tx:
        assert [one.decision.decision_id[-1] for one in tx.decisions.on_proposal(RUN, PROPOSAL)] == ["1", "3", "4"]
        assert len(tx.decisions.of_run(RUN)) == 4


def test_tenants_do_not_use_up_each_others_nonces(database: Database) -> None:
    assert use(database, decision())
    assert use(database, decision(), tenant="other", run_id=OTHER_RUN)


def test_of_racing_decisions_on_one_run_exactly_one_counts(database: Database) -> None:
    outcomes = together(20, lambda nonce: use(database, decision(nonce, approver=f"person-{nonce}")))
    assert sorted(outcomes) == [False] * 19 + [True]


def test_one_decision_sent_to_many_runs_at_once_counts_in_exactly_one(database: Database) -> None:
    outcomes = together(20, lambda number: use(database, decision(), run_id=f"run-{number:020x}"))
    assert sorted(outcomes) == [False] * 19 + [True]


@pytest.mark.parametrize(
    "statement", ["UPDATE decision_use SET verdict = 'reject'", "DELETE FROM decision_use WHERE verdict = 'approve'"]
)
def test_no_statement_frees_a_used_decision(database: Database, database_url: str, statement: str) -> None:
    assert use(database, decision())
    with outsider(database_url) as run, pytest.raises(Exception, match=r"decision_use is append-only: .* refused"):
        run(statement)
    assert not use(database, decision(), run_id=OTHER_RUN)
