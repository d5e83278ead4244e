"""The API as one ASGI application."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Depends, FastAPI
from pydantic import SecretStr
from starlette.responses import JSONResponse, Response

from placet.contracts.cohorts.economics import Economics
from placet.contracts.customer import Declared
from placet.engine.queues import queue_backlog
from placet.errors import ConfigurationError, PolicyError
from placet.governance.policy.set import PolicySet
from placet.governance.retention import Periods
from placet.interfaces.http import problems
from placet.interfaces.http.access import admit, check_body, check_query
from placet.interfaces.http.body_limit import BodyLimit
from placet.interfaces.http.description import describe
from placet.interfaces.http.docs_page import add_docs
from placet.interfaces.http.endpoints.batches import BatchEndpoints
from placet.interfaces.http.endpoints.cohorts import CohortEndpoints
from placet.interfaces.http.endpoints.customers import CustomerEndpoints, HouseholdEndpoints
from placet.interfaces.http.endpoints.events import EventEndpoints
from placet.interfaces.http.endpoints.governance.approvers import ApproverEndpoints
from placet.interfaces.http.endpoints.governance.delegations import DelegationEndpoints
from placet.interfaces.http.endpoints.governance.halts import HaltEndpoints
from placet.interfaces.http.endpoints.governance.invitations import InvitationEndpoints
from placet.interfaces.http.endpoints.governance.keys import KeyEndpoints
from placet.interfaces.http.endpoints.governance.mandates import MandateEndpoints
from placet.interfaces.http.endpoints.governance.oversight import OversightEndpoints
from placet.interfaces.http.endpoints.governance.policies import PolicyEndpoints
from placet.interfaces.http.endpoints.governance.tokens import TokenEndpoints
from placet.interfaces.http.endpoints.inbox import InboxEndpoints
from placet.interfaces.http.endpoints.listener import ListenerEndpoints
from placet.interfaces.http.endpoints.live.decisions import DecisionEndpoints
from placet.interfaces.http.endpoints.live.journeys import JourneyEndpoints
from placet.interfaces.http.endpoints.live.kpis import KpiEndpoints
from placet.interfaces.http.endpoints.live.models import ModelEndpoints
from placet.interfaces.http.endpoints.live.outcomes import OutcomeEndpoints
from placet.interfaces.http.endpoints.live.playbook import PlaybookEndpoints
from placet.interfaces.http.endpoints.live.published import LARGER, PublishedEndpoints
from placet.interfaces.http.endpoints.live.rollouts import RolloutEndpoints
from placet.interfaces.http.endpoints.live.strategies import LONGER, StrategyEndpoints
from placet.interfaces.http.endpoints.notifications import NotificationEndpoints
from placet.interfaces.http.endpoints.record import RecordEndpoints
from placet.interfaces.http.endpoints.runs import RunEndpoints
from placet.interfaces.http.endpoints.walkthroughs import WalkthroughEndpoints
from placet.interfaces.http.engine_link import EngineFactory, EngineLink
from placet.interfaces.http.guard import HEALTH, LIVE, METRICS, Guard, checked_token
from placet.interfaces.http.health import HealthCheck, Readiness
from placet.interfaces.http.served import ChurnModels, NoModels, Served
from placet.service.documents.access import holder_of
from placet.service.documents.invitations import Invitations
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database
from placet.telemetry.api_requests import RequestSpans
from placet.telemetry.metrics.registry import CONTENT_TYPE, Metrics

ENDPOINTS = (
    EventEndpoints,
    RunEndpoints,
    WalkthroughEndpoints,
    InboxEndpoints,
    BatchEndpoints,
    CustomerEndpoints,
    HouseholdEndpoints,
    ListenerEndpoints,
    CohortEndpoints,
    KpiEndpoints,
    ModelEndpoints,
    DecisionEndpoints,
    PlaybookEndpoints,
    StrategyEndpoints,
    PublishedEndpoints,
    OutcomeEndpoints,
    RolloutEndpoints,
    JourneyEndpoints,
    MandateEndpoints,
    DelegationEndpoints,
    HaltEndpoints,
    KeyEndpoints,
    InvitationEndpoints,
    ApproverEndpoints,
    TokenEndpoints,
    PolicyEndpoints,
    RecordEndpoints,
    NotificationEndpoints,
    OversightEndpoints,
)
"""A kind of thing that the API serves is a module of `endpoints` and a line here.

They are looked through in this order for each request: what is asked most often comes first.
"""

ASKED_FIRST: Final = (Depends(admit), Depends(check_query), Depends(check_body))
"""Whether they may, and whether the operation has what they say."""

_READY: Final[Mapping[int | str, str]] = {200: "Both can be used.", 503: "One cannot be used."}
MAX_BODY_BYTES = 64 * 1024
_LONGER: Final = {"/v1/events": 1024 * 1024, **LONGER, **LARGER}
"""Bodies of these paths may be longer: a full batch of usual events has 300 KB."""
BODY_SECONDS = 15.0
"""How long a request's body may take to arrive."""


def no_policies(agent: str) -> PolicySet:
    """Stand for policies where none are given: nothing is permitted.

    Raises:
        PolicyError: always.
    """
    raise PolicyError(f"no policies are given for agent {agent!r}")


