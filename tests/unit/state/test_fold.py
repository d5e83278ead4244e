"""Any order, any repetition and any late event lead to the same state; a correction undoes; size is bounded."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Literal, get_args, get_origin

from hypothesis import given, settings
from hypothesis import strategies as st

from placet.contracts.events.kinds import EVENT, Event
from placet.contracts.money import Money
from placet.contracts.state import AMOUNTS, FIGURES
from placet.decisioning.state.aggregate import KEPT_DAYS, MOST_MATTERS, MOST_TIMES, Aggregate, stamp_of, united
from placet.decisioning.state.fold import _TAKEN, fold, key_of
from placet.decisioning.state.reading import state_as_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
USD = st.integers(0, 10_000).map(lambda minor: {"amount_minor": minor, "currency": "USD"})
NAME = st.sampled_from("abc")
DATA: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "placet.balance.recharged.v1": st.fixed_dictionaries({"amount": USD}),
    "placet.balance.adjusted.v1": st.fixed_dictionaries(
        {"direction": st.sampled_from(["credit", "debit"]), "amount": USD, "remaining": st.none() | USD}
    ),
    "placet.bill.paid.v1": st.fixed_dictionaries({"bill_id": NAME, "amount": USD}),
    "placet.usage.recorded.v1": st.fixed_dictionaries(
        {"service": st.sampled_from(["data", "voice", "sms"]), "quantity": st.integers(0, 500)}
    ),
    "placet.balance.checked.v1": st.fixed_dictionaries({"remaining": st.none() | USD}),
    "placet.support.ticket.v1": st.fixed_dictionaries(
        {"ticket_id": NAME, "status": st.sampled_from(["opened", "closed"]), "topic": st.just("bill")}
    ),
    "placet.device.seen.v1": st.fixed_dictionaries(
        {
            "device_id": st.integers(0, MOST_MATTERS + 8).map(str),
            "kind": st.just("phone"),
            "network": st.sampled_from(["mobile", "home"]),
            "has_line": st.booleans(),
        }
    ),
    "placet.consent.changed.v1": st.fixed_dictionaries({"purpose": st.just("marketing"), "given": st.booleans()}),
    "placet.customer.described.v1": st.fixed_dictionaries(
        {},
        optional={
            "birth_year": st.integers(1930, 2005),
            "area": st.sampled_from(["urban", "suburban", "rural"]),
            "area_code": NAME,
            "customer_since": st.sampled_from(["2019-01-01", "2024-02-29"]),
        },
    ).filter(bool),
    "placet.churn.scored.v1": st.fixed_dictionaries(
        {"basis_points": st.integers(0, 10_000), "model": st.sampled_from(["a" * 64, "b" * 64])}
    ),
    "placet.household.changed.v1": st.fixed_dictionaries({"household_id": st.none() | NAME}),
}


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Draw events, of which some take back others that are in the stream or never were."""
    events: list[Event] = []
    for number in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(sorted(DATA)))
        events.append(event(number, kind, draw(DATA[kind]), hours=draw(st.integers(0, 24 * 130))))
    for number in draw(st.lists(st.integers(0, 45), max_size=4)):
        data = {"source": "bss", "id": str(number), "reason": "wrong"}
        events.append(event(1000 + number, "placet.event.corrected.v1", data, hours=1))
    return events


def event(number: int, kind: str, data: dict[str, Any], *, hours: float = 0) -> Event:
    """Make an event of so many hours ago."""
    return EVENT.validate_python(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": "bss",
            "type": kind,
            "subject": "customer:C1",
            "time": NOW - timedelta(hours=hours),
            "data": data,
        }
    )


