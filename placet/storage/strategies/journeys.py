"""Where customers are in strategies of several steps: a projection for lists and figures. See the table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import AwareDatetime, ValidationError
from sqlalchemy import String, bindparam, func, select, tuple_, update

from placet.contracts.base import Frozen
from placet.contracts.strategies.journey import EndedCode, JourneyPhase
from placet.errors import GovernanceError
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import JOURNEY

_C = JOURNEY.c
_THIS = (
    _C.tenant == bindparam("of_tenant"),
    _C.customer_id == bindparam("of_customer"),
    _C.strategy == bindparam("of_strategy"),
)
_GET = select(JOURNEY).where(*_THIS)
_PUT = update(JOURNEY).where(*_THIS)
_PAGE: Final = 200
_PAGE_AFTER = (
    select(JOURNEY)
    .where(
        _C.tenant == bindparam("of_tenant"),
        tuple_(_C.customer_id, _C.strategy)
        > tuple_(bindparam("of_customer", type_=String), bindparam("of_strategy", type_=String)),
    )
    .order_by(_C.customer_id, _C.strategy)
    .limit(_PAGE)
)
_OF_CUSTOMERS = select(_C.customer_id, _C.strategy).where(
    _C.tenant == bindparam("of_tenant"), _C.customer_id.in_(bindparam("customers", expanding=True))
)
_OF_CUSTOMER = (
    select(JOURNEY)
    .where(_C.tenant == bindparam("of_tenant"), _C.customer_id == bindparam("of_customer"))
    .order_by(_C.strategy)
)


class JourneyRow(Frozen):
    """Where a customer is in a strategy; see the table."""

    customer_id: str
    strategy: str
    version: str
    number: int
    step: str
    phase: JourneyPhase
    detail: str
    signal_at: AwareDatetime | None
    entered_at: AwareDatetime
    step_since: AwareDatetime
    told_at: AwareDatetime | None
    converted_at: AwareDatetime | None
    next_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    ended_code: EndedCode | None
    reason: str | None


class AlteredJourney(Frozen):
    """A row that cannot be read. It hides no other."""

    customer_id: str
    strategy: str
    entered_at: AwareDatetime
    fault: str


class JourneyCount(Frozen):
    """How many customers are in a step, or ended there for a reason.

    Attributes:
        ended: None: they are in it.
    """

    step: str
    ended: EndedCode | None
    reason: str | None
    customers: int


class JourneyTimes(Frozen):
    """The moments of one journey, of which its velocity is made."""

    signal_at: AwareDatetime | None
    entered_at: AwareDatetime
    told_at: AwareDatetime | None
    converted_at: AwareDatetime | None


class JourneyRepository:
    """Journeys. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enter(self, tenant: str, customer_id: str, strategy: str, values: Mapping[str, Any]) -> None:
        """Write that a customer entered a strategy; an earlier time is written over."""
        fresh = {
            "signal_at": None,
            "told_at": None,
            "converted_at": None,
            "next_at": None,
            "ended_at": None,
            "ended_code": None,
            "reason": None,
            **values,
        }
        keys = {"tenant": tenant, "customer_id": customer_id, "strategy": strategy}
        if not insert_if_absent(self._connection, JOURNEY, {**keys, **fresh}):
            self.put(tenant, customer_id, strategy, **fresh)

    def get(self, tenant: str, customer_id: str, strategy: str) -> JourneyRow | None:
        """Return where a customer is in a strategy; None where they never were.

        Raises:
            GovernanceError: code `journey_altered`; the row cannot be read.
        """
        values = {"of_tenant": tenant, "of_customer": customer_id, "of_strategy": strategy}
        found = self._connection.execute(_GET, values).mappings().one_or_none()
        return None if found is None else _row(found)

    def of_customer(self, tenant: str, customer_id: str) -> tuple[JourneyRow, ...]:
        """Return all journeys of a customer, by the strategies' names.

        Raises:
            GovernanceError: code `journey_altered`; a row cannot be read.
        """
        values = {"of_tenant": tenant, "of_customer": customer_id}
        return tuple(_row(row) for row in self._connection.execute(_OF_CUSTOMER, values).mappings())

    def pages(self, tenant: str) -> Iterator[Sequence[Row]]:
        """Yield all rows of a tenant as they are, by customer and strategy, a page at a time."""
        customer, strategy = "", ""
        while True:
            values = {"of_tenant": tenant, "of_customer": customer, "of_strategy": strategy}
            page = self._connection.execute(_PAGE_AFTER, values).mappings()
            if not page:
                return
            yield page
            customer, strategy = page[-1]["customer_id"], page[-1]["strategy"]

    def present(self, tenant: str, customers: Iterable[str]) -> set[tuple[str, str]]:
        """Return the journeys of some customers: customer, strategy."""
        values = {"of_tenant": tenant, "customers": list(dict.fromkeys(customers))}
        return {(customer, name) for customer, name in self._connection.execute(_OF_CUSTOMERS, values)}

    def put(self, tenant: str, customer_id: str, strategy: str, **values: Any) -> None:
        """Write some columns of a journey's row."""
        self._connection.execute(
            _PUT, {"of_tenant": tenant, "of_customer": customer_id, "of_strategy": strategy, **values}
        )

    def list(
        self,
        tenant: str,
        *,
        strategy: str | None = None,
        step: str | None = None,
        open_only: bool = False,
        limit: int = 100,
        after: tuple[datetime, str, str] | None = None,
    ) -> tuple[JourneyRow | AlteredJourney, ...]:
        """Return journeys, who entered last first; those that follow `after` (entered at, customer, strategy)."""
        query = select(JOURNEY).where(_C.tenant == tenant)
        if strategy is not None:
            query = query.where(_C.strategy == strategy)
        if step is not None:
            query = query.where(_C.step == step)
        if open_only:
            query = query.where(_C.ended_at.is_(None))
        if after is not None:
            at, customer, name = after
            later = (_C.customer_id > customer) | ((_C.customer_id == customer) & (_C.strategy > name))
            query = query.where((_C.entered_at < at) | ((_C.entered_at == at) & later))
        ordered = query.order_by(_C.entered_at.desc(), _C.customer_id, _C.strategy).limit(limit)
        return tuple(_listed(row) for row in self._connection.execute(ordered).mappings())

    def counts(self, tenant: str, strategy: str) -> tuple[JourneyCount, ...]:
        """Return how many customers are in each step, and how many ended there by each reason."""
        query = (
            select(_C.step, _C.ended_code, _C.reason, func.count().label("many"))
            .where(_C.tenant == tenant, _C.strategy == strategy)
            .group_by(_C.step, _C.ended_code, _C.reason)
            .order_by(_C.step, _C.ended_code, _C.reason)
        )
        return tuple(
            JourneyCount(step=step, ended=ended, reason=reason, customers=many)
            for step, ended, reason, many in self._connection.execute(query)
        )

    def strategies(self, tenant: str) -> dict[str, tuple[int, int]]:
        """Return by strategy how many customers are in it, and how many ever were."""
        query = (
            select(_C.strategy, func.count().filter(_C.ended_at.is_(None)).label("inside"), func.count().label("ever"))
            .where(_C.tenant == tenant)
            .group_by(_C.strategy)
            .order_by(_C.strategy)
        )
        return {name: (inside, ever) for name, inside, ever in self._connection.execute(query)}

    def times(self, tenant: str, strategy: str, limit: int) -> tuple[JourneyTimes, ...]:
        """Return the moments of the journeys that were entered last."""
        query = (
            select(_C.signal_at, _C.entered_at, _C.told_at, _C.converted_at)
            .where(_C.tenant == tenant, _C.strategy == strategy)
            .order_by(_C.entered_at.desc(), _C.customer_id)
            .limit(limit)
        )
        return tuple(
            JourneyTimes(signal_at=signal, entered_at=entered, told_at=told, converted_at=converted)
            for signal, entered, told, converted in self._connection.execute(query)
        )

    def to_wake(self, tenant: str, customers: Iterable[str]) -> tuple[tuple[str, str], ...]:
        """Return which of some customers are in which strategies now: customer, strategy."""
        wanted = list(customers)
        if not wanted:
            return ()
        query = select(_C.customer_id, _C.strategy).where(
            _C.tenant == tenant, _C.customer_id.in_(wanted), _C.ended_at.is_(None)
        )
        return tuple((customer, name) for customer, name in self._connection.execute(query))

    def told(self, tenant: str, customers: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return which of some customers were told something in which strategies, and have not accepted it."""
        wanted, found = list(customers), dict[str, tuple[str, ...]]()
        query = select(_C.customer_id, _C.strategy).where(
            _C.tenant == tenant, _C.customer_id.in_(wanted), _C.told_at.is_not(None), _C.converted_at.is_(None)
        )
        for customer, name in self._connection.execute(query) if wanted else ():
            found[customer] = (*found.get(customer, ()), name)
        return found


def _listed(row: Row) -> JourneyRow | AlteredJourney:
    try:
        return _row(row)
    except GovernanceError as error:
        known = {name: row[name] for name in ("customer_id", "strategy", "entered_at")}
        return AlteredJourney(**known, fault=str(error))


def _row(row: Row) -> JourneyRow:
    try:
        return JourneyRow(**{name: row[name] for name in JourneyRow.model_fields})
    except ValidationError as error:
        of = f"{row['customer_id']!r} in {row['strategy']!r}"
        raise GovernanceError(f"the journey of {of} was altered in the database", code="journey_altered") from error
