"""Outcomes hold the truth of a simulation, are counted once, and can be derived again by whoever doubts them."""

from typing import Any

import pytest
from sqlalchemy import text

from placet.contracts.outcomes.figures import MILLION, Unknown
from placet.contracts.outcomes.uplift import Uplift, UpliftValue
from placet.errors import GovernanceError
from placet.service.outcomes.entering import Reach, entered_at, reached_by
from placet.service.state.erasing import erase_customer
from tests.integration.outcomes.trial import EVERYBODY, GAIN_MINOR, MEMBERS, Trial, event, found, group, habit, recharge
from tests.support.strategies.published import draw


def test_the_report_holds_the_truth(trial: Trial) -> None:
    trial.live()
    assert trial.count(32) == len(trial.entered()), "seven days are over, thirty are not"
    assert trial.count(40) == len(trial.entered())
    report = trial.report()
    spend = found(report, "spend")
    assert isinstance(spend, Uplift)
    assert spend.between.low <= GAIN_MINOR * MILLION <= spend.between.high
    assert spend.narrowing is not None
    assert spend.narrowing.used
    plain = spend.narrowing.plain_between
    assert (spend.between.high - spend.between.low) * 3 < plain.high - plain.low
    complaints = found(report, "complaints")
    assert isinstance(complaints, Uplift)
    assert complaints.between.low <= -0.2 * MILLION <= complaints.between.high
    assert complaints.certain
    every = group(report)
    assert (every.treated, every.control) == (
        sum(trial.treated(one) for one in trial.entered()),
        sum(not trial.treated(one) for one in trial.entered()),
    )
    assert every.sample.kind == "sample_ratio"
    assert every.sample.verdict == "as_planned"
    assert report.members == len(trial.entered())
    assert report.simulated == report.members
    assert report.not_known == ()


def test_money_is_margin_less_what_was_given(trial: Trial) -> None:
    trial.live()
    trial.count()
    every = group(trial.report())
    assert isinstance(every.value, UpliftValue)
    spend = found(trial.report(), "spend")
    assert every.value.gained.amount_minor == round(every.treated * spend.difference * 45 / 100 / MILLION)
    assert every.value.cost.amount_minor == 0


def test_the_primary_measure_stands_by_itself_and_others_are_adjusted(trial: Trial) -> None:
    trial.live()
    trial.count()
    report = trial.report()
    primary = [one for each in report.groups for one in each.measures if one.primary]
    assert [one.measure for one in primary] == ["churn"]
    known = [one for each in report.groups for one in each.measures if isinstance(one.found, Uplift)]
    assert report.comparisons == sum(not one.primary for one in known) > 10
    assert report.adjusted_bp > 9_950
    assert {each.kind for each in report.groups} == {"all", "arm", "segment"}


def test_arms_are_those_of_the_draw(trial: Trial) -> None:
    trial.live()
    trial.count()
    report = trial.report()
    both, small = group(report, "both"), group(report, "small")
    assert both.treated + small.treated == group(report).treated
    assert both.control == small.control == group(report).control


def test_nobody_is_counted_before_their_days_are_over(trial: Trial) -> None:
    trial.live()
    assert trial.count(9) == 0
    report = trial.report(7, later=9)
    assert (report.members, report.groups, report.waits) == (0, (), len(trial.entered()))
    assert report.first_due is not None


def test_who_is_reached_later_enters_later(trial: Trial) -> None:
    with trial.database.reading() as tx:
        members = {one.customer_id: one for one in tx.outcomes.members("demo", trial.rolling.asked.version, "", 5_000)}
    reaches = (Reach(trial.at(0), 6_000), Reach(trial.at(20), 10_000))
    early, late = trial.entered()[0], next(one for one in EVERYBODY if one not in trial.entered())
    at = {one: members[one].enrolled_at for one in (early, late)}
    assert entered_at(reaches, draw(trial.rolling.of, early).rollout_bucket, at[early]) == max(trial.at(0), at[early])
    assert entered_at(reaches, draw(trial.rolling.of, late).rollout_bucket, at[late]) == trial.at(20)
    assert reached_by(reaches, trial.at(19)) == 6_000


def test_counting_again_counts_nobody_twice(trial: Trial) -> None:
    trial.live()
    trial.count()
    report = trial.report()
    assert trial.count(41) == 0
    assert trial.report() == report


def test_what_arrives_later_changes_nothing(trial: Trial) -> None:
    trial.live()
    trial.count()
    report = trial.report()
    trial.take([recharge(one, trial.at(6), "late", 90_000) for one in MEMBERS[:400]], at=trial.at(45))
    assert trial.count(50) == 0
    assert trial.report() == report
    again = trial.verify()
    assert (again.faults, again.same) == ((), report.members)


def test_what_was_taken_back_did_not_happen(trial: Trial) -> None:
    one = next(one for one in trial.entered() if trial.treated(one))
    trial.live()
    corrected = {"source": "simulated", "id": f"after-{one}", "reason": "wrong"}
    trial.take([event(one, "event.corrected", trial.at(12), "back", corrected)], at=trial.at(12))
    trial.count()
    with trial.database.reading() as tx:
        rows = tx.outcomes.page("demo", trial.rolling.asked.version, 30, "", 5_000)
    row = next(row for row in rows if row.customer_id == one)
    assert row.after is not None
    assert row.before is not None
    assert (row.after.spend, row.before.spend) == (0, habit(one))


