"""Journeys: strategies with customers under way, one strategy's steps and velocity, one customer's way."""

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.journeys import (
    journey_shown,
    listed,
    strategy_listed,
    strategy_shown,
)
from placet.service.journeys.showing import cursor_of, list_journeys, show_journey, show_strategies, show_strategy

_PAGE: Final = 20


def show_all(asked: Asked) -> Response:
    """List the strategies that have customers under way, or had."""
    served = asked.parts.served
    found = show_strategies(served.database, served.tenant, served.policies_of)
    return asked.page("customers/journeys.html", strategies=[strategy_listed(one) for one in found])


def show(asked: Asked) -> Response:
    """Show one strategy's steps, its velocity, and who is in it."""
    served, after = asked.parts.served, asked.query("after")
    strategy: str = asked.request.path_params["strategy"]
    found = show_strategy(served.database, served.tenant, strategy, served.policies_of)
    rows = list_journeys(served.database, served.tenant, strategy=strategy, limit=_PAGE + 1, after=after)
    following = urlencode({"after": cursor_of(rows[_PAGE - 1])}) if len(rows) > _PAGE else ""
    return asked.page(
        "customers/journeys_of.html",
        it=strategy_shown(found),
        journeys=[listed(row) for row in rows[:_PAGE]],
        following=following,
        later=after is not None,
    )


def show_one(asked: Asked) -> Response:
    """Show one customer's journey."""
    served, path = asked.parts.served, asked.request.path_params
    found = show_journey(served.database, served.tenant, path["strategy"], path["customer_id"])
    return asked.page("customers/journey.html", it=journey_shown(found), may_audit=asked.may("read", "record"))
