"""Promise 3: an effect happens once, and the ledger can say whether it happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from placet.contracts.receipt import Receipt
from placet.errors import GovernanceError, UsageError
from placet.storage.database import Database
from placet.storage.records import Claim
from tests.support.databases import outsider, together

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "e" * 64
RUN = "run-" + "0" * 20
LEASE = 30.0


def receipt(external_id: str = "adj-1", **changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "effect_key": KEY,
        "external_id": external_id,
        "api": "TMF654",
        "confirmed_by": "response",
        "response_sha256": "f" * 64,
        "settled_at": AT,
    }
    return Receipt(**{**fields, **changes})


def claim(database: Database, holder: str = "attempt-1", after_s: float = 0, **changes: str) -> Claim:
    own = {"tenant": "acme", "run_id": RUN, "proposal": "c" * 64, **changes}
    with database.transaction() as tx:
        return tx.effects.claim(KEY, **own, holder=holder, now=AT + timedelta(seconds=after_s), lease_seconds=LEASE)


def status(database: Database) -> str:
    with database.reading() as tx:
        record = tx.effects.get(KEY)
    assert record is not None
    return record.status


def test_of_twenty_attempts_at_once_exactly_one_may_act(database: Database) -> None:
    claims = together(20, lambda number: claim(database, f"attempt-{number}"))
    assert sorted(each.status for each in claims) == ["busy"] * 19 + ["new"]


def test_of_twenty_attempts_after_a_crash_exactly_one_takes_over(database: Database) -> None:
    assert claim(database, "crashed").status == "new"
    claims = together(20, lambda number: claim(database, f"attempt-{number}", after_s=LEASE))
    assert sorted(each.status for each in claims) == ["busy"] * 19 + ["retry"]
    assert {each.attempts for each in claims} == {2}


def test_a_live_lease_keeps_others_out_until_it_is_over(database: Database) -> None:
    first = claim(database)
    assert first == Claim(
        status="new", receipt=None, attempts=1, sends=0, claimed_at=AT, lease_until=AT + timedelta(seconds=LEASE)
    )
    assert claim(database, "attempt-2", after_s=LEASE - 0.001).status == "busy"
    second = claim(database, "attempt-2", after_s=LEASE)
    assert (second.status, second.attempts, second.lease_until) == ("retry", 2, AT + timedelta(seconds=2 * LEASE))
    assert claim(database, "attempt-2", after_s=LEASE + 1).status == "retry"


def test_only_the_attempt_that_owns_the_effect_may_send_and_each_send_is_counted(database: Database) -> None:
    claim(database)
    with database.transaction() as tx:
        assert tx.effects.sending(KEY, holder="somebody else", now=AT, most=2) is False
        assert tx.effects.sending(KEY, holder="attempt-1", now=AT, most=2) is True
    with database.transaction() as tx:
        assert tx.effects.sending(KEY, holder="attempt-1", now=AT + timedelta(seconds=LEASE), most=2) is False
    second = claim(database, "attempt-2", after_s=LEASE)
    assert (second.status, second.sends) == ("retry", 1)
    with database.transaction() as tx:
        now = AT + timedelta(seconds=LEASE)
        assert tx.effects.sending(KEY, holder="attempt-2", now=now, most=2) is True
        assert tx.effects.sending(KEY, holder="attempt-2", now=now, most=2) is False, "two have left"
        tx.effects.not_sent(KEY, holder="attempt-1")
        tx.effects.not_sent(KEY, holder="attempt-2")
        tx.effects.release(KEY, holder="attempt-2", now=now)
    assert claim(database, "attempt-3", after_s=LEASE).sends == 1


def test_a_released_lease_lets_the_next_attempt_read_back_at_once(database: Database) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.release(KEY, holder="somebody else", now=AT)
    assert claim(database, "attempt-2").status == "busy"
    with database.transaction() as tx:
        tx.effects.release(KEY, holder="attempt-1", now=AT)
    assert claim(database, "attempt-2").status == "retry"


def test_a_settled_effect_answers_with_its_first_receipt(database: Database) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.settle(KEY, receipt())
        tx.effects.settle(KEY, receipt(confirmed_by="read_back", settled_at=AT + timedelta(1)))
    again = claim(database, "attempt-2", after_s=3 * LEASE)
    assert (again.status, again.receipt, again.attempts) == ("settled", receipt(), 1)


def test_a_second_resource_for_one_effect_is_never_recorded_over_the_first(database: Database) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.settle(KEY, receipt())
    with database.transaction() as tx, pytest.raises(GovernanceError, match="is 'settled'") as refused:
        tx.effects.settle(KEY, receipt("adj-2"))
    assert refused.value.code == "effect_closed"


def test_an_attempt_whose_effect_was_taken_over_cannot_say_that_it_did_not_happen(database: Database) -> None:
    claim(database)
    assert claim(database, "attempt-2", after_s=3 * LEASE).status == "retry"
    with database.transaction() as tx:
        assert tx.effects.sending(KEY, holder="attempt-2", now=AT + timedelta(seconds=3 * LEASE), most=2)
        assert tx.effects.fail(KEY, holder="attempt-1", code="halted", detail="") is False
        assert tx.effects.hold_unknown(KEY, holder="attempt-1", detail="") is False
        tx.effects.settle(KEY, receipt())
    assert claim(database, "attempt-3", after_s=9 * LEASE).status == "settled"


def test_a_failed_effect_stays_failed(database: Database) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.fail(KEY, holder="attempt-1", code="upstream_rejected", detail="409 bucket closed")
        tx.effects.fail(KEY, holder="attempt-1", code="upstream_rejected", detail="again")
    again = claim(database, "attempt-2", after_s=3 * LEASE)
    assert (again.status, again.code, again.detail) == ("failed", "upstream_rejected", "409 bucket closed")
    with database.transaction() as tx, pytest.raises(GovernanceError) as refused:
        tx.effects.settle(KEY, receipt())
    assert refused.value.code == "effect_closed"


@pytest.mark.parametrize("happened", [True, False])
def test_an_unknown_outcome_waits_for_a_person_and_nobody_else(database: Database, happened: bool) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.hold_unknown(KEY, detail="no answer, and the read-back found two candidates")
        tx.effects.hold_unknown(KEY, detail="retried")
    held = claim(database, "attempt-2", after_s=3 * LEASE)
    assert (held.status, held.detail) == ("unknown", "no answer, and the read-back found two candidates")
    with database.transaction() as tx, pytest.raises(GovernanceError, match="is 'unknown'"):
        tx.effects.settle(KEY, receipt())
    with database.transaction() as tx, pytest.raises(GovernanceError, match="is 'unknown'"):
        tx.effects.fail(KEY, holder="attempt-1", code="upstream_rejected", detail="")
    word = receipt(confirmed_by="person") if happened else None
    with database.transaction() as tx:
        tx.effects.resolve(KEY, word, by="maria.lopez")
        tx.effects.resolve(KEY, word, by="maria.lopez")
        record = tx.effects.get(KEY)
    assert record is not None
    assert (record.status, record.receipt, record.resolved_by) == (
        "settled" if happened else "failed",
        word,
        "maria.lopez",
    )
    with database.transaction() as tx, pytest.raises(GovernanceError):
        tx.effects.resolve(KEY, None if happened else receipt(confirmed_by="person"), by="jan.kovac")


def test_a_key_stands_for_one_run_and_one_proposal(database: Database) -> None:
    claim(database)
    for changes in ({"run_id": "run-" + "1" * 20}, {"proposal": "d" * 64}, {"tenant": "other"}):
        with pytest.raises(GovernanceError) as conflict:
            claim(database, after_s=3 * LEASE, **changes)
        assert conflict.value.code == "effect_key_conflict"


def test_what_was_never_claimed_cannot_be_settled(database: Database) -> None:
    with database.transaction() as tx, pytest.raises(UsageError, match="was never claimed") as unknown:
        tx.effects.settle(KEY, receipt())
    assert unknown.value.code == "unknown_effect"


def test_the_effects_of_a_run_are_listed(database: Database) -> None:
    claim(database)
    with database.reading() as tx:
        assert [effect.effect_key for effect in tx.effects.for_run(RUN)] == [KEY]
        assert tx.effects.for_run("run-" + "1" * 20) == ()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE effect SET status = 'open', receipt = NULL", "a closed effect is final: UPDATE refused"),
        ("DELETE FROM effect", "effect keeps every row: DELETE refused"),
    ],
)
def test_no_statement_reopens_a_settled_effect(
    database: Database, database_url: str, statement: str, words: str
) -> None:
    claim(database)
    with database.transaction() as tx:
        tx.effects.settle(KEY, receipt())
    with outsider(database_url) as run, pytest.raises(Exception, match=words):
        run(statement)
    assert status(database) == "settled"


class Ledger(RuleBasedStateMachine):
    """Attempts claim, crash, answer and give up in any order; time only goes forward."""

    serial = 0

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        Ledger.serial += 1
        self.key = f"{Ledger.serial:064x}"
        self.now = AT
        self.news = 0
        self.leases: dict[str, datetime] = {}
        self.known: tuple[str, Receipt | None] | None = None

    @rule(holder=st.sampled_from(["a", "b", "c"]), wait_s=st.sampled_from([0, 10, 31]))
    def attempt(self, holder: str, wait_s: int) -> None:
        self.now += timedelta(seconds=wait_s)
        with self.database.transaction() as tx:
            answer = tx.effects.claim(
                self.key,
                tenant="acme",
                run_id=RUN,
                proposal="c" * 64,
                holder=holder,
                now=self.now,
                lease_seconds=LEASE,
            )
        self.news += answer.status == "new"
        if answer.status in ("new", "retry"):
            rivals = [until for other, until in self.leases.items() if other != holder and until > self.now]
            assert rivals == []
            assert self.known is None
            self.leases[holder] = self.now + timedelta(seconds=LEASE)

    @rule(move=st.sampled_from(["settle", "fail", "hold", "resolve"]), external=st.sampled_from(["x", "y"]))
    def close(self, move: str, external: str) -> None:
        proof = receipt(external)
        try:
            with self.database.transaction() as tx:
                if move == "settle":
                    tx.effects.settle(self.key, proof)
                elif move == "fail":
                    known = tx.effects.get(self.key)
                    tx.effects.fail(self.key, holder=known.holder if known else "nobody", code="no", detail="")
                elif move == "hold":
                    tx.effects.hold_unknown(self.key, detail="")
                else:
                    tx.effects.resolve(self.key, proof, by="maria.lopez")
        except (GovernanceError, UsageError):
            return

    @invariant()
    def a_known_outcome_stays(self) -> None:
        assert self.news <= 1
        with self.database.reading() as tx:
            record = tx.effects.get(self.key)
        outcome = (record.status, record.receipt) if record and record.status in ("settled", "failed") else None
        assert self.known in (None, outcome)
        self.known = outcome


def test_no_order_of_attempts_lets_two_act_or_changes_a_known_outcome(database: Database) -> None:
    class OfThis(Ledger):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        OfThis,
        settings=settings(max_examples=15, stateful_step_count=12, suppress_health_check=list(HealthCheck)),
    )
