"""Where a customer is in a journey is compared with the record by `audit verify`, row by row."""

import pytest
from sqlalchemy import text

from placet.contracts.audit import journey_stream
from placet.storage.projections.verification import verify_projections
from placet.storage.tables import JOURNEY
from tests.support.databases import disarm, outsider
from tests.support.strategies.published import ALSO_IN_BOTH, IN_BOTH, Shop
from tests.support.strategies.travelling import Trip, entered, with_steps

NAME = f"journey {IN_BOTH}/keep_at_risk: "


@pytest.fixture
def trip(shop: Shop) -> Trip:
    """Let one customer be told something and wait, and another enter."""
    begun = entered(shop)
    begun.treated()
    assert begun.look().phase == "waiting_for"
    shop.at_risk(ALSO_IN_BOTH)
    Trip(shop, begun.of, ALSO_IN_BOTH).enter()
    return begun


def change(trip: Trip, statement: str) -> None:
    with trip.shop.database.transaction() as tx:
        done = tx.connection.execute(text(statement), {"one": IN_BOTH})
        assert done.rowcount >= 1


def findings(trip: Trip) -> list[str]:
    """Return what `audit verify` finds of journeys."""
    with trip.shop.database.snapshot() as tx:
        return [str(one) for one in verify_projections(tx, "demo") if one.table == "journey"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE journey SET step = 'reward' WHERE customer_id = :one",
            "step is 'reward', the record says 'first_use'",
        ),
        ("UPDATE journey SET version = 'f' WHERE customer_id = :one", "version is 'f'"),
        ("UPDATE journey SET number = 2 WHERE customer_id = :one", "number is 2, the record says 1"),
        ("UPDATE journey SET entered_at = '2026-01-01 00:00:00' WHERE customer_id = :one", "entered_at is"),
        ("UPDATE journey SET step_since = '2026-01-01 00:00:00' WHERE customer_id = :one", "step_since is"),
        ("UPDATE journey SET signal_at = '2026-01-01 00:00:00' WHERE customer_id = :one", "signal_at is"),
        ("UPDATE journey SET told_at = NULL WHERE customer_id = :one", "told_at is None"),
        ("UPDATE journey SET told_at = '2026-01-01 00:00:00' WHERE customer_id = :one", "told_at is"),
        ("UPDATE journey SET converted_at = '2026-01-01 00:00:00' WHERE customer_id = :one", "converted_at is before"),
        ("UPDATE journey SET ended_at = '2026-01-01 00:00:00' WHERE customer_id = :one", "ended_at is"),
        ("UPDATE journey SET ended_code = 'exit' WHERE customer_id = :one", "ended_code is 'exit'"),
        ("UPDATE journey SET reason = 'bye' WHERE customer_id = :one", "reason is 'bye'"),
        ("UPDATE journey SET phase = 'over' WHERE customer_id = :one", "phase is 'over', the record says that it goes"),
        ("DELETE FROM journey WHERE customer_id = :one", "the row is gone"),
    ],
)
def test_a_row_that_is_not_what_the_record_led_to_is_found(trip: Trip, statement: str, said: str) -> None:
    assert findings(trip) == []
    change(trip, statement)
    found = findings(trip)
    assert found, "nothing was found"
    assert all(one.startswith(NAME) for one in found)
    assert any(said in one for one in found), found


def test_a_journey_that_was_added_is_found(trip: Trip) -> None:
    names = ", ".join(column.name for column in JOURNEY.columns if column.name not in ("tenant", "customer_id"))
    change(
        trip,
        f"INSERT INTO journey (tenant, customer_id, {names}) SELECT tenant, 'FORGED', {names} FROM journey "  # noqa: S608
        "WHERE customer_id = :one",
    )
    assert findings(trip) == ["journey FORGED/keep_at_risk: it was added: nothing on the record says that they entered"]


def test_a_record_that_is_taken_away_leaves_the_row(trip: Trip, database_url: str) -> None:
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run(f"DELETE FROM audit_event WHERE stream = '{journey_stream(trip.asked.workflow_id)}'")  # noqa: S608
    assert findings(trip) == [f"{NAME}it was added: nothing on the record says that they entered"]


def test_a_journey_that_ends_after_its_last_run_is_told_of_by_that_run(shop: Shop) -> None:
    of = with_steps(steps="steps:\n  - {step: only, treat: [small_credit]}\nrollout:\n")
    shop.publish(of)
    trip = Trip(shop, of)
    trip.enter()
    trip.treated()
    assert trip.look().phase == "over"
    assert trip.row().told_at is not None
    assert trip.entries()[-1].body["run"].startswith("run-")
    assert findings(trip) == []
    change(trip, "UPDATE journey SET told_at = NULL WHERE customer_id = :one")
    assert len(findings(trip)) == 1


def test_a_journey_that_is_entered_anew_is_compared_by_its_last_time(shop: Shop) -> None:
    trip = entered(shop)
    trip.treated()
    trip.look()
    newer = entered(shop, ("holdout: 20 %", "holdout: 19 %"))
    assert newer.row().number == 2
    assert findings(newer) == []


def test_many_journeys_are_read_a_page_at_a_time(shop: Shop) -> None:
    trip = entered(shop)
    others = [Trip(shop, trip.of, f"Y{number:03}") for number in range(401)]
    for one in others:
        one.enter()
    with shop.database.snapshot() as tx:
        assert [len(page) for page in tx.journeys.pages("demo")] == [200, 200, 2]
    assert findings(trip) == []
    change(trip, "DELETE FROM journey WHERE customer_id IN ('Y000', 'Y400') AND :one = :one")
    assert [one.partition("/")[0] for one in findings(trip)] == ["journey Y000", "journey Y400"]
