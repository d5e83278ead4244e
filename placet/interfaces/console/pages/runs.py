"""Runs: the list, and asking for a new one with a question in between."""

import re
import secrets
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import TypeAdapter
from starlette.responses import RedirectResponse, Response

from placet.contracts.base import CustomerId, PersonName, RunId
from placet.contracts.run import RUN_ID_BEGINNING, RunState
from placet.errors import UsageError
from placet.interfaces.console.forms import Form, in_labels
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import badge_of, state_choices
from placet.service.given import filters_of, value_of
from placet.service.runs import build_request, record_request
from placet.storage.records import RunRecord

_PAGE: Final = 25
_FILTERS: Final[dict[str, TypeAdapter[Any]]] = {
    "state": TypeAdapter(RunState),
    "customer_id": TypeAdapter(CustomerId),
    "requested_by": TypeAdapter(PersonName),
}
_LABELS: Final = {"state": "State", "customer_id": "Customer", "requested_by": "Asked for by", "agent": "Agent"}
_KEY: Final = re.compile(r"[0-9a-f]{16}")
_RUN: Final[TypeAdapter[str]] = TypeAdapter(RunId)


def show(asked: Asked) -> Response:
    """List runs, newest first; a run's own id leads to it."""
    served, searched = asked.parts.served, asked.query("run_id")
    filled = {name: asked.query(name) or "" for name in _FILTERS}
    fault = ""
    found: tuple[RunRecord, ...] = ()
    try:
        if searched is not None:
            return RedirectResponse(f"{ROOT}/runs/{_searched(asked, searched)}", 303)
        wanted = filters_of(filled, _FILTERS, _LABELS)
        after = asked.query("after")
        with served.database.reading() as tx:
            found = tx.runs.list(
                served.tenant,
                wanted.get("state"),
                wanted.get("customer_id"),
                wanted.get("requested_by"),
                limit=_PAGE + 1,
                after=None if after is None else value_of(after, _RUN, "Page"),
            )
    except UsageError as error:
        fault = str(error)
    shown = found[:_PAGE]
    following = {name: value for name, value in filled.items() if value}
    if len(found) > _PAGE:
        following["after"] = shown[-1].run_id
    return asked.page(
        "runs/runs.html",
        runs=[(run, badge_of(run.state, taken_back=run.reversed_by)) for run in shown],
        states=state_choices(),
        filled=filled,
        searched=searched or "",
        filtered=any(filled.values()),
        following=urlencode(following) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
        fault=fault,
    )


def order(asked: Asked) -> Response:
    """Ask for whom a run is wanted."""
    return _order_page(asked, asked.query("customer_id") or "", "")


def confirm(asked: Asked) -> Response:
    """Ask whether it is meant. The key makes sending the form twice the same run.

    It was made with the form that asked for whom, and stands in this page's address: whoever goes back after the start
    finds the same key.
    """
    given = asked.query("key") or ""
    customer, agent = asked.query("customer_id") or "", asked.query("agent") or ""
    try:
        with in_labels(_LABELS):
            request = build_request(
                tenant=asked.parts.served.tenant,
                customer_id=customer,
                agent=agent,
                requested_by=asked.visitor.name,
                key=given if _KEY.fullmatch(given) else _new_key(),
                agents=asked.parts.served.agents,
            )
    except UsageError as error:
        return _order_page(asked, customer, str(error))
    with asked.parts.served.database.reading() as tx:
        started = tx.runs.get(request.run_id)
        if started is not None and (started.customer_id, started.agent) != (request.customer_id, request.agent):
            raise UsageError("this address is of another run; ask for it anew", code="malformed")
        others = tx.runs.list(asked.parts.served.tenant, customer_id=customer, limit=3)
    return asked.page(
        "runs/confirm_run.html",
        order=request,
        started=started is not None,
        others=[(run, badge_of(run.state, taken_back=run.reversed_by)) for run in others],
    )


def start(asked: Asked, form: Form) -> Response:
    """Start the run, as the API does: the token or passkey of the session vouches for who asked."""
    served = asked.parts.served
    request = build_request(
        tenant=served.tenant,
        customer_id=form.text("customer_id"),
        agent=form.text("agent"),
        requested_by=asked.visitor.name,
        key=form.text("key") or None,
        agents=served.agents,
    )
    served.engine.call(lambda engine: engine.require_ours())  # what it cannot take need not be recorded
    recorded = record_request(served.database, request, voucher=asked.visitor.voucher)
    if not recorded.over:
        served.engine.call(lambda engine: engine.start(recorded.request))
    return RedirectResponse(f"{ROOT}/runs/{request.run_id}", 303)


def _searched(asked: Asked, text: str) -> str:
    """Return the id of the one run whose id begins so.

    Raises:
        UsageError: there is none, or several.
    """
    served, begins = asked.parts.served, text if text.startswith("run-") else f"run-{text}"
    if not re.match(RUN_ID_BEGINNING, begins):
        raise UsageError(f"{text!r} begins no run's id; write four digits of it or more", code="malformed")
    with served.database.reading() as tx:
        found = tx.runs.list(served.tenant, limit=2, begins=begins)
    if len(found) != 1:
        many = "several runs' ids begin" if found else "no run's id begins"
        raise UsageError(f"{many} with {text!r}; write more of it", code="unknown_run")
    return found[0].run_id


def _order_page(asked: Asked, customer: str, fault: str) -> Response:
    agents = asked.parts.served.agents
    chosen = asked.query("agent") or agents[0]
    return asked.page(
        "runs/new_run.html", agents=agents, customer_id=customer, chosen=chosen, key=_new_key(), fault=fault
    )


def _new_key() -> str:
    """Make a key as any run has: a control must not stand out by its key."""
    return secrets.token_hex(8)
