"""Templates and what they may call. A name that is not given is an error, and everything is escaped."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from placet.contracts.text import NAME, counted, one_line, quoted
from placet.contracts.times import minute, moment, rfc3339
from placet.interfaces.console.assets_folder import address_of

_FEW_DAYS: Final = 7
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_LONG: Final = 1_000
_RUN: Final = 12
_LINES, _LINE = 400, 2_000
"""Of a document of others, as it is shown; JSON output has all of it."""


class Templates:
    """The templates of the console."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("placet.interfaces.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            line=lambda text: one_line(str(text), _LONG),
            name=lambda text: one_line(str(text), NAME),
            theirs=lambda text: quoted(str(text)),
            words=lambda code: one_line(str(code), NAME).replace("_", " "),
            minute=minute,
            moment=moment,
            machine=rfc3339,
            distance=distance,
            counted=counted,
            foreign=foreign,
            first_upper=lambda text: text[:1].upper() + text[1:],
            short=lambda run_id: f"{run_id[:_RUN]}…",
        )
        self._environment.globals.update(asset=address_of)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return a page as text."""
        return self._environment.get_template(name).render(values)


def foreign(text: str) -> str:
    """Return a document of others line by line, everything in it visible, bounded."""
    lines = text.split("\n")
    cut = [f"… {counted(len(lines) - _LINES, 'more line')}"] if len(lines) > _LINES else []
    return "\n".join([*(one_line(line, _LINE) for line in lines[:_LINES]), *cut])


def distance(at: datetime, now: datetime) -> str:
    """Say how far a time is from now: `in 3 hours`, `2 days ago`."""
    seconds = int((at - now).total_seconds())
    size = abs(seconds)
    if size < _MINUTE:
        return "now"
    number, unit = next(
        (size // length, unit)
        for length, unit in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"))
        if size >= (2 * length if unit == "day" else length)
    )
    said = counted(number, unit)
    if unit == "day" and number < _FEW_DAYS and (hours := size % _DAY // _HOUR):
        said += f" {counted(hours, 'hour')}"  # what closes in 2 days and 23 hours closes in no 2 days
    return f"in {said}" if seconds > 0 else f"{said} ago"
