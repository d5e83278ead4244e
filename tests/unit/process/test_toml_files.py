"""TOML files that people write: whatever is in them, whoever wrote it gets one line."""

import os
from pathlib import Path

import pytest

from placet.contracts.base import Frozen
from placet.errors import ConfigurationError
from placet.files import LARGEST_GIVEN
from placet.plugin_api.allowlist import Allowlist
from placet.toml_files import load_toml

NOT_TOML = [
    pytest.param("name = ", "Invalid value", id="it breaks off"),
    pytest.param(f"name = {'9' * 5000}", "too large", id="a number with more digits than Python reads"),
    pytest.param(f"name = {'[' * 5000}", "nests too deep", id="a list in a list, and so on"),
]


class _Named(Frozen):
    name: str


@pytest.mark.parametrize(("text", "said"), NOT_TOML)
def test_what_is_no_toml_is_one_line_that_names_the_file(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "names.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_toml(file, _Named, "the names file")
    line = str(refused.value)
    assert line.startswith(f"the names file {str(file)!r} is not TOML: ")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(("text", "said"), NOT_TOML)
def test_an_allowlist_that_is_no_toml_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^allowlist is not TOML: .*{said}"):
        Allowlist.parse(text)


def test_only_an_ordinary_file_of_some_size_is_read_and_nothing_is_waited_for(tmp_path: Path) -> None:
    endless, pipe, large = tmp_path / "endless.toml", tmp_path / "pipe.toml", tmp_path / "large.toml"
    endless.symlink_to("/dev/zero")
    os.mkfifo(pipe)
    large.write_bytes(b"#" * (LARGEST_GIVEN + 1))
    for file, said in ((endless, "not an ordinary file"), (pipe, "not an ordinary file"), (large, "larger than")):
        with pytest.raises(ConfigurationError, match=said):
            load_toml(file, _Named, "the names file")


def test_a_misspelt_name_is_said_and_its_value_is_not(tmp_path: Path) -> None:
    file = tmp_path / "names.toml"
    file.write_text('name = "a"\napikey = "sk-live-1"\n')
    with pytest.raises(ConfigurationError, match=r"apikey: there is no field of this name") as refused:
        load_toml(file, _Named, "the names file")
    assert "sk-live-1" not in str(refused.value)
