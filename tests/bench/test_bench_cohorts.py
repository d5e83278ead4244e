"""`placet bench cohorts`: each figure stands beside its reference, of the same customers. No timing is asserted."""

import json

import polars as pl
import pytest

from placet.bench.cohorts import CONDITIONS, bench_cohorts
from placet.errors import UsageError


def test_each_figure_has_its_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_cohorts(rows=1000, rounds=1, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], len(found["measured"])) == (1000, 2 * len(CONDITIONS) + 2)
    for one in found["measured"]:
        assert one["cohort"] > 0
        assert one["reference"] > 0
        assert (one["aim"] is None) == (one["met"] is None)
    assert bench_cohorts(rows=1000, rounds=1, as_json=False) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(CONDITIONS) + 2


def test_a_reference_with_other_customers_is_no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = ((CONDITIONS[0][0], pl.col("recharges_30d") == 1),)
    monkeypatch.setattr("placet.bench.cohorts.CONDITIONS", wrong)
    with pytest.raises(UsageError, match="the reference has other customers"):
        bench_cohorts(rows=1000, rounds=1, as_json=True)
