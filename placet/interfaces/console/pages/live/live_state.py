"""A customer's live state: what events led to, beside what a run reads of billing."""

from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from placet.contracts.base import CustomerId
from placet.errors import UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.live_state import MOST_EVENTS, graph_of, live_of
from placet.service.state.current import newest_events, state_of
from placet.service.state.households import household_of

_ID: TypeAdapter[str] = TypeAdapter(CustomerId)


def show(asked: Asked) -> Response:
    """Show the state as of now; of a customer of whom no event is known, that."""
    return asked.page("customers/state.html", **_shown(asked))


def live(asked: Asked) -> Response:
    """Show it anew where an event came since the page was made; nothing where none did."""
    shown = _shown(asked)
    if asked.query("seen") == shown["mark"]:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return asked.page("customers/state_live.html", **shown)


def _shown(asked: Asked) -> dict[str, Any]:
    served, customer_id = asked.parts.served, _customer(asked)
    state = state_of(served.database, served.tenant, customer_id, asked.now)
    graph, mark = None, f"{state.version}"
    if state.household_id is not None:
        household = household_of(served.database, served.tenant, state.household_id, asked.now)
        graph = graph_of(household, customer_id)
        mark = f"{state.version}.{household.version}.{len(household.members)}"
    events = newest_events(served.database, served.tenant, customer_id, MOST_EVENTS)
    if state.one_person is not None:  # a merge with an id without events changes no version
        mark = f"{mark}.{len(state.one_person.ids)}"
    return {
        "customer_id": customer_id,
        "it": live_of(state, events),
        "graph": graph,
        # Windows end with a day: on another day, they say something else.
        "mark": f"{mark}.{asked.now:%Y%m%d}",
    }


def _customer(asked: Asked) -> str:
    given = asked.request.path_params["customer_id"]
    try:
        return _ID.validate_python(given)
    except ValidationError:
        raise UsageError(f"{given!r} is no customer's id", code="unknown_customer") from None
