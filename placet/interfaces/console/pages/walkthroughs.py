"""Walkthroughs: making and withdrawing links, and what whoever has a link is shown."""

import logging
from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.governance.log.chain import verify_chain
from placet.interfaces.console.attempts import Attempts
from placet.interfaces.console.failures import bare
from placet.interfaces.console.forms import Form
from placet.interfaces.console.parts import ROOT, Asked, Parts
from placet.interfaces.console.views.walkthrough.redaction import redact
from placet.interfaces.console.views.walkthrough.story import LEFT_OUT, Walkthrough, tell
from placet.service.in_hand import facts_of
from placet.service.runs import find_run
from placet.service.sharing.links import PATH, Link
from placet.service.sharing.walkthroughs import MOST_DAYS, USUAL_DAYS, Walkthroughs

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


class Sharing:
    """The page on which somebody who is signed in makes and withdraws links of one run."""

    def __init__(self, links: Walkthroughs) -> None:
        self._links = links

    def show(self, asked: Asked) -> Response:
        """List the links of a run, and offer to make one."""
        return self._page(asked, "")

    def share(self, asked: Asked, form: Form) -> Response:
        """Make a link."""
        try:
            days = int(form.text("days")) if form.text("days").isascii() and form.text("days").isdigit() else 0
            self._links.share(
                _run(asked),
                by=asked.visitor.name,
                days=days,
                names=form.text("names") == "yes",
                token_id=asked.visitor.voucher,
                key=form.text("key") or None,
                now=asked.now,
            )
        except UsageError as error:
            if error.code != "malformed":
                raise
            return self._page(asked, str(error), 422)
        return RedirectResponse(f"{ROOT}/runs/{_run(asked)}/walkthroughs", 303)

    def withdraw(self, asked: Asked, _form: Form) -> Response:
        """Withdraw a link."""
        link_id = asked.request.path_params["link_id"]
        self._links.withdraw(_run(asked), link_id, by=asked.visitor.name, token_id=asked.visitor.voucher)
        return RedirectResponse(f"{ROOT}/runs/{_run(asked)}/walkthroughs", 303)

    def _page(self, asked: Asked, fault: str, status: int = 200) -> Response:
        made = self._links.list(_run(asked))
        base = asked.parts.public_url or f"{asked.request.url.scheme}://{asked.request.url.netloc}"
        may_share = asked.may("operate", "walkthroughs")
        rows = [
            (one, f"{base}{PATH}{self._links.text_of(one)}" if may_share and one.stands(asked.now) else "")
            for one in reversed(made)
        ]
        return asked.page(
            "walkthroughs.html",
            status,
            run_id=_run(asked),
            links=rows,
            fault=fault,
            left_out=LEFT_OUT,
            most_days=MOST_DAYS,
            usual_days=USUAL_DAYS,
            may_share=may_share,
            may_withdraw=asked.may("withdraw", "walkthroughs"),
            key=f"{asked.visitor.name}-{asked.now.timestamp():.6f}",
        )


class Guests:
    """The page that a link leads to. It asks for no session, and changes nothing.

    Args:
        parts: What pages stand on.
        links: Which links count.
        clock: Monotonic time in seconds, for the counts.
    """

    def __init__(self, parts: Parts, links: Walkthroughs, clock: Callable[[], float]) -> None:
        self._parts, self._links = parts, links
        self._wrong = Attempts(clock)
        self._views = Attempts(clock, per_address=VIEWS_PER_LINK, in_total=VIEWS_IN_TOTAL)

    async def show(self, request: Request) -> Response:
        """Show the walkthrough that a link leads to; every link that does not count is answered alike."""
        address = request.client.host if request.client else ""
        now = self._parts.clock()
        link = await run_in_threadpool(self._links.opened, request.path_params["link"], now)
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
            events = tx.audit.page(link.run_id, limit=MOST_ENTRIES + 1)
            proposal = None
            if record.proposal is not None:
                try:
                    proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=served.tenant)
                except (UsageError, GovernanceError):
                    proposal = None  # erased, or damaged: the steps are told without it
        facts = facts_of(served.database, link.run_id, served.tenant)
        whole = len(events) <= MOST_ENTRIES
        if whole:
            verify_chain(events)
        told = redact(
            record.state,
            events,
            proposal,
            facts.evidence if facts is not None else None,
            served.facts(record.agent),
            names=link.names,
        )
        return tell(told, names=link.names, verified=whole)

    def _refused(self, why: tuple[str, str], status: int) -> Response:
        title, said = why
        return self._answer("guests/refused.html", status, {"title": title, "said": said})

    def _answer(self, template: str, status: int, values: dict[str, Any]) -> Response:
        around = {**bare(self._parts), **values}
        return HTMLResponse(self._parts.templates.render(template, around), status, _HEADERS)


def _run(asked: Asked) -> str:
    return find_run(asked.parts.served.database, asked.request.path_params["run_id"], asked.parts.served.tenant).run_id
