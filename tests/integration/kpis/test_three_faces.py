"""The page, the API and the command line tell one figure, to the digit."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.contracts.cohorts.economics import Economics
from placet.contracts.cohorts.kpis import KpiReport, KpiValue
from placet.entrypoints.tenant_files.economics import economics_of
from placet.interfaces.http.app import create_app
from placet.interfaces.telling.kpis import CSV_COLUMNS, kpis_as_csv
from placet.service.kpis.kept import day_report, kept_days
from placet.service.kpis.refreshing import refresh
from placet.storage.database import Database
from tests.integration.cohorts.conftest import base
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving

__all__ = ["base"]

ECONOMICS = Economics(margin_percent=40.0, yearly_discount_percent=10.0)


@pytest.fixture
def api(base: Database) -> Iterator[httpx.Client]:
    app = create_app(
        base,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        economics=lambda: ECONOMICS,
    )
    with serving(app) as url, client_of(url) as http:
        yield http


def told_in_csv(one: dict[str, Any]) -> dict[str, str]:
    """What CSV says of a figure that JSON has: to the digit, of money with its point two places further left."""
    said = {name: "" if one[name] is None else str(one[name]) for name in ("value", "of", "over")}
    if one["currency"] is None:
        assert not (one["unit"] == "money" and one["value"]), "an amount has a currency"
    else:
        assert (one["unit"], one["currency"]) == ("money", "USD")
        for name in ("value", "of"):
            said[name] = said[name] and str(Decimal(said[name].removesuffix(".0")).scaleb(-2))
    return said


def test_in_csv_money_is_exact_in_whole_units_of_each_currency() -> None:
    def row(currency: str, value: float, of: int) -> list[str]:
        one = KpiValue(name="arpu", title="ARPU", unit="money", currency=currency, value=value, of=of, over=12)
        found = KpiReport(cohort=None, as_of=datetime.now(UTC), days=30, customers=12, simulated=0, kpis=(one,))
        (told,) = csv.DictReader(io.StringIO(kpis_as_csv(found)))
        return [told["value"], told["of"], told["over"]]

    assert row("USD", 4975.83, 59710) == ["49.7583", "597.10", "12"]
    assert row("JPY", 4975.83, 59710) == ["4975.83", "59710", "12"]
    assert row("KWD", 0.5, -6) == ["0.0005", "-0.006", "12"]
    assert row("USD", 500.0, 10**30 + 1) == ["5.00", f"1{'0' * 28}.01", "12"]


def test_json_csv_and_the_older_address_say_the_same(api: httpx.Client, base: Database) -> None:
    for query in ({}, {"segment": "multi_product"}):
        found = api.get("/v1/kpis", params=query).json()
        older = api.post("/v1/cohorts/kpis", json=query).json()
        assert {**older, "counted_at": None} == {**found, "counted_at": None}
        answer = api.get("/v1/kpis", params=query, headers={"Accept": "text/csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert tuple(rows[0]) == CSV_COLUMNS
        ours = day_report(base, "demo", query.get("segment"), None, datetime.now(UTC), economics=ECONOMICS)
        assert len(rows) == len(found["kpis"]) == len(ours.kpis)
        for row, one, kpi in zip(rows, found["kpis"], ours.kpis, strict=True):
            assert one == json.loads(kpi.model_dump_json())
            assert row == {**row, **told_in_csv(one)}


@pytest.mark.parametrize("day", ["0001-01-01", "0001-12-31", "0003-03-10", "1999-12-31"])
def test_a_day_of_long_ago_is_not_kept(api: httpx.Client, day: str) -> None:
    assert problem(api.get("/v1/kpis", params={"day": day})) == (404, "unknown_day")


@pytest.mark.parametrize("day", ["0", "86400", "2026-02-28T00:00:00", "2026-2-8", "0000-01-01", "tomorrow"])
def test_what_is_not_written_as_a_day_is_none(api: httpx.Client, day: str) -> None:
    assert problem(api.get("/v1/kpis", params={"day": day})) == (422, "malformed")


def test_a_day_that_nobody_counted_is_not_found_and_one_to_come_is_refused(api: httpx.Client, base: Database) -> None:
    now = datetime.now(UTC)
    yesterday, before = (now - timedelta(days=days) for days in (1, 2))
    assert refresh(base, "demo", yesterday)
    closed = api.get("/v1/kpis", params={"day": yesterday.date().isoformat()}).json()
    assert closed["as_of"].startswith(yesterday.date().isoformat())
    assert api.get("/v1/kpis").json()["as_of"].startswith(now.date().isoformat())
    again = api.get("/v1/kpis", params={"day": yesterday.date().isoformat()}).json()
    assert again == closed | {"counted_at": again["counted_at"]}
    assert problem(api.get("/v1/kpis", params={"day": before.date().isoformat()})) == (404, "unknown_day")
    assert problem(api.get("/v1/kpis", params={"day": "2999-01-01"})) == (422, "malformed")
    assert problem(api.get("/v1/kpis", params={"day": "yesterday"})) == (422, "malformed")
    assert problem(api.get("/v1/kpis", params={"segment": "nobody"})) == (404, "unknown_segment")
    days = kept_days(base, "demo", None, first=before.date(), last=now.date(), now=now)
    assert [(one.day, one.closed) for one in days.days] == [
        (yesterday.date().isoformat(), True),
        (now.date().isoformat(), False),
    ]


def test_a_base_that_is_not_counted_yet_is_counted_from_question_to_question(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.interfaces.http.endpoints.live.kpis.MOST_CUSTOMERS", 1)
    monkeypatch.setattr("placet.service.kpis.refreshing.AT_ONCE", 15)
    refused = api.get("/v1/kpis")
    while refused.status_code == 422:
        assert problem(refused) == (422, "base_too_large")
        refused = api.get("/v1/kpis")
    assert refused.json()["customers"] == 40


def test_a_file_of_economics_is_read_or_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    file = tmp_path / "demo" / "economics.toml"
    assert economics_of(None, "demo") is economics_of(tmp_path, "demo") is None
    file.write_text("margin_percent = 40\nyearly_discount_percent = 10.0\n")
    assert economics_of(tmp_path, "demo") == ECONOMICS
    for wrong in ("margin_percent = 40", "margin_percent = 'much'", "= 1", "margin_percent = nan", "margin = 1"):
        file.write_text(wrong)
        said = economics_of(tmp_path, "demo")
        assert isinstance(said, str)
        assert "economics.toml" in said
        assert "\n" not in said
