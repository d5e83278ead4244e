"""The table of commands is what the modules register, so that a command is loaded without all the others."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, cast

import pytest
import typer

from placet.interfaces.cli.app import COMMANDS, USAGE, build_app, run
from placet.interfaces.cli.toolbox import Toolbox


def words(app: typer.Typer) -> tuple[str, ...]:
    return tuple(cast("Any", typer.main.get_command(app)).commands)


def test_the_table_says_which_words_each_module_adds() -> None:
    for module, told in COMMANDS.items():
        app = typer.Typer()
        app.callback()(lambda: None)
        import_module(f"placet.interfaces.cli.{module}").register(app)
        assert words(app) == told, module


def test_a_word_loads_its_module_alone_and_anything_else_loads_all() -> None:
    everything = {word for told in COMMANDS.values() for word in told}
    assert set(words(build_app("inbox"))) == {"inbox"}
    for first in (None, "nope", "--help"):
        assert set(words(build_app(first))) == everything


def test_a_group_without_a_command_shows_its_help_page(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ((), ("run",)):
        assert run(arguments, cast("Toolbox", None)) == USAGE
        out, err = capsys.readouterr()
        assert (out, err.splitlines()[0]) == (
            "",
            f"Usage: {' '.join(('placet', *arguments))} [OPTIONS] COMMAND [ARGS]...",
        )
        assert "\n  start " in err if arguments else "\n  inbox " in err


def groups(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if hasattr(command, "commands"):
        yield path, command
        for name, below in command.commands.items():
            yield from groups(below, (*path, name))


def test_no_summary_of_a_command_is_cut_at_80_columns() -> None:
    found = dict(groups(typer.main.get_command(build_app())))
    assert ("keys",) in found
    for path, command in found.items():
        page = command.get_help(command.make_context("placet", ["--help"], resilient_parsing=True, terminal_width=80))
        summaries = page.partition("\nCommands:\n")[2].splitlines()
        assert len(summaries) == len(command.commands), path
        assert [line for line in summaries if line.endswith("...") or len(line) > 80] == [], path