def test_an_erased_customer_is_not_known_and_proofs_still_verify(trial: Trial) -> None:
    trial.live()
    first, second = trial.entered()[:2]
    erase_customer(trial.database, "demo", first, by="dana", reason="asked", now=trial.at(11))
    trial.count()
    erase_customer(trial.database, "demo", second, by="dana", reason="asked", now=trial.at(41))
    report = trial.report(later=42)
    assert sum(one.treated + one.control for one in report.not_known if one.why == "erased") == 2
    assert group(report).treated + group(report).control == report.members - 2
    again = trial.verify()
    assert (again.faults, again.gone) == ((), 1)
    with trial.database.reading() as tx:
        kept = tx.outcomes.page("demo", trial.rolling.asked.version, 30, "", 5_000)
    assert all(row.after is None and row.segments is None for row in kept if row.customer_id in (first, second))


def test_events_that_retention_took_are_not_known_and_never_nothing(trial: Trial) -> None:
    from placet.service.state.current import age_out, fold_waiting

    trial.live()
    fold_waiting(trial.database, "demo", 5_000)
    age_out(trial.database, "demo", trial.at(6), 5_000)
    trial.count()
    report = trial.report()
    assert {one.why for one in report.not_known} == {"removed"}
    assert isinstance(found(report, "spend"), Unknown)


def test_a_look_reads_the_report_on_the_record(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.live()
    trial.count()
    report = trial.report()

    def never(*_: Any) -> Any:
        raise AssertionError("counted again")

    monkeypatch.setattr("placet.service.outcomes.reporting.report_of", never)
    assert trial.shown() == report


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE outcome SET spend = spend + 100000 WHERE customer_id IN (SELECT customer_id FROM outcome LIMIT 1)",
        "UPDATE outcome SET marks = 0",
        "DELETE FROM outcome WHERE customer_id IN (SELECT customer_id FROM outcome LIMIT 1)",
        "UPDATE outcome SET batch = 7",
        "UPDATE outcome SET unknown = 'gone', spend = NULL, marks = NULL WHERE marks = 64",
        "UPDATE outcome SET segments = 'gamers'",
    ],
)
def test_an_altered_outcome_is_shown_to_nobody_and_found(trial: Trial, change: str) -> None:
    trial.live()
    trial.count()
    with trial.database.transaction() as tx:
        tx.connection.execute(text(change))
    with pytest.raises(GovernanceError) as refused:
        trial.report()
    assert refused.value.code == "outcomes_altered"
    assert trial.verify().faults


def test_an_altered_row_with_a_new_seal_is_found_too(trial: Trial) -> None:
    from placet.decisioning.windows.sealing import seal_of

    trial.live()
    trial.count()
    version = trial.rolling.asked.version
    with trial.database.transaction() as tx:
        row = tx.outcomes.page("demo", version, 30, "", 1)[0]
        assert row.after is not None
        bent = row.model_copy(update={"after": row.after.model_copy(update={"spend": 1})})
        tx.connection.execute(
            text("UPDATE outcome SET spend = 1, seal = :seal WHERE customer_id = :customer AND days = 30"),
            {"seal": seal_of(version, bent), "customer": row.customer_id},
        )
    with pytest.raises(GovernanceError, match="batch 1"):
        trial.report()


def test_altered_members_move_nobody_to_the_other_group_and_are_found(trial: Trial) -> None:
    trial.live()
    trial.count()
    before = trial.report()
    with trial.database.transaction() as tx:
        tx.connection.execute(text("UPDATE rollout_member SET control = 1 - control"))
    after = trial.report()
    assert after.groups == before.groups
    with trial.database.transaction() as tx:
        tx.connection.execute(text("DELETE FROM rollout_member WHERE customer_id = 'S00001'"))
    assert any("the record has" in one for one in trial.verify().faults)


def test_a_member_whose_time_was_altered_is_not_counted(trial: Trial) -> None:
    trial.live()
    one = trial.entered()[0]
    with trial.database.transaction() as tx:
        tx.connection.execute(
            text("UPDATE rollout_member SET enrolled_at = :at WHERE customer_id = :customer"),
            {"at": _stored(trial, 3, tx.connection.dialect.name), "customer": one},
        )
    trial.count()
    assert {each.why for each in trial.report().not_known} == {"altered"}
    assert any(f"member {one} was altered" in each for each in trial.verify().faults)


def _stored(trial: Trial, days: float, dialect: str) -> Any:
    at = trial.at(days)
    return at.replace(tzinfo=None).isoformat(" ") if dialect == "sqlite" else at


def test_altered_events_are_found(trial: Trial) -> None:
    trial.live()
    trial.count()
    one = trial.entered()[0]
    with trial.database.transaction() as tx:
        tx.connection.execute(
            text("UPDATE customer_event SET content = replace(content, 'USD', 'EUR') WHERE event_id = :event"),
            {"event": f"after-{one}"},
        )
    assert [each for each in trial.verify().faults if one in each]


def test_what_a_wrong_clock_counted_is_not_believed_yet(trial: Trial) -> None:
    trial.live()
    trial.count(400)
    with pytest.raises(GovernanceError, match="still to come"):
        trial.report(later=41)


def test_groups_that_are_not_as_planned_have_no_uplift(trial: Trial) -> None:
    trial.live()
    with trial.database.transaction() as tx:
        tx.connection.execute(text("DELETE FROM rollout_member WHERE control = 1 AND customer_id > 'S00400'"))
    trial.count()
    spend = found(trial.report(), "spend")
    assert isinstance(spend, Unknown)
    assert spend.code in ("sample_ratio_mismatch", "too_few")
    assert group(trial.report()).sample.kind == "sample_ratio"
