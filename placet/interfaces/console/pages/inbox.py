"""What waits for a person: what closes first, or what is about most money, comes first. It follows what happens."""

from http import HTTPStatus
from typing import Any, Final, cast, get_args
from urllib.parse import urlencode

from starlette.responses import Response

from placet.errors import UsageError
from placet.interfaces.console.forms import amount_of, code_of, in_labels
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.waiting import item_of
from placet.service.inbox import InboxPage, held_roles, inbox_mark, parse_filter, read_inbox
from placet.storage.inbox import InboxFilter, InboxOrder

_PAGE: Final = 25
MOST_TOGETHER: Final = 200
"""Proposals that one page lists before one signature: nobody looks through more."""
_FIELDS: Final = ("role", "treatment", "customer_id", "min_cost", "max_cost", "mine")


def show(asked: Asked) -> Response:
    """Show a page of what waits, and how many there are in all."""
    values = _list(asked)
    roles = sorted(held_roles(asked.parts.served.database, asked.parts.served.tenant))
    return asked.page("inbox/inbox.html", roles=roles, **values)


def live(asked: Asked) -> Response:
    """Show the list anew where it changed since the page was made; nothing where it did not."""
    served = asked.parts.served
    try:
        mark = inbox_mark(served.database, served.tenant, _wanted(asked), asked.now)
    except UsageError:
        mark = ""
    if asked.query("seen") == mark:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return asked.page("inbox/inbox_live.html", **_list(asked))


def _list(asked: Asked) -> dict[str, Any]:
    served = asked.parts.served
    order = _order(asked)
    fault, page = "", InboxPage((), 0, None)
    try:
        page = read_inbox(
            served.database,
            served.tenant,
            _wanted(asked),
            asked.now,
            limit=_PAGE,
            after=asked.query("after"),
            order=order,
        )
    except UsageError as error:
        fault = str(error)
    filled = {name: asked.query(name) or "" for name in _FIELDS}
    kept = {name: value for name, value in filled.items() if value}
    if order != "soonest":
        kept["order"] = order
    here = kept if asked.query("after") is None else {**kept, "after": asked.query("after") or ""}
    return {
        "items": [item_of(row, asked.now, asked.visitor.name) for row in page.rows],
        "total": page.total,
        "order": order,
        "filled": filled,
        "filtered": any(filled.values()),
        "following": urlencode({**kept, "after": page.next}) if page.next else "",
        "first": urlencode(kept),
        "poll": "" if fault else urlencode({**here, "seen": page.mark}),
        "later": asked.query("after") is not None,
        "everything": _everything(filled, page.total),
        "may_decide": asked.may("deliver", "batches"),
        "fault": fault,
    }


def _everything(filled: dict[str, str], total: int) -> str:
    """Return what a batch of all that is listed is asked for by; empty where `--all` cannot say so."""
    if total > MOST_TOGETHER or any(value for name, value in filled.items() if name != "treatment"):
        return ""
    return urlencode({"all": "1", **({"treatment": code_of(filled["treatment"])} if filled["treatment"] else {})})


def _order(asked: Asked) -> InboxOrder:
    wanted = asked.query("order")
    return cast("InboxOrder", wanted) if wanted in get_args(InboxOrder) else "soonest"


def _wanted(asked: Asked) -> InboxFilter:
    role, treatment = asked.query("role"), asked.query("treatment")
    costs = {
        name: None if (typed := asked.query(name)) is None else amount_of(typed, label)
        for name, label in (("min_cost", "Costs at least"), ("max_cost", "Costs at most"))
    }
    with in_labels({"roles": "Role asked", "treatments": "Treatment", "customer_id": "Customer"}):
        return parse_filter(
            {
                "roles": None if role is None else (role,),
                "decider": asked.visitor.name if asked.query("mine") else None,
                "treatments": () if treatment is None else (code_of(treatment),),
                "customer_id": asked.query("customer_id"),
                "cost_at_least": costs["min_cost"],
                "cost_at_most": costs["max_cost"],
            }
        )
