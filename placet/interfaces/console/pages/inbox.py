"""What waits for a person: what closes first comes first."""

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from placet.contracts.money import Money, parse_money
from placet.errors import UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.waiting import item_of
from placet.service.inbox import InboxPage, held_roles, parse_filter, read_inbox
from placet.storage.inbox import InboxFilter

_PAGE: Final = 25
_FIELDS: Final = ("role", "treatment", "customer_id", "min_cost", "max_cost", "mine")


def show(asked: Asked) -> Response:
    """Show a page of what waits, and how many there are in all."""
    served = asked.parts.served
    fault, page = "", InboxPage((), 0, None)
    try:
        wanted = _wanted(asked)
        page = read_inbox(served.database, served.tenant, wanted, asked.now, limit=_PAGE, after=asked.query("after"))
    except UsageError as error:
        fault = str(error)
    filled = {name: asked.query(name) or "" for name in _FIELDS}
    following = {**{name: value for name, value in filled.items() if value}, "after": page.next}
    return asked.page(
        "inbox.html",
        items=[item_of(row, asked.now) for row in page.rows],
        total=page.total,
        roles=sorted(held_roles(served.database, served.tenant)),
        filled=filled,
        filtered=any(filled.values()),
        following=urlencode(following) if page.next else "",
        later=asked.query("after") is not None,
        fault=fault,
    )


def _wanted(asked: Asked) -> InboxFilter:
    role, treatment = asked.query("role"), asked.query("treatment")
    return parse_filter(
        {
            "roles": None if role is None else (role,),
            "decider": asked.visitor.name if asked.query("mine") else None,
            "treatments": () if treatment is None else (treatment,),
            "customer_id": asked.query("customer_id"),
            "cost_at_least": _amount(asked.query("min_cost"), "The least cost"),
            "cost_at_most": _amount(asked.query("max_cost"), "The most cost"),
        }
    )


def _amount(text: str | None, name: str) -> Money | None:
    try:
        return None if text is None else parse_money(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}", code="malformed") from error
