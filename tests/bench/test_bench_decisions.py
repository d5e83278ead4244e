"""`placet bench decisions`: each speed stands beside its reference, of the same buckets. No timing is asserted."""

import json
from collections.abc import Mapping, Sequence

import pytest

from placet.bench.strategies import deciding, decisions
from placet.bench.strategies.decisions import bench_decisions
from placet.decisioning.next_best_action.sweeping import NOBODY
from placet.errors import UsageError


def test_each_draw_has_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_decisions(customers=1000, rounds=1, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["customers"], found["rounds"]) == (1000, 1)
    assert [one["purpose"] for one in found["measured"]] == ["holdout", "rollout", "arm", "explore", "explored"]
    for one in found["measured"]:
        assert one["ratio"] == pytest.approx(one["buckets"] / one["reference"])
        assert one["met"] == (one["buckets"] >= one["aim"])
    assert [(one["name"], one["aim"]) for one in found["decided"]] == [
        ("one", 5.0),
        ("base", 100_000),
        ("published", 50.0),
    ]
    assert bench_decisions(customers=1000, rounds=1, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all("times as fast as a hashlib loop (" in line for line in lines[:5])
    assert "99 of 100 decisions take at most" in lines[5]
    assert "times as fast as a plain loop (" in lines[6]
    assert "where no signature and no text is remembered" in lines[7]


def test_a_reference_with_one_other_bucket_is_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = decisions.by_hand

    def wrong(purpose: str, strategy: str, ids: Sequence[str]) -> list[int]:
        found = by_hand(purpose, strategy, ids)
        return [*found[:-1], (found[-1] + 1) % 10_000]

    monkeypatch.setattr(decisions, "by_hand", wrong)
    with pytest.raises(UsageError, match="the reference draws other buckets of 'holdout'"):
        bench_decisions(customers=1000, rounds=1, as_json=True)


def test_a_loop_that_decides_otherwise_for_one_customer_is_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = deciding.by_hand

    def wrong(row: Mapping[str, object], numbers: Sequence[deciding.Numbers]) -> tuple[int, int | None]:
        found = by_hand(row, numbers)
        if row["customer_id"] != "C7":
            return found
        return (NOBODY, None) if found[1] else (0, 1)

    monkeypatch.setattr(deciding, "by_hand", wrong)
    with pytest.raises(UsageError, match="the reference decides otherwise for 'C7'"):
        deciding.figures(1000, 1)
