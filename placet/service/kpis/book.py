"""The kept sums of the present day, opened inside a transaction: parts come and go, and all is written at the end.

The kept rows are derived. One that cannot be read, or was altered, costs a counting anew and nothing else.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Final

from placet.contracts.times import moment
from placet.decisioning.kpis.adding import KpiSums
from placet.decisioning.kpis.definitions import definitions_digest
from placet.decisioning.kpis.parts import (
    HouseholdPart,
    Part,
    add_part,
    part_read,
    part_told,
    scopes,
    sums_read,
    sums_told,
)
from placet.decisioning.kpis.sealing import NotSealedError, seal, unseal
from placet.errors import StorageError
from placet.storage.kpis.kept import KpiCount, KpiHousehold, KpiPart, KpiSumRow
from placet.storage.sql.reading import pass_on_others
from placet.storage.transaction import Transaction

_SUM, _PART, _HOUSEHOLD = "sum", "part", "household"
_MICROSECOND: Final = timedelta(microseconds=1)


def day_of(at: datetime) -> date:
    """Return the day of a time, in UTC."""
    return at.astimezone(UTC).date()


def end_of(day: date) -> datetime:
    """Return the last moment of a day: all kept figures of the day are as of it."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) - _MICROSECOND


class Sums:
    """The sums of a day, as they are kept: one for each of `scopes`.

    Attributes:
        counted_at: When nobody waited to be counted; None while counting is under way.
    """

    def __init__(self, sums: Sequence[KpiSums], counted_at: str | None = None) -> None:
        self.sums, self.counted_at = list(sums), counted_at

    @classmethod
    def empty(cls) -> "Sums":
        """Return those of nobody."""
        return cls([KpiSums() for _ in scopes()])


def read_sum(row: KpiSumRow, digest: str) -> tuple[int, str | None, str | None, KpiSums]:
    """Return what a row of sums says: its epoch, how far it is counted, when that was, and the sums.

    Raises:
        NotSealedError: it was altered, or is of other definitions.
    """
    if row.digest != digest:
        raise NotSealedError("its figures are defined in another way")
    value = unseal(row.sums, _SUM, row.tenant, row.day, row.segment, row.digest)
    if not isinstance(value, list) or len(value) != 4:  # noqa: PLR2004 - as it is written below
        raise NotSealedError("it has no sums")
    epoch, after, counted_at, sums = value
    if type(epoch) is not int or not all(one is None or isinstance(one, str) for one in (after, counted_at)):
        raise NotSealedError("it does not say how far it is counted")
    return epoch, after, counted_at, sums_read(sums)


