"""Who comes into a strategy as something happens is named on the record, and `audit verify` names whoever differs."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from placet.contracts.audit import coming_stream
from placet.interfaces.record_words import in_words
from placet.storage.projections.verification import verify_projections
from placet.storage.strategies.coming import Comer
from tests.support.databases import disarm, outsider
from tests.support.strategies.published import Shop, draw
from tests.support.strategies.rolling import CROWD, Rolling, coming, crowd, started

FEW = CROWD[:60]
ONE = next(one for one in FEW if draw(coming(), one).treated_at(6_000))


@pytest.fixture
def rolling(shop: Shop) -> Rolling:
    begun = started(shop, coming())
    begun.follow()
    crowd(shop, FEW[:40])
    begun.follow()
    crowd(shop, FEW)
    begun.follow()
    return begun


def change(rolling: Rolling, statement: str) -> None:
    with rolling.shop.database.transaction() as tx:
        done = tx.connection.execute(text(statement), {"one": ONE, "version": rolling.asked.version})
        assert done.rowcount >= 1


def findings(rolling: Rolling) -> list[str]:
    """Return what `audit verify` finds of rollouts."""
    with rolling.shop.database.snapshot() as tx:
        return [str(one) for one in verify_projections(tx, "demo") if one.table.startswith("rollout")]


def test_each_round_is_one_entry_that_names_whom_it_took_down(rolling: Rolling) -> None:
    with rolling.shop.database.reading() as tx:
        entries = tx.audit.read(coming_stream("demo", rolling.asked.version))
    named = [one for entry in entries for one in entry.body["came"]]
    rows = {one.customer_id: one for one in rolling.members()}
    assert len(entries) == 3, "who was known from before, and two rounds"
    assert {one["customer_id"]: (one["control"], one["bucket"]) for one in named} == {
        one: (row.control, row.bucket) for one, row in rows.items()
    }
    assert len(named) == len(rows) > 30
    assert f"{entries[1].body['members']} customers came in" in in_words(entries[1])
    assert findings(rolling) == []


def test_a_customer_whose_id_an_earlier_round_has_is_named_once(rolling: Rolling) -> None:
    crowd(rolling.shop, FEW)
    rolling.follow()
    with rolling.shop.database.reading() as tx:
        assert len(tx.audit.read(coming_stream("demo", rolling.asked.version))) == 3


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM rollout_member WHERE customer_id = :one", "it is gone"),
        ("UPDATE rollout_member SET control = 1 - control WHERE customer_id = :one", "control is 1, the record says 0"),
        ("UPDATE rollout_member SET bucket = 9999 - bucket WHERE customer_id = :one", "bucket is"),
        ("UPDATE rollout_member SET signal_at = enrolled_at WHERE customer_id = :one", "signal_at is"),
        ("UPDATE rollout_member SET signal_at = NULL WHERE customer_id = :one", "signal_at is None"),
        ("UPDATE rollout_member SET enrolled_at = signal_at WHERE customer_id = :one", "enrolled_at is"),
        ("UPDATE rollout_member SET passed_over = 'nobody' WHERE customer_id = :one", "passed_over is 'nobody'"),
        ("UPDATE rollout_member SET came = 1 WHERE customer_id = :one", "it was added: entry 1 does not name them"),
        ("UPDATE rollout_member SET came = 99 WHERE customer_id = :one", "it was added: no entry says"),
        ("UPDATE rollout_member SET came = NULL WHERE customer_id = :one", "it was added: no entry says"),
    ],
)
def test_a_row_that_is_not_what_the_record_says_is_found_by_name(rolling: Rolling, statement: str, said: str) -> None:
    change(rolling, statement)
    found = findings(rolling)
    assert [one for one in found if ONE in one and said in one], found
    assert [one for one in found if ONE not in one] == [], "nobody else is named"


def test_somebody_who_was_added_is_found_whatever_entry_their_row_names(rolling: Rolling) -> None:
    forged = Comer(version=rolling.asked.version, customer_id="FORGED", control=False, bucket=0, signal_at=rolling.now)
    with rolling.shop.database.transaction() as tx:
        tx.coming.enter("demo", forged, rolling.now - timedelta(days=1))
    assert findings(rolling) == [
        f"rollout_member {rolling.asked.version}/FORGED: it was added: no entry says that they came in"
    ]
    change(rolling, "UPDATE rollout_member SET came = 2 WHERE customer_id = 'FORGED'")
    assert findings(rolling) == [
        f"rollout_member {rolling.asked.version}/FORGED: it was added: entry 2 does not name them"
    ]


def test_an_entry_that_is_taken_away_leaves_those_whom_it_named(rolling: Rolling, database_url: str) -> None:
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run("DELETE FROM audit_event WHERE stream LIKE 'coming/%' AND seq = 3")
    found = findings(rolling)
    assert 0 < len(found) <= 20
    assert all("no entry says that they came in" in one for one in found)


def test_a_rollout_that_is_said_to_be_in_stages_hides_nobody(rolling: Rolling) -> None:
    change(rolling, "UPDATE rollout SET coming = 0 WHERE version = :version")
    change(rolling, "DELETE FROM rollout_member WHERE customer_id = :one")
    found = findings(rolling)
    assert any("coming is 0, the record says 1" in one for one in found)
    assert any(ONE in one and "it is gone" in one for one in found)


def test_who_was_passed_over_by_the_record_is_so_by_the_row(rolling: Rolling) -> None:
    held = next(one.customer_id for one in rolling.members() if one.control)
    change(rolling, "UPDATE rollout_member SET control = 0 WHERE control = 1")
    rolling.reach()
    change(rolling, "UPDATE rollout_member SET passed_over = NULL WHERE passed_over IS NOT NULL")
    found = [one for one in findings(rolling) if f"/{held}:" in one]
    assert [one for one in found if "passed_over is None, the record says 'not_drawn'" in one], found
