"""Two strategies that take customers as they come fight for one: one treats them, and the record says why not both.

The tenant's contact policy is not asked here: it may permit both.
"""

from datetime import UTC, datetime

import pytest

from placet.contracts.run import RunRequest, RunState
from placet.decisioning.next_best_action.hurdles import INBOUND
from placet.interfaces.record_words import in_words
from placet.service.runs import record_requests
from tests.support.strategies.published import Shop, draw
from tests.support.strategies.rolling import CROWD, Rolling, coming, started

MINE = f"run-{'0' * 20}"
SMALL, LARGE = "small_fight", "large_fight"


def named(name: str) -> tuple[str, str]:
    return "name: keep_at_risk", f"name: {name}"


def sells(chance: str) -> tuple[tuple[str, str], ...]:
    """Let both treatments be worth something without a score of who leaves."""
    sold = f"value: {{of: taking_up, chance: {chance}, worth: 40.00 USD, months: 12}}"
    return ("value: {of: staying, removes: 15 %}", sold), ("value: {of: staying, removes: 10 %}", sold)


@pytest.fixture
def small(shop: Shop) -> Rolling:
    return started(shop, coming(*sells("5 %"), named(SMALL)))


@pytest.fixture
def large(shop: Shop) -> Rolling:
    return started(shop, coming(*sells("50 %"), named(LARGE)))


def both(*rollings: Rolling, many: int = 3) -> list[str]:
    """Return customers whom each would treat."""
    return [one for one in CROWD if all(draw(it.of, one).treated_at(6_000) for it in rollings)][:many]


def begun(rolling: Rolling) -> dict[str, str]:
    """Start the runs that are next and leave them under way; returns the run of each of the crowd."""
    requests = [one for one in rolling.steps.batch(rolling.asked) if isinstance(one, RunRequest)]
    rolling.steps.note(rolling.asked, requests)
    return {one.customer_id: one.run_id for one in requests if one.customer_id in CROWD}


def ended(rolling: Rolling, runs: dict[str, str], state: RunState) -> None:
    for run_id in runs.values():
        rolling.end(run_id, state)


def passed_over(rolling: Rolling) -> dict[str, dict[str, object]]:
    """Return who was passed over in a strategy, with what the record says."""
    with rolling.shop.database.reading() as tx:
        entries = [one for one in tx.audit.read("tenant/demo") if one.kind == "rollout.passed_over"]
    mine = [one.body for one in entries if one.body["strategy"] == rolling.of.name]
    return {str(one["customer_id"]): one for one in mine if one["customer_id"] in CROWD}


def test_the_lesser_strategy_whose_turn_comes_later_ends_it_with_who_treated_the_customer(
    small: Rolling, large: Rolling
) -> None:
    them = both(small, large)
    small.shop.at_risk(*them)
    small.follow()
    runs = begun(large)
    assert set(runs) == set(them)
    assert begun(small) == {}, "what becomes of the better one is not known yet"
    assert small.stand().phase == "watching", "nothing is to be done for them now"
    ended(large, runs, "executed")
    assert small.stand().phase == "reaching"
    assert begun(small) == {}
    found = passed_over(small)
    assert {one: (it["why"], it["by_name"], it["by_run"]) for one, it in found.items()} == {
        one: ("treated", LARGE, runs[one]) for one in them
    }
    with small.shop.database.reading() as tx:
        (entry, *_) = [one for one in tx.audit.read("tenant/demo") if one.kind == "rollout.passed_over"]
    assert f"they were treated by strategy {LARGE} (run run-" in in_words(entry)
    assert begun(small) == {}, "their turn is over"


@pytest.mark.parametrize("state", ["awaiting_decision", "executing", "unknown_outcome"])
def test_while_the_other_run_waits_or_is_unknown_nobody_else_begins(
    small: Rolling, large: Rolling, state: RunState
) -> None:
    small.shop.at_risk(*both(small, large))
    small.follow()
    ended(large, begun(large), state)
    assert begun(small) == {}
    assert passed_over(small) == {}


@pytest.mark.parametrize("state", ["rejected", "denied", "no_action", "expired", "failed"])
def test_where_the_better_one_came_to_nothing_the_other_has_its_turn(
    small: Rolling, large: Rolling, state: RunState
) -> None:
    them = both(small, large)
    small.shop.at_risk(*them)
    small.follow()
    ended(large, begun(large), state)
    assert set(begun(small)) == set(them)


