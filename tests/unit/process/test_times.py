"""A time that came with an offset is shown, hashed and logged as the same instant in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.times import day, minute, moment, rfc3339

KATHMANDU = timezone(timedelta(hours=5, minutes=45))
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=KATHMANDU)


def test_a_time_with_an_offset_is_taken_to_utc_before_it_is_labelled() -> None:
    assert moment(NOON) == "2026-03-01 06:15:00Z"
    assert minute(NOON) == "2026-03-01 06:15Z"
    assert day(NOON.replace(hour=2)) == "2026-02-28"
    assert rfc3339(NOON) == "2026-03-01T06:15:00.123456Z"
    assert rfc3339(NOON, "milliseconds") == "2026-03-01T06:15:00.123Z"


@pytest.mark.parametrize("write", [moment, minute, day, rfc3339])
def test_a_time_without_an_offset_is_refused(write: object) -> None:
    with pytest.raises(ValueError, match="has no UTC offset"):
        write(NOON.replace(tzinfo=None))  # type: ignore[operator]


offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)


@given(st.datetimes(timezones=offsets))
def test_every_aware_time_can_be_written_and_says_its_instant(at: datetime) -> None:
    back = datetime.fromisoformat(rfc3339(at))
    assert back.tzinfo == UTC
    assert back == at or abs(back - at) < timedelta(days=1)
    assert moment(at).endswith("Z")
    assert moment(at)[:16] == minute(at)[:16] == rfc3339(at)[:16].replace("T", " ")
