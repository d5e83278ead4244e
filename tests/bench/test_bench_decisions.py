"""`placet bench decisions`: each speed stands beside its reference, of the same buckets. No timing is asserted."""

import json
from collections.abc import Sequence

import pytest

from placet.bench import decisions
from placet.bench.decisions import bench_decisions
from placet.errors import UsageError


def test_each_draw_has_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_decisions(customers=1000, rounds=1, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["customers"], found["rounds"]) == (1000, 1)
    assert [one["purpose"] for one in found["measured"]] == ["holdout", "rollout", "arm"]
    for one in found["measured"]:
        assert one["ratio"] == pytest.approx(one["buckets"] / one["reference"])
        assert one["met"] == (one["buckets"] >= one["aim"])
    assert bench_decisions(customers=1000, rounds=1, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all("times as fast as a hashlib loop (" in line for line in lines)


def test_a_reference_with_one_other_bucket_is_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = decisions.by_hand

    def wrong(purpose: str, strategy: str, ids: Sequence[str]) -> list[int]:
        found = by_hand(purpose, strategy, ids)
        return [*found[:-1], (found[-1] + 1) % 10_000]

    monkeypatch.setattr(decisions, "by_hand", wrong)
    with pytest.raises(UsageError, match="the reference draws other buckets of 'holdout'"):
        bench_decisions(customers=1000, rounds=1, as_json=True)
