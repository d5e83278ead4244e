"""Notifications: who was told of what, when, and with what result."""

from typing import Any, Final
from urllib.parse import urlencode

from pydantic import TypeAdapter
from starlette.responses import Response

from placet.contracts.base import RunId
from placet.contracts.notification import Channel, DeliveryStatus
from placet.contracts.strategies.strategy import StrategyName
from placet.errors import UsageError
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.governance.notifications import CHANNELS, STATUSES, told_of
from placet.service.given import filters_of
from placet.service.reading.told import ToldPage, list_told

_PAGE: Final = 25
_FILTERS: Final[dict[str, TypeAdapter[Any]]] = {
    "status": TypeAdapter(DeliveryStatus),
    "channel": TypeAdapter(Channel),
    "run_id": TypeAdapter(RunId),
    "strategy": TypeAdapter(StrategyName),
}
_LABELS: Final = {"status": "Result", "channel": "Channel", "run_id": "Run", "strategy": "Strategy"}


def show(asked: Asked) -> Response:
    """List them, newest first."""
    served, fault = asked.parts.served, ""
    filled = {name: asked.query(name) or "" for name in _FILTERS}
    page = ToldPage((), None)
    try:
        wanted = filters_of(filled, _FILTERS, _LABELS)
        page = list_told(served.database, served.tenant, **wanted, after=asked.query("after"), limit=_PAGE)
    except UsageError as error:
        fault = str(error)
    following = {**{name: value for name, value in filled.items() if value}, "after": page.next}
    return governed(
        asked,
        "notifications.html",
        422 if fault else 200,
        told=[told_of(one, asked.now) for one in page.told],
        statuses=[(code, badge.text) for code, badge in STATUSES.items()],
        channels=CHANNELS.items(),
        filled=filled,
        filtered=any(filled.values()),
        following=urlencode(following) if page.next else "",
        later=asked.query("after") is not None,
        fault=fault,
    )
