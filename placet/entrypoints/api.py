"""`placet api`: the HTTP API and the console in the foreground."""

import contextlib
import logging
import signal
import socket
import sys
from functools import lru_cache

import uvicorn
from pydantic import SecretStr
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agents.catalogue import declared_facts, names, treatment_codes, treatment_kinds, treatment_names
from placet.engine.client import Engine
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.observability.logs import set_up_logging
from placet.entrypoints.patience import PatientProtocol
from placet.entrypoints.processes.judging import USUAL, Bounds, judge_apart
from placet.entrypoints.propensity import InstalledModels
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.economics import economics_of
from placet.entrypoints.tenant_files.policies import policy_path
from placet.errors import ConfigurationError, PlacetError
from placet.governance.log.checkpoints import origin_of
from placet.governance.log.key import read_trusted_keys
from placet.governance.log.notes import VerifierKey
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.interfaces.console.app import create_console
from placet.interfaces.console.identity.flow import BACK
from placet.interfaces.console.identity.provider import Client, Provider
from placet.interfaces.console.installed import Installed, Judged
from placet.interfaces.console.parts import Diagnosed
from placet.interfaces.http.app import create_app
from placet.interfaces.http.engine_link import EngineFactory, EngineLink
from placet.interfaces.http.guard import checked_token
from placet.interfaces.http.served import Served
from placet.network.client import plain_client
from placet.network.tls import tls_context
from placet.service.documents.first_administrator import SetupCode, finish_first
from placet.service.policy_files import read_policy_files
from placet.storage.database import Database

_LOG = logging.getLogger(__name__)

# How long requests under way may go on when the server stops, in seconds.
_GRACE_SECONDS = 8
_BACKLOG = 512
# Beyond it, who connects is answered 503 at once: without it, whoever connects often takes every file of the process.
_MOST_CONNECTIONS = 500
_CONSOLE = "/console"
_KEPT_SETS = 32
_PROVIDER_SECONDS = 5.0


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    It starts without Temporal, too: `/healthz` says so, and requests that need it are answered 503 until it is there.

    Raises:
        ConfigurationError: there is no token, or the address cannot be listened on.
        StorageError: the database is unreachable, locked, read-only or not migrated.
    """
    set_up_logging(settings.log_level, settings.log_format)
    token = checked_token(settings.api_token)
    with _listen(settings.api_host, settings.api_port) as listener, open_database(settings) as database:

        async def engine() -> Engine:
            connected = await connect(settings)
            await connected.ensure_search_attributes()
            return connected

        models = InstalledModels(settings, settings.tenant)
        app = create_app(
            database,
            engine,
            tenant=settings.tenant,
            agents=names(),
            policies=lambda agent: _policies(settings, agent),
            facts=declared_facts,
            token=settings.api_token,
            metrics_token=settings.metrics_token,
            listener_token=settings.listener_token,
            events_days=settings.retain_events_days,
            economics=lambda: economics_of(settings.policy_dir, settings.tenant),
            models=models,
        )
        console = _console(settings, database, engine, token, models)
        # uvicorn raises the signal again once it has stopped; by then there is nothing left to do.
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: None)
        host, port = listener.getsockname()[:2]
        address = f"http://{_in_url(host)}:{port}"
        sys.stdout.write(f"HTTP API of tenant {settings.tenant!r} at {address}\n")
        reached = f"http://localhost:{port}" if host == "127.0.0.1" else address  # passkeys are bound to names
        sys.stdout.write(f"console at {settings.console_url or reached}/console\n")
        sys.stdout.flush()
        uvicorn.Server(_config(beside(app, console))).run(sockets=[listener])


def _console(
    settings: Settings, database: Database, engine: EngineFactory, token: SecretStr, models: InstalledModels
) -> ASGIApp:
    """Create the console, and finish a setup that was begun."""
    served = Served(
        database,
        EngineLink(engine),
        settings.tenant,
        names(),
        lambda agent: _policies(settings, agent),
        declared_facts,
        economics=lambda: economics_of(settings.policy_dir, settings.tenant),
        models=models,
    )
    setup = SetupCode(settings.setup_code, settings.tenant)
    try:
        finish_first(database, tenant=settings.tenant, code=setup)
    except PlacetError as error:  # the page of the setup tries again
        _LOG.error("the setup that was begun cannot be finished yet: %s", error)
    return create_console(
        served,
        secret=token,
        public_url=settings.console_url,
        diagnose=lambda: _diagnosed(settings),
        setup=setup,
        provider=provider_of(settings),
        installed=installed(settings),
    )


def beside(api: ASGIApp, console: ASGIApp) -> ASGIApp:
    """Return one application: `/console` and below is the console, `/` leads there, all else is the API, as ever."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and path == "/" and scope["method"] in ("GET", "HEAD"):
            await RedirectResponse(_CONSOLE, 307)(scope, receive, send)
        elif scope["type"] == "http" and (path == _CONSOLE or path.startswith(f"{_CONSOLE}/")):
            await console(scope, receive, send)
        else:
            await api(scope, receive, send)

    return answer


def _policies(settings: Settings, agent: str) -> PolicySet:
    return _parsed(read_policy_files(policy_path(settings.policy_dir, settings.tenant, agent)))


@lru_cache(maxsize=_KEPT_SETS)
def _parsed(files: tuple[PolicyFile, ...]) -> PolicySet:
    """Return the set that files are. They are read for each question; the same texts are parsed once."""
    return PolicySet(files)


def provider_of(settings: Settings, seconds: float = _PROVIDER_SECONDS) -> Provider | None:
    """Return the identity provider that is configured, which is given `seconds` for each answer; None: there is none.

    Raises:
        ConfigurationError: the settings do not suffice.
    """
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id or not settings.console_url:
        raise ConfigurationError(
            "PLACET_OIDC_ISSUER needs PLACET_OIDC_CLIENT_ID, and PLACET_CONSOLE_URL, to which it sends people back"
        )
    client = Client(settings.oidc_client_id, settings.oidc_client_secret, f"{settings.console_url}{BACK}")
    return Provider(settings.oidc_issuer, client, plain_client(seconds, tls=tls_context(settings.oidc_ca_file)))


def installed(settings: Settings, replays: Bounds = USUAL) -> Installed:
    """Return what this installation offers the console beside its database; `replays`: what each may take."""

    def judge(run_id: str) -> Judged:
        return judge_apart(settings, run_id, replays)

    def log_keys() -> list[VerifierKey]:
        origin = origin_of(settings.log_name, settings.tenant)
        return [VerifierKey(origin, key) for key in read_trusted_keys(settings.log_key)]

    return Installed(
        judge=judge, log_keys=log_keys, treatments=treatment_codes, kinds=treatment_kinds, names=treatment_names
    )


def _diagnosed(settings: Settings) -> tuple[Diagnosed, ...]:
    from placet.doctor.diagnosis import diagnose  # noqa: PLC0415 - it loads much that serving does not need

    # The other tenants of the installation are no business of this one's people.
    settings = settings.model_copy(update={"tenants": (settings.tenant,)})
    return tuple(Diagnosed(one.level, one.check, one.detail, one.advice) for one in diagnose(settings).findings)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        limit_concurrency=_MOST_CONNECTIONS,
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
