"""The base as a file: the figures of the database to the digit, and nothing that is no such file is asked."""

import resource
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from placet.contracts.cohorts.base_file import BaseHeader
from placet.decisioning.cohorts.base_columns import FILE_SCHEMA, columns_digest
from placet.decisioning.cohorts.cohort import cohort_of
from placet.errors import ConfigurationError, StorageError, UsageError
from placet.service import base_file
from placet.service.base_file import HEADER, BaseFile, export_base
from placet.service.cohorts import cohort_given, preview
from placet.service.kpis.once import kpi_report
from placet.storage.database import Database
from tests.integration.cohorts.conftest import CUSTOMERS, NOW
from tests.support.databases import outsider

EXPRESSIONS = (
    "(recharges_30d > 0 OR household_members >= 2) AND recharge_late_percent IS NOT NULL",
    "bills_issued_90d > 0 AND NOT (app_visits_30d = 4)",
    "last_event_on >= CURRENT_DATE - 3 AND data_mb_7d > 0",
    "nps > 3",
)
LATER = NOW + timedelta(hours=5)


def _export(base: Database, folder: Path, as_of: datetime = NOW) -> Path:
    path = folder / "base.parquet"
    export_base(base, "demo", as_of, path, now=LATER, replace=True)
    return path


@pytest.mark.parametrize("at_once", [1, 7, 10_000])
def test_a_file_gives_the_figures_of_the_database_to_the_digit(base: Database, tmp_path: Path, at_once: int) -> None:
    for as_of in (NOW, NOW - timedelta(days=7)):
        path = _export(base, tmp_path, as_of)
        asked = BaseFile(str(path), "demo", "base", LATER, at_once=at_once)
        assert (asked.header.as_of, asked.header.customers, asked.header.written_at) == (as_of, CUSTOMERS, LATER)
        for text in EXPRESSIONS:
            cohort = cohort_of(text)
            assert asked.preview(cohort).found == preview(base, "demo", cohort, as_of)
            assert asked.kpis(cohort).found == kpi_report(base, "demo", cohort, as_of)
        assert asked.kpis(None).found == kpi_report(base, "demo", None, as_of)


def test_an_empty_base_is_a_file_too(database: Database, tmp_path: Path) -> None:
    asked = BaseFile(str(_export(database, tmp_path)), "demo", "base", LATER)
    assert asked.header.customers == 0
    assert asked.kpis(None).found == kpi_report(database, "demo", None, NOW)


def test_it_is_for_its_owner_alone_and_takes_nobody_elses_place(base: Database, tmp_path: Path) -> None:
    path = _export(base, tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match=r"exists; choose another name, or give --replace"):
        export_base(base, "demo", NOW, path, now=NOW)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(ConfigurationError, match="it is a symbolic link"):
        export_base(base, "demo", NOW, link, now=NOW, replace=True)
    for name in ("link", "none/base.parquet"):
        with pytest.raises(ConfigurationError):
            export_base(base, "demo", NOW, tmp_path / name, now=NOW)
    assert sorted(one.name for one in tmp_path.iterdir() if "parquet" in one.name) == ["base.parquet"]


def test_who_cannot_be_read_is_left_out_and_the_file_says_so(base: Database, database_url: str, tmp_path: Path) -> None:
    with outsider(database_url) as run:
        run("UPDATE customer_state SET aggregate = '{' WHERE tenant = 'demo' AND customer_id = 'C00001'")
    asked = BaseFile(str(_export(base, tmp_path)), "demo", "base", LATER)
    assert (asked.header.customers, asked.header.left_out, asked.header.unreadable) == (CUSTOMERS - 1, 1, ("C00001",))
    cohort = cohort_given(EXPRESSIONS[0], None)
    assert asked.preview(cohort).found == preview(base, "demo", cohort, NOW)


