"""A log line is one line, names the run and the step, and carries no customer data and no traceback."""

import json
import logging
import sys
from io import StringIO
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from placet.entrypoints.observability.logs import JsonFormatter, TextFormatter, set_up_logging
from placet.errors import NotFound, PlacetError, StorageError

ACTIVITY = {"workflow_id": "run-1", "activity_type": "analyse", "attempt": 3}
CUSTOMER = "Erika Mustermann, C00042"


def formatted(
    form: logging.Formatter, message: str = "step failed", error: BaseException | None = None, **more: Any
) -> str:
    """One line, as an activity that ended with `error` would be logged."""
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("temporalio.activity", logging.WARNING, "x.py", 1, message, (), info)
    record.__dict__.update(more)
    return form.format(record)


def failed(cause: Exception) -> ApplicationError:
    """What the boundary of an activity makes of an error (`activities/resources.py`)."""
    try:
        try:
            raise cause  # noqa: TRY301 - the boundary's own shape
        except PlacetError as error:
            raise ApplicationError(str(error), type=error.code) from error
        except Exception as error:
            raise ApplicationError("unexpected; see the worker's log", type="step_failed") from error
    except ApplicationError as error:
        return error


def test_an_ordinary_error_is_one_line_with_its_code_and_without_its_words() -> None:
    error = failed(NotFound(f"billing does not know {CUSTOMER}", code="unknown_customer"))
    line = formatted(JsonFormatter(), error=error, temporal_activity=ACTIVITY)
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "warning",
        "logger": "temporalio.activity",
        "message": "step failed",
        "run_id": "run-1",
        "step": "analyse",
        "attempt": 3,
        "code": "unknown_customer",
    }
    text = formatted(TextFormatter(), error=error, temporal_activity=ACTIVITY)
    assert text.endswith(
        "WARNING temporalio.activity step failed run_id=run-1 step=analyse attempt=3 code=unknown_customer"
    )


def test_what_is_about_the_installation_says_what_is_wrong_with_it() -> None:
    told = json.loads(formatted(JsonFormatter(), error=failed(StorageError("the database is locked"))))
    assert (told["code"], told["error"]) == ("storage_unavailable", "the database is locked")


def test_a_defect_shows_its_type_and_place_and_nothing_it_worked_on() -> None:
    error = failed(ValueError(f"cannot parse {CUSTOMER}"))
    told = json.loads(formatted(JsonFormatter(), error=error))
    assert (told["code"], told["error"]) == ("step_failed", "ValueError")
    assert told["trace"][-1].endswith(" failed")
    for form in (JsonFormatter(), TextFormatter()):
        line = formatted(form, error=error)
        assert CUSTOMER not in line
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize("form", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_a_foreign_text_cannot_fake_a_line_or_colour_one(form: logging.Formatter) -> None:
    line = formatted(form, "halted: \x1b[31mx\r\n2026-01-01T00:00:00Z INFO run executed\u2028\u202e\u200b")
    assert len(line.splitlines()) == 1
    assert all(character.isprintable() for character in line)
    assert not {"\u202e", "\u200b", "\u2028"} & set(line)


def test_levels_apply_to_our_loggers_and_never_open_others_payloads(monkeypatch: pytest.MonkeyPatch) -> None:
    before = logging.getLogger().handlers[:]
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        set_up_logging("debug", "auto")
        logging.getLogger("placet.gate").debug("ours")
        logging.getLogger("temporalio.worker").info("a completion with a payload")
        assert [json.loads(line)["message"] for line in written.getvalue().splitlines()] == ["ours"]
    finally:
        logging.captureWarnings(capture=False)
        logging.getLogger().handlers[:] = before
        for name in ("placet", "activities", "agents", "plugins", "workflows"):
            logging.getLogger(name).setLevel(logging.NOTSET)
