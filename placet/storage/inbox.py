"""What waits for a person: chosen, ordered and counted by the database, whatever the number of runs."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import Boolean, ColumnElement, TextClause, and_, func, literal_column, or_, select, text, tuple_

from placet.contracts.base import AgentName, CustomerId, Frozen, PersonName, ReasonCode, RunId
from placet.contracts.money import Bound, Money
from placet.contracts.people.approver import RoleName
from placet.contracts.proposal import MutationKind
from placet.storage.records import RunRecord
from placet.storage.runs import run_record
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.paging import PageOrder
from placet.storage.sql.reading import read_as
from placet.storage.tables import DECISION, RUN

# As the index says it, in literals: only then does a database use the index. A column of truth values would become
# `… = 1` on SQLite, which is another condition.
_WAITING: Final = text("run.state IN ('awaiting_decision', 'unknown_outcome')")
_NONE: ColumnElement[bool] = literal_column("1 = 0", Boolean)
_ORDER = PageOrder(RUN.c.tenant, (RUN.c.waits_until, RUN.c.run_id))
# What cannot be read has no cost, and comes first: nothing that waits is hidden.
_CURRENCY: Final = func.coalesce(RUN.c.cost_currency, "")
_LESS: Final = -func.abs(func.coalesce(RUN.c.cost_minor, 0))

InboxOrder = Literal["soonest", "largest"]
"""What closes first, or what is about most money, comes first; amounts of one currency stand together."""


class InboxFilter(Frozen):
    """Which of the runs that wait are meant; what is left out does not matter.

    Attributes:
        roles: Those asked of holders of one of these roles.
        decider: Those this person may still answer: not asked for by them, nor decided by them.
        cost_at_least: In its currency; the same holds for `cost_at_most`.
        to_decide: Leave out outcomes that must be settled.
    """

    roles: tuple[RoleName, ...] | None = None
    decider: PersonName | None = None
    agent: AgentName | None = None
    kinds: tuple[MutationKind, ...] = ()
    treatments: tuple[ReasonCode, ...] = ()
    customer_id: CustomerId | None = None
    cost_at_least: Bound | None = None
    cost_at_most: Bound | None = None
    to_decide: bool = False


class MoneyPlace(Frozen):
    """Where a page of the largest amounts ended: the place itself, since an amendment changes the amount of its row."""

    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]
    less: Annotated[int, Field(ge=-(2**63), le=0)]
    run_id: RunId


class InboxMark(Frozen):
    """Changes whenever the list within a filter does: how many wait, and when the last of them moved."""

    count: int
    moved_at: AwareDatetime | None


class InboxRow(Frozen):
    """A run that waits, and what the projection says that people are asked."""

    record: RunRecord
    waits_until: AwareDatetime
    cost: Money | None
    quorum: Annotated[int, Field(ge=1)] | None


class InboxRepository:
    """Runs that wait for a person and that nobody has answered in full. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(
        self, tenant: str, wanted: InboxFilter, now: datetime, *, limit: int, after: RunId | None = None
    ) -> tuple[InboxRow, ...]:
        """Return those whose gates close first; `after` is the run that ended the previous page.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = select(RUN).where(_condition(tenant, wanted, now))
        return _ORDER.read(self._connection, query, tenant, _row, after=after, limit=limit)

    def largest(
        self, tenant: str, wanted: InboxFilter, now: datetime, *, limit: int, after: MoneyPlace | None = None
    ) -> tuple[InboxRow, ...]:
        """Return those that are about most money, whichever way it goes; `after` is where the previous page ended.

        The database sorts what waits: a small part of all runs.
        """
        query = select(RUN).where(_condition(tenant, wanted, now))
        place = tuple_(_CURRENCY, _LESS, RUN.c.run_id)
        if after is not None:
            query = query.where(place > tuple_(after.currency, after.less, after.run_id))
        query = query.order_by(_CURRENCY, _LESS, RUN.c.run_id).limit(limit)
        return tuple(_row(row) for row in self._connection.execute(query).mappings())

    def mark(self, tenant: str, wanted: InboxFilter, now: datetime) -> InboxMark:
        """Return what tells whether a list that was shown is the one of now."""
        query = select(func.count(RUN.c.run_id), func.max(RUN.c.updated_at))
        count, moved_at = self._connection.execute(query.where(_condition(tenant, wanted, now))).one()
        return InboxMark(count=count, moved_at=moved_at)


def money_place(row: InboxRow) -> MoneyPlace:
    """Return where a row stands among the largest amounts."""
    minor = 0 if row.cost is None else row.cost.amount_minor
    return MoneyPlace(
        currency="" if row.cost is None else row.cost.currency, less=-abs(minor), run_id=row.record.run_id
    )


def _row(row: Row) -> InboxRow:
    record = run_record(row)
    asked = {"record": record, "waits_until": row["waits_until"], "cost": record.cost, "quorum": row["quorum"]}
    return read_as(InboxRow, RUN.name, row["run_id"], asked)


def _condition(tenant: str, wanted: InboxFilter, now: datetime) -> ColumnElement[bool]:
    held: list[ColumnElement[bool] | TextClause] = [RUN.c.tenant == tenant, _WAITING, RUN.c.answered_at.is_(None)]
    if wanted.agent is not None:
        held.append(RUN.c.agent == wanted.agent)
    if wanted.customer_id is not None:
        held.append(RUN.c.customer_id == wanted.customer_id)
    if wanted.to_decide:
        held.append(RUN.c.state == "awaiting_decision")
    if wanted.decider is not None:
        held += [RUN.c.requested_by != wanted.decider, ~_decided_by(wanted.decider)]
    asked = _asked(wanted, now)
    if asked:
        # A run whose projection is missing is shown whatever is asked for: nothing that waits is hidden.
        held.append(or_(RUN.c.treatment.is_(None), and_(*asked)))
    return and_(*held)


def _asked(wanted: InboxFilter, now: datetime) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if wanted.kinds:
        asked.append(or_(*(RUN.c.mutation_kind == kind for kind in wanted.kinds)))
    if wanted.treatments:
        asked.append(or_(*(RUN.c.treatment == treatment for treatment in wanted.treatments)))
    if wanted.roles is not None:
        asked.append(or_(_NONE, *(_asks(role, now) for role in wanted.roles)))
    if wanted.cost_at_least is not None:
        least = wanted.cost_at_least
        asked += [RUN.c.cost_currency == least.currency, RUN.c.cost_minor >= least.amount_minor]
    if wanted.cost_at_most is not None:
        most = wanted.cost_at_most
        asked += [RUN.c.cost_currency == most.currency, RUN.c.cost_minor <= most.amount_minor]
    return asked


def _asks(role: str, now: datetime) -> ColumnElement[bool]:
    escalated = and_(RUN.c.escalate_to == role, RUN.c.escalate_at <= now)
    return or_(RUN.c.asked_roles.contains(f"|{role}|", autoescape=True), escalated)


def _decided_by(name: str) -> ColumnElement[bool]:
    return (
        select(DECISION.c.decision_id)
        .where(
            DECISION.c.run_id == RUN.c.run_id,
            DECISION.c.phase == "decide",
            DECISION.c.proposal == RUN.c.proposal,
            DECISION.c.approver == name,
        )
        .exists()
    )
