"""Two versions in words: each change is told, nothing else, and what it means for who is in the strategy already."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.reading import read_strategy
from placet.decisioning.strategies.telling import told
from placet.governance.signing.canonical import digest
from placet.service.strategies.checking import compare
from tests.unit.strategies.texts import SOUND, edited

EDITS = (
    ("20.00 USD", "20.50 USD"),
    ("holdout: 10 %", "holdout: 12 %"),
    ("title: Saver plan", "title: Save"),
    ("says: We would like to keep you.", "says: Please stay with us."),
    ("hold_days: 14", "hold_days: 15"),
    ("chance: 4.5 %", "chance: 5 %"),
    ("quiet_hours: 21:00", "quiet_hours: 22:00"),
    ("[sms, push, agent]", "[sms, push]"),
    ("name: money, share: 50 %", "name: cash, share: 50 %"),
    ("per_hour: 500", "per_hour: 400"),
    ("then: stop}", "then: stop_and_reverse}"),
    ("code: disputes", "code: disputed"),
    ("America/Chicago", "America/Denver"),
    ("horizon_months: 12", "horizon_months: 6"),
    ("last: 2027-02-28", "last: 2027-03-01"),
    ("within_days: 90", "within_days: 30"),
    ("costs: 12.00 USD", "costs: 12.01 USD"),
    ("tenure_days >= 90\n", "tenure_days >= 91\n"),
)


def _sound(text: str) -> Strategy:
    strategy = read_strategy(text).strategy
    assert strategy is not None, read_strategy(text).findings
    return strategy


def test_each_line_is_called_by_one_key() -> None:
    keys = [line.key for line in told(_sound(SOUND))]
    assert len(keys) == len(set(keys))


def test_the_same_has_no_changes() -> None:
    found = compare(_sound(SOUND), _sound("# again\n" + SOUND))
    assert (found.before, found.changes, found.consequences) == (found.after, (), ())


@given(st.sets(st.sampled_from(EDITS), min_size=1, max_size=6))
def test_every_change_is_told_and_turned_round_it_is_the_same_change(edits: set[tuple[str, str]]) -> None:
    before, after = _sound(SOUND), _sound(edited(*edits))
    forth, back = compare(before, after), compare(after, before)
    assert forth.before != forth.after
    assert len(forth.changes) >= 1
    assert {frozenset((one.before, one.after)) for one in forth.changes} == {
        frozenset((one.before, one.after)) for one in back.changes
    }


@pytest.mark.parametrize("edit", EDITS, ids=[edit[1].strip() for edit in EDITS])
def test_no_part_of_a_strategy_changes_unseen(edit: tuple[str, str]) -> None:
    found = compare(_sound(SOUND), _sound(edited(edit)))
    assert found.changes
    assert all(one.before != one.after for one in found.changes)


def test_a_change_says_what_was_and_what_is() -> None:
    (change,) = compare(_sound(SOUND), _sound(edited(("at_most: 20.00 USD", "at_most: 25.00 USD")))).changes
    said = "puts 20 % of what they spend in a month on their balance, at most {}, in steps of 0.50 USD"
    assert (change.group, change.heading) == ("Loyalty credit", "gives")
    assert (change.before, change.after) == (said.format("20.00 USD"), said.format("25.00 USD"))


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ((("holdout: 10 %", "holdout: 20 %"),), "the control group grows"),
        ((("holdout: 10 %", "holdout: 5 %"),), "the control group shrinks"),
        ((("name: keep_at_risk", "name: keep_them"),), "two strategies"),
        ((("tenure_days >= 90\n", "tenure_days >= 60\n"),), "the cohort differs"),
        ((("stages: [10 %, ", "stages: [5 %, "),), "the first stage shrinks, from 10 % to 5 %: some whom it had"),
        ((("stages: [10 %, ", "stages: [20 %, "),), "the first stage grows, from 10 % to 20 %"),
        ((("America/Chicago", "America/Denver"),), "the time zone differs: quiet hours, and the first and the last"),
        ((("total: 5000.00", "total: 4000.00"),), "the budget shrinks, from 5000.00 USD to 4000.00 USD"),
        ((("total: 5000.00", "total: 6000.00"),), "the budget grows, from 5000.00 USD to 6000.00 USD"),
        ((("per_customer: 40.00", "per_customer: 35.00"),), "one customer may get less, 35.00 USD and no longer 40.00"),
        ((("USD, period_days: 90", "USD, period_days: 30"),), "may get counts 30 days and no longer 90"),
        ((("money, share: 50 %", "money, share: 40 %"), ("either, share: 50 %", "either, share: 60 %")), "the arms"),
    ],
)  # fmt: skip
def test_what_it_means_for_who_is_in_it_is_told(edits: tuple[tuple[str, str], ...], said: str) -> None:
    found = compare(_sound(SOUND), _sound(edited(*edits)))
    assert [said in one for one in found.consequences] == [True]
    assert digest(_sound(SOUND)) == found.before