def test_who_was_treated_before_they_came_in_has_their_turn(small: Rolling, large: Rolling) -> None:
    (one,) = both(small, large, many=1)
    small.stop("pause")
    small.shop.at_risk(one)
    small.follow()
    ended(large, begun(large), "executed")
    small.take(small.signed(small.order("resume")))
    small.shop.at_risk(one)
    small.follow()
    assert set(begun(small)) == {one}, "whether it is too soon is for the contact policy"


GIVE, REST = "  - {step: give, treat: all}\n", "  - {step: rest, wait: 2 days}\n"


def with_steps(shop: Shop, steps: str) -> Rolling:
    """Start a strategy of several steps that is worth more."""
    return started(shop, coming(*sells("50 %"), named(LARGE), ("rollout:\n", f"steps:\n{steps}rollout:\n")))


def enter(journeys: Rolling) -> None:
    journeys.steps.note(journeys.asked, journeys.steps.batch(journeys.asked))


def test_several_steps_whose_first_is_worth_more_and_that_began_meanwhile_outrank(shop: Shop, small: Rolling) -> None:
    journeys = with_steps(shop, GIVE + REST)
    them = both(small, journeys)
    shop.at_risk(*them)
    small.follow()
    enter(journeys)
    assert begun(small) == {}
    assert {one: it["why"] for one, it in passed_over(small).items()} == dict.fromkeys(them, "outranked")


def test_several_steps_that_begin_with_waiting_are_worth_nothing_yet(shop: Shop, small: Rolling) -> None:
    journeys = with_steps(shop, REST + GIVE)
    them = both(small, journeys)
    shop.at_risk(*them)
    small.follow()
    enter(journeys)
    assert set(begun(small)) == set(them)


def test_of_two_whose_worth_only_a_run_can_tell_one_begins_however_their_turns_meet(shop: Shop) -> None:
    first, second = (started(shop, coming(named(name))) for name in ("first_fight", "second_fight"))
    them = both(first, second)
    shop.at_risk(*them)
    first.follow()
    asked = [one for one in second.steps.batch(second.asked) if isinstance(one, RunRequest)]
    assert {one.customer_id for one in asked} >= set(them), "it was recorded, and its worker died"
    assert begun(first) == {}
    assert second.steps.batch(second.asked) == tuple(asked), "the next worker starts the same ones"


def test_a_run_that_was_recorded_between_two_looks_keeps_the_other_from_beginning(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (started(shop, coming(named(name))) for name in ("first_fight", "second_fight"))
    (one,) = both(first, second, many=1)
    shop.at_risk(one)
    first.follow()
    turns = first.steps._turns
    with shop.database.reading() as tx:
        found = first.steps._know(tx, first.asked, first.now).found
    assert one in list(turns.next(first.asked, found, 6_000, 10))
    (other,) = [it for it in second.steps.batch(second.asked) if it.customer_id == one]
    assert isinstance(other, RunRequest)
    mine = other.model_copy(update={"run_id": MINE, "key": "of-first", "strategy": first.asked.version})
    assert turns.take(first.asked, found, [mine]) == ()
    with shop.database.reading() as tx:
        assert tx.runs.get(MINE) is None
    second.end(other.run_id, "no_action")
    assert turns.take(first.asked, found, [mine]) == (mine,)


def test_messages_of_service_take_nobodys_turn_and_lose_none(shop: Shop) -> None:
    told = started(shop, coming(*sells("5 %"), named(SMALL), ("purpose: marketing", "purpose: service")))
    sold = started(shop, coming(*sells("50 %"), named(LARGE)))
    them = both(told, sold)
    shop.at_risk(*them)
    told.follow()
    assert set(begun(told)) == set(them)
    assert set(begun(sold)) == set(them)
    assert passed_over(told) == passed_over(sold) == {}


def test_a_run_that_somebody_started_by_hand_of_a_strategy_in_stages_takes_no_turn(small: Rolling) -> None:
    (one,) = both(small, many=1)
    small.shop.at_risk(one)
    small.follow()
    request = RunRequest(
        run_id=MINE,
        tenant="demo",
        customer_id=one,
        agent="retention",
        key="by-hand",
        requested_by="olga",
        requested_at=datetime.now(UTC),
        strategy="0" * 64,
        channel=min(INBOUND),
    )
    record_requests(small.shop.database, [request])
    assert set(begun(small)) == {one}, "the contact policy decides, as of any run"