class Book:
    """What is kept of the present day. Make it after `lock`, change it, and `close` it in the same transaction."""

    def __init__(self, tx: Transaction, count: KpiCount) -> None:
        """Open what is kept.

        Raises:
            NotSealedError: a row cannot be read, or was altered.
        """
        self._tx, self.count = tx, count
        self._before = count
        with _told():
            rows = tx.kpis.sums(count.tenant, count.day)
        found = [read_sum(rows[name], count.digest) for name in scopes() if name in rows]
        if len(found) != len(scopes()) or any(one[:2] != (count.epoch, count.after) for one in found):
            raise NotSealedError("sums are missing, or of another counting")
        self._sums = Sums([sums for *_, sums in found], found[0][2])
        self._new: dict[str, KpiPart] = {}
        self._gone: dict[str, None] = {}
        self._households: dict[str, HouseholdPart] = {}
        self._due: dict[str, None] = {}

    @property
    def counted_at(self) -> str | None:
        """When nobody waited to be counted, as it is written; None: never yet."""
        return self._sums.counted_at

    def old(self, customers: Sequence[str]) -> dict[str, KpiPart]:
        """Return what is kept of some customers.

        Raises:
            NotSealedError: a row cannot be read.
        """
        with _told():
            return self._tx.kpis.parts(self.count.tenant, customers)

    def take(self, row: KpiPart) -> None:
        """Take what a customer added away.

        Raises:
            NotSealedError: the row was altered.
        """
        self._gone[row.customer_id] = None
        if row.epoch != self.count.epoch:
            return
        value = unseal(row.part, _PART, *_names(row))
        if row.unreadable:
            self._sums.sums[0].left_out -= 1
        elif value is not None:
            self._add(part_read(value), -1)

    def put(self, row: KpiPart, part: Part | None) -> None:
        """Keep what a customer adds; None: nothing yet, or their row cannot be read."""
        sealed = row.model_copy(update={"epoch": self.count.epoch})
        value = None if part is None else part_told(part)
        self._new[row.customer_id] = sealed.model_copy(update={"part": seal(value, _PART, *_names(sealed))})
        self._gone[row.customer_id] = None
        if row.unreadable:
            self._sums.sums[0].left_out += 1
        elif part is not None:
            self._add(part, 1)

    def mark_due(self, households: Iterable[str | None]) -> None:
        """Note households whose number of members may have changed."""
        self._due.update(dict.fromkeys(one for one in households if one is not None))

    def close(self, counted_at: datetime | None = None) -> None:
        """Write all that changed."""
        tenant = self.count.tenant
        self._tx.kpis.put_parts(tenant, list(self._gone), list(self._new.values()))
        self._write_households()
        if self._gone or counted_at is not None:
            self._sums.counted_at = None if counted_at is None else moment(counted_at)
        if self._gone or counted_at is not None or self.count != self._before:
            write_sums(self._tx, self.count, self._sums)
        if self.count != self._before:
            self._tx.kpis.say(self.count)

    def _add(self, part: Part, times: int) -> None:
        add_part(self._sums.sums, part, times)
        if part.household and part.products:
            if part.household not in self._households:
                self._households[part.household] = self._household(part.household)
            self._households[part.household].change(self._sums.sums, part, times)

    def _household(self, household: str) -> HouseholdPart:
        with _told():
            row = self._tx.kpis.households(self.count.tenant, [household]).get(household)
        if row is None or row.epoch != self.count.epoch:
            return HouseholdPart()
        return HouseholdPart.read(unseal(row.part, _HOUSEHOLD, row.tenant, row.household_id, row.epoch))

    def _write_households(self) -> None:
        tenant, epoch = self.count.tenant, self.count.epoch
        names = sorted({*self._households, *self._due})
        with _told():
            known = self._tx.kpis.households(tenant, names)
        rows = []
        for name in names:
            row, held = known.get(name), self._households.get(name)
            due = int(name in self._due or (row is not None and row.due == 1))
            if held is None and row is not None and row.epoch == epoch:
                rows.append(row.model_copy(update={"due": due}))
                continue
            if held is None or not held.told():
                held = HouseholdPart()
            if due or held.told():
                part = seal(held.told(), _HOUSEHOLD, tenant, name, epoch)
                rows.append(KpiHousehold(tenant=tenant, household_id=name, epoch=epoch, due=due, part=part))
        self._tx.kpis.put_households(tenant, names, rows)


def write_sums(tx: Transaction, count: KpiCount, sums: Sums) -> None:
    """Write the sums of the day that is counted."""
    rows = []
    for name, one in zip(scopes(), sums.sums, strict=True):
        value = [count.epoch, count.after, sums.counted_at, sums_told(one)]
        sealed = seal(value, _SUM, count.tenant, count.day, name, count.digest)
        rows.append(KpiSumRow(tenant=count.tenant, day=count.day, segment=name, digest=count.digest, sums=sealed))
    tx.kpis.put_sums(count.tenant, count.day, rows)


def begin(tx: Transaction, tenant: str, day: date, epoch: int) -> KpiCount:
    """Begin to count a day, from nobody on."""
    count = KpiCount(tenant=tenant, day=day.isoformat(), epoch=epoch, digest=definitions_digest(), after="")
    tx.kpis.say(count)
    write_sums(tx, count, Sums.empty())
    return count


def begin_anew(tx: Transaction, tenant: str, day: date) -> KpiCount:
    """Begin to count a day after what is kept was found to be altered: nothing of it is used."""
    tx.kpis.clear(tenant)
    return begin(tx, tenant, day, 1)


@contextmanager
def _told() -> Iterator[None]:
    """Say of a row that cannot be read, as of one that was altered, that it must be counted anew."""
    try:
        yield
    except StorageError as error:
        pass_on_others(error)
        raise NotSealedError(str(error)) from error


def _names(row: KpiPart) -> tuple[object, ...]:
    return (row.tenant, row.customer_id, row.epoch, row.household_id, row.members, row.ids, row.unreadable)
