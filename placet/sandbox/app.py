"""The sandbox as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from placet.sandbox.api import (
    balance_actions,
    bills,
    buckets,
    communication,
    consumption,
    control,
    customers,
    hub,
    inventory,
    orders,
    usage,
)
from placet.sandbox.auth import BearerMiddleware
from placet.sandbox.bss import Bss
from placet.sandbox.config import SandboxConfig
from placet.sandbox.errors import TmfError
from placet.sandbox.faults.middleware import FaultMiddleware
from placet.sandbox.faults.rules import FaultBook
from placet.sandbox.hub.delivery import telling
from placet.sandbox.rest.endpoint import error_response
from placet.sandbox.seed import load_customers
from placet.sandbox.store import Database

_MAX_BODY_BYTES = 256 * 1024
_APIS = (buckets, balance_actions, customers, inventory, bills, usage, orders, communication, consumption, hub)


def create_app(config: SandboxConfig) -> FastAPI:
    """Open the database, read the sample and put the APIs together.

    Raises:
        SandboxError: The database or the customer file cannot be used.
    """
    people = load_customers(config.customers)
    database = Database(config.database, config.busy_timeout_s)
    bss, book = Bss(people, database, config.as_of), FaultBook(config.faults)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with telling(bss):
            yield
        database.close()

    app = FastAPI(
        title="Placet sandbox BSS",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        max_body_size=_MAX_BODY_BYTES,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    # Plain Starlette routes: FastAPI's own would validate and serialise a second time.
    for api in _APIS:
        app.router.routes.extend(api.routes(bss))
    app.router.routes.extend(control.routes(bss, book))
    app.add_exception_handler(HTTPException, _unserved)
    app.add_middleware(FaultMiddleware, book=book)
    if config.token is not None:
        app.add_middleware(BearerMiddleware, token=config.token.get_secret_value())
    return app


async def _unserved(request: Request, error: Exception) -> Response:
    """Answer in the TM Forum form for a path or method that is not served."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "internal error"
    return error_response(TmfError(status, "notServed", f"{request.method} {request.url.path!r}: {detail}"))