@given(streams(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_order_and_any_repetition_give_the_same_state(events: list[Event], chance: Any) -> None:
    shuffled = [*events, *events[: len(events) // 2]]
    chance.shuffle(shuffled)
    one, other = fold(events), fold(shuffled)
    assert one.dump() == other.dump()
    assert Aggregate.load(one.dump()).dump() == one.dump()
    assert state_as_of("C1", one, 1, NOW) == state_as_of("C1", Aggregate.load(other.dump()), 1, NOW)


@given(streams(), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_events_in_parts_give_what_they_give_at_once(events: list[Event], cut: int) -> None:
    plain = [one for one in {key_of(one): one for one in events}.values() if one.type != "placet.event.corrected.v1"]
    in_parts = fold(plain[cut:], Aggregate.load(fold(plain[:cut]).dump()))
    assert in_parts.dump() == fold(plain).dump()


@given(streams())
@settings(max_examples=100, deadline=None)
def test_a_correction_leads_to_what_would_be_without_the_event(events: list[Event]) -> None:
    first = events[0]
    data = {"source": first.source, "id": first.id, "reason": "wrong"}
    correction = event(5000, "placet.event.corrected.v1", data)
    without = [one for one in events if key_of(one) != key_of(first)]
    assert fold([*events, correction]).dump() == fold([*without, correction]).dump()


def test_the_size_is_bounded_whatever_arrives() -> None:
    seen = {"kind": "phone", "network": "home", "has_line": False}
    events = [event(n, "placet.device.seen.v1", {"device_id": str(n), **seen}, hours=n) for n in range(500)]
    paid = {"amount": {"amount_minor": 1, "currency": "USD"}}
    events += [event(1000 + n, "placet.balance.recharged.v1", paid, hours=n * 24) for n in range(500)]
    kept = fold(events)
    assert (len(kept.topics["devices"]), len(kept.times["recharge"])) == (MOST_MATTERS, MOST_TIMES)
    assert len(kept.days) == KEPT_DAYS
    assert set(kept.topics["devices"]) == {str(n) for n in range(MOST_MATTERS)}


def test_what_stands_out_is_said_in_sentences() -> None:
    paid = {"amount": {"amount_minor": 500, "currency": "USD"}}
    events = [event(n, "placet.balance.recharged.v1", paid, hours=24 * (20 + 10 * n)) for n in range(5)]
    events += [event(100 + n, "placet.balance.checked.v1", {}, hours=n) for n in range(3)]
    events.append(event(200, "placet.competitor.signal.v1", {"sign": "porting_asked"}, hours=30))
    events += [event(300 + n, "placet.app.visited.v1", {}, hours=24 * (40 + n)) for n in range(10)]
    state = state_as_of("C1", fold(events), len(events), NOW)
    assert state.signals == (
        "a code to take the number away was asked for in the last 30 days",
        "the recharge is late: 20 days since the last one, usually 10 days",
        "the balance was asked for 3 times in a week",
        "visits to the app fell by 100 % against the two months before",
    )
    assert [window.figure("recharges") for window in state.windows] == [0, 1, 5]


def test_a_trend_has_a_bound_as_every_figure_has() -> None:
    aggregate = Aggregate()
    for number in range(300):
        at = stamp_of(NOW - timedelta(hours=number), "bss", f"new{number}")
        aggregate.take(at)
        aggregate.count(at, "data_mb", 10**12)
    at = stamp_of(NOW - timedelta(days=45), "bss", "old")
    aggregate.count(at, "data_mb", 5)
    (trend,) = state_as_of("C00001", aggregate, 301, NOW).trends
    assert trend.percent == 2**53 - 1


@given(streams(), streams(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_two_aggregates_together_are_what_all_events_lead_to_and_come_apart_unchanged(
    mine: list[Event], theirs: list[Event], chance: Any
) -> None:
    # Of another source: a correction takes back an event of its own customer alone.
    others = [one.model_copy(update={"source": "crm"}) for one in theirs if one.type != "placet.event.corrected.v1"]
    parts = [fold(mine), fold(others)]
    before = [part.dump() for part in parts]
    chance.shuffle(parts)
    together = united(parts)
    assert together.dump() == fold([*others, *mine]).dump()
    assert sorted(part.dump() for part in parts) == sorted(before), "a split finds what was there before the merge"
    assert united([parts[0]]).dump() == parts[0].dump()
    assert united([united(parts), Aggregate()]).dump() == together.dump()


def test_a_trend_is_rounded_to_the_nearest_per_cent() -> None:
    aggregate = Aggregate()
    for day, figure in ((5, 509), (45, 2000)):
        at = stamp_of(NOW - timedelta(days=day), "bss", str(day))
        aggregate.take(at)
        aggregate.count(at, "data_mb", figure)
    (trend,) = state_as_of("C00001", aggregate, 2, NOW).trends
    assert trend.percent == -49


def test_the_list_of_figures_has_all_that_events_lead_to_and_nothing_else() -> None:
    """A mapping of a churn model may name those of the list, and no other."""
    amount = Money(amount_minor=1, currency="USD")
    plain = {int: [1], bool: [False, True], str: ["device:1"]}
    aggregate = Aggregate()
    for kind, taken in _TAKEN.items():
        said = kind.__annotations__["data"]
        choices: dict[str, Any] = {
            name: get_args(field.annotation) if get_origin(field.annotation) is Literal else plain.get(field.annotation)
            for name, field in said.model_fields.items()
        }
        for values in product(*(one or [amount if name == "amount" else None] for name, one in choices.items())):
            given = said.model_construct(**dict(zip(choices, values, strict=True)))
            taken(aggregate, stamp_of(NOW, "bss", "1"), given)
    found = {name for figures in aggregate.days.values() for name in figures}
    assert found == {*FIGURES, *(f"{name}:USD" for name in AMOUNTS)}
