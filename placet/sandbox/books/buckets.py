"""Monetary buckets and the actions on them. A change and its record are one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from placet.sandbox.derived.balances import Bucket, opening_bucket, owner_of
from placet.sandbox.derived.calendar import now
from placet.sandbox.errors import conflict, not_found
from placet.sandbox.money import major
from placet.sandbox.seed import Customer
from placet.sandbox.store import Database
from placet.sandbox.tables import BALANCE_ACTIONS as _ACTIONS
from placet.sandbox.tables import BUCKETS as _BUCKETS

ActionKind = Literal["adjust", "topup"]


def _tell_nobody(_connection: Connection, _row: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Change:
    """A change asked for: `delta` in cents, negative for a debit; `echo` is JSON to be returned unchanged."""

    kind: ActionKind
    bucket_id: str
    delta: int
    adjust_type: str | None
    description: str | None
    reason: str | None
    echo: str


@dataclass(frozen=True, slots=True)
class ActionQuery:
    """Which actions to list; None does not restrict."""

    kind: ActionKind | None = None
    bucket_id: str | None = None
    customer_id: str | None = None
    description: str | None = None


class Buckets:
    """The bucket of every customer."""

    def __init__(self, database: Database, customers: dict[str, Customer]) -> None:
        self._database = database
        self._customers = customers

    def bucket(self, identifier: str) -> Bucket:
        """Return one bucket as it is now.

        Raises:
            TmfError: 404 when there is no such bucket.
        """
        opening = self._opening(identifier)
        with self._database.read() as connection:
            return _current(connection, opening)

    def change(self, change: Change, tell: Callable[[Connection, Any], None] = _tell_nobody) -> Any:
        """Credit or debit a bucket and record it, in one transaction; return the recorded row.

        `tell` is given the transaction and the row, to say in the same transaction that it happened.

        Raises:
            TmfError: 404 for an unknown bucket, 409 for one that is not active or does not hold enough.
        """
        opening = self._opening(change.bucket_id)
        with self._database.write() as connection:
            before = _current(connection, opening)
            after = before.remaining + change.delta
            if before.status != "active":
                raise conflict(
                    "bucketNotActive", f"bucket {before.id!r} is {before.status}; only an active one changes"
                )
            if after < 0:
                held = major(before.remaining)
                raise conflict("insufficientBalance", f"bucket {before.id!r} holds {held}, less than the debit")
            _store(connection, before.id, after, before.status)
            record = insert(_ACTIONS).values(_record(change, before, after)).returning(_ACTIONS)
            row = connection.execute(record).one()
            tell(connection, row)
            return row

    def set_status(self, identifier: str, status: str) -> Bucket:
        """Put a bucket into another status (a control of the sandbox, not a TM Forum operation)."""
        opening = self._opening(identifier)
        with self._database.write() as connection:
            bucket = _current(connection, opening)
            _store(connection, bucket.id, bucket.remaining, status)
            return _current(connection, opening)

    def action(self, kind: ActionKind | None, number: int) -> Any:
        """Return one recorded action, or None."""
        query = select(_ACTIONS).where(_ACTIONS.c.number == number, *_conditions(ActionQuery(kind=kind)))
        with self._database.read() as connection:
            return connection.execute(query).one_or_none()

    def actions(self, query: ActionQuery, offset: int, limit: int) -> tuple[int, list[Any]]:
        """Return how many actions match, and one page of them, oldest first."""
        where = _conditions(query)
        rows = select(_ACTIONS).where(*where).order_by(_ACTIONS.c.number).offset(offset).limit(limit)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(_ACTIONS).where(*where)).scalar_one()
            return total, list(connection.execute(rows).all())

    def _opening(self, identifier: str) -> Bucket:
        customer = self._customers.get(owner_of(identifier) or "")
        if customer is None:
            raise not_found("bucket", identifier)
        return opening_bucket(customer)


def _current(connection: Connection, opening: Bucket) -> Bucket:
    stored = connection.execute(
        select(_BUCKETS.c.remaining_minor, _BUCKETS.c.status).where(_BUCKETS.c.id == opening.id)
    ).one_or_none()
    if stored is None:
        return opening
    return Bucket(opening.id, opening.customer_id, opening.name, stored.status, stored.remaining_minor)


def _store(connection: Connection, identifier: str, remaining: int, status: str) -> None:
    values = {"remaining_minor": remaining, "status": status}
    connection.execute(
        upsert(_BUCKETS).values(id=identifier, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def _record(change: Change, before: Bucket, after: int) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "bucket_id": before.id,
        "customer_id": before.customer_id,
        "adjust_type": change.adjust_type,
        "amount_minor": abs(change.delta),
        "before_minor": before.remaining,
        "after_minor": after,
        "description": change.description,
        "reason": change.reason,
        "at": now(),
        "echo": change.echo,
    }


def _conditions(query: ActionQuery) -> list[ColumnElement[bool]]:
    wanted = {
        _ACTIONS.c.kind: query.kind,
        _ACTIONS.c.bucket_id: query.bucket_id,
        _ACTIONS.c.customer_id: query.customer_id,
        _ACTIONS.c.description: query.description,
    }
    return [column == value for column, value in wanted.items() if value is not None]
