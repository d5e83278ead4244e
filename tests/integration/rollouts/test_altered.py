"""What somebody changes in the tables of a rollout reaches nobody, counts nowhere, and hides nothing."""

import hashlib

import pytest
from sqlalchemy import text

from placet.errors import UsageError
from placet.service.rollouts.showing import list_rollouts
from placet.storage.projections.verification import verify_projections
from placet.storage.strategies.rollouts import AlteredRollout, MemberRow
from tests.support.strategies.published import Shop
from tests.support.strategies.rolling import Rolling, crowd, everybody, started


@pytest.fixture
def rolling(crowded: Shop) -> Rolling:
    return started(crowded, everybody(("by_more_than: 0.5 points", "by_more_than: 60 points")))


def change(rolling: Rolling, statement: str) -> None:
    with rolling.shop.database.transaction() as tx:
        tx.connection.execute(text(statement))


def cut(rolling: Rolling, kind: str) -> None:
    """Take an entry from the record, as whoever owns the database can."""
    with rolling.shop.database.transaction() as tx:
        if tx.connection.dialect.name == "sqlite":
            tx.connection.execute(text("DROP TRIGGER audit_event_no_delete"))
        else:
            tx.connection.execute(text("ALTER TABLE audit_event DISABLE TRIGGER USER"))
        done = tx.connection.execute(text("DELETE FROM audit_event WHERE kind = :kind"), {"kind": kind})
        assert done.rowcount == 1


def findings(rolling: Rolling) -> list[str]:
    """Return what `audit verify` finds of rollouts."""
    with rolling.shop.database.snapshot() as tx:
        return [str(one) for one in verify_projections(tx, "demo") if one.table.startswith("rollout")]


def test_the_record_says_who_was_drawn_and_anybody_can_compute_it_again(rolling: Rolling) -> None:
    rolling.reach()
    entry = rolling.entry("rollout.drawn")
    assert entry is not None
    members = rolling.members()
    leaves = sorted(
        hashlib.sha256(
            f"placet-member/1\n{one.customer_id}\n{'control' if one.control else 'treated'}\n{one.bucket}".encode()
        ).digest()
        for one in members
    )
    assert entry.body["digest"] == hashlib.sha256(b"".join(leaves)).hexdigest()
    assert (entry.body["members"], entry.body["control"]) == (len(members), sum(one.control for one in members))
    assert findings(rolling) == []


def test_who_comes_into_the_cohort_later_is_drawn_by_an_entry_of_its_own(rolling: Rolling) -> None:
    rolling.reach()
    crowd(rolling.shop, ["Y0001", "Y0002"])
    rolling.take(rolling.signed(rolling.order("promote")))
    rolling.reach()
    entry = rolling.entry("rollout.drawn", 2)
    assert entry is not None
    assert (entry.body["members"], entry.body["stage"]) == (2, 1)
    assert findings(rolling) == []


def test_a_drawing_that_died_in_the_middle_is_done_again(rolling: Rolling) -> None:
    with rolling.shop.database.transaction() as tx:
        gone = MemberRow(customer_id="GONE", control=False, bucket=1, drawing=1)
        tx.rollouts.enrol("demo", rolling.asked.version, [gone], rolling.now)
    assert "GONE" not in rolling.reach()
    assert findings(rolling) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM rollout_member WHERE customer_id = 'X0007'",
        "UPDATE rollout_member SET control = 1 - control WHERE customer_id = 'X0007'",
        "UPDATE rollout_member SET bucket = 9999 - bucket WHERE customer_id = 'X0007'",
        "UPDATE rollout_member SET customer_id = 'X9999' WHERE customer_id = 'X0007'",
        "UPDATE rollout_member SET drawing = NULL WHERE customer_id = 'X0007'",
        "UPDATE rollout_member SET drawing = 2 WHERE customer_id = 'X0007'",
    ],
)
def test_members_who_are_not_those_on_the_record_are_no_data_and_found(rolling: Rolling, statement: str) -> None:
    rolling.reach()
    change(rolling, statement)
    verdict = rolling.look().looks[0].verdicts[0]
    assert (verdict.verdict, verdict.unknown.code if verdict.unknown else "") == ("no_data", "members_altered")
    assert len(findings(rolling)) >= 1
    assert rolling.look(days=20).asks is None, "nothing is asked for on them"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rollout SET looks = 0",
        "UPDATE rollout SET started_at = '2020-01-01 00:00:00'",
        "UPDATE rollout SET holds = 0",
        "DELETE FROM rollout",
        "UPDATE rollout SET version = 'f' || substr(version, 2, 63)",
    ],
)
def test_a_row_that_is_not_what_the_record_led_to_is_found(rolling: Rolling, statement: str) -> None:
    rolling.reach()
    rolling.look()
    rolling.stop("pause")
    assert findings(rolling) == []
    change(rolling, statement)
    assert len(findings(rolling)) >= 1


def test_one_row_that_cannot_be_read_hides_no_other(rolling: Rolling) -> None:
    other = started(rolling.shop, everybody(("name: keep_at_risk", "name: another")))
    with rolling.shop.database.transaction() as tx:
        tx.rollouts.put("demo", rolling.asked.version, asked="{}")
    found = list_rollouts(rolling.shop.database, "demo", rolling.policies)
    assert {one.version: isinstance(one, AlteredRollout) for one in found} == {
        rolling.asked.version: True,
        other.asked.version: False,
    }


@pytest.mark.parametrize(("how", "kind"), [("pause", "rollout.held"), ("abort", "rollout.ended")])
def test_an_entry_that_is_taken_away_lifts_no_hold(rolling: Rolling, how: str, kind: str) -> None:
    first = rolling.reach()
    assert len(first) > 0
    rolling.stop("pause" if how == "pause" else "abort")
    cut(rolling, kind)
    shown = rolling.shown()
    assert (shown.reached, "gone from its record" in shown.stands) == (0, True)
    assert rolling.stand().phase == "held"
    for action in ("promote", "resume"):
        with pytest.raises(UsageError, match="was altered"):
            rolling.order("promote" if action == "promote" else "resume")


def test_a_rollout_whose_row_is_gone_reaches_nobody(rolling: Rolling) -> None:
    rolling.reach()
    change(rolling, "DELETE FROM rollout")
    step = rolling.stand()
    assert (step.phase, step.reached) == ("closed", 0)
