"""The table of aggregates: one row for each customer of whom an event was folded."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, delete, exists, func, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.reading import read_as
from placet.storage.tables import CUSTOMER_EVENT, CUSTOMER_STATE

_TABLE = CUSTOMER_STATE
_THIS = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id == bindparam("customer"))
_GET = select(_TABLE).where(*_THIS)
_LOCK = _GET.with_for_update()
_HOUSEHOLD_OF = select(_TABLE.c.household_id).where(*_THIS)
_PUT = update(_TABLE).where(*_THIS)
_ERASE = delete(_TABLE).where(*_THIS)
_HAS_EVENTS = exists().where(
    CUSTOMER_EVENT.c.tenant == _TABLE.c.tenant, CUSTOMER_EVENT.c.customer_id == _TABLE.c.customer_id
)
_SILENT = (
    select(_TABLE.c.customer_id)
    .where(
        _TABLE.c.tenant == bindparam("of_tenant"),
        _TABLE.c.oldest_us.is_(None),
        _TABLE.c.newest_us < bindparam("before"),
        ~_HAS_EVENTS,  # those that wait to be folded
    )
    .limit(bindparam("limit"))
)
_LET_GO = (
    delete(_TABLE)
    .where(
        _TABLE.c.tenant == bindparam("of_tenant"),
        _TABLE.c.customer_id.in_(_SILENT),
        # Once more of the row itself: whoever folded meanwhile has made it a younger one.
        _TABLE.c.newest_us < bindparam("before"),
    )
    .returning(_TABLE.c.customer_id, _TABLE.c.household_id)
)
_AGED = (
    select(_TABLE.c.customer_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.oldest_us < bindparam("before"))
    .order_by(_TABLE.c.oldest_us)
    .limit(bindparam("limit"))
)
_MEMBERS = (
    select(_TABLE.c.customer_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.household_id == bindparam("household"))
    .order_by(_TABLE.c.customer_id)
    .limit(bindparam("limit"))
)

_MOST_COUNTED: Final = 21
"""Members of one household: each customer of a page has theirs counted, and a household may be made very large."""
_AT_ONCE: Final = 400
"""Values of one statement: each database has a bound of its own."""
_OTHER = CUSTOMER_STATE.alias("member")
_FIRST = (
    select(_OTHER.c.customer_id)
    .where(_OTHER.c.tenant == _TABLE.c.tenant, _OTHER.c.household_id == _TABLE.c.household_id)
    .correlate(_TABLE)
    .limit(_MOST_COUNTED)
    .subquery()
)
_KNOWN = select(func.count()).select_from(_FIRST).correlate(_TABLE).scalar_subquery()
_PAGE = (
    select(
        _TABLE.c.customer_id,
        _TABLE.c.version,
        _TABLE.c.newest_us,
        _TABLE.c.aggregate,
        _KNOWN.label("members"),
        _TABLE.c.household_id,
        _TABLE.c.counted,
    )
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id > bindparam("after"))
    .order_by(_TABLE.c.customer_id)
    .limit(bindparam("limit"))
)
_LOCK_SOME = (
    select(*_PAGE.selected_columns)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id.in_(bindparam("customers", expanding=True)))
    .order_by(_TABLE.c.customer_id)
    .with_for_update()
)
_UNCOUNTED = (
    select(_TABLE.c.customer_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.counted == 0)
    .order_by(_TABLE.c.customer_id)
    .limit(bindparam("limit"))
)
_KNOWN_ONES = select(_TABLE.c.customer_id).where(
    _TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id.in_(bindparam("customers", expanding=True))
)
_NOTE = (
    update(_TABLE)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id.in_(bindparam("customers", expanding=True)))
    .values(counted=bindparam("known"))
)
_IDS = (
    select(_TABLE.c.customer_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id > bindparam("after"))
    .order_by(_TABLE.c.customer_id)
    .limit(bindparam("limit"))
)
_COUNT = select(func.count()).select_from(_TABLE).where(_TABLE.c.tenant == bindparam("of_tenant"))
_SIZE = select(func.count()).select_from(
    select(_TABLE.c.customer_id)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.household_id == bindparam("household"))
    .limit(_MOST_COUNTED)
    .subquery()
)


class BaseRow(NamedTuple):
    """A customer of the base: what their state is made from.

    Attributes:
        members: How many members of their household are known, at most 21; 0 where they are in none.
        counted: Whether the key figures have the row as it is.
    """

    customer_id: str
    version: int
    newest_us: int | None
    aggregate: str
    members: int
    household_id: str | None = None
    counted: int = 0


class StateRow(Frozen):
    """One row.

    Attributes:
        version: How many events were folded.
        corrections: How many of them took another back.
        newest_us: When the newest one happened, in microseconds since 1970.
        oldest_us: None of those that are kept still happened before; None where none is kept.
        aggregate: `placet.decisioning.state.aggregate.Aggregate`, as it dumps itself.
        aged: The aggregate of the events that retention took away.
        counted: Whether the key figures have the row as it is.
    """

    tenant: str
    customer_id: str
    household_id: str | None = None
    version: int = 0
    corrections: int = 0
    newest_us: int | None = None
    oldest_us: int | None = None
    aggregate: str = ""
    aged: str | None = None
    counted: int = 0


class StateRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, tenant: str, customer_id: str) -> StateRow | None:
        """Return a customer's row; None where no event was folded."""
        found = self._connection.execute(_GET, {"of_tenant": tenant, "customer": customer_id}).mappings().one_or_none()
        return None if found is None else read_as(StateRow, _TABLE.name, customer_id, found)

    def lock(self, tenant: str, customer_id: str) -> StateRow:
        """Return a customer's row, made where there is none; nobody else changes it before the transaction ends."""
        values = {"of_tenant": tenant, "customer": customer_id}
        found = self._connection.execute(_LOCK, values).mappings().one_or_none()
        if found is None:
            insert_if_absent(self._connection, _TABLE, dict(StateRow(tenant=tenant, customer_id=customer_id)))
            found = self._connection.execute(_LOCK, values).mappings().one_or_none()
        return read_as(StateRow, _TABLE.name, customer_id, found or {})

    def household(self, tenant: str, customer_id: str) -> str | None:
        """Return the household of a customer's row, whatever else stands in it."""
        values = {"of_tenant": tenant, "customer": customer_id}
        found: str | None = self._connection.scalar(_HOUSEHOLD_OF, values)
        return found

    def put(self, row: StateRow) -> None:
        """Write a locked row; the key figures have it no longer."""
        values: dict[str, Any] = {**dict(row), "counted": 0}
        values["of_tenant"], values["customer"] = values.pop("tenant"), values.pop("customer_id")
        self._connection.execute(_PUT, values)

    def with_aged(self, tenant: str, before_us: int, limit: int) -> Sequence[str]:
        """Return customers of whom a folded event that is kept may be from before a time, the oldest first."""
        values = {"of_tenant": tenant, "before": before_us, "limit": limit}
        found: list[str] = self._connection.scalars(_AGED, values)
        return found

    def members(self, tenant: str, household_id: str, limit: int) -> Sequence[str]:
        """Return the customers of a household, by id."""
        values = {"of_tenant": tenant, "household": household_id, "limit": limit}
        found: list[str] = self._connection.scalars(_MEMBERS, values)
        return found

    def erase(self, tenant: str, customer_id: str) -> bool:
        """Take a customer's row away; return whether there was one."""
        return self._connection.execute(_ERASE, {"of_tenant": tenant, "customer": customer_id}).rowcount == 1

    def let_go(self, tenant: str, before_us: int, limit: int) -> Sequence[tuple[str, str | None]]:
        """Take rows away whose events are all gone, and whose newest was before a time; return ids and households."""
        values = {"of_tenant": tenant, "before": before_us, "limit": limit}
        return [(customer_id, household_id) for customer_id, household_id in self._connection.execute(_LET_GO, values)]

    def page(self, tenant: str, after: str, limit: int) -> Sequence[BaseRow]:
        """Return the customers after an id, in the order of ids: so the whole base is read in bounded memory."""
        values = {"of_tenant": tenant, "after": after, "limit": limit}
        return [BaseRow(*row) for row in self._connection.execute(_PAGE, values)]

    def ids(self, tenant: str, after: str, limit: int) -> list[str]:
        """Return the ids after one, in their order."""
        found: list[str] = self._connection.scalars(_IDS, {"of_tenant": tenant, "after": after, "limit": limit})
        return found

    def known(self, tenant: str, customers: Sequence[str]) -> set[str]:
        """Return those of some customers who have a row."""
        found = set[str]()
        for at in range(0, len(customers), _AT_ONCE):
            values = {"of_tenant": tenant, "customers": list(customers[at : at + _AT_ONCE])}
            found.update(self._connection.scalars(_KNOWN_ONES, values))
        return found

    def uncounted(self, tenant: str, limit: int) -> list[str]:
        """Return customers whose rows the key figures do not have as they are."""
        found: list[str] = self._connection.scalars(_UNCOUNTED, {"of_tenant": tenant, "limit": limit})
        return found

    def lock_some(self, tenant: str, customers: Sequence[str]) -> Sequence[BaseRow]:
        """Return the rows of some customers, locked in the order of their ids; who has none is left out."""
        if not customers:
            return []
        values = {"of_tenant": tenant, "customers": list(customers)}
        return [BaseRow(*row) for row in self._connection.execute(_LOCK_SOME, values)]

    def note_uncounted(self, tenant: str, customers: Sequence[str]) -> None:
        """Note that the key figures do not have the rows of some customers; lock the tenant's figures first."""
        self._note(tenant, customers, 0)

    def note_counted(self, tenant: str, customers: Sequence[str]) -> None:
        """Note that the key figures have these rows, which are locked."""
        self._note(tenant, customers, 1)

    def _note(self, tenant: str, customers: Sequence[str], known: int) -> None:
        if customers:
            self._connection.execute(_NOTE, {"of_tenant": tenant, "customers": list(customers), "known": known})

    def count(self, tenant: str) -> int:
        """Return of how many customers an event was folded."""
        (number,) = self._connection.execute(_COUNT, {"of_tenant": tenant}).one()
        return int(number)

    def household_size(self, tenant: str, household_id: str) -> int:
        """Return how many members of a household are known, at most 21."""
        (number,) = self._connection.execute(_SIZE, {"of_tenant": tenant, "household": household_id}).one()
        return int(number)
