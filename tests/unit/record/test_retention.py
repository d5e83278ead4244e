"""Whatever runs there are, how they stand and what they share: nothing that one of them needs may go."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from placet.governance.retention import Choice, Named, Periods, Standing, documents_named, may_go
from tests.unit.support import NOW

DAYS = st.integers(min_value=0, max_value=200)
NAMED = st.lists(st.tuples(st.sampled_from([None, "evidence", "proposal"]), st.sampled_from("abcdef")), max_size=5)
STANDINGS = st.builds(
    Standing,
    over=st.booleans(),
    since=DAYS.map(lambda days: NOW - timedelta(days=days)),
    gave=st.booleans(),
    doubtful=st.booleans(),
    reversing=st.booleans(),
)
PERIODS = st.builds(
    Periods,
    classes=st.fixed_dictionaries({"evidence": st.none() | DAYS, "proposal": st.none() | DAYS}),
    given=DAYS,
)


@given(st.lists(st.tuples(NAMED, STANDINGS)), st.lists(NAMED), PERIODS)
def test_a_document_goes_exactly_when_every_run_that_names_it_may_lose_it(
    old: list[tuple[list[Named], Standing]], young: list[list[Named]], periods: Periods
) -> None:
    choice = Choice(periods, NOW)
    for named, standing in old:
        choice.tell(named, standing)
    for named in young:
        choice.tell_last(named)
    needed = {
        digest for named, standing in old for kind, digest in named if not may_go(standing, kind, periods, NOW)
    } | {digest for named in young for _, digest in named}
    assert set(choice.going) == {digest for named, _ in old for _, digest in named} - needed


@given(STANDINGS, PERIODS)
def test_a_run_keeps_everything_until_it_is_over_known_and_out_of_every_period(
    standing: Standing, periods: Periods
) -> None:
    for kind, days in periods.classes.items():
        if may_go(standing, kind, periods, NOW):
            assert standing.over
            assert not standing.doubtful
            assert not standing.reversing
            assert days is not None
            assert standing.since < NOW - timedelta(days=days)
            assert not standing.gave or standing.since < NOW - timedelta(days=periods.given)
    assert not may_go(standing, None, periods, NOW)


def test_signed_documents_are_of_no_class() -> None:
    assert list(documents_named("approve.decided", {"envelope": "e", "proposal": "p"})) == [(None, "e")]
    assert list(documents_named("approve.opened", {"proposal": "p"})) == []


def test_a_policy_that_a_run_was_asked_by_is_kept_whoever_else_said_the_same() -> None:
    assert list(documents_named("approve.opened", {"proposal": "p", "gate": {"policy_set": "s"}})) == [(None, "s")]
    decided = {"envelope": "e", "proposal": "p", "policy_set": "s"}
    assert list(documents_named("approve.decided", decided)) == [(None, "e"), (None, "s")]
