"""`placet bench outcomes`: every member is counted, and the reference comes to the same sum. No timing is asserted."""

import json

import pytest

from placet.bench.outcomes import session
from placet.bench.outcomes.session import bench_outcomes
from placet.errors import PlacetError


def test_all_members_are_counted_beside_a_loop_of_the_same_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_outcomes(members=500, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["members"], found["events"]) == (500, 10_000)
    assert bench_outcomes(members=500, as_json=False) == 0
    assert "for 500 members with 20 events each" in capsys.readouterr().out


def test_another_sum_is_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_by_hand", lambda *_: 1)
    with pytest.raises(PlacetError, match="the reference says 1"):
        bench_outcomes(members=500, as_json=True)
