"""The list of models: what is not in order in their folder is said, and never passed over."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from placet.entrypoints.likelihoods import Likelihoods, named_source
from placet.entrypoints.propensity import InstalledModels
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, UsageError
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.interfaces.telling.models import for_runs_in_words, held_lines, trained_last_in_words
from tests.agents.propensity.support import MAPPING, csv, rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a model's file."""
    home = tmp_path_factory.mktemp("trained")
    (home / "t.csv").write_bytes(csv(rows()))
    (home / "m.toml").write_text(MAPPING)
    models = InstalledModels(Settings(home=home), "demo")
    return models.train(home / "t.csv", home / "m.toml", date(2026, 3, 1))[1].read_bytes()


@pytest.fixture
def home(tmp_path: Path, trained: bytes) -> Path:
    folder = tmp_path / "propensity" / "demo"
    folder.mkdir(parents=True)
    (folder / f"{sha256_hex(trained)}.json").write_bytes(trained)
    (folder / "current").write_text(f"{sha256_hex(trained)}\n")
    return tmp_path


def models_of(home: Path) -> InstalledModels:
    return InstalledModels(Settings(home=home), "demo")


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


CANNOT = "which model was trained last cannot be told: the file `current` "


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("no digest"), f"{CANNOT}names no model; train one again"),
        (lambda path: path.write_bytes(b""), f"{CANNOT}names no model; train one again"),
        (lambda path: path.mkdir(), f"{CANNOT}is not an ordinary file; remove it"),
        (lambda path: path.symlink_to("/etc/hostname"), f"{CANNOT}is a symbolic link, which is not followed here; "),
        (lambda path: path.write_text("b" * 64), f"the model trained last, {'b' * 16}…, is not held here: train it "),
    ],
)
def test_what_is_wrong_with_the_mark_of_the_model_trained_last_is_said(
    home: Path, make: Callable[[Path], object], said: str
) -> None:
    replace(home / "propensity" / "demo" / "current", make)
    found = models_of(home).held()
    assert (found.fault or "").startswith(said)
    assert str(home) not in str(found)
    assert [one.card is not None for one in found.models] == [True], "the models are listed all the same"
    assert trained_last_in_words(found) is None, "the fault says it"


def test_that_no_model_was_trained_last_is_said_where_some_are_held(home: Path) -> None:
    assert trained_last_in_words(models_of(home).held()) is None
    (home / "propensity" / "demo" / "current").unlink()
    found = models_of(home).held()
    assert (found.fault, trained_last_in_words(found)) == (None, "no model was trained last here")
    nothing = InstalledModels(Settings(home=home), "other").held()
    assert (nothing.fault, nothing.models, trained_last_in_words(nothing)) == (None, (), None)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder.write_text("x"), "is not a folder; remove it"),
        (lambda folder: folder.symlink_to(folder.with_name("there")), "is a symbolic link, which is not followed here"),
        (lambda folder: (folder.parent.rmdir(), folder.parent.write_text("x")), "is in something that is not a folder"),
    ],
)
def test_a_folder_of_models_that_is_none_is_one_error(home: Path, make: Callable[[Path], object], said: str) -> None:
    folder = home / "propensity" / "demo"
    (model,) = [path.stem for path in folder.glob("*.json")]
    folder.rename(home / "there")
    make(folder)
    found = models_of(home).held()
    assert (found.fault or "").startswith(f"the folder of churn models {said}")
    assert (found.models, str(home) in str(found)) == ((), False)
    settings = Settings(home=home, churn_sources={"demo": model})
    for ask in (
        lambda: models_of(home).shown(None),
        lambda: models_of(home).shown(model),
        lambda: models_of(home).train(None, None, date(2026, 3, 1)),
        lambda: Likelihoods(settings),
        lambda: named_source(settings, "demo", model),
    ):
        with pytest.raises(ConfigurationError, match=said) as refused:
            ask()
        assert repr(str(folder)) in str(refused.value)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.symlink_to("/etc/hostname"), "its file is a symbolic link, which is not followed here"),
        (lambda path: path.symlink_to("/nowhere"), "its file is a symbolic link, which is not followed here"),
        (lambda path: path.mkdir(), "its file is not an ordinary file; "),
        (lambda path: path.write_bytes(b""), "its file is empty; "),
        (lambda path: path.write_bytes(b"{}"), "its file has digest "),
    ],
)
def test_the_list_says_what_is_wrong_with_a_file(home: Path, make: Callable[[Path], object], said: str) -> None:
    make(home / "propensity" / "demo" / f"{'c' * 64}.json")
    fault = {one.model: one.fault for one in models_of(home).held().models}["c" * 64]
    assert (fault or "").startswith(said)
    assert "`placet" not in str(fault)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("0" * 64, f"no churn model begins with '{'0' * 64}'"),
        ("cccccccc", "several churn models begin with 'cccccccc'"),
        ("CCCCCCCC", "'CCCCCCCC' is no digest of a model, nor how one begins: 8 to 64 characters of 0-9 and a-f"),
        ("c" * 7, "'ccccccc' is no digest of a model, "),
        ("../\u202ex", "'../«U+202E»x' is no digest of a model, "),
        ("x" * 500, f"'{'x' * 79}…' is no digest of a model, "),
    ],
)
def test_a_model_that_is_not_there_is_named_without_anybodys_command(home: Path, named: str, said: str) -> None:
    for end in "01":
        (home / "propensity" / "demo" / f"{'c' * 63}{end}.json").write_text("{}")
    with pytest.raises(UsageError) as refused:
        models_of(home).shown(named)
    assert (refused.value.code, str(refused.value).startswith(said)) == ("unknown_model", True)
    assert "`" not in str(refused.value)


