"""A wrong models file stops the start with one clear line."""

from pathlib import Path

import pytest

from agents.catalogue import declared_tasks
from agents.model_calls.routing import ModelsConfig
from placet.errors import ConfigurationError

GOOD = """
[models.local]
route = "openai/m"
base_url = "http://127.0.0.1:1/v1"
perimeter = "inside"
timeout_s = 5
max_tokens = 100
[tasks.retention]
analyse = ["local"]
"""


def test_the_shipped_file_tries_the_local_model_first_and_names_keys_only() -> None:
    config = ModelsConfig.load()
    for task in ("analyse", "propose"):
        assert config.order("retention", task) == ("local", "openai", "anthropic", "gemini")
    assert config.models["local"].perimeter == "inside"
    keys = {name: model.api_key for name, model in config.models.items() if model.perimeter == "outside"}
    assert keys == {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml =", "is not TOML"),
        (GOOD.replace('"local"]', '"lokal"]'), "names model 'lokal', which is not configured"),
        (GOOD.replace('base_url = "http://127.0.0.1:1/v1"\n', ""), "a model inside the perimeter needs a base_url"),
        (GOOD.replace("openai/m", "shell/m"), "is wrong: models.local.route"),
        (GOOD.replace("timeout_s = 5", "timeout_s = 0"), "is wrong: models.local.timeout_s"),
        (GOOD.replace("perimeter", "perimetre"), "is wrong: models.local"),
        (
            GOOD.replace("[tasks.retention]", "[tasks]"),
            "'analyse' to no application; write it in a table of the application that asks it, for example [tasks.",
        ),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "models.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        ModelsConfig.load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_an_agent_that_there_is_not_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(GOOD.replace("tasks.retention", "tasks.retenton"))
    config = ModelsConfig.load(path)
    with pytest.raises(ConfigurationError) as caught:
        config.check_tasks({"advance": (), "retention": ("analyse",)})
    assert str(caught.value) == (
        "the models file has a table [tasks.retenton], but there is no agent 'retenton'; "
        "known: advance, retention. Correct its name, or remove it"
    )


def test_a_task_that_no_application_asks_and_one_that_no_model_answers_are_named(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(GOOD.replace("analyse =", "analyze ="))
    config = ModelsConfig.load(path)
    declared = {"retention": ("analyse", "propose")}
    with pytest.raises(ConfigurationError) as caught:
        config.check_tasks(declared)
    assert str(caught.value) == (
        "the models file names models for task 'analyze' of agent 'retention', which asks no such task; "
        "it asks: analyse, propose. Correct its name, or remove it"
    )
    assert config.unanswered(declared) == (("retention", "analyse"), ("retention", "propose"))
    path.write_text(GOOD)
    ModelsConfig.load(path).check_tasks(declared)


def test_the_shipped_applications_declare_what_they_ask() -> None:
    config = ModelsConfig.load()
    config.check_tasks(declared_tasks())
    assert config.unanswered(declared_tasks()) == ()


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the models file .*: No such file"):
        ModelsConfig.load(tmp_path / "none.toml")


def test_addresses_are_replaced_by_name_and_checked() -> None:
    config = ModelsConfig.load()
    moved = config.with_addresses({"local": "http://10.0.0.1:80/v1", "not-configured": "http://x"})
    assert moved.models["local"].base_url == "http://10.0.0.1:80/v1"
    assert moved.models["openai"] == config.models["openai"]
    with pytest.raises(ConfigurationError, match=r"address 'ftp://x' of model 'local' is no http\(s\) URL"):
        config.with_addresses({"local": "ftp://x"})


def test_a_key_where_its_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(GOOD.replace("timeout_s", 'api_key = "sk-live-1234"\ntimeout_s'))
    with pytest.raises(ConfigurationError, match=r"models\.local\.api_key \(not shown\)") as refused:
        ModelsConfig.load(path)
    assert "sk-live" not in str(refused.value)
