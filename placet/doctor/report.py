"""What the doctor found, and how it is shown. Nothing leaves here with a secret in it."""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from placet.contracts.text import counted, one_line
from placet.entrypoints.settings import Settings
from placet.interfaces.cli.output import wrapped

Level = Literal["ok", "info", "problem"]
"""`problem`: something that was asked for does not work. `info`: worth knowing, nothing is broken."""

# Up to the last @: a password may hold one.
_USERINFO = re.compile(r"(?<=://)[^\s'\"]*@")
_PARAMETER = re.compile(r"((?:password|passwd|pwd|secret|token|key)=)[^&\s'\"]+", re.IGNORECASE)
_HIDDEN = "***"
_SHORTEST_SECRET = 4
_SHOWN = 1000
"""Of what other code said, in characters."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; `advice` says what to do, where something can be done."""

    level: Level
    check: str
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting: its variable, its value (a secret only as set or not set), and what it is for."""

    name: str
    value: str
    default: bool
    description: str


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, or the settings where only those were asked for."""

    findings: tuple[Finding, ...] = ()
    settings: tuple[SettingLine, ...] = ()

    @property
    def problems(self) -> int:
        """How many findings are problems."""
        return sum(finding.level == "problem" for finding in self.findings)


class Mask:
    """Removes secrets from what other code said: the configured ones, and whatever stands in a URL's place for them."""

    def __init__(self, settings: Settings) -> None:
        values = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
        for _, value in settings:
            # In parts, since a password that was not escaped is taken apart by whoever reads the URL.
            found = _USERINFO.search(value) if isinstance(value, str) else None
            values += found[0].partition(":")[2].split("@") if found else []
        self._secrets = [value for value in values if len(value) >= _SHORTEST_SECRET]

    def __call__(self, text: str) -> str:
        """Return `text` in one line, without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        text = _PARAMETER.sub(rf"\1{_HIDDEN}", _USERINFO.sub(f"{_HIDDEN}@", text))
        return one_line(text, _SHOWN)

    def finding(self, finding: Finding) -> Finding:
        """Return the finding without secrets; advice is our own words."""
        return replace(finding, detail=self(finding.detail))


def setting_lines(settings: Settings) -> tuple[SettingLine, ...]:
    """List every setting, in the order of its declaration."""
    mask = Mask(settings)
    return tuple(
        SettingLine(
            name=f"PLACET_{name.upper()}",
            value=mask(_value(getattr(settings, name))),
            default=name not in settings.model_fields_set,
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )


def show(report: Report, *, as_json: bool) -> int:
    """Print the report; returns the exit code: 1 when it holds a problem."""
    if as_json:
        text = json.dumps(_document(report), indent=2)
    elif report.settings:
        text = "\n".join(_setting_text(report.settings))
    else:
        text = "\n".join(_finding_text(report))
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return 1 if report.problems else 0


def _document(report: Report) -> Any:
    if report.settings:
        return [asdict(line) for line in report.settings]
    return {"problems": report.problems, "findings": [asdict(finding) for finding in report.findings]}


def _finding_text(report: Report) -> Iterable[str]:
    width = max((len(finding.check) for finding in report.findings), default=0)
    for finding in report.findings:
        margin = 7 + 2 + width + 2
        yield wrapped(f"{finding.level:<7}  {finding.check:<{width}}  {finding.detail}", margin)
        if finding.advice:
            yield wrapped(f"{'':<{margin}}-> {finding.advice}", margin + 3)
    count = report.problems
    yield "no problem found" if count == 0 else f"{counted(count, 'problem')} found"


def _setting_text(lines: Sequence[SettingLine]) -> Iterable[str]:
    for line in lines:
        yield wrapped(f"{line.name}={line.value}{'  (default)' if line.default else ''}", 4)
        if line.description:
            yield wrapped(f"    {line.description}", 4)


def _value(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else "(empty)"
    if value is None or value == "":
        return "(not set)"
    if isinstance(value, tuple):
        return json.dumps(list(value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float | Path) else repr(value)
