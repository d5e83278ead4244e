"""`placet bench base`: each figure stands beside its reference, of the same customers. No timing is asserted."""

import json
import tempfile
from pathlib import Path

import pytest

from placet.bench import base
from placet.bench.base import bench_base
from placet.errors import PlacetError


def test_each_figure_has_its_reference_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert bench_base(customers=1000, rounds=1, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert [figure["unit"] for figure in found["figures"]] == ["rows/s", "MB"] * 3
    for figure in found["figures"]:
        assert figure["ours"] > 0
        assert figure["reference"] > 0
        assert (figure["met"] is None) == (figure["unit"] == "rows/s")
    assert "simulated customers" in found["notes"][0]
    assert list(tmp_path.iterdir()) == []


def test_a_reference_with_other_customers_and_an_act_that_fails_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(PlacetError, match="kpis ended with code 1"):
        base._done("kpis", tmp_path / "none", 1)
    (tmp_path / "file").touch()
    acts = iter(range(9))
    monkeypatch.setattr(base, "_done", lambda *_: {"seconds": 1.0, "megabytes": 1.0, "found": [next(acts)]})
    with pytest.raises(PlacetError, match="the reference of a preview has other customers"):
        list(base._figures(tmp_path / "file", 1000, 1))
