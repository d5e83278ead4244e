"""The inbox hides nothing that waits: complete counts, soonest first, pages without gaps, damage in its own row."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from placet.contracts.money import Money
from placet.contracts.people.batch import MOST_IN_BATCH
from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunState
from placet.contracts.times import rfc3339
from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.cli.app import run as placet
from placet.interfaces.cli.running.inbox import document
from placet.service.deciding.batch_choice import BatchLimits, prepare_batch
from placet.service.documents.halts import place_halt
from placet.service.inbox import InboxPage, inbox_mark, parse_filter, read_inbox
from placet.storage.database import Database
from placet.storage.records import Asked
from tests.support.enrolment import enroll, trusted
from tests.support.requested import request_run
from tests.unit.support import NOW, a_gate, a_key, a_proposal, a_request

TENANT = "demo"


def run_id(number: int) -> str:
    return f"run-{number:020x}"


def wait(database: Database, number: int, *, state: RunState = "awaiting_decision", **changes: Any) -> Proposal:
    """Put run `number` before a gate that closes the later, the lower its number."""
    request = a_request().model_copy(
        update={"run_id": run_id(number), "key": f"k{number}", "customer_id": changes.get("customer_id", "C00001")}
    )
    fields = {name: value for name, value in changes.items() if name != "roles"}
    proposal = a_proposal(minor=100 * number).model_copy(update={"run_id": run_id(number), **fields})
    gate = a_gate().model_copy(
        update={"expires_at": NOW + timedelta(hours=1000 - number), "roles": changes.get("roles", ("retention_lead",))}
    )
    with database.transaction() as tx:
        request_run(tx, request)
        digest = tx.artifacts.put_model(TENANT, proposal)
        tx.runs.set_state(run_id(number), state, at=NOW, proposal=digest, asked=Asked.of(gate, proposal))
        for kind in ("propose.completed", "approve.opened"):
            tx.audit.append(
                stream=run_id(number),
                tenant=TENANT,
                run_id=run_id(number),
                kind=kind,
                actor="policy",
                step_key=kind,
                at=NOW,
                body={"proposal": digest, "gate": gate.model_dump(mode="json")},
            )
    return proposal


def inbox(database: Database, limit: int = 50, after: str | None = None, **wanted: Any) -> InboxPage:
    return read_inbox(database, TENANT, parse_filter(wanted), NOW, limit=limit, after=after)


def numbers(page: InboxPage) -> list[int]:
    return [int(row.record.run_id[4:], 16) for row in page.rows]


def erase(database: Database, table: str, statement: str) -> None:
    """Do what somebody with the database's password could."""
    with create_engine(database._url).begin() as connection:
        for name in ("_no_update", "_no_delete"):
            if database._engine.dialect.name == "sqlite":
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}{name}"))
            else:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}{name} ON {table}"))
        connection.execute(text(statement))


def test_what_closes_first_comes_first_and_every_page_says_how_many_there_are(database: Database) -> None:
    for number in range(1, 13):
        wait(database, number)
    wait(database, 13, state="executing")
    wait(database, 14, state="unknown_outcome")
    seen: list[int] = []
    page = inbox(database, limit=5)
    while True:
        assert page.total == 13
        assert not [row.fault for row in page.rows if row.fault]
        seen += numbers(page)
        if page.next is None:
            break
        page = inbox(database, limit=5, after=page.next)
    assert seen == [14, *range(12, 0, -1)]
    assert document(page.rows[0])["expires_at"] == rfc3339(NOW + timedelta(hours=1000 - numbers(page)[0]))
    assert read_inbox(database, "other", parse_filter({}), NOW).total == 0
    with pytest.raises(UsageError):
        inbox(database, after=run_id(99))


def test_each_filter_is_asked_of_the_database(database: Database) -> None:
    wait(database, 1, customer_id="C00007")
    wait(database, 2, treatment="loyalty_bonus")
    wait(database, 3, roles=("finance", "retention_lead"))
    wait(database, 4, roles=("retention_lead_x",))
    wait(database, 5, agent="advance", cost=Money(amount_minor=500, currency="EUR"))
    usd = Money(amount_minor=200, currency="USD")
    asked: list[tuple[dict[str, Any], list[int]]] = [
        ({"customer_id": "C00007"}, [1]),
        ({"treatments": ("loyalty_bonus",)}, [2]),
        ({"roles": ("finance",)}, [3]),
        ({"roles": ("retention_lead",)}, [5, 3, 2, 1]),
        ({"roles": ()}, []),
        ({"kinds": ("order_product",)}, []),
        ({"cost_at_most": usd}, [2, 1]),
        ({"cost_at_least": usd}, [4, 3, 2]),
        ({"cost_at_least": Money(amount_minor=1, currency="EUR")}, [5]),
        ({"decider": "olga", "roles": ("retention_lead",)}, []),
    ]
    for wanted, expected in asked:
        page = inbox(database, **wanted)
        assert (numbers(page), page.total) == (expected, len(expected)), wanted


