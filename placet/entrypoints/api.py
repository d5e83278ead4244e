"""`placet api`: the HTTP API in the foreground."""

import contextlib
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from agents.catalogue import declared_facts, names
from placet.engine.client import Engine
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.observability.logs import set_up_logging
from placet.entrypoints.patience import PatientProtocol
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.policies import policy_path
from placet.errors import ConfigurationError
from placet.governance.policy.set import PolicySet
from placet.interfaces.http.app import create_app
from placet.interfaces.http.guard import checked_token
from placet.service.policy_files import read_policy_files

# How long requests under way may go on when the server stops, in seconds.
_GRACE_SECONDS = 8
_BACKLOG = 512


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    It starts without Temporal, too: `/healthz` says so, and requests that need it are answered 503 until it is there.

    Raises:
        ConfigurationError: there is no token, or the address cannot be listened on.
        StorageError: the database is unreachable, locked, read-only or not migrated.
    """
    set_up_logging(settings.log_level, settings.log_format)
    checked_token(settings.api_token)
    with _listen(settings.api_host, settings.api_port) as listener, open_database(settings) as database:

        async def engine() -> Engine:
            connected = await connect(settings)
            await connected.ensure_search_attributes()
            return connected

        app = create_app(
            database,
            engine,
            tenant=settings.tenant,
            agents=names(),
            policies=lambda agent: _policies(settings, agent),
            facts=declared_facts,
            token=settings.api_token,
            metrics_token=settings.metrics_token,
        )
        # uvicorn raises the signal again once it has stopped; by then there is nothing left to do.
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: None)
        host, port = listener.getsockname()[:2]
        sys.stdout.write(f"HTTP API of tenant {settings.tenant!r} at http://{_in_url(host)}:{port}\n")
        sys.stdout.flush()
        uvicorn.Server(_config(app)).run(sockets=[listener])


def _policies(settings: Settings, agent: str) -> PolicySet:
    return PolicySet(read_policy_files(policy_path(settings.policy_dir, settings.tenant, agent)))


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With the protocol named, asyncio turns Nagle's algorithm off for every connection.
        with contextlib.ExitStack() as undo:
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            undo.pop_all()
            return listener
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"the HTTP API cannot listen on {host!r} port {port} (PLACET_API_HOST, PLACET_API_PORT): {error}"
        ) from error


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