def test_a_fault_of_the_database_is_told_in_its_own_words_and_leaves_nothing(
    base: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> object:
        raise StorageError("the database is away")
        yield  # type: ignore[unreachable]

    with monkeypatch.context() as patched:
        patched.setattr(base_file, "base_rows", fails)
        with pytest.raises(StorageError, match=r"^the database is away$"):
            _export(base, tmp_path)
    assert list(tmp_path.glob("*parquet*")) == []
    assert list(tmp_path.glob(".*parquet*")) == []


def test_a_full_disk_is_one_line(base: Database, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    _export(base, tmp_path)  # what SQLite keeps beside a database is there from the first transaction on
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(ConfigurationError, match="cannot write") as refused:
            _export(base, small)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(refused.value)
    assert list(small.iterdir()) == []


def _with(path: Path, frame: pl.DataFrame, header: dict[str, str] | None = None) -> None:
    frame.write_parquet(path, metadata=header or {})


def _header(**changes: object) -> dict[str, str]:
    values: dict[str, object] = {
        "tenant": "demo", "as_of": NOW, "written_at": NOW, "columns": columns_digest(), "customers": CUSTOMERS,
    }  # fmt: skip
    return {HEADER: BaseHeader.model_validate({**values, **changes}).model_dump_json()}


def _written(**changes: str) -> dict[str, str]:
    """Return a header as somebody else may write it."""
    text = _header()[HEADER]
    for name, value in changes.items():
        before, _, after = text.partition(f'"{name}":')
        text = f'{before}"{name}":{value}{after[after.index(",") :]}'
    return {HEADER: text}


WRONG: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], dict[str, str], str]] = {
    "no header": (lambda frame: frame, {}, "`placet state export` did not write it"),
    "no JSON": (lambda frame: frame, {HEADER: "{"}, "its header cannot be read: "),
    "an unknown field": (lambda frame: frame, {HEADER: '{"shoe": 4}'}, "its header cannot be read: "),
    "another tenant": (lambda frame: frame, _header(tenant="other"), "it is of the tenant 'other', not of 'demo'"),
    "another version": (lambda frame: frame, _header(columns="0" * 64), "it has other columns"),
    "a column less": (lambda frame: frame.drop("nps"), _header(), "it has other columns"),
    "a column more": (lambda frame: frame.with_columns(shoe=1), _header(), "it has other columns"),
    "another type": (lambda frame: frame.with_columns(pl.col("nps").cast(pl.Int32)), _header(), "other columns"),
    "fewer rows": (lambda frame: frame.head(3), _header(), f"it has 3 rows and says {CUSTOMERS}"),
    "twice": (
        lambda frame: pl.concat([frame.head(1), frame.head(CUSTOMERS - 1)]),
        _header(),
        "a customer is in it more than once",
    ),
    "a foreign text": (
        lambda frame: frame.with_columns(customer_id=pl.concat_str(pl.lit("\x1b[2J"), "customer_id")),
        _header(),
        "values of customer_id are none that there can be",
    ),
    "a number without end": (lambda frame: frame, _written(left_out="1" + "0" * 4000), "its header cannot be read: "),
    "a time to come": (
        lambda frame: frame,
        _header(as_of=LATER + timedelta(hours=1)),
        "it says it is as of 2026-03-01 18:00Z, which is still to come",
    ),
    "a time of no calendar": (
        lambda frame: frame,
        _written(as_of='"0001-01-01T00:00:00+14:00"'),
        "its header cannot be read: ",
    ),
    "a day of no calendar": (
        lambda frame: frame.with_columns(last_event_on=pl.lit(2**31 - 1, dtype=pl.Int32).cast(pl.Date)),
        _header(),
        "values of last_event_on are none that there can be",
    ),
    "a day before all": (
        lambda frame: frame.with_columns(last_event_on=pl.lit(-(2**31), dtype=pl.Int32).cast(pl.Date)),
        _header(),
        "values of last_event_on are none that there can be",
    ),
    "what would overflow": (
        lambda frame: frame.with_columns(data_mb_30d=pl.lit(2**62, dtype=pl.Int64)),
        _header(),
        "values of data_mb_30d are none that there can be",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_such_file_is_one_line(base: Database, tmp_path: Path, name: str) -> None:
    change, header, said = WRONG[name]
    path = tmp_path / "wrong.parquet"
    _with(path, change(pl.read_parquet(_export(base, tmp_path))), header)
    with pytest.raises(UsageError) as refused:
        BaseFile(str(path), "demo", "wrong", LATER).preview(
            cohort_of("data_mb_30d > 0 AND last_event_on > CURRENT_DATE - 9")
        )
    assert (refused.value.code, "\n" in str(refused.value)) == ("base_file", False)
    assert str(refused.value).startswith("cannot answer from 'wrong': ")
    assert said in str(refused.value)


def test_two_ids_with_one_hash_are_two_customers(
    base: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _export(base, tmp_path)
    monkeypatch.setattr(pl.Expr, "hash", lambda self: self.str.len_bytes().cast(pl.UInt64))
    assert BaseFile(str(path), "demo", "base", LATER).header.customers == CUSTOMERS


def test_the_schema_of_a_file_is_that_of_the_columns(base: Database, tmp_path: Path) -> None:
    path = _export(base, tmp_path)
    assert dict(pl.read_parquet_schema(path)) == FILE_SCHEMA
    assert pl.read_parquet(path)["simulated"].sum() == CUSTOMERS
