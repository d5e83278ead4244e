"""What all pages stand on, and what one request is."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from placet.contracts.people.access import Action
from placet.contracts.text import NAME, one_line
from placet.governance.access.rules import permits
from placet.interfaces.console.checks import Checks
from placet.interfaces.console.rendering import Templates
from placet.interfaces.console.sessions import Sessions, Visitor
from placet.interfaces.http.health import HealthCheck
from placet.interfaces.http.served import Served

ROOT: Final = "/console"

AREAS: Final = (
    ("inbox", "Inbox", "inbox"),
    ("runs", "Runs", "runs"),
    ("customers", "Customers", "customers"),
    ("halts", "Halts", "halts"),
    ("health", "Health", "health"),
)
"""What stands in the navigation: path, label, and the area that policy is asked about."""


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """One line of a diagnosis of the installation; `level` is ok, info or problem."""

    level: str
    check: str
    detail: str
    advice: str = ""


Diagnose = Callable[[], tuple[Diagnosed, ...]]


class Remembered:
    """A diagnosis that is made once in `seconds`, one at a time, however many ask: it knocks at many doors.

    Args:
        diagnose: Makes it.
        seconds: How long it is shown.
        clock: Monotonic time in seconds.
    """

    def __init__(self, diagnose: Diagnose, seconds: float = 30.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._diagnose, self._seconds, self._clock = diagnose, seconds, clock
        self._making = threading.Lock()
        self._found: tuple[Diagnosed, ...] = ()
        self._found_at = float("-inf")

    def __call__(self) -> tuple[Diagnosed, ...]:
        """Return the newest one that is young enough, or a new one; whoever asks while one is made does not wait."""
        if not self._making.acquire(blocking=False):
            return (Diagnosed("info", "diagnosis", "it is being made; load the page again"),)
        try:
            if self._clock() - self._found_at > self._seconds:
                self._found, self._found_at = self._diagnose(), self._clock()
            return self._found
        finally:
            self._making.release()


@dataclass(frozen=True, slots=True)
class Parts:
    """What pages read from and write to.

    Attributes:
        served: The tenant.
        public_url: Where a proxy serves the console; empty where it is reached directly.
        diagnose: Looks at the installation, as `placet doctor` does.
        checks: Judges runs, as `placet replay` and `placet audit verify` do.
    """

    served: Served
    sessions: Sessions
    templates: Templates
    health: HealthCheck
    diagnose: Diagnose
    checks: Checks
    clock: Callable[[], datetime]
    public_url: str = ""

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console by https."""
        return self.public_url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Secure-placet" if self.secure else "placet"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of somebody who is signed in, and may ask for it."""

    request: Request
    visitor: Visitor
    parts: Parts
    now: datetime

    def may(self, action: Action, area: str) -> bool:
        """Return whether policy permits something to this visitor."""
        return may(self.visitor, action, area)

    def query(self, name: str) -> str | None:
        """Return a value of the address; None where it is empty or left out."""
        return self.request.query_params.get(name, "").strip() or None

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page, with what every page needs."""
        return HTMLResponse(self.parts.templates.render(template, {**around(self), **values}), status)


def may(visitor: Visitor, action: Action, area: str) -> bool:
    """Return whether policy permits something to a visitor."""
    return permits(frozenset(visitor.grant.roles), action, area)


def around(asked: Asked) -> Mapping[str, Any]:
    """Return what stands around the content of a page."""
    return {
        "root": ROOT,
        "tenant": asked.parts.served.tenant,
        "visitor": asked.visitor,
        "own_roles": [one_line(role, NAME) for role in asked.visitor.grant.roles],
        "navigation": [
            {"href": f"{ROOT}/{path}", "label": label, "here": asked.request.url.path.startswith(f"{ROOT}/{path}")}
            for path, label, area in AREAS
            if asked.may("read", area)
        ],
        "form_token": asked.visitor.form_token,
        "now": asked.now,
        "may_operate": asked.may("operate", "runs"),
    }
