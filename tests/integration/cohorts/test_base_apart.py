"""A file of the base is asked in a process of its own: whatever the file does to it, one line says so."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.contracts.cohorts.base_file import FileKpis
from placet.decisioning.cohorts.cohort import cohort_of
from placet.entrypoints.processes.base_reading import Bounds, ask_apart, kpis_apart, preview_apart
from placet.errors import ConfigurationError, PlacetError, UsageError
from placet.service.base_file import BaseFile, export_base
from placet.storage.database import Database
from tests.integration.cohorts.conftest import NOW
from tests.support.guard import GUARD

EXPRESSION = "bills_issued_90d > 0 AND NOT (app_visits_30d = 4)"
BOUNDS = Bounds(seconds=GUARD)


@pytest.fixture
def file(base: Database, tmp_path: Path) -> Path:
    path = tmp_path / "base.parquet"
    export_base(base, "demo", NOW, path, now=NOW)
    return path


def _refusal(path: Path, bounds: Bounds = BOUNDS) -> PlacetError:
    with pytest.raises(PlacetError) as refused:
        preview_apart(path, "demo", EXPRESSION, bounds)
    said = str(refused.value)
    assert "\n" not in said
    assert str(path) in said
    return refused.value


def test_the_child_answers_what_the_file_says(file: Path) -> None:
    asked = BaseFile(str(file), "demo", str(file), NOW)
    cohort = cohort_of(EXPRESSION)
    assert preview_apart(file, "demo", cohort.written, BOUNDS) == asked.preview(cohort)
    assert kpis_apart(file, "demo", cohort.written, BOUNDS) == asked.kpis(cohort)
    assert kpis_apart(file, "demo", None, BOUNDS) == asked.kpis(None)
    with pytest.raises(UsageError, match="it is of the tenant 'demo', not of 'other'"):
        kpis_apart(file, "other", None, BOUNDS)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"\xff" * 64, b"id,name\n", b"PAR1" + b"\xff" * 8])
def test_what_is_not_parquet_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "base.parquet"
    path.write_bytes(content)
    assert _refusal(path).code == "base_file"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_one_line(file: Path, part: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * part)])
    assert "it is damaged, cut off, or not Parquet" in str(_refusal(file))


@given(data=st.data())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_file_harms_nobody(file: Path, data: st.DataObject) -> None:
    whole = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(-len(whole) // 3, -1) | st.integers(4, len(whole) - 1), min_size=1)):
        whole[place] ^= data.draw(st.integers(1, 255))
    changed = file.with_name("changed.parquet")
    changed.write_bytes(whole)
    with contextlib.suppress(UsageError):  # one line; what was changed may also be a value that there can be
        preview_apart(changed, "demo", EXPRESSION, BOUNDS)


def test_one_that_asks_for_more_memory_than_it_may_have_is_ended(file: Path) -> None:
    assert "took more than 64 MB of memory" in str(_refusal(file, Bounds(seconds=GUARD, megabytes=64)))


def test_one_that_never_ends_is_ended(file: Path) -> None:
    with pytest.raises(UsageError, match=r"it took longer than 0\.3 s and was ended"):
        ask_apart(file, "demo", None, FileKpis, Bounds(seconds=0.3), ("/bin/sh", "-c", "sleep 600"))


@pytest.mark.parametrize("said", ["", "[]", "{}", "null", '{"answer": 4}', '{"answer": {"header": {}}}', "x" * 9])
def test_an_answer_that_is_none_is_not_believed(file: Path, said: str) -> None:
    with pytest.raises(UsageError, match="what reads it ended with code 0 and no answer"):
        ask_apart(file, "demo", None, FileKpis, BOUNDS, ("/bin/sh", "-c", f"cat >/dev/null; echo '{said}'"))


def test_what_reads_it_and_dies_is_told_as_a_fault_of_the_file(file: Path) -> None:
    with pytest.raises(UsageError, match="export the base again"):
        ask_apart(file, "demo", None, FileKpis, BOUNDS, ("/bin/sh", "-c", "cat >/dev/null; kill -9 $$"))


def test_a_link_a_pipe_a_folder_and_nothing_are_not_opened(file: Path) -> None:
    link, pipe = file.with_name("link"), file.with_name("pipe")
    link.symlink_to(file)
    os.mkfifo(pipe)
    for path, said in (
        (link, "symbolic link"),
        (pipe, "not an ordinary file"),
        (file.parent, "not an ordinary file"),
        (file.with_name("none"), "No such file"),
    ):
        refused = _refusal(path)
        assert isinstance(refused, ConfigurationError)
        assert said in str(refused)