def test_an_escalated_role_is_asked_from_its_time_on(database: Database) -> None:
    gate = a_gate().model_copy(update={"escalate_to": "boss", "escalate_at": NOW + timedelta(minutes=1)})
    proposal = wait(database, 1)
    with database.transaction() as tx:
        tx.runs.set_state(run_id(1), "awaiting_decision", at=NOW, asked=Asked.of(gate, proposal))
    wanted = parse_filter({"roles": ("boss",)})
    assert read_inbox(database, TENANT, wanted, NOW).total == 0
    assert read_inbox(database, TENANT, wanted, NOW + timedelta(minutes=1)).total == 1


def test_what_a_person_may_answer_is_what_their_roles_are_asked(database: Database, tmp_path: Path) -> None:
    wait(database, 1)
    wait(database, 2, roles=("finance",))
    enroll(database, a_key("anna")[1], trusted(database, tmp_path))
    assert numbers(inbox(database, decider="anna")) == [1]
    with pytest.raises(UsageError, match="nobody is enrolled as 'carl'"):
        inbox(database, decider="carl")


def test_one_damaged_proposal_is_shown_as_damaged_and_hides_no_other(database: Database) -> None:
    digests = []
    for number in (1, 2, 3, 4):
        wait(database, number)
        with database.reading() as tx:
            record = tx.runs.get(run_id(number))
        assert record is not None
        digests.append(record.proposal)
    erase(database, "artifact", f"DELETE FROM artifact WHERE digest = '{digests[1]}'")  # noqa: S608
    erase(database, "run", f"UPDATE run SET cost_minor = 1 WHERE run_id = '{run_id(3)}'")  # noqa: S608
    erase(database, "run", f"UPDATE run SET treatment = NULL WHERE run_id = '{run_id(4)}'")  # noqa: S608
    page = inbox(database)
    assert numbers(page) == [4, 3, 2, 1]
    faults = [row.fault for row in page.rows]
    assert faults[0] == faults[3] == ""
    assert faults[1] == "the list says otherwise than the record; run `placet audit verify`"
    assert faults[2].startswith("it cannot be read: artifact")
    assert numbers(inbox(database, treatments=("loyalty_bonus",))) == [4]
    batch = prepare_batch(database, TENANT, "approve", BatchLimits())
    assert sorted(one.record.run_id for one in batch.choices) == [run_id(1), run_id(3), run_id(4)]
    assert [left for left, _ in batch.left_out] == [run_id(2)]


def test_a_choice_that_a_halt_leaves_empty_names_the_halt(database: Database) -> None:
    wait(database, 1)
    halt, _ = place_halt(
        database, tenant=TENANT, scope="tenant", subject="", by="otto", reason="prices", agents=("retention",)
    )
    stopped = f"nothing to approve: 1 wait; {run_id(1)}: {halt.halt_id} by otto is in force"
    with pytest.raises(UsageError, match=stopped):
        prepare_batch(database, TENANT, "approve", BatchLimits())
    rejected = prepare_batch(database, TENANT, "reject", BatchLimits())
    assert [one.record.run_id for one in rejected.choices] == [run_id(1)]
    with pytest.raises(UsageError, match="nothing to reject: 1 wait, none within the limits"):
        prepare_batch(database, TENANT, "reject", BatchLimits(agent="advance"))


def test_what_is_answered_leaves_the_inbox_and_every_batch_and_comes_back_when_an_approval_lapses(
    database: Database,
) -> None:
    for number in (1, 2):
        wait(database, number)
    with database.transaction() as tx:
        tx.runs.set_state(run_id(2), "awaiting_decision", at=NOW, answered=True)
    assert numbers(inbox(database)) == [1]
    batch = prepare_batch(database, TENANT, "approve", BatchLimits())
    assert [one.record.run_id for one in batch.choices] == [run_id(1)]
    with database.transaction() as tx:
        tx.runs.reopen(run_id(2))
    assert numbers(inbox(database)) == [2, 1]


def test_a_row_that_says_another_customer_than_the_record_is_shown_as_damaged(database: Database) -> None:
    wait(database, 1)
    erase(database, "run", "UPDATE run SET customer_id = 'C77777'")
    (row,) = inbox(database).rows
    assert row.asked is None
    assert row.fault.endswith("says customer “C77777”, its record “C00001”: somebody changed the database")


