"""Figures about a tenant for whoever watches an installation: each query is bounded, however long the record is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, literal, select, text, union_all

from placet.contracts.run import OPEN_STATES
from placet.storage.sql.driver import Connection
from placet.storage.tables import AUDIT, LOG_CHECKPOINT, LOG_ENTRY, NOTIFICATION, RUN

MOST_COUNTED: Final = 10_000
"""Rows that a count looks at; a figure of this size means "this many or more"."""

_MOST_GATES: Final = 1000
_TENANT: Final[Any] = bindparam("tenant")


def _open_in(state: str) -> Any:
    # One look at an index for each state; grouped, the database would read every run there ever was.
    some = (
        select(RUN.c.requested_at)
        .where(RUN.c.tenant == _TENANT, RUN.c.state == state)
        .order_by(RUN.c.requested_at)
        .limit(MOST_COUNTED)
        .subquery()
    )
    return select(
        literal(state).label("state"), func.count().label("count"), func.min(some.c.requested_at)
    ).select_from(some)


_OPEN = union_all(*(_open_in(state) for state in sorted(OPEN_STATES)))
_GATES = (
    select(RUN.c.run_id)
    .where(RUN.c.tenant == _TENANT, RUN.c.state == "awaiting_decision")
    .order_by(RUN.c.requested_at)
    .limit(_MOST_GATES)
    .subquery()
)
_OLDEST_GATE = select(func.min(AUDIT.c.at)).join_from(
    _GATES, AUDIT, (AUDIT.c.stream == _GATES.c.run_id) & (AUDIT.c.step_key == "approve.opened")
)
_WAITING = (
    select(NOTIFICATION.c.created_at)
    # Written out, so that the partial index over what waits is used.
    .where(text("notification.status = 'waiting'"), NOTIFICATION.c.tenant == _TENANT)
    .limit(MOST_COUNTED)
    .subquery()
)
_OUTBOX = select(func.count(), func.min(_WAITING.c.created_at)).select_from(_WAITING)
_SIGNED = (
    select(LOG_CHECKPOINT.c.size)
    .where(LOG_CHECKPOINT.c.tenant == _TENANT)
    .order_by(LOG_CHECKPOINT.c.size.desc())
    .limit(1)
)
_LEAF = select(LOG_ENTRY.c.position).where(LOG_ENTRY.c.tenant == _TENANT, LOG_ENTRY.c.leaf_index == bindparam("leaf"))
_UNSIGNED_ROWS = (
    select(AUDIT.c.id, AUDIT.c.recorded_at)
    .where(AUDIT.c.tenant == _TENANT, AUDIT.c.id > bindparam("position"))
    .order_by(AUDIT.c.id)
    .limit(MOST_COUNTED)
    .subquery()
)
_UNSIGNED = select(func.count(), func.min(_UNSIGNED_ROWS.c.recorded_at)).select_from(_UNSIGNED_ROWS)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many wait, up to `MOST_COUNTED`, and since when the oldest does; None where none waits."""

    count: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class TenantFigures:
    """Where a tenant stands.

    Attributes:
        runs: By state, the runs that are not over, each since its request.
        oldest_gate: When the gate was opened that has waited longest; among the thousand oldest runs that wait.
        unsigned: Entries of the record that no checkpoint covers yet.
        outbox: Notifications that are not delivered yet.
    """

    runs: dict[str, Backlog]
    oldest_gate: datetime | None
    unsigned: Backlog
    outbox: Backlog


class FigureRepository:
    """Reads figures. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, tenant: str) -> TenantFigures:
        """Read the figures of one tenant with six small queries."""
        at = {"tenant": tenant}
        runs = {state: Backlog(count, since) for state, count, since in self._connection.execute(_OPEN, at)}
        size = self._connection.scalar(_SIGNED, at) or 0
        position = self._connection.scalar(_LEAF, {**at, "leaf": size - 1}) or 0
        return TenantFigures(
            runs=runs,
            oldest_gate=self._connection.scalar(_OLDEST_GATE, at),
            unsigned=self._backlog(_UNSIGNED, {**at, "position": position}),
            outbox=self._backlog(_OUTBOX, at),
        )

    def _backlog(self, query: Any, values: Mapping[str, object]) -> Backlog:
        count, since = self._connection.execute(query, values).one()
        return Backlog(count, since)
