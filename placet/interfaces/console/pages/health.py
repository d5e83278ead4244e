"""Whether the installation can do its work: its parts, what waits and since when, what the doctor says."""

from datetime import timedelta
from typing import Final

from anyio import from_thread
from starlette.responses import Response

from placet.contracts.run import OPEN_STATES, RUN_STATES
from placet.contracts.text import NAME, one_line
from placet.engine.queues import QueueFigures, queue_backlog
from placet.errors import PlacetError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.common import Badge, badge_of
from placet.interfaces.console.views.models import Route, routes_of
from placet.storage.figures import Backlog, TenantFigures

_LATELY: Final = timedelta(days=1)
_MOST: Final = 200
"""Entries of models' answers that are looked at, the newest."""
_ASKING: Final = ("analyse.completed", "analyse.unanswered", "propose.completed", "propose.unanswered")


def show(asked: Asked) -> Response:
    """Show what can be shown; what does not answer is said so, and hides nothing else."""
    served = asked.parts.served
    parts = from_thread.run(asked.parts.health)
    figures: TenantFigures | None = None
    routes: tuple[Route, ...] = ()
    try:
        with served.database.reading() as tx:
            figures = tx.figures.of(served.tenant)
            since = tx.audit.position_before(served.tenant, asked.now - _LATELY)
            asked_for = tx.audit.newest(served.tenant, _ASKING, after_id=since, limit=_MOST)
            routes = routes_of([event for _, event in asked_for])
    except PlacetError as error:
        parts = {**parts, "database": error.code}
    queues: dict[str, QueueFigures] = {}
    if parts.get("temporal") == "ok":
        try:
            queues = served.engine.call(queue_backlog)
        except PlacetError as error:
            parts = {**parts, "temporal": error.code}
    may_diagnose = asked.may("read", "installation")  # it names files and addresses
    return asked.page(
        "health.html",
        parts={name.capitalize(): one_line(code, NAME) for name, code in parts.items()},
        figures=figures,
        states=[] if figures is None else _open(figures),
        queues=queues,
        routes=routes,
        churn=served.models.runs_use,
        may_diagnose=may_diagnose,
        findings=asked.parts.diagnose() if may_diagnose and asked.query("diagnose") else None,
    )


def _open(figures: TenantFigures) -> list[tuple[Badge, Backlog]]:
    found = (state for state in RUN_STATES if state in OPEN_STATES)
    return [(badge_of(state), figures.runs[state]) for state in found if figures.runs[state].count]
