"""A mandate is never overspent and no customer gets more than its cap, whatever runs at once, on both databases."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from placet.contracts.audit import mandate_stream
from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate, MandateRecord, MandateUse
from placet.errors import GovernanceError, UsageError
from placet.gate.account import give_back, take
from placet.storage.database import Database
from placet.storage.transaction import AnotherRun
from tests.support.databases import disarm, outsider, together
from tests.unit.gate.test_mandates import a_mandate, usd
from tests.unit.support import NOW

PROPOSAL = "c" * 64
ID = "1" * 32


def run(number: int) -> str:
    return f"run-{number:020x}"


@pytest.fixture
def crowd(database_url: str) -> Iterator[Database]:
    """A migrated database with a connection for each of 50 threads."""
    with Database(database_url, pool_size=50) as opened:
        yield opened


def keep(database: Database, mandate: Mandate) -> bool:
    record = MandateRecord(mandate=mandate, document="d" * 64, key_id="e" * 64, spent_minor=0)
    with database.transaction() as tx:
        return tx.mandates.add(record)


def consume(
    database: Database,
    mandate: Mandate,
    number: int,
    amount_minor: int = 1000,
    *,
    customer: str | None = None,
    proposal: str = PROPOSAL,
    now: datetime = NOW,
) -> bool:
    amount = Money(amount_minor=amount_minor, currency="USD")
    with database.transaction() as tx:
        of_run = AnotherRun(run(number), mandate.tenant)
        whose = customer or f"C{number:05d}"
        return take(tx, mandate, of_run, proposal=proposal, customer_id=whose, amount=amount, now=now)


def release(database: Database, number: int) -> bool:
    with database.transaction() as tx:
        return give_back(tx, AnotherRun(run(number), "demo"), PROPOSAL, NOW) is not None


def stored(database: Database, mandate_id: str = ID) -> MandateRecord:
    with database.reading() as tx:
        record = tx.mandates.get("demo", mandate_id)
    assert record is not None
    return record


def standing(database: Database, mandate_id: str = ID) -> int:
    """The sum of the uses that were not released; the account on the record has the same."""
    with database.reading() as tx:
        uses = tx.mandates.uses("demo", mandate_id, limit=1000)
        entries = tx.audit.read(mandate_stream("demo", mandate_id))
    found = sum(use.amount_minor for use in uses if use.released_at is None)
    signs = [(1 if entry.kind == "mandate.taken" else -1, entry.body) for entry in entries]
    assert found == sum(sign * body["amount"]["amount_minor"] for sign, body in signs)
    assert found == (entries[-1].body["spent"]["amount_minor"] if entries else 0)
    return found


def test_fifty_runs_at_once_never_overspend_a_budget(crowd: Database) -> None:
    mandate = a_mandate(budget=usd(12_345))
    keep(crowd, mandate)
    cleared = together(50, lambda number: consume(crowd, mandate, number, 700))
    assert sum(cleared) == 12_345 // 700
    assert stored(crowd).spent_minor == standing(crowd) == 17 * 700


def test_fifty_runs_of_different_cost_at_once_leave_no_room_for_any_that_was_refused(crowd: Database) -> None:
    mandate = a_mandate(budget=usd(20_000))
    keep(crowd, mandate)
    costs = [100 + 37 * number for number in range(50)]
    cleared = together(50, lambda number: consume(crowd, mandate, number, costs[number]))
    spent = sum(cost for cost, yes in zip(costs, cleared, strict=True) if yes)
    assert stored(crowd).spent_minor == standing(crowd) == spent <= 20_000
    assert all(spent + cost > 20_000 for cost, yes in zip(costs, cleared, strict=True) if not yes)


def test_fifty_runs_of_one_customer_at_once_never_pass_the_cap(crowd: Database) -> None:
    mandate = a_mandate(budget=usd(1_000_000), cap_per_customer=usd(2000))
    keep(crowd, mandate)
    cleared = together(50, lambda number: consume(crowd, mandate, number, 300, customer=f"C{number % 2}"))
    by_customer = [sum(cleared[customer::2]) for customer in (0, 1)]
    assert by_customer == [2000 // 300, 2000 // 300]
    assert stored(crowd).spent_minor == standing(crowd) == 12 * 300


def test_fifty_attempts_of_one_step_consume_once(crowd: Database) -> None:
    mandate = a_mandate(cap_per_customer=usd(10_000))
    keep(crowd, mandate)
    assert together(50, lambda _: consume(crowd, mandate, 1)) == [True] * 50
    assert stored(crowd).spent_minor == standing(crowd) == 1000


def test_fifty_attempts_of_one_step_over_two_mandates_consume_one_of_them_once(crowd: Database) -> None:
    mandates = [a_mandate(document_id=digit * 32) for digit in "12"]
    for mandate in mandates:
        keep(crowd, mandate)
    cleared = together(50, lambda number: consume(crowd, mandates[number % 2], 1))
    assert sum(cleared) == 25
    spent = [stored(crowd, mandate.document_id).spent_minor for mandate in mandates]
    assert sorted(spent) == [0, 1000]


def test_releases_and_uses_at_once_leave_the_exact_sum(crowd: Database) -> None:
    mandate = a_mandate(budget=usd(25_000))
    keep(crowd, mandate)
    assert all(consume(crowd, mandate, number) for number in range(25))

    def act(number: int) -> bool:
        return release(crowd, number % 10) if number < 20 else consume(crowd, mandate, number + 100)

    done = together(50, act)
    assert sum(done[:20]) == 10, "each use is given back once, although two ask for it"
    assert sum(done[20:]) <= 10
    assert stored(crowd).spent_minor == standing(crowd) == 15_000 + 1000 * sum(done[20:])


def test_nothing_is_consumed_after_a_revocation_that_races_with_it(crowd: Database) -> None:
    mandate = a_mandate(budget=usd(1_000_000))
    keep(crowd, mandate)

    def act(number: int) -> bool:
        if number != 25:
            return consume(crowd, mandate, number)
        with crowd.transaction() as tx:
            return tx.mandates.revoke("demo", ID, by="hanna", at=NOW, reason="enough")

    done = together(50, act)
    assert done[25] is True
    assert stored(crowd).spent_minor == standing(crowd) == 1000 * (sum(done) - 1)
    assert consume(crowd, mandate, 99) is False


def test_what_a_retried_step_consumed_before_stands_even_when_the_budget_is_gone_since(database: Database) -> None:
    mandate = a_mandate(budget=usd(2000))
    keep(database, mandate)
    assert [consume(database, mandate, number) for number in (1, 2, 3)] == [True, True, False]
    assert consume(database, mandate, 1, now=NOW + timedelta(hours=1)) is True
    assert stored(database).spent_minor == 2000


def test_one_use_stands_for_one_amount_customer_and_mandate(database: Database) -> None:
    mandate, other = a_mandate(), a_mandate(document_id="2" * 32)
    keep(database, mandate)
    keep(database, other)
    assert consume(database, mandate, 1) is True
    assert consume(database, mandate, 1, 999) is False
    assert consume(database, mandate, 1, customer="C99999") is False
    assert consume(database, other, 1) is False
    assert (stored(database).spent_minor, stored(database, "2" * 32).spent_minor) == (1000, 0)


def test_a_released_use_is_given_back_once_and_never_taken_again(database: Database) -> None:
    mandate = a_mandate(budget=usd(2000))
    keep(database, mandate)
    consume(database, mandate, 1)
    assert [release(database, 1), release(database, 1)] == [True, False]
    assert release(database, 2) is False
    assert stored(database).spent_minor == 0
    assert consume(database, mandate, 1) is False
    assert [consume(database, mandate, number) for number in (2, 3)] == [True, True]


def test_the_cap_counts_the_period_back_from_now_and_forgets_what_was_released(database: Database) -> None:
    mandate = a_mandate(cap_per_customer=usd(2000), period_days=7)
    keep(database, mandate)
    days = [0, 3, 6]
    taken = [consume(database, mandate, day, customer="C1", now=NOW + timedelta(days=day)) for day in days]
    assert taken == [True, True, False]
    week = NOW + timedelta(days=7)
    assert consume(database, mandate, 7, customer="C1", now=week - timedelta(microseconds=1)) is False
    assert consume(database, mandate, 8, customer="C1", now=week) is True
    assert release(database, 3) is True
    assert consume(database, mandate, 9, customer="C1", now=week) is True
    assert consume(database, mandate, 10, 1, customer="C1", now=week) is False


def test_the_cap_is_each_mandates_own(database: Database) -> None:
    first, second = a_mandate(cap_per_customer=usd(1000)), a_mandate(document_id="2" * 32, cap_per_customer=usd(1000))
    keep(database, first)
    keep(database, second)
    assert consume(database, first, 1, customer="C1") is True
    assert consume(database, first, 2, customer="C1") is False
    assert consume(database, second, 2, customer="C1") is True


@pytest.mark.parametrize("amount", [0, -1])
def test_nothing_or_less_is_never_consumed(database: Database, amount: int) -> None:
    mandate = a_mandate()
    keep(database, mandate)
    assert consume(database, mandate, 1, amount) is False
    assert standing(database) == 0


def test_before_and_after_its_time_a_mandate_gives_nothing(database: Database) -> None:
    mandate = a_mandate(valid_from=NOW, valid_until=NOW + timedelta(hours=1))
    keep(database, mandate)
    assert consume(database, mandate, 1, now=NOW - timedelta(microseconds=1)) is False
    assert consume(database, mandate, 2, now=NOW + timedelta(hours=1)) is False
    assert consume(database, mandate, 3, now=NOW) is True


def test_a_row_whose_budget_was_raised_gives_no_more_than_was_signed(database: Database, database_url: str) -> None:
    mandate = a_mandate(budget=usd(2000))
    keep(database, mandate)
    disarm(database_url, "mandate")
    with outsider(database_url) as shell:
        shell("UPDATE mandate SET budget_minor = 1000000")
    same: dict[str, Any] = {
        "tenant": "demo",
        "mandate_id": ID,
        "proposal": PROPOSAL,
        "amount_minor": 1000,
        "used_at": NOW,
    }
    uses = [MandateUse(run_id=run(number), customer_id=f"C{number}", **same) for number in (1, 2, 3)]
    with database.transaction() as tx:
        assert [tx.mandates.consume(mandate, use) for use in uses] == [True, True, False]
    with pytest.raises(GovernanceError, match="was altered in the database"):
        consume(database, mandate, 4)
    with database.reading() as tx, pytest.raises(GovernanceError) as altered:
        tx.mandates.candidates("demo", "retention", NOW)
    assert altered.value.code == "mandate_altered"


def test_a_mandate_is_kept_once_and_read_back_exactly(database: Database) -> None:
    mandate = a_mandate(cohort=({"field": "contract", "op": "in", "value": ("one_year", "two_year")},))
    assert [keep(database, mandate), keep(database, a_mandate(budget=usd(9_999)))] == [True, False]
    assert stored(database) == MandateRecord(mandate=mandate, document="d" * 64, key_id="e" * 64, spent_minor=0)
    with database.reading() as tx:
        assert tx.mandates.get("other", ID) is None


def test_the_first_revocation_stands_and_a_revoked_mandate_comes_not_back(database: Database) -> None:
    mandate = a_mandate()
    keep(database, mandate)
    with database.transaction() as tx:
        assert tx.mandates.revoke("demo", ID, by="hanna", at=NOW, reason="enough") is True
        assert tx.mandates.revoke("demo", ID, by="olga", at=NOW + timedelta(days=1), reason="again") is False
        with pytest.raises(UsageError, match="see `placet mandate list`"):
            tx.mandates.revoke("other", ID, by="hanna", at=NOW, reason="")
    record = stored(database)
    assert (record.revoked_by, record.revoked_at, record.revoked_reason) == ("hanna", NOW, "enough")
    assert keep(database, mandate) is False
    assert consume(database, mandate, 1) is False


def test_what_was_taken_of_a_revoked_mandate_can_still_be_given_back(database: Database) -> None:
    mandate = a_mandate()
    keep(database, mandate)
    consume(database, mandate, 1)
    with database.transaction() as tx:
        tx.mandates.revoke("demo", ID, by="hanna", at=NOW, reason="")
    assert release(database, 1) is True
    assert stored(database).spent_minor == 0


def test_candidates_are_what_may_clear_something_now_in_the_order_of_their_signing(database: Database) -> None:
    def one(digit: str, **changes: Any) -> Mandate:
        mandate = a_mandate(document_id=digit * 32, signed_at=NOW - timedelta(minutes=int(digit, 16)), **changes)
        keep(database, mandate)
        return mandate

    one("1"), one("2", valid_until=NOW + timedelta(days=99)), one("3")
    one("4", agent="advance"), one("5", tenant="other"), one("6", valid_from=NOW + timedelta(seconds=1))
    one("7", valid_until=NOW), one("8")
    assert consume(database, one("9", budget=usd(1000), cap_per_customer=usd(1000)), 1) is True
    with database.transaction() as tx:
        tx.mandates.revoke("demo", "8" * 32, by="hanna", at=NOW, reason="")
    with database.reading() as tx:
        found = tx.mandates.candidates("demo", "retention", NOW)
        assert [record.mandate.document_id[0] for record in found] == ["3", "2", "1"]
        assert {record.mandate.document_id[0] for record in tx.mandates.list("demo")} == set("12346789")
        assert [record.mandate.document_id[0] for record in tx.mandates.list("demo", agent="advance")] == ["4"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE mandate SET budget_minor = 999999", "mandate keeps what it is about: UPDATE refused"),
        ("UPDATE mandate SET spent_minor = 10001", "ck_mandate_budget"),
        ("UPDATE mandate SET spent_minor = -1", "ck_mandate_budget"),
        ("UPDATE mandate SET revoked_at = NULL", "a revocation is final: UPDATE refused"),
        ("DELETE FROM mandate", "mandate keeps every row: DELETE refused"),
        ("UPDATE mandate_use SET amount_minor = 1", "mandate_use keeps what it is about: UPDATE refused"),
        ("UPDATE mandate_use SET released_at = NULL", "a closed mandate_use is final: UPDATE refused"),
        ("DELETE FROM mandate_use", "mandate_use keeps every row: DELETE refused"),
    ],
)
def test_no_statement_widens_a_mandate_or_undoes_a_use(
    database: Database, database_url: str, statement: str, words: str
) -> None:
    mandate = a_mandate()
    keep(database, mandate)
    consume(database, mandate, 1)
    if "released" in statement:
        release(database, 1)
    with database.transaction() as tx:
        tx.mandates.revoke("demo", ID, by="hanna", at=NOW, reason="")
    with outsider(database_url) as shell, pytest.raises(Exception, match=words):
        shell(statement)


class Budget(RuleBasedStateMachine):
    """Against a model that adds up by hand; time only goes forward."""

    serial = 0

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @initialize(budget=st.integers(500, 3000), cap=st.integers(1, 500), days=st.sampled_from([1, 7]))
    def sign(self, budget: int, cap: int, days: int) -> None:
        Budget.serial += 1
        self.mandate = a_mandate(
            document_id=f"{Budget.serial:032x}",
            budget=usd(budget),
            cap_per_customer=usd(cap),
            period_days=days,
        )
        keep(self.database, self.mandate)
        self.now, self.revoked = NOW, False
        self.taken: dict[int, tuple[str, int, datetime]] = {}
        self.released: set[int] = set()

    def alive(self) -> list[tuple[str, int, datetime]]:
        return [use for number, use in self.taken.items() if number not in self.released]

    @rule(
        number=st.integers(0, 9),
        customer=st.sampled_from(["C1", "C2"]),
        amount=st.integers(1, 600),
        hours=st.sampled_from([0, 1, 30]),
    )
    def use(self, number: int, customer: str, amount: int, hours: int) -> None:
        self.now += timedelta(hours=hours)
        key = Budget.serial * 100 + number
        if key in self.taken:
            expected = key not in self.released and self.taken[key][:2] == (customer, amount)
        else:
            since = self.now - timedelta(days=self.mandate.period_days)
            given = sum(minor for whose, minor, at in self.alive() if whose == customer and at > since)
            expected = (
                not self.revoked
                and self.now < self.mandate.valid_until
                and sum(minor for _, minor, _ in self.alive()) + amount <= self.mandate.budget.amount_minor
                and given + amount <= self.mandate.cap_per_customer.amount_minor
            )
            if expected:
                self.taken[key] = (customer, amount, self.now)
        assert consume(self.database, self.mandate, key, amount, customer=customer, now=self.now) is expected

    @rule(number=st.integers(0, 9))
    def give_back(self, number: int) -> None:
        key = Budget.serial * 100 + number
        expected = key in self.taken and key not in self.released
        self.released |= {key} if expected else set()
        assert release(self.database, key) is expected

    @rule()
    def withdraw(self) -> None:
        with self.database.transaction() as tx:
            first = tx.mandates.revoke("demo", self.mandate.document_id, by="hanna", at=self.now, reason="")
        assert first is not self.revoked
        self.revoked = True

    @invariant()
    def spent_is_the_sum_of_what_stands(self) -> None:
        alive = sum(minor for _, minor, _ in self.alive())
        mandate_id = self.mandate.document_id
        assert stored(self.database, mandate_id).spent_minor == standing(self.database, mandate_id) == alive


def test_no_order_of_uses_releases_and_revocations_breaks_budget_or_cap(database: Database) -> None:
    class OfThis(Budget):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(
        OfThis,
        settings=settings(max_examples=20, stateful_step_count=15, suppress_health_check=list(HealthCheck)),
    )
