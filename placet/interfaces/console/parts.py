"""What all pages stand on, and what one request is."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from placet.contracts.people.access import Action
from placet.contracts.people.halt import HaltScope
from placet.contracts.text import NAME, counted, one_line
from placet.decisioning.compensation import REVERSAL, REVERSAL_NAME
from placet.errors import GovernanceError, StorageError, UsageError
from placet.governance.access.rules import permits
from placet.interfaces.console.guards.cookies import Cookies, cookie_name
from placet.interfaces.console.installed import Installed
from placet.interfaces.console.jobs import Jobs
from placet.interfaces.console.prompts import Prompts
from placet.interfaces.console.relying_party import Party, party_of
from placet.interfaces.console.rendering import Templates
from placet.interfaces.console.sessions import Sessions, Visitor
from placet.interfaces.console.views.common import stopped, treatment_in_words
from placet.interfaces.http.health import HealthCheck
from placet.interfaces.http.served import Served
from placet.service.documents.first_administrator import SetupCode
from placet.service.documents.invitations import Invitations
from placet.service.sharing.walkthroughs import Walkthroughs

ROOT: Final = "/console"
MOST_DELIVERIES: Final = 64
"""Signed batches that may wait to be delivered: what is signed must not be turned away."""

AREAS: Final = (
    ("inbox", "Inbox", "inbox"),
    ("runs", "Runs", "runs"),
    ("customers", "Customers", "customers"),
    ("governance", "Governance", "policies"),
    ("halts", "Halts", "halts"),
    ("approvers", "Approvers", "keys"),
    ("audit", "Audit", "record"),
    ("health", "Health", "health"),
)
"""What stands in the navigation: path, label, and the area that policy is asked about."""

BASE: Final = (
    ("customers", "Customers", "customers"),
    ("cohorts", "Cohorts", "cohorts"),
    ("decisions", "Next best action", "strategies"),
    ("strategies", "Strategies", "strategies"),
    ("rollouts", "Rollouts", "rollouts"),
    ("journeys", "Journeys", "journeys"),
    ("playbook", "First 90 days", "strategies"),
    ("figures", "Key figures", "cohorts"),
    ("models", "Models", "models"),
)
"""What stands under Customers, in the same form."""


_MOST_HALTS: Final = 3
_WIDTH: Final[dict[HaltScope, int]] = {"tenant": 0, "agent": 1, "kind": 2}


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
        setup: The code that makes the first administrator, where one waits.
        walkthroughs: Links by which runs are shared.
        public_url: Where a proxy serves the console; empty where it is reached directly.
        diagnose: Looks at the installation, as `placet doctor` does.
        identity_host: The name of the operator's identity provider; empty where there is none.
        identity_issuer: That provider, as it names itself.
        installed: What else the installation offers.
        jobs: Where long work is done that only reads.
        deliveries: Where signed batches are delivered: no report keeps them waiting.
    """

    served: Served
    sessions: Sessions
    prompts: Prompts
    templates: Templates
    health: HealthCheck
    diagnose: Diagnose
    clock: Callable[[], datetime]
    invitations: Invitations
    setup: SetupCode
    walkthroughs: Walkthroughs
    public_url: str = ""
    identity_host: str = ""
    identity_issuer: str = ""
    installed: Installed = field(default_factory=Installed)
    jobs: Jobs = field(default_factory=Jobs)
    deliveries: Jobs = field(default_factory=lambda: Jobs(most=MOST_DELIVERIES))

    @property
    def cookies(self) -> Cookies:
        """What browsers keep for this console."""
        return Cookies(cookie_name(self.served.database.name, self.served.tenant), self.public_url)

    def treatment_name(self, code: str) -> str:
        """Return what a treatment is called on every page that has no proposal at hand."""
        known = (self.installed.names(agent).get(code) for agent in self.served.agents)
        reversal = REVERSAL_NAME if code == REVERSAL else ""
        return treatment_in_words(code, reversal or next((name for name in known if name), ""))


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

    def require(self, action: Action, area: str) -> None:
        """Stop what policy does not permit to this visitor.

        Raises:
            UsageError: code `forbidden`.
        """
        if self.may(action, area):
            return
        name, roles = self.visitor.name, ", ".join(self.visitor.roles)
        if self.visitor.by_passkey:
            said = (
                f"The passkey of {name!r} does not permit to {action} here ({area}). It was enrolled for: {roles}. "
                "An administrator enrolls another one for more roles."
            )
        else:
            said = (
                f"The token of {name!r} does not permit to {action} here ({area}). It was issued for: {roles}. "
                "An administrator issues one for more roles: "
                f"`placet token issue {name} --role ROLE --as ADMINISTRATOR`."
            )
        raise UsageError(said, code="forbidden")

    @property
    def party(self) -> Party | None:
        """Whose passkeys this page may ask for; None where browsers have none."""
        return party_of(self.request, self.parts.public_url)

    @property
    def address(self) -> str:
        """Where this server is reached, without a path: as configured, or as the browser called it."""
        url = self.request.url
        return self.parts.public_url or f"{url.scheme}://{self.request.headers.get('host', url.netloc)}"

    def query(self, name: str) -> str | None:
        """Return a value of the address; None where it is empty or left out."""
        return self.request.query_params.get(name, "").strip() or None

    def lead(self, path: str, name: str, value: str, subject: str = "") -> Response:
        """Lead to a page that says what was just done; a link from elsewhere cannot make it say so."""
        note = self.parts.sessions.sealed_note(self.visitor.session, name, subject, value)
        return RedirectResponse(f"{ROOT}{path}?{urlencode({name: note})}", 303)

    def note(self, name: str, subject: str = "") -> str | None:
        """Return what `lead` said of this session; None where the address says something else, or nothing."""
        return self.parts.sessions.note_of(self.visitor.session, name, subject, self.query(name) or "")

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page, with what every page needs."""
        return HTMLResponse(self.parts.templates.render(template, {**around(self), **values}), status)


def may(visitor: Visitor, action: Action, area: str) -> bool:
    """Return whether policy permits something to a visitor."""
    return permits(frozenset(visitor.roles), action, area)


def halted(asked: Asked) -> list[str]:
    """Say what is stopped: whoever decides must know before they sign that a yes is refused."""
    served = asked.parts.served
    try:
        with served.database.reading() as tx:
            halts = tx.halts.standing(served.tenant)
    except (StorageError, GovernanceError) as error:
        # This stands on every page, on that of an error as well: it must not be what keeps a page from being shown.
        return [f"What is stopped cannot be read: {one_line(str(error))} Nothing is executed until it can."]
    by: dict[tuple[HaltScope, str], list[str]] = {}
    for halt in halts:
        by.setdefault((halt.scope, halt.subject), []).append(halt.placed_by)
    # The widest first: what stops everything must not be hidden by what stops a part.
    widest = sorted(by, key=lambda what: (_WIDTH[what[0]], what[1]))
    said = [
        f"Stopped by {', '.join(dict.fromkeys(by[what]))}: {stopped(*what)}. Nothing of it is executed until "
        f"{'the halt is' if len(by[what]) == 1 else f'all {len(by[what])} halts are'} lifted, and an approval of it is "
        "refused."
        for what in widest[:_MOST_HALTS]
    ]
    if more := len(widest) - len(said):
        said.append(f"{counted(more, 'more thing is', 'more things are')} stopped: see the page of halts.")
    return said


def _linked(asked: Asked, areas: tuple[tuple[str, str, str], ...]) -> list[dict[str, str | bool]]:
    """Return the links to what this visitor may read; under Customers stand other paths as well."""
    room = asked.request.url.path.removeprefix(f"{ROOT}/").partition("/")[0]
    customers = room in {path for path, _, _ in BASE}
    return [
        {
            "href": f"{ROOT}/{path}",
            "label": label,
            "here": room == path or (areas is AREAS and customers and path == "customers"),
        }
        for path, label, area in areas
        if asked.may("read", area)
    ]


def around(asked: Asked) -> Mapping[str, Any]:
    """Return what stands around the content of a page."""
    return {
        "root": ROOT,
        "treatment": asked.parts.treatment_name,
        "tenant": asked.parts.served.tenant,
        "visitor": asked.visitor,
        "own_roles": [one_line(role, NAME) for role in asked.visitor.roles],
        "navigation": _linked(asked, AREAS),
        "base_tabs": _linked(asked, BASE),
        "form_token": asked.visitor.form_token,
        "halted": lambda: halted(asked),
        "now": asked.now,
        "here": asked.request.url.path + (f"?{asked.request.url.query}" if asked.request.url.query else ""),
        "may_operate": asked.may("operate", "runs"),
    }
