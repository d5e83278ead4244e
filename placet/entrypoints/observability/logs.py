"""Logging of a process: one line for each thing, as JSON or for a terminal. The only place that sets logging up.

A log tells an operator what to look at; the record tells what happened. So a line carries a code, the run and the step,
and no customer data: of an error that nobody foresaw it has the type and the places in our code, not the message, which
may quote what was being worked on. A text of foreign origin (a person's reason) cannot break a line or colour it.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from placet.contracts.text import one_line, shortened
from placet.contracts.times import rfc3339
from placet.errors import ConfigurationError, InferenceError, PlacetError, PolicyError, StorageError

_OURS = ("placet", "activities", "agents", "plugins", "workflows")
"""Loggers that follow the level setting; others begin at WARNING, since below it they write payloads."""

_ABOUT_SYSTEMS = (ConfigurationError, InferenceError, PolicyError, StorageError)
"""Errors whose words are about this installation; those of others may be about a customer and stay on the record."""

_LONGEST = 2000
_MOST_PLACES = 16
_FIELDS = ("run_id", "tenant", "step", "attempt", "code")


def set_up_logging(level: str, form: str) -> None:
    """Send this process's log to standard error, replacing what was set up before.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        form: `json`, `text`, or `auto`: text where standard error is a terminal.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)


def tell_temporal_apart() -> None:
    """Keep Temporal's own loggers from writing what they know of a run into the message; it has fields of its own."""
    from temporalio import activity, workflow  # noqa: PLC0415 - only a worker has it loaded

    for logger in (activity.logger, workflow.logger):
        logger.__dict__.update(activity_info_on_message=False, workflow_info_on_message=False)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII: whatever a text holds, it is one line and colours nothing."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = _told(record)
        if "trace" in told:
            told["trace"] = list(told["trace"])
        return json.dumps(told, default=str)


class TextFormatter(logging.Formatter):
    """A line for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        told = _told(record)
        about = " ".join(f"{name}={told[name]}" for name in _FIELDS if name in told)
        places = list(told.get("trace", ()))
        where = f"at {places[-1]}" if places else ""
        parts = (told["time"][:19], told["level"].upper(), told["logger"], told["message"], about, where)
        return one_line(" ".join(part for part in parts if part), _LONGEST)


def _told(record: logging.LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "time": rfc3339(datetime.fromtimestamp(record.created, UTC), "milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": shortened(_message(record), _LONGEST),
    }
    told |= {name: value for name, value in _subject(record).items() if value is not None}
    told |= _trace()
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        told |= _error(error)
    return told


def _trace() -> dict[str, str]:
    """Return what finds the line's trace, where this process makes spans (`telemetry.py` beside this)."""
    module = sys.modules.get("placet.telemetry.log_fields")
    return {} if module is None else dict(module.trace_fields())


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a message that does not fit its arguments must not end what logs it
        return str(record.msg)


def _subject(record: logging.LogRecord) -> dict[str, Any]:
    """Return what run and step a record is about: said by who logs, or known to Temporal."""
    known = getattr(record, "temporal_activity", None) or getattr(record, "temporal_workflow", None) or _current()
    return {
        "run_id": getattr(record, "run_id", None) or known.get("workflow_id"),
        "tenant": getattr(record, "tenant", None),
        "step": getattr(record, "step", None) or known.get("activity_type"),
        "attempt": known.get("attempt"),
    }


def _current() -> dict[str, Any]:
    """Return the activity that this thread is in."""
    module = sys.modules.get("temporalio.activity")
    if module is None or not module.in_activity():
        return {}
    info = module.info()
    return {"workflow_id": info.workflow_id, "activity_type": info.activity_type, "attempt": info.attempt}


def _error(error: BaseException) -> dict[str, Any]:
    causes = list(_causes(error))
    ours = next((one for one in causes if isinstance(one, PlacetError)), None)
    if ours is not None:
        said = {"error": str(ours)} if isinstance(ours, _ABOUT_SYSTEMS) else {}
        return {"code": ours.code, **said}
    last = causes[-1]
    code = getattr(error, "type", None)
    trace = traceback.extract_tb(last.__traceback__)[-_MOST_PLACES:]
    return {
        "code": code if isinstance(code, str) else "unexpected",
        "error": type(last).__name__,
        "trace": tuple(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in trace),
    }


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
