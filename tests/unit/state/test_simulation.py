"""Simulated events: the same seed gives the same, each is a sound event, and what is drawn shows in the state."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.events.envelope import SIMULATED
from placet.contracts.events.kinds import EVENT
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.errors import UsageError
from placet.simulation import streams
from placet.simulation.days import day_of_person
from placet.simulation.persons import draw_person
from placet.simulation.sample import sample_rows
from placet.simulation.streams import simulate, truth_of

LAST = date(2026, 3, 1)
ROWS = sample_rows(60)
END = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)


def of(row: Any, days: int = 95, seed: int = 1) -> list[dict[str, Any]]:
    return list(simulate([row], last=LAST, days=days, seed=seed))


def test_the_same_seed_gives_the_same_days_however_many_are_asked_for() -> None:
    assert of(ROWS[3]) == of(ROWS[3])
    assert of(ROWS[3], days=30) == [one for one in of(ROWS[3]) if one["time"] >= "2026-01-31"]
    assert of(ROWS[3], seed=2) != of(ROWS[3])
    assert truth_of(ROWS[3], 1) == truth_of(ROWS[3], 1)


def test_the_days_of_recharges_depend_on_the_seed() -> None:
    row = next(row for row in sample_rows(400) if draw_person(row, 1).prepaid)
    person = draw_person(row, 1)

    def recharged(seed: int) -> list[date]:
        days = [LAST - timedelta(days=back) for back in range(90)]
        recharge = "placet.balance.recharged.v1"
        return [on for on in days if any(kind == recharge for _, kind, _ in day_of_person(person, on, LAST, seed))]

    assert len({tuple(recharged(seed)) for seed in range(5)}) > 1


def test_every_event_is_sound_says_that_it_is_simulated_and_has_an_id_of_its_own() -> None:
    events = list(simulate(ROWS, last=streams.LAST, days=95, seed=1))
    read = [EVENT.validate_python(one) for one in events]
    assert {one.source for one in read} == {SIMULATED}
    assert len({one.id for one in read}) == len(read)
    assert len(Counter(one.type for one in read)) >= 10


def test_who_leaves_silently_fades_and_who_stays_steady_does_not() -> None:
    fallen: dict[str, list[int]] = {"silent": [], "steady": []}
    for row in sample_rows(400):
        story = truth_of(row, 1)["story"]
        if story in fallen and len(fallen[story]) < 12:
            state = state_as_of(row["customer_id"], fold([EVENT.validate_python(one) for one in of(row)]), 1, END)
            fallen[story] += [trend.percent for trend in state.trends if trend.name == "voice_seconds"]
    assert max(fallen["silent"]) < -20
    assert min(fallen["steady"]) > -40
    assert sum(fallen["steady"]) / len(fallen["steady"]) > -10


def test_a_family_is_a_household_with_devices() -> None:
    row = next(row for row in sample_rows(400) if truth_of(row, 1)["story"] == "family")
    state = state_as_of(row["customer_id"], fold([EVENT.validate_python(one) for one in of(row)]), 1, END)
    assert state.household_id == truth_of(row, 1)["household_id"]
    assert len(state.devices) == 2
    assert state.newest is not None
    assert state.newest > END - timedelta(days=7)


def test_who_agrees_holds_products_and_is_reached_shows_in_the_state() -> None:
    agreed, answers, paid = Counter[bool](), Counter[str](), 0
    for row in sample_rows(120):
        person = draw_person(row, 1)
        state = state_as_of(row["customer_id"], fold([EVENT.validate_python(one) for one in of(row)]), 1, END)
        assert {product.line for product in state.products} == set(person.lines)
        assert {consent.purpose: consent.given for consent in state.consents} == {
            "marketing": person.agrees,
            "profiling": person.agrees,
        }
        assert state.window(30).figure("plan_changes") == 0
        assert (state.window(90).figure("wallet_payments") > 0) <= ("wallet" in person.lines)
        assert person.agrees or state.last_contact is None
        agreed[person.agrees] += 1
        answers[state.last_contact.answer if state.last_contact else ""] += 1
        paid += state.window(90).figure("wallet_payments") > 0
    assert 0 < paid < 60
    assert 70 < agreed[True] < 110
    assert set(answers) == {"", "none", "opened", "accepted", "refused"}


@pytest.mark.parametrize("last", [date.min, date.max, date(1971, 12, 31)])
def test_a_simulation_does_not_end_on_a_day_that_no_event_has(last: date) -> None:
    with pytest.raises(UsageError, match="a simulation ends between 1972-01-01 and 9998-12-31"):
        next(simulate(sample_rows(1), last=last, days=400, seed=1))
    assert list(simulate(sample_rows(1), last=streams.FIRST, days=400, seed=1))
    assert list(simulate(sample_rows(1), last=streams.LAST, days=9, seed=1))
