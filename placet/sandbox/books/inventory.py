"""The product inventory: the services of the row, as orders have changed, extended and ended them."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from placet.sandbox.derived.products import Held, held_products
from placet.sandbox.seed import Customer
from placet.sandbox.store import Database
from placet.sandbox.tables import ENDED_PRODUCTS as _ENDED
from placet.sandbox.tables import PRODUCTS as _PRODUCTS


@dataclass(frozen=True, slots=True)
class Inventory:
    """Reads the products a customer holds."""

    database: Database

    def held(self, customer: Customer, as_of: date) -> list[Held]:
        """Return all products of a customer, those that orders added last."""
        with self.database.read() as connection:
            return held_now(connection, customer, as_of)


def held_now(connection: Connection, customer: Customer, as_of: date) -> list[Held]:
    """Return all products of a customer within a transaction."""
    rows = connection.execute(
        select(_PRODUCTS).where(_PRODUCTS.c.customer_id == customer.id).order_by(_PRODUCTS.c.id)
    ).all()
    ordered = {row.id: _held(row) for row in rows}
    derived = held_products(customer, as_of)
    ids = {product.id for product in derived}
    current = [_moved(product, ordered.get(product.id)) for product in derived]
    current += [product for product in ordered.values() if product.id not in ids]
    ended = set(connection.scalars(select(_ENDED.c.id).where(_ENDED.c.customer_id == customer.id)))
    return [product for product in current if product.id not in ended]


def put(connection: Connection, product: Held) -> None:
    """Add a product, or move a held one to what `product` says."""
    values: dict[str, Any] = {
        "customer_id": product.customer_id,
        "offering_id": product.offering_id,
        "name": product.name,
        "monthly_minor": product.monthly,
        "started_on": product.started_on,
        "term_months": product.term_months,
        "order_id": product.order_id,
        "order_item_id": product.order_item_id,
    }
    connection.execute(
        upsert(_PRODUCTS).values(id=product.id, **values).on_conflict_do_update(index_elements=["id"], set_=values)
    )


def end(connection: Connection, product: Held, order_id: str, order_item_id: str, on: date) -> None:
    """Take a held product out of the inventory; its id is never used again."""
    values = {"id": product.id, "customer_id": product.customer_id, "ended_on": on}
    connection.execute(insert(_ENDED).values(**values, order_id=order_id, order_item_id=order_item_id))


def _moved(derived: Held, ordered: Held | None) -> Held:
    """Return the product as an order left it, with the day it first started."""
    return derived if ordered is None else replace(ordered, started_on=derived.started_on)


def _held(row: Any) -> Held:
    return Held(
        id=row.id,
        customer_id=row.customer_id,
        offering_id=row.offering_id,
        name=row.name,
        monthly=row.monthly_minor,
        started_on=row.started_on,
        term_months=row.term_months,
        simulated=False,
        order_id=row.order_id,
        order_item_id=row.order_item_id,
    )