def test_an_approval_that_only_a_row_says_is_not_counted(database: Database) -> None:
    proposal = wait(database, 1)
    said = AcceptedDecision(
        decision_id="d" * 32,
        proposal=digest(proposal),
        verdict="approve",
        approver="mallory",
        key_id="a" * 64,
        roles=("retention_lead",),
        reason="",
        decided_at=NOW,
        envelope_digest="b" * 64,
    )
    with database.transaction() as tx:
        assert tx.decisions.use(said, tenant=TENANT, run_id=run_id(1), place=1)
    (row,) = inbox(database).rows
    assert row.asked is not None
    assert row.asked.approvals == 0


def test_the_command_says_that_there_are_more(database: Database) -> None:
    assert MOST_IN_BATCH > 3
    for number in (1, 2, 3):
        wait(database, number)
    tools: Any = SimpleNamespace(tenant=TENANT, database=lambda: database)

    def command(*arguments: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            assert placet(("inbox", *arguments), tools) == 0
        return out.getvalue(), err.getvalue()

    out, err = command("--limit", "2", "--json")
    rows = json.loads(out)
    assert [row["run_id"] for row in rows] == [run_id(3), run_id(2)]
    assert err == f"showing 2 of 3; go on with --after {run_id(2)}\n"
    out, err = command("--limit", "2", "--after", run_id(2))
    assert out.startswith(f"{run_id(1)}  awaiting_decision  requested by olga\n")
    assert err == "showing the last 1 of 3\n"
    assert command("--max-cost", "1.00 USD") == command("--customer", "C00001", "--max-cost", "1.50 USD")


def money(database: Database, limit: int = 50, after: str | None = None) -> InboxPage:
    return read_inbox(database, TENANT, parse_filter({}), NOW, limit=limit, after=after, order="largest")


def test_what_is_about_most_money_comes_first_whichever_way_it_goes(database: Database) -> None:
    for number in (3, 1, 2):
        wait(database, number)
    wait(database, 4, cost=Money(amount_minor=-900, currency="USD"))
    wait(database, 5, cost=Money(amount_minor=100_000, currency="AED"))
    seen: list[int] = []
    page = money(database, limit=2)
    while page.next is not None:
        assert page.total == 5
        seen += numbers(page)
        page = money(database, limit=2, after=page.next)
    # Amounts of one currency stand together: nothing compares those of two.
    assert [*seen, *numbers(page)] == [5, 4, 3, 2, 1]


def test_a_page_of_money_goes_on_where_it_ended_though_that_run_was_changed_since(database: Database) -> None:
    for number in range(1, 7):
        wait(database, number)
    page = money(database, limit=2)
    assert numbers(page) == [6, 5]
    # Its last run is amended to the smallest amount of all: the next page must not begin there.
    proposal = a_proposal(minor=1).model_copy(update={"run_id": run_id(5)})
    with database.transaction() as tx:
        tx.runs.note_asked(run_id(5), Asked.of(a_gate(), proposal))
    assert numbers(money(database, limit=2, after=page.next)) == [4, 3]


def test_a_run_whose_amount_is_not_known_hides_from_no_order(database: Database) -> None:
    for number in (1, 2):
        wait(database, number)
    erase(database, "run", "UPDATE run SET cost_minor = NULL, cost_currency = NULL WHERE cost_minor = 100")
    assert numbers(money(database)) == [1, 2]
    page = money(database, limit=1)
    assert numbers(money(database, limit=1, after=page.next)) == [2]


@pytest.mark.parametrize("after", ["", "x", run_id(1), "USD:1:run-1", f"USD:x:{run_id(1)}", f"usd:-1:{run_id(1)}"])
def test_what_ended_no_page_of_money_is_refused(database: Database, after: str) -> None:
    with pytest.raises(UsageError) as refused:
        money(database, after=after)
    assert refused.value.code == "unknown_cursor"


def test_the_mark_of_a_list_changes_with_it_and_with_nothing_else(database: Database) -> None:
    wait(database, 1)
    wait(database, 2, customer_id="C00009")
    everything, other = parse_filter({}), parse_filter({"customer_id": "C00009"})
    marks = [inbox_mark(database, TENANT, wanted, NOW) for wanted in (everything, other)]
    assert marks[0] == inbox(database, limit=1).mark == money(database).mark
    with database.transaction() as tx:
        tx.runs.set_state(run_id(1), "awaiting_decision", at=NOW + timedelta(seconds=1))
    assert inbox_mark(database, TENANT, everything, NOW) != marks[0]
    assert inbox_mark(database, TENANT, other, NOW) == marks[1]
    with database.transaction() as tx:
        tx.runs.set_state(run_id(2), "rejected", at=NOW)
    assert inbox_mark(database, TENANT, other, NOW) == "0.0"