def test_the_list_has_the_whole_digest_in_lines_that_fit(home: Path) -> None:
    (home / "propensity" / "demo" / f"{'c' * 64}.json").symlink_to("/nowhere")
    found = models_of(home).held().models
    lines = [line for one in found for line in held_lines(one)]
    assert [lines[0], lines[3]] == [f"{found[0].model}  (trained last, not for runs)", "c" * 64]
    assert all(len(line) <= 120 for line in lines)
    assert "gives the one who left the higher score in " in lines[2]


def test_a_model_that_runs_are_told_to_use_and_cannot_is_not_said_to_be_used(home: Path) -> None:
    digest = next((home / "propensity" / "demo").glob("*.json")).stem
    models = InstalledModels(Settings(home=home, churn_sources={"demo": digest}), "demo")
    (found,) = models.held().models
    assert next(held_lines(found)) == f"{digest}  (named for runs, trained last, not for runs)"
    said = for_runs_in_words(models.shown(None), models.runs_use)
    assert said.startswith("PLACET_CHURN_SOURCES names it, and no worker starts with it: its mapping does not say")


def test_a_model_whose_trees_no_worker_takes_is_not_in_order(home: Path, trained: bytes) -> None:
    """Whoever may write the folder can make a file of the right digest and form, whose trees are nothing."""
    forged = json.loads(trained)
    forged["trees"] = "tree\nversion=v4\n"
    content = canonical_bytes(forged)
    digest = sha256_hex(content)
    (home / "propensity" / "demo" / f"{digest}.json").write_bytes(content)
    found = {one.model: one for one in models_of(home).held().models}[digest]
    assert (found.card, found.for_runs) == (None, False)
    assert "trees cannot be used" in (found.fault or "")
    with pytest.raises(ConfigurationError, match="trees cannot be used"):
        models_of(home).shown(digest)


def test_without_a_mark_of_the_newest_commands_say_that_one_must_be_named(home: Path) -> None:
    (home / "propensity" / "demo" / "current").unlink()
    with pytest.raises(
        ConfigurationError, match=r"^no model was trained last here; name one of those .* with --model$"
    ):
        models_of(home).shown(None)
    for file in (home / "propensity" / "demo").iterdir():
        file.unlink()
    with pytest.raises(ConfigurationError, match=r"there is no churn model in .* `placet model train` makes one"):
        models_of(home).shown(None)


def test_a_damaged_model_that_runs_are_told_to_use_is_not_said_to_be_in_use(home: Path) -> None:
    digest = next((home / "propensity" / "demo").glob("*.json")).stem
    (home / "propensity" / "demo" / f"{digest}.json").write_text("{}")
    (found,) = InstalledModels(Settings(home=home, churn_sources={"demo": digest}), "demo").held().models
    assert next(held_lines(found)) == f"{digest}  (named for runs, trained last)"
