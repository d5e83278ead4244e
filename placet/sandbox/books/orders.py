"""Product orders: executed at once, the order and its effect on the inventory in one transaction."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select

from placet.sandbox.books.inventory import end, held_now, put
from placet.sandbox.derived.products import Held
from placet.sandbox.errors import TmfError, bad_body, conflict
from placet.sandbox.ids import numbered
from placet.sandbox.money import JsonObject
from placet.sandbox.seed import Customer
from placet.sandbox.store import Database
from placet.sandbox.tables import PRODUCT_ORDERS as _ORDERS


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an order.

    `monthly` in cents, None keeps the present price (or states none). `offering_id` is empty for a `delete` that
    names none; one that it names must be the one held.
    """

    id: str
    action: Literal["add", "modify", "delete"]
    offering_id: str
    name: str
    monthly: int | None
    product_id: str | None


ORDER_PREFIX = "ORD-"


def added_product_id(customer_id: str, order: str, item_id: str) -> str:
    """Return the id of the product that an item of an order adds."""
    return f"P-{customer_id}-{order}-{item_id}"


def order_id(number: int) -> str:
    """Return the public id of an order."""
    return numbered(ORDER_PREFIX, number)


class Orders:
    """Takes and keeps product orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def execute(
        self,
        customer: Customer,
        items: list[Item],
        body: JsonObject,
        *,
        external_id: str | None,
        as_of: date,
        tell: Callable[[Connection, int], None],
    ) -> tuple[int, JsonObject]:
        """Execute an order; its number and the resource without its id.

        `tell` is given the transaction and the number, to say in the same transaction that it happened.

        Raises:
            TmfError: 409 when the external id was used before, 400 when an item names a product not held,
                or one not held under the offering that a `delete` names.
        """
        with self._database.write() as connection:
            _refuse_repeat(connection, external_id)
            row = {"external_id": external_id, "customer_id": customer.id, "body": json.dumps(body)}
            record = insert(_ORDERS).values(row).returning(_ORDERS.c.number)
            number: int = connection.execute(record).scalar_one()
            for item in items:
                _perform(connection, customer, item, order_id(number), as_of)
            tell(connection, number)
        return number, body

    def order(self, number: int) -> Any:
        """Return one order, or None."""
        with self._database.read() as connection:
            return connection.execute(select(_ORDERS).where(_ORDERS.c.number == number)).one_or_none()

    def orders(
        self, external_id: str | None, customer_id: str | None, offset: int, limit: int
    ) -> tuple[int, list[Any]]:
        """Return how many orders match, and one page of them, oldest first."""
        wanted = {_ORDERS.c.external_id: external_id, _ORDERS.c.customer_id: customer_id}
        where: list[ColumnElement[bool]] = [column == value for column, value in wanted.items() if value is not None]
        rows = select(_ORDERS).where(*where).order_by(_ORDERS.c.number).offset(offset).limit(limit)
        with self._database.read() as connection:
            total = connection.execute(select(func.count()).select_from(_ORDERS).where(*where)).scalar_one()
            return total, list(connection.execute(rows).all())


def _refuse_repeat(connection: Connection, external_id: str | None) -> None:
    if external_id is None:
        return
    # The write lock is held, so what is not found here cannot appear before the insert.
    known = connection.execute(
        select(_ORDERS.c.number).where(_ORDERS.c.external_id == external_id)
    ).scalar_one_or_none()
    if known is not None:
        raise conflict("duplicateExternalId", f"externalId {external_id!r} is that of order {order_id(known)!r}")


def _perform(connection: Connection, customer: Customer, item: Item, order: str, as_of: date) -> None:
    if item.action == "add":
        put(connection, _added(customer, item, order, as_of))
        return
    held = {product.id: product for product in held_now(connection, customer, as_of)}
    present = held.get(item.product_id or "")
    if present is None or (item.action == "delete" and item.offering_id not in {"", present.offering_id}):
        raise _not_held(customer, item)
    if item.action == "delete":
        end(connection, present, order, item.id, as_of)
    else:
        put(connection, _moved(present, item, order))


def _added(customer: Customer, item: Item, order: str, as_of: date) -> Held:
    return Held(
        id=added_product_id(customer.id, order, item.id),
        customer_id=customer.id,
        offering_id=item.offering_id,
        name=item.name,
        monthly=item.monthly,
        started_on=as_of,
        term_months=1,
        simulated=False,
        order_id=order,
        order_item_id=item.id,
    )


def _moved(present: Held, item: Item, order: str) -> Held:
    return replace(
        present,
        offering_id=item.offering_id,
        name=item.name,
        monthly=present.monthly if item.monthly is None else item.monthly,
        simulated=False,
        order_id=order,
        order_item_id=item.id,
    )


def _not_held(customer: Customer, item: Item) -> TmfError:
    under = f" as {item.offering_id!r}" if item.action == "delete" and item.offering_id else ""
    return bad_body(
        f"product {item.product_id!r} is not held by {customer.id!r}{under}; item {item.id!r} cannot {item.action} it"
    )
