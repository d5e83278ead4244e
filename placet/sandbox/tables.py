"""What the sandbox remembers: only what somebody changed. All else is derived from the sample at each read.

The tables live in a registry of their own, so that they never mix with another schema in the same process.
"""

from datetime import date

from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class SandboxTable(SQLModel, registry=registry()):
    """Base of the sandbox's tables."""


class CustomerRow(SandboxTable, table=True):
    """A customer whose status is no longer the opening one."""

    __tablename__ = "customer"
    id: str = Field(primary_key=True)
    status: str


class BucketRow(SandboxTable, table=True):
    """A bucket that was changed; `remaining_minor` in cents."""

    __tablename__ = "bucket"
    id: str = Field(primary_key=True)
    remaining_minor: int
    status: str


class BalanceActionRow(SandboxTable, table=True):
    """One adjustment or top-up, written in the transaction that changed the bucket. Amounts in cents.

    `echo` holds, as JSON, the optional attributes the caller sent, to be returned unchanged.
    """

    __tablename__ = "balance_action"
    number: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    bucket_id: str = Field(index=True)
    customer_id: str = Field(index=True)
    adjust_type: str | None
    amount_minor: int
    before_minor: int
    after_minor: int
    description: str | None = Field(index=True)
    reason: str | None
    at: str
    echo: str


class ProductOrderRow(SandboxTable, table=True):
    """An executed order. `body` is the resource as JSON, without its id."""

    __tablename__ = "product_order"
    number: int | None = Field(default=None, primary_key=True)
    external_id: str | None = Field(unique=True)
    customer_id: str = Field(index=True)
    body: str


class ProductRow(SandboxTable, table=True):
    """A product that an order added or moved to another offering; `monthly_minor` in cents."""

    __tablename__ = "product"
    id: str = Field(primary_key=True)
    customer_id: str = Field(index=True)
    offering_id: str
    name: str
    monthly_minor: int | None
    started_on: date
    term_months: int
    order_id: str
    order_item_id: str


class EndedProductRow(SandboxTable, table=True):
    """A product that an order ended; it is no longer in the inventory."""

    __tablename__ = "ended_product"
    id: str = Field(primary_key=True)
    customer_id: str = Field(index=True)
    ended_on: date
    order_id: str
    order_item_id: str


class DocumentRow(SandboxTable, table=True):
    """A resource without behaviour (a message, a query task) as JSON, without its id."""

    __tablename__ = "document"
    number: int | None = Field(default=None, primary_key=True)
    kind: str = Field(index=True)
    body: str


BALANCE_ACTIONS = SandboxTable.metadata.tables["balance_action"]
BUCKETS = SandboxTable.metadata.tables["bucket"]
CUSTOMERS = SandboxTable.metadata.tables["customer"]
DOCUMENTS = SandboxTable.metadata.tables["document"]
ENDED_PRODUCTS = SandboxTable.metadata.tables["ended_product"]
PRODUCTS = SandboxTable.metadata.tables["product"]
PRODUCT_ORDERS = SandboxTable.metadata.tables["product_order"]
