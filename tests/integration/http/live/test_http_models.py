"""Models of who may leave over HTTP: which are held, which one runs use, and files that are not in order."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from placet.entrypoints.propensity import InstalledModels
from placet.entrypoints.settings import Settings
from placet.interfaces.http.app import create_app
from placet.storage.database import Database
from tests.agents.propensity.support import MAPPING, csv, rows
from tests.integration.http.calling import TOKEN, client_of, engine_at, problem, serving


def trained(home: Path, tenant: str = "demo", on: date = date(2026, 3, 1)) -> str:
    """Train a model for a tenant and return its digest."""
    (home / "t.csv").write_bytes(csv(rows()))
    (home / "m.toml").write_text(MAPPING)
    return InstalledModels(Settings(home=home), tenant).train(home / "t.csv", home / "m.toml", on)[0]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(home: Path) -> str:
    return trained(home)


@pytest.fixture
def api(database: Database, home: Path, model: str) -> Iterator[httpx.Client]:
    settings = Settings(home=home, churn_sources={"demo": model})
    app = create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        models=InstalledModels(settings, "demo"),
    )
    with serving(app) as url, client_of(url) as http:
        yield http


def test_the_models_are_listed_and_each_shows_its_card(api: httpx.Client, home: Path, model: str) -> None:
    later = trained(home, on=date(2026, 3, 2))
    trained(home, "other")
    found = api.get("/v1/models").json()
    assert (found["runs_use"], found["fault"]) == (f"model {model[:16]}…", None)
    assert [(one["model"], one["in_use"], one["trained_last"]) for one in found["models"]] == [
        (model, True, False),
        (later, False, True),
    ]
    assert found["models"][0]["card"] | {"auc": 0, "left": 0, "calibration_error": 0} == {
        "trained_on": "2026-03-01", "source": "made up for tests", "customers": 900, "left": 0, "auc": 0,
        "calibration_error": 0,
    }  # fmt: skip
    card = api.get(f"/v1/models/{model[:8]}").json()
    assert (card["model"], card["in_use"], card["card"]["never_read"]) == (model, True, ["region"])
    assert api.get(f"/v1/models/{later}").json()["in_use"] is False


def test_a_model_that_runs_are_told_to_use_and_that_is_not_held_is_named(home: Path, model: str) -> None:
    missing = "a" * 64
    found = InstalledModels(Settings(home=home, churn_sources={"demo": missing}), "demo").held()
    assert (found.models[0].model, found.models[0].in_use, found.models[0].card) == (missing, True, None)
    assert found.models[0].fault == "it is not held here: train it, or put its file there"
    assert model in {one.model for one in found.models}


def test_what_is_no_model_is_told(api: httpx.Client, model: str) -> None:
    unknown, short = api.get(f"/v1/models/{'0' * 64}"), api.get("/v1/models/0000")
    assert (problem(unknown), problem(short)) == ((404, "unknown_model"), (422, "malformed"))
    assert problem(api.get(f"/v1/models/{model.upper()}")) == (422, "malformed")
    held = "; `GET /v1/models` lists those that are held"
    assert unknown.json()["detail"] == f"no churn model begins with '{'0' * 64}'{held}"
    assert f"'0000' is no digest of a model, nor how one begins: 8 to 64 characters of 0-9 and a-f{held}" in short.text
    assert "^" not in short.text


def test_a_file_that_is_not_in_order_keeps_nothing_else_from_being_shown(
    api: httpx.Client, home: Path, model: str
) -> None:
    """One is another file than its name says, since the list was read; one is a link to somebody else's file."""
    assert api.get(f"/v1/models/{model}").status_code == 200
    folder = home / "propensity" / "demo"
    path, linked = folder / f"{model}.json", folder / f"{'1' * 64}.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(whole.replace(b'"offset":', b'"offset": ', 1))
        linked.symlink_to("/etc/hostname")
        (folder / "notes.json").write_text("{}")
        found = {one["model"]: one for one in api.get("/v1/models").json()["models"]}
        shown, through = api.get(f"/v1/models/{model}"), api.get(f"/v1/models/{'1' * 64}")
    finally:
        path.write_bytes(whole)
        linked.unlink(missing_ok=True)
    assert found[model]["card"] is None
    assert "it is another model, or was changed" in found[model]["fault"]
    assert "its file is a symbolic link" in found["1" * 64]["fault"]
    assert str(home) not in str(found), "where files lie is no caller's business"
    assert (problem(shown), problem(through)) == ((409, "model_damaged"), (409, "model_damaged"))
    assert api.get(f"/v1/models/{model}").status_code == 200
