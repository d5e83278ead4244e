"""What waits for a person, soonest first: chosen and counted by the database, whatever the number of runs."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field
from sqlalchemy import Boolean, ColumnElement, and_, func, literal_column, or_, select

from placet.contracts.base import AgentName, CustomerId, Frozen, PersonName, ReasonCode, RunId
from placet.contracts.money import Money
from placet.contracts.people.approver import RoleName
from placet.contracts.proposal import MutationKind
from placet.storage.records import RunRecord
from placet.storage.runs import run_record
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.paging import PageOrder
from placet.storage.tables import DECISION, RUN

# As the index says it, in literals: only then does a database use the index.
_WAITING: ColumnElement[bool] = literal_column("run.state IN ('awaiting_decision', 'unknown_outcome')", Boolean)
_NONE: ColumnElement[bool] = literal_column("1 = 0", Boolean)
_ORDER = PageOrder(RUN.c.tenant, (RUN.c.waits_until, RUN.c.run_id))


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
    cost_at_least: Money | None = None
    cost_at_most: Money | None = None
    to_decide: bool = False


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

    def count(self, tenant: str, wanted: InboxFilter, now: datetime) -> int:
        """Return how many wait."""
        return int(
            self._connection.scalar(select(func.count(RUN.c.run_id)).where(_condition(tenant, wanted, now))) or 0
        )

    def page(
        self, tenant: str, wanted: InboxFilter, now: datetime, *, limit: int, after: RunId | None = None
    ) -> tuple[InboxRow, ...]:
        """Return those whose gates close first; `after` is the run that ended the previous page.

        Raises:
            UsageError: code `unknown_cursor`.
        """
        query = select(RUN).where(_condition(tenant, wanted, now))
        return _ORDER.read(self._connection, query, tenant, _row, after=after, limit=limit)


def _row(row: Row) -> InboxRow:
    minor, currency = row["cost_minor"], row["cost_currency"]
    cost = None if minor is None or currency is None else Money(amount_minor=minor, currency=currency)
    return InboxRow(record=run_record(row), waits_until=row["waits_until"], cost=cost, quorum=row["quorum"])


def _condition(tenant: str, wanted: InboxFilter, now: datetime) -> ColumnElement[bool]:
    held = [RUN.c.tenant == tenant, _WAITING, RUN.c.answered_at.is_(None)]
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