def no_facts(agent: str) -> Declared:  # noqa: ARG001 - of any agent
    """Stand for an agent's declaration where none is given: it tells customers apart by no facts of its own."""
    return ()


def no_economics() -> None:
    """Stand for a tenant that says nothing of margin and discount."""


def create_app(
    database: Database,
    engine_factory: EngineFactory,
    *,
    tenant: str,
    agents: tuple[str, ...],
    token: SecretStr | None,
    policies: Callable[[str], PolicySet] = no_policies,
    facts: Callable[[str], Declared] = no_facts,
    metrics_token: SecretStr | None = None,
    listener_token: SecretStr | None = None,
    events_days: int = Periods().events,
    economics: Callable[[], Economics | str | None] = no_economics,
    models: ChurnModels | None = None,
) -> FastAPI:
    """Create the API of one tenant.

    The installation's bearer token authenticates an upstream system as a whole; the header `X-Placet-Operator` is its
    word for which named person or system asks. A token that an administrator issued to a person says itself who asks,
    and opens what its roles permit. Neither can approve anything: a decision counts by its signature alone.

    Args:
        database: Where runs and the record are kept; the caller closes it.
        engine_factory: Connects to Temporal; called when first needed, and again after a failure.
        tenant: The only tenant whose runs exist here.
        agents: Applications that may be started.
        policies: The policy set in force for an agent; raises `PolicyError`.
        facts: What an agent tells customers apart by; a mandate's cohort may name no others.
        token: The installation's own. What is not open (`guard.OPEN`) needs it, or one that was issued.
        events_days: How old an event may be that is taken.
        economics: What the tenant says of margin and discount; a text says why it cannot be read.
        models: The tenant's models of who may leave.
        metrics_token: What `GET /metrics` must present; without one there is none.
        listener_token: What a BSS may present to post its events, and nothing else.

    Raises:
        ConfigurationError: the token is missing or too weak; there is no unprotected API.
    """
    required = checked_token(token)
    _check_unlike(required, metrics_token, "PLACET_METRICS_TOKEN")
    _check_unlike(required, listener_token, "PLACET_LISTENER_TOKEN")
    link = EngineLink(engine_factory)
    app = _bare()
    links, invitations = Walkthroughs(database, tenant, required), Invitations(database, tenant, required, _now)
    held = models or NoModels()
    served = Served(database, link, tenant, agents, policies, facts, links, invitations, events_days, held, economics)
    metrics = (
        Metrics(database, (tenant,), _now, lambda: link.call(queue_backlog)) if metrics_token is not None else None
    )
    _add_routes(app, served, HealthCheck(database, link), metrics)
    app.add_middleware(RequestSpans)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, seconds=BODY_SECONDS, longer=_LONGER)
    app.add_middleware(  # added last, met first
        Guard,
        token=required,
        find_holder=lambda text: holder_of(database, tenant, text, _now()),
        metrics_token=metrics_token,
        listener_token=listener_token,
    )
    return app


def _check_unlike(required: SecretStr, other: SecretStr | None, setting: str) -> None:
    if other is not None and checked_token(other, setting) == required:
        raise ConfigurationError(f"{setting} is the same as PLACET_API_TOKEN, which opens everything; make another")


def _bare() -> FastAPI:
    return FastAPI(
        title="Placet",
        description="Governed agent runs: agents propose, people commit.",
        version="1",
        # The usual pages load their scripts from a CDN; an operator's network is closed. See `docs_page`.
        docs_url=None,
        redoc_url=None,
        # It would lead to whatever host the request names.
        redirect_slashes=False,
        # Stable names for those who generate clients: not the path, which may get another version.
        generate_unique_id_function=lambda route: "_".join([*map(str, route.tags[:1]), route.name]),
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )


def _add_routes(app: FastAPI, served: Served, health: HealthCheck, metrics: Metrics | None) -> None:
    for endpoints in ENDPOINTS:
        app.include_router(endpoints(served).router(), dependencies=ASKED_FIRST)
    add_docs(app)
    _add_health(app, health)
    if metrics is not None:
        _add_metrics(app, metrics)
    problems.register(app)
    describe(app)


def _add_health(app: FastAPI, health: HealthCheck) -> None:
    async def healthz() -> JSONResponse:
        """Report whether the database and Temporal can be used: 200, or 503 with a code for what cannot."""
        found = await health()
        return JSONResponse(found, 200 if set(found.values()) == {"ok"} else 503)

    def livez() -> dict[str, str]:
        """Report whether this process answers: 200, also while the database or Temporal is down."""
        return {"api": "ok"}

    ready: dict[int | str, dict[str, Any]] = {
        status: {"model": Readiness, "description": said} for status, said in _READY.items()
    }
    app.add_api_route(HEALTH, healthz, methods=["GET"], tags=["health"], responses=ready)
    app.add_api_route(LIVE, livez, methods=["GET"], tags=["health"])


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    def show() -> Response:
        """Show the figures for Prometheus: of this tenant, and of the task queue."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    app.add_api_route(METRICS, show, methods=["GET"], tags=["health"], include_in_schema=False)


def _now() -> datetime:
    return datetime.now(UTC)
