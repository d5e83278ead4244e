"""A command's terminal shows Placet's own lines; what libraries complain of is kept in a file of the owner's alone."""

import logging
import stat
from pathlib import Path

import pytest

from placet.errors import ConfigurationError
from placet.interfaces.cli.errors_log import keep_complaints, keep_error


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """Return a library's logger in a process that configured no logging, away from pytest's own handlers."""
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)
    return logging.Logger("some.library")  # noqa: LOG001 - one that has no parent


def test_what_a_library_complains_of_is_kept_and_not_shown(
    tmp_path: Path, library: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_complaints(lambda: tmp_path)
    library.info("not of interest")
    assert not (tmp_path / "logs").exists()
    library.error("a connection could not be closed", exc_info=KeyboardInterrupt())
    log = tmp_path / "logs" / "errors.log"
    kept = log.read_text()
    assert "ERROR some.library a connection could not be closed\nKeyboardInterrupt" in kept
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert capsys.readouterr() == ("", "")


def test_settings_that_cannot_be_read_and_a_folder_that_is_no_folder_stop_nothing(
    tmp_path: Path, library: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable() -> Path:
        raise ConfigurationError("no such setting")

    keep_complaints(unreadable)
    library.warning("a complaint")
    (tmp_path / "file").write_text("")
    keep_complaints(lambda: tmp_path / "file")
    library.warning("a complaint")
    assert capsys.readouterr() == ("", "")
    assert keep_error(tmp_path / "file", ValueError("x")) == "the details could not be kept"


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    said = keep_error(tmp_path, ValueError("x" * 1_100_000))
    log = tmp_path / "logs" / "errors.log"
    assert said == f"the details are in {str(log)!r}"
    keep_error(tmp_path, ValueError("the next one"))
    assert "the next one" in log.read_text()
    assert log.stat().st_size < 1000
    assert log.with_name("errors.log.1").stat().st_size > 1_000_000
