"""Who asks, and whether they may: the holder of a token, or the system that has the installation's own.

A person's token opens what `placet/governance/access/access.cedar` permits to its roles. The installation's own token
(`PLACET_API_TOKEN`) opens everything, and the name in `X-Placet-Operator` is its word.

What FastAPI asks before each request is asynchronous and waits for nothing: a function that is not is given a thread,
which costs more than what it does.
"""

from typing import Annotated, Any, Final, NamedTuple, get_origin

from fastapi import Depends, Header, Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.types import Scope

from placet.contracts.base import PersonName
from placet.contracts.people.access import AccessGrant, Action
from placet.contracts.text import step
from placet.errors import UsageError
from placet.governance.access.rules import permits

_HOLDER: Final = "placet.holder"
_ACTION: Final = "x-placet-action"


class Asking(NamedTuple):
    """Who asks: a name, and the token that vouches for it; None where the name is another system's word."""

    name: str
    token_id: str | None


def posts(action: Action) -> dict[str, Any]:
    """Return what `add_api_route` is told of an endpoint that is posted to: its method, and what it does."""
    return {"methods": ["POST"], "openapi_extra": {_ACTION: action}}


def shows(action: Action) -> dict[str, Any]:
    """Return what `add_api_route` is told of an endpoint that shows what only those who may do `action` see."""
    return {"methods": ["GET"], "openapi_extra": {_ACTION: action}}


def let_in(scope: Scope, holder: AccessGrant | None) -> None:
    """Note on a request who presented the token; None: the installation's own was."""
    scope[_HOLDER] = holder


async def holder_of_request(request: Request) -> AccessGrant | None:
    """Return what the token of a request grants; None where it is the installation's own."""
    return _holder(request)


def _holder(request: Request) -> AccessGrant | None:
    holder: AccessGrant | None = request.scope[_HOLDER]
    return holder


Holder = Annotated[AccessGrant | None, Depends(holder_of_request)]


def query_of(route: APIRoute) -> dict[str, bool]:
    """Return the query parameters of an operation, and whether one may be given several times.

    From its signature: to make the whole description takes half a second, and the first request would wait for it.
    """
    fields = [field for field in get_flat_params(route.dependant) if isinstance(field.field_info, Query)]
    return {field.alias: get_origin(field.field_info.annotation) is tuple for field in fields}


async def check_query(request: Request) -> None:
    """Stop a request with a query that its operation does not have: a misspelt condition would choose everything.

    Raises:
        UsageError: code `malformed`.
    """
    if not request.query_params:
        return
    known = query_of(request.scope["route"])
    for name in request.query_params:
        if name not in known:
            has = f"it has: {', '.join(known)}" if known else "it has none"
            raise UsageError(f"query.{step(name)} is no parameter of this operation; {has}", code="malformed")
        if not known[name] and len(request.query_params.getlist(name)) > 1:
            raise UsageError(f"query.{name} stands twice", code="malformed")


def takes_body(route: APIRoute) -> bool:
    """Return whether an operation takes a body: by its signature, or as it says where it reads the bytes itself."""
    return route.body_field is not None or "requestBody" in (route.openapi_extra or {})


async def check_body(request: Request) -> None:
    """Stop a request with a body where its operation takes none: what it says would be passed over in silence.

    Raises:
        UsageError: code `malformed`.
    """
    if request.method == "GET":
        return
    if not takes_body(request.scope["route"]) and await request.body():
        raise UsageError("this operation takes no body; its conditions are query parameters", code="malformed")


async def admit(request: Request) -> None:
    """Stop a request that the roles of its token do not permit. What says nothing of itself is not permitted.

    Raises:
        UsageError: code `forbidden`.
    """
    holder = _holder(request)
    if holder is None:
        return
    route = request.scope["route"]
    action: Action | None = (route.openapi_extra or {}).get(_ACTION) or ("read" if request.method == "GET" else None)
    area = str(route.tags[0]) if route.tags else ""
    if action is None or not permits(frozenset(holder.roles), action, area):
        raise UsageError(
            f"the token of {holder.name!r} does not permit to {action or 'do that'} here ({area}); "
            f"it was issued for: {', '.join(holder.roles)}",
            code="forbidden",
        )


async def _asking(
    request: Request,
    operator: Annotated[
        PersonName | None,
        Header(
            alias="X-Placet-Operator",
            description="With the installation's own token: the named human or system that asks, kept on the record as "
            "that system's word. A token of a person's own says it itself; the header may then repeat the name.",
        ),
    ] = None,
) -> Asking:
    holder = _holder(request)
    if len(request.headers.getlist("x-placet-operator")) > 1:
        raise UsageError("the header X-Placet-Operator stands twice", code="malformed")
    if holder is None:
        if operator is None:
            raise UsageError("the header X-Placet-Operator must name who asks", code="malformed")
        return Asking(operator, None)
    if operator not in (None, holder.name):
        raise UsageError(
            f"the token is that of {holder.name!r}, X-Placet-Operator names {operator!r}; leave the header out",
            code="forbidden",
        )
    return Asking(holder.name, holder.token_id)


Operator = Annotated[Asking, Depends(_asking)]
"""Who asks, for an endpoint that keeps it on the record."""
