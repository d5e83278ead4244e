"""The tables of kept key figures. Whoever changes them has locked the tenant's row of `kpi_count` first.

What is in a row is sealed and read elsewhere (`placet.decisioning.kpis.sealing`); here rows come and go.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, or_, select, update

from placet.contracts.base import Frozen
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.reading import read_as
from placet.storage.tables import KPI_COUNT, KPI_HOUSEHOLD, KPI_PART, KPI_SUM


class KpiCount(Frozen):
    """How far a tenant's figures are counted.

    Attributes:
        day: The day, as 2026-03-01; empty where none was ever counted.
        after: The customer up to whom counting has come; None where all are counted.
    """

    tenant: str
    day: str = ""
    epoch: int = 0
    digest: str = ""
    after: str | None = ""


class KpiPart(Frozen):
    """What one customer adds; `part` is sealed. See the table."""

    tenant: str
    customer_id: str
    epoch: int
    household_id: str | None
    members: int
    ids: str | None
    unreadable: int
    part: str


class KpiHousehold(Frozen):
    """What a household holds together; `part` is sealed. See the table."""

    tenant: str
    household_id: str
    epoch: int
    due: int
    part: str


class KpiSumRow(Frozen):
    """Sums of a day; `sums` is sealed. See the table."""

    tenant: str
    day: str
    segment: str
    digest: str
    sums: str


_COUNT, _PART, _HOUSEHOLD, _SUM = KPI_COUNT, KPI_PART, KPI_HOUSEHOLD, KPI_SUM
_GET = select(_COUNT).where(_COUNT.c.tenant == bindparam("of_tenant"))
_LOCK = _GET.with_for_update()
_SAY = (
    update(_COUNT)
    .where(_COUNT.c.tenant == bindparam("of_tenant"))
    .values({name: bindparam(f"to_{name}") for name in ("day", "epoch", "digest", "after")})
)
_OF_TENANT = _PART.c.tenant == bindparam("of_tenant")
_SOME = _PART.c.customer_id.in_(bindparam("customers", expanding=True))
_PARTS = select(_PART).where(_OF_TENANT, _SOME)
_DROP_PARTS = delete(_PART).where(_OF_TENANT, _SOME)
_DROP_ALL_PARTS = delete(_PART).where(_OF_TENANT)
_DROP_STALE = delete(_PART).where(_OF_TENANT, _PART.c.epoch != bindparam("of_epoch"))
_ADD_PARTS = insert(_PART)
_WITH_IDS = select(_PART.c.customer_id, _PART.c.ids).where(_OF_TENANT, _PART.c.ids.is_not(None))
_UNREADABLE = (
    select(_PART.c.customer_id)
    .where(_OF_TENANT, _PART.c.unreadable == 1, _PART.c.epoch == bindparam("of_epoch"))
    .order_by(_PART.c.customer_id)
    .limit(bindparam("limit"))
)
_OTHERS = (
    select(_PART.c.customer_id)
    .where(
        _OF_TENANT,
        _PART.c.household_id == bindparam("household"),
        or_(_PART.c.members < bindparam("count"), _PART.c.members > bindparam("count")),  # an index finds these
        _PART.c.epoch == bindparam("of_epoch"),
    )
    .order_by(_PART.c.customer_id)
    .limit(bindparam("limit"))
)
_IN = _HOUSEHOLD.c.household_id.in_(bindparam("households", expanding=True))
_HOUSEHOLDS = select(_HOUSEHOLD).where(_HOUSEHOLD.c.tenant == bindparam("of_tenant"), _IN)
_DROP_HOUSEHOLDS = delete(_HOUSEHOLD).where(_HOUSEHOLD.c.tenant == bindparam("of_tenant"), _IN)
_DROP_ALL_HOUSEHOLDS = delete(_HOUSEHOLD).where(_HOUSEHOLD.c.tenant == bindparam("of_tenant"))
_DROP_STALE_HOUSEHOLDS = delete(_HOUSEHOLD).where(
    _HOUSEHOLD.c.tenant == bindparam("of_tenant"), _HOUSEHOLD.c.epoch != bindparam("of_epoch"), _HOUSEHOLD.c.due == 0
)
_ADD_HOUSEHOLDS = insert(_HOUSEHOLD)
_DUE = (
    select(_HOUSEHOLD.c.household_id)
    .where(_HOUSEHOLD.c.tenant == bindparam("of_tenant"), _HOUSEHOLD.c.due == 1)
    .order_by(_HOUSEHOLD.c.household_id)
    .limit(bindparam("limit"))
)
_SETTLED = (
    update(_HOUSEHOLD)
    .where(_HOUSEHOLD.c.tenant == bindparam("of_tenant"), _HOUSEHOLD.c.household_id == bindparam("household"))
    .values(due=0)
)
_OF_DAY = (_SUM.c.tenant == bindparam("of_tenant"), _SUM.c.day == bindparam("of_day"))
_SUMS = select(_SUM).where(*_OF_DAY)
_DROP_SUMS = delete(_SUM).where(*_OF_DAY)
_DROP_LATER = delete(_SUM).where(_SUM.c.tenant == bindparam("of_tenant"), _SUM.c.day >= bindparam("of_day"))
_ADD_SUMS = insert(_SUM)
_DAYS = (
    select(_SUM)
    .where(
        _SUM.c.tenant == bindparam("of_tenant"),
        _SUM.c.segment == bindparam("of_segment"),
        _SUM.c.day >= bindparam("first"),
        _SUM.c.day <= bindparam("last"),
    )
    .order_by(_SUM.c.day)
)
_LET_GO = delete(_SUM).where(_SUM.c.tenant == bindparam("of_tenant"), _SUM.c.day < bindparam("before"))
_MANY: Final = 400
"""Values of one statement: each database has a bound of its own."""


class KpiRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, tenant: str) -> Mapping[str, Any]:
        """Return how far a tenant's figures are counted, as the row has it; nobody else counts before the end."""
        row = self._connection.execute(_LOCK, {"of_tenant": tenant}).mappings().one_or_none()
        if row is None:
            insert_if_absent(self._connection, _COUNT, dict(KpiCount(tenant=tenant)))
            row = self._connection.execute(_LOCK, {"of_tenant": tenant}).mappings().one_or_none()
        return row or {}

    def count(self, tenant: str) -> KpiCount:
        """Return how far a tenant's figures are counted.

        Raises:
            StorageError: code `storage_row`; the row cannot be read.
        """
        row = self._connection.execute(_GET, {"of_tenant": tenant}).mappings().one_or_none()
        return KpiCount(tenant=tenant) if row is None else read_as(KpiCount, _COUNT.name, tenant, row)

    def say(self, count: KpiCount) -> None:
        """Write how far a tenant's figures are counted."""
        values = {f"to_{name}": value for name, value in dict(count).items() if name != "tenant"}
        self._connection.execute(_SAY, {"of_tenant": count.tenant, **values})

    def clear(self, tenant: str) -> None:
        """Take away what each customer and household adds: after that everybody is counted anew."""
        self._connection.execute(_DROP_ALL_PARTS, {"of_tenant": tenant})
        self._connection.execute(_DROP_ALL_HOUSEHOLDS, {"of_tenant": tenant})

    def parts(self, tenant: str, customers: Sequence[str]) -> dict[str, KpiPart]:
        """Return what is kept of some customers, by id."""
        found = {}
        for some in _chunks(customers):
            for row in self._connection.execute(_PARTS, {"of_tenant": tenant, "customers": some}).mappings():
                found[str(row["customer_id"])] = read_as(KpiPart, _PART.name, row["customer_id"], row)
        return found

    def put_parts(self, tenant: str, gone: Sequence[str], parts: Sequence[KpiPart]) -> None:
        """Write parts in place of those of some customers; `gone` has the new ones' customers as well."""
        for some in _chunks(gone):
            self._connection.execute(_DROP_PARTS, {"of_tenant": tenant, "customers": some})
        if parts:
            self._connection.execute(_ADD_PARTS, [dict(part) for part in parts])

    def drop_stale(self, tenant: str, epoch: int) -> None:
        """Take away what is kept of an earlier epoch: customers and households that there are no more."""
        values = {"of_tenant": tenant, "of_epoch": epoch}
        self._connection.execute(_DROP_STALE, values)
        self._connection.execute(_DROP_STALE_HOUSEHOLDS, values)

    def with_ids(self, tenant: str) -> dict[str, str]:
        """Return the merged ids by the customer under whom they are counted."""
        return {row[0]: row[1] for row in self._connection.execute(_WITH_IDS, {"of_tenant": tenant})}

    def unreadable(self, tenant: str, epoch: int, limit: int) -> list[str]:
        """Return the first customers whose rows could not be read."""
        values = {"of_tenant": tenant, "of_epoch": epoch, "limit": limit}
        return [customer_id for (customer_id,) in self._connection.execute(_UNREADABLE, values)]

    def counted_with(self, tenant: str, epoch: int, household: str, members: int, limit: int) -> list[str]:
        """Return members of a household who were counted with another number of members than it has now."""
        values = {"of_tenant": tenant, "of_epoch": epoch, "household": household, "count": members, "limit": limit}
        return [customer_id for (customer_id,) in self._connection.execute(_OTHERS, values)]

    def households(self, tenant: str, households: Sequence[str]) -> dict[str, KpiHousehold]:
        """Return what is kept of some households, by id."""
        found = {}
        for some in _chunks(households):
            for row in self._connection.execute(_HOUSEHOLDS, {"of_tenant": tenant, "households": some}).mappings():
                name = str(row["household_id"])
                found[name] = read_as(KpiHousehold, _HOUSEHOLD.name, name, row)
        return found

    def put_households(self, tenant: str, gone: Sequence[str], rows: Sequence[KpiHousehold]) -> None:
        """Write what households hold, in place of those of `gone`, which has the new ones as well."""
        for some in _chunks(gone):
            self._connection.execute(_DROP_HOUSEHOLDS, {"of_tenant": tenant, "households": some})
        if rows:
            self._connection.execute(_ADD_HOUSEHOLDS, [dict(row) for row in rows])

    def due(self, tenant: str, limit: int) -> list[str]:
        """Return households whose number of members may have changed."""
        values = {"of_tenant": tenant, "limit": limit}
        return [household for (household,) in self._connection.execute(_DUE, values)]

    def settle(self, tenant: str, household: str) -> None:
        """Note that all members of a household are counted with its number of members."""
        self._connection.execute(_SETTLED, {"of_tenant": tenant, "household": household})

    def sums(self, tenant: str, day: str) -> dict[str, KpiSumRow]:
        """Return the sums of a day, by segment."""
        rows = self._connection.execute(_SUMS, {"of_tenant": tenant, "of_day": day}).mappings()
        return {str(row["segment"]): read_as(KpiSumRow, _SUM.name, row["segment"], row) for row in rows}

    def put_sums(self, tenant: str, day: str, rows: Sequence[KpiSumRow]) -> None:
        """Write the sums of a day in place of those that are there."""
        self._connection.execute(_DROP_SUMS, {"of_tenant": tenant, "of_day": day})
        if rows:
            self._connection.execute(_ADD_SUMS, [dict(row) for row in rows])

    def drop_sums_from(self, tenant: str, day: str) -> None:
        """Take away the sums of a day and of later ones."""
        self._connection.execute(_DROP_LATER, {"of_tenant": tenant, "of_day": day})

    def days(self, tenant: str, segment: str, first: str, last: str) -> list[Mapping[str, Any]]:
        """Return the sums of one segment from a day to another, as the rows have them, by day."""
        values = {"of_tenant": tenant, "of_segment": segment, "first": first, "last": last}
        return list(self._connection.execute(_DAYS, values).mappings())

    def let_go(self, tenant: str, before: str) -> int:
        """Take away the sums of days before one; return how many rows there were."""
        return self._connection.execute(_LET_GO, {"of_tenant": tenant, "before": before}).rowcount


def ids_text(ids: Sequence[str]) -> str | None:
    """Return the ids of a person as a part has them; None where there is one alone."""
    return json.dumps(list(ids)) if len(ids) > 1 else None


def _chunks(values: Sequence[str]) -> list[list[str]]:
    return [list(values[at : at + _MANY]) for at in range(0, len(values), _MANY)]
