"""Who a customer is and what a model expects: told with source and age, no sign of life, and read by no run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from placet.contracts.events.kinds import EVENT, Event
from placet.contracts.state import CustomerState, StateRead
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.state.fold import fold
from placet.decisioning.state.reading import state_as_of
from placet.decisioning.state.telling import stood_out
from placet.governance.signing.canonical import digest
from placet.interfaces.state_words import sayings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "ab" * 32
STORED = (
    '{"customer_id":"C00042","as_of":"2026-03-01T12:00:00Z","newest":"2026-03-01T12:00:00Z","version":4,"sources":[],'
    '"household_id":null,"windows":[{"days":7,"figures":[{"name":"balance_checks","value":4}]},{"days":30,"figures":'
    '[{"name":"balance_checks","value":4}]},{"days":90,"figures":[{"name":"balance_checks","value":4}]}],"rhythms":[],'
    '"trends":[],"devices":[],"products":[],"consents":[],"open_tickets":[],"last_contact":null,"balance":null,'
    '"competitor":null,"place":null,"nps":null,"csat":null,"signals":["the balance was asked for 4 times in a week"]}'
)
"""A state as the version before these words wrote it."""
STORED_DIGEST = "9e820358491af523f3c944992c6f12a0d05feac54ca80e814368068cf5efd707"


def event(number: int, kind: str, data: dict[str, Any], *, days: float = 0, source: str = "crm") -> Event:
    return EVENT.validate_python(
        {
            "specversion": "1.0",
            "id": str(number),
            "source": source,
            "type": f"placet.{kind}.v1",
            "subject": "customer:C1",
            "time": NOW - timedelta(days=days),
            "data": data,
        }
    )


def state(*events: Event, as_of: datetime = NOW) -> CustomerState:
    return state_as_of("C1", fold(events), len(events), as_of)


def scored(number: int, points: int, *, days: float = 0) -> Event:
    return event(number, "churn.scored", {"basis_points": points, "model": MODEL}, days=days)


def test_a_state_that_was_stored_before_keeps_its_form_and_its_digest() -> None:
    read = CustomerState.model_validate_json(STORED)
    assert (read.described, read.churn) == (None, None)
    assert digest(read) == STORED_DIGEST
    assert read.model_dump_json() == STORED


def test_the_newest_word_on_each_field_counts_with_its_source_and_a_correction_undoes() -> None:
    first = event(1, "customer.described", {"birth_year": 1960, "area": "rural"}, days=30)
    second = event(2, "customer.described", {"area": "urban", "customer_since": "2020-02-29"}, days=2, source="bss")
    said = state(first, second).described
    assert said is not None
    assert said.birth_year is not None
    assert (said.birth_year.value, said.birth_year.source) == (1960, "crm")
    assert said.area is not None
    assert (said.area.value, said.area.source, said.area.at) == ("urban", "bss", NOW - timedelta(days=2))
    back = event(3, "event.corrected", {"source": "bss", "id": "2", "reason": "wrong"})
    corrected = state(second, back, first).described
    assert corrected is not None
    assert corrected.area is not None
    assert corrected.area.value == "rural"
    assert corrected.customer_since is None


def test_a_word_about_a_customer_is_no_sign_of_life_and_no_run_reads_it() -> None:
    found = state(scored(1, 9_000), event(2, "customer.described", {"birth_year": 1960}))
    assert found.newest is None
    assert not any(window.figures for window in found.windows)
    read = found.for_decisions()
    assert digest(read) == digest(found.model_copy(update={"described": None, "churn": None}))
    assert "described" not in read.model_dump()
    assert "churn" not in read.model_dump()
    assert stood_out(StateRead.of(read, digest(read))) == ()


def test_columns_are_of_the_day_and_an_old_score_is_not_known() -> None:
    about = event(1, "customer.described", {"birth_year": 1960, "area_code": "D-7", "customer_since": "2026-02-01"})
    row = row_of(state(about, scored(2, 5_999, days=90)), None)
    told = {name: row[name] for name in ("age_years", "area", "area_code", "tenure_days", "churn_percent")}
    assert told == {"age_years": 66, "area": None, "area_code": "D-7", "tenure_days": 28, "churn_percent": 59}
    assert row["churn_model"] == MODEL
    late = row_of(state(about, scored(2, 5_999, days=91)), None)
    assert (late["churn_percent"], late["churn_scored_on"], late["churn_model"]) == (None, None, None)
    (said,) = (one.words for one in sayings(state(scored(2, 5_999, days=90))))
    assert said == f"60.0 %, says model {MODEL[:16]}; it decides nothing"
    (said,) = (one.words for one in sayings(state(scored(2, 5_999, days=91))))
    assert said == f"was 60.0 % on 2025-11-30, says model {MODEL[:16]}; too old to count"
    assert row_of(state(about, as_of=datetime(1950, 1, 1, tzinfo=UTC)), None)["age_years"] is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"area": None},
        {"birth_year": 1700},
        {"birth_year": 2027},
        {"birth_year": "1960"},
        {"area": "Berlin"},
        {"area_code": "x" * 33},
        {"area_code": "a\u202eb"},
        {"customer_since": 0},
        {"customer_since": "2026-03-03"},
        {"customer_since": "0001-01-01"},
        {"street": "Main Street 1"},
    ],
)
def test_what_cannot_be_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        event(1, "customer.described", data)


@pytest.mark.parametrize("data", [{"basis_points": 10_001, "model": MODEL}, {"basis_points": 1, "model": "x"}])
def test_a_score_is_a_probability_of_a_model(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        event(1, "churn.scored", data)
