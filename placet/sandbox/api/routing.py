"""Tables of routes under an API's base path."""

from starlette.routing import Route

from placet.sandbox.rest.endpoint import Handler, endpoint


def route(method: str, path: str, handler: Handler) -> Route:
    """Make the route of one operation of an API."""
    return Route(path, endpoint(handler), methods=[method])
