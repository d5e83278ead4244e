"""What whoever has a link to a walkthrough is shown, without an account."""

import logging
from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.governance.log.chain import verify_chain
from placet.interfaces.console.failures import bare
from placet.interfaces.console.guards.attempts import Attempts
from placet.interfaces.console.parts import Parts
from placet.interfaces.console.views.walkthrough.redaction import first_of, redact
from placet.interfaces.console.views.walkthrough.story import Walkthrough, tell
from placet.service.in_hand import facts_of
from placet.service.sharing.links import Link
from placet.storage.standing import contradiction
from placet.storage.transaction import Transaction

_LOG = logging.getLogger(__name__)

MOST_ENTRIES: Final = 500
"""Of a run that a guest is told about: whoever sends it thousands of signals must not make each view expensive."""

VIEWS_PER_LINK, VIEWS_IN_TOTAL = 120, 1_200
"""In five minutes. A view costs a few reads; whoever was given a link must not be able to keep the server busy."""

_NOWHERE: Final = (
    "This link leads nowhere",
    "It has expired, was withdrawn, or is not complete. Ask whoever gave it to you for another one.",
)
_OFTEN: Final = ("Too many requests", "Wait five minutes, and open the link again.")
_NOT_NOW: Final = ("It cannot be shown now", "Try again later, or tell whoever gave you the link.")
_HEADERS: Final = {"X-Robots-Tag": "noindex, nofollow, noarchive, nosnippet"}
"""No answer of the console is kept by a cache or names this address to another site; see `headers`."""


class Guests:
    """The page that a link leads to. It asks for no session, and changes nothing.

    Args:
        parts: What pages stand on.
        clock: Monotonic time in seconds, for the counts.
    """

    def __init__(self, parts: Parts, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._wrong = Attempts(clock)
        self._views = Attempts(clock, per_address=VIEWS_PER_LINK, in_total=VIEWS_IN_TOTAL)

    async def show(self, request: Request) -> Response:
        """Show the walkthrough that a link leads to; every link that does not count is answered alike."""
        address = request.client.host if request.client else ""
        now = self._parts.clock()
        link = await run_in_threadpool(self._parts.walkthroughs.opened, request.path_params["link"], now)
        if link is None:
            if not self._wrong.count(address):
                return self._refused(_OFTEN, 429)
            _LOG.warning("a link to a walkthrough that does not count was tried at the console, from %s", address)
            return self._refused(_NOWHERE, 404)
        if not self._views.count(link.link_id):
            return self._refused(_OFTEN, 429)
        try:
            told = await run_in_threadpool(self._told, link)
        except PlacetError as error:
            # The full line may name what is private, or files of ours.
            _LOG.exception("a walkthrough could not be shown (%s)", error.code)
            return self._refused(_NOT_NOW, 503)
        values = {"told": told, "expires_at": link.expires_at}
        return self._answer("guests/walkthrough.html", 200, values)

    def _told(self, link: Link) -> Walkthrough:
        served = self._parts.served
        with served.database.snapshot() as tx:
            record = tx.runs.get(link.run_id)
            if record is None or record.tenant != served.tenant:
                raise UsageError("the run is gone", code="unknown_run")
            if other := contradiction(tx, record):
                raise GovernanceError(other, code="row_contradicts_record")
            events = tx.audit.page(link.run_id, limit=MOST_ENTRIES + 1)
            whole, last = len(events) <= MOST_ENTRIES, tx.audit.last(link.run_id)
            if not whole:
                events = tx.audit.steps(link.run_id, MOST_ENTRIES)
            proposal = _proposal(tx, served.tenant, record.proposal)
            first = _proposal(tx, served.tenant, first_of(events))
        facts = facts_of(served.database, link.run_id, served.tenant)
        if whole:
            verify_chain(events)
        told = redact(
            record.state,
            events,
            proposal,
            facts.evidence if facts is not None else None,
            served.facts(record.agent),
            names=link.names,
            last=last,
            first=first,
        )
        return tell(told, names=link.names, verified=whole)

    def _refused(self, why: tuple[str, str], status: int) -> Response:
        title, said = why
        return self._answer("guests/refused.html", status, {"title": title, "said": said})

    def _answer(self, template: str, status: int, values: dict[str, Any]) -> Response:
        around = {**bare(self._parts), **values}
        return HTMLResponse(self._parts.templates.render(template, around), status, _HEADERS)


def _proposal(tx: Transaction, tenant: str, digest: str | None) -> Proposal | None:
    """Return a proposal; None where there is none, or it was erased, or is damaged: the steps are told without it."""
    if digest is None:
        return None
    try:
        return tx.artifacts.get_model(digest, Proposal, tenant=tenant)
    except (UsageError, GovernanceError):
        return None
