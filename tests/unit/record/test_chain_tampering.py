"""Whatever is changed, removed, repeated or swapped in a chain of entries is found at its place (promise 5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.audit import GENESIS, AuditEvent
from placet.errors import GovernanceError
from placet.governance.log.chain import link, verify_chain

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


RUN = "run-0123456789abcdef0123"


def chain(length: int) -> list[AuditEvent]:
    events: list[AuditEvent] = []
    for number in range(1, length + 1):
        events.append(
            link(
                stream=RUN,
                seq=number,
                prev_hash=events[-1].hash if events else GENESIS,
                tenant="acme",
                run_id=RUN,
                kind="analyse.completed",
                actor="worker",
                at=AT + timedelta(seconds=number),
                step_key=f"step-{number}",
                body={"n": number},
            )
        )
    return events


@given(data=st.data(), length=st.integers(2, 6))
def test_every_change_to_one_field_of_one_entry_is_found_at_that_entry(data: st.DataObject, length: int) -> None:
    events = chain(length)
    position = data.draw(st.integers(0, length - 1))
    change: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"actor": "x"},
                {"kind": "execute.done"},
                {"body": {"n": -1}},
                {"at": AT},
                {"run_id": None},
                {"step_key": "step-0"},
                {"seq": 99},
                {"prev_hash": "f" * 64},
                {"hash": "f" * 64},
            ]
        )
    )
    tampered = [*events[:position], events[position].model_copy(update=change), *events[position + 1 :]]
    with pytest.raises(GovernanceError, match=rf"broken at entry {position + 1}:"):
        verify_chain(tampered)


@given(data=st.data(), length=st.integers(3, 6))
def test_removing_repeating_or_swapping_entries_is_found(data: st.DataObject, length: int) -> None:
    events = chain(length)
    at = data.draw(st.integers(0, length - 2))
    removed = [*events[:at], *events[at + 1 :]]
    repeated = [*events[: at + 1], *events[at:]]
    swapped = [*events[:at], events[at + 1], events[at], *events[at + 2 :]]
    first_wrong = {"removed": at + 1, "repeated": at + 2, "swapped": at + 1}
    for name, tampered in (("removed", removed), ("repeated", repeated), ("swapped", swapped)):
        with pytest.raises(GovernanceError, match=rf"broken at entry {first_wrong[name]}:"):
            verify_chain(tampered)
    assert verify_chain(events) == length


def test_a_step_recorded_twice_under_a_sound_hash_is_found() -> None:
    first, second = chain(2)
    fields = {name: getattr(second, name) for name in AuditEvent.model_fields if name != "hash"}
    forged = link(**{**fields, "step_key": first.step_key})
    with pytest.raises(GovernanceError, match="broken at entry 2: step_key 'step-1' occurs a second time"):
        verify_chain([first, forged])


def test_an_entry_of_another_stream_is_found() -> None:
    first, second = chain(2)
    fields = {name: getattr(second, name) for name in AuditEvent.model_fields if name != "hash"}
    with pytest.raises(GovernanceError, match="broken at entry 2: it belongs to stream 'elsewhere'"):
        verify_chain([first, link(**{**fields, "stream": "elsewhere"})])
