"""Rows have the columns that the list promises; the docs have the same list; the library is in order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from placet.contracts.events.kinds import EVENT
from placet.decisioning.cohorts import columns, segments
from placet.decisioning.cohorts.cohort import SCHEMA, cohort_of, frame_of
from placet.decisioning.cohorts.columns import BY_NAME, COLUMNS
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.cohorts.segments import asked, library, segment_named
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.errors import UsageError
from tests.unit.cohorts.drawing import NOW, empty_state

DOCS = Path(__file__).parents[3] / "docs" / "cohorts.md"
USD = {"amount_minor": 1000, "currency": "USD"}
EUR = {"amount_minor": 300, "currency": "EUR"}
HAPPENED = (
    (1, "placet.balance.recharged.v1", {"amount": USD}),
    (2, "placet.wallet.paid.v1", {"amount": EUR}),
    (40, "placet.balance.recharged.v1", {"amount": USD}),
    (1, "placet.balance.checked.v1", {"remaining": USD}),
    (3, "placet.support.ticket.v1", {"ticket_id": "1", "status": "opened", "topic": "bill"}),
    (4, "placet.competitor.signal.v1", {"sign": "porting_asked"}),
    (5, "placet.device.seen.v1", {"device_id": "1", "kind": "tv", "network": "home", "has_line": False}),
    (6, "placet.plan.changed.v1", {"product_id": "1", "line": "tv", "offering_id": "TV-1"}),
    (8, "placet.consent.changed.v1", {"purpose": "marketing", "channel": "sms", "given": True}),
    (7, "placet.consent.changed.v1", {"purpose": "marketing", "channel": "email", "given": False}),
    (9, "placet.location.class.v1", {"place": "airport"}),
    (10, "placet.customer.contacted.v1", {"channel": "sms", "purpose": "marketing", "answer": "refused"}),
    (11, "placet.survey.answered.v1", {"survey": "nps", "score": 3}),
    (12, "placet.household.changed.v1", {"household_id": "H1"}),
)


def row() -> Row:
    events = [
        EVENT.validate_python(
            {
                "specversion": "1.0",
                "id": str(number),
                "source": "simulated",
                "type": kind,
                "subject": "customer:C1",
                "time": NOW - timedelta(days=days),
                "data": data,
            }
        )
        for number, (days, kind, data) in enumerate(HAPPENED)
    ]
    return row_of(state_as_of("C1", fold(events), len(events), NOW), 3)


def test_a_row_says_what_happened() -> None:
    found = row()
    expected: Row = {
        "recharges_7d": 1, "recharges_30d": 1, "recharges_90d": 2, "recharged_minor_90d": 2000, "currency": "USD",
        "wallet_payments_7d": 1, "wallet_minor_7d": 0, "balance_minor": 1000, "open_tickets": 1, "products": 1,
        "competitor_sign": "porting_asked", "devices": 1, "home_devices_without_line": 1, "has_tv": True,
        "has_mobile": False, "consent_marketing": False, "consent_service": None, "place": "airport",
        "airport_visits_30d": 1, "airport_visits_7d": 0, "refusals_90d": 1, "last_contact_channel": "sms",
        "last_contact_answer": "refused", "days_since_contact": 10, "days_since_event": 1, "nps": 3, "csat": None,
        "household_id": "H1", "household_members": 3, "simulated": True, "events": 14, "recharge_usual_hours": None,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["last_contact_on"] == (NOW - timedelta(days=10)).date()


def test_every_row_has_every_column_within_its_bounds() -> None:
    for one in (row(), row_of(empty_state(), None)):
        assert set(one) == set(SCHEMA)
        for column in COLUMNS:
            value = one[column.name]
            assert value is not None or column.nullable, column.name
            if column.kind == "integer" and isinstance(value, int):
                assert column.least <= value <= column.most, column.name
            if column.choices and value is not None:
                assert value in column.choices
    assert frame_of([row()]).schema == SCHEMA


def test_a_day_begins_in_utc_and_what_is_too_large_is_taken_for_the_bound() -> None:
    state = empty_state().model_copy(
        update={"newest": datetime(2026, 3, 1, 1, tzinfo=UTC).astimezone(), "version": 10**15}
    )
    found = row_of(state, None)
    assert (found["last_event_on"], found["days_since_event"], found["events"]) == (NOW.date(), 0, 10**9)


def test_the_docs_have_the_columns_and_the_segments() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert columns.docs_table() in text
    assert segments.docs_table() in text
    assert len(BY_NAME) == len(COLUMNS)


def test_segments_are_checked_and_what_needs_a_column_is_left_out_until_it_is_there() -> None:
    assert {named.category for named in library()} == set(segments.CATEGORIES)
    for named in library():
        assert (named.cohort is None) == bool(named.segment.needs)
        assert not set(named.segment.needs) & set(BY_NAME), f"{named.segment.name} can be asked now: drop its needs"
        if named.segment.needs:
            with pytest.raises(UsageError, match="no column is called"):
                cohort_of(named.segment.expression)
    assert len(asked()) >= 20
    digests = [cohort.digest for _, cohort in asked()]
    assert len(set(digests)) == len(digests)


def test_a_segment_is_found_by_its_name_and_a_misspelt_one_has_a_hint() -> None:
    assert segment_named("dormant")[0].title == "Dormant"
    with pytest.raises(UsageError, match="no segment is called 'dormnat'; did you mean 'dormant'"):
        segment_named("dormnat")
    with pytest.raises(UsageError, match="needs columns which there are not yet: contract_days_left"):
        segment_named("contract_ending")
    with pytest.raises(ValidationError):
        segments.Segment.model_validate({"name": "x y", "title": "", "about": "a", "expression": "nps > 1"})


def test_words_of_a_column_say_what_days_are_since() -> None:
    """A profile shows one column without the one above it."""
    assert [one.name for one in COLUMNS if "since it" in one.about] == []
