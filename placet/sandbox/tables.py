"""What the sandbox remembers: only what somebody changed. All else is derived from the sample at each read."""

from sqlalchemy import Column, Date, Integer, MetaData, String, Table

metadata = MetaData()
"""The sandbox's own, so that its tables never mix with another schema in the same process."""


CUSTOMERS = Table(
    "customer",
    metadata,
    Column("id", String, primary_key=True),
    Column("status", String, nullable=False),
)
"""A customer whose status is no longer the opening one."""


BUCKETS = Table(
    "bucket",
    metadata,
    Column("id", String, primary_key=True),
    Column("remaining_minor", Integer, nullable=False),
    Column("status", String, nullable=False),
)
"""A bucket that was changed; `remaining_minor` in cents."""


BALANCE_ACTIONS = Table(
    "balance_action",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False, index=True),
    Column("bucket_id", String, nullable=False, index=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("adjust_type", String),
    Column("amount_minor", Integer, nullable=False),
    Column("before_minor", Integer, nullable=False),
    Column("after_minor", Integer, nullable=False),
    Column("description", String, index=True),
    Column("reason", String),
    Column("at", String, nullable=False),
    Column("echo", String, nullable=False),
)
"""One adjustment or top-up, written in the transaction that changed the bucket. Amounts in cents.

    `echo` holds, as JSON, the optional attributes the caller sent, to be returned unchanged.
    """


PRODUCT_ORDERS = Table(
    "product_order",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("external_id", String, unique=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("body", String, nullable=False),
)
"""An executed order. `body` is the resource as JSON, without its id."""


PRODUCTS = Table(
    "product",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("offering_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("monthly_minor", Integer),
    Column("started_on", Date, nullable=False),
    Column("term_months", Integer, nullable=False),
    Column("order_id", String, nullable=False),
    Column("order_item_id", String, nullable=False),
)
"""A product that an order added or moved to another offering; `monthly_minor` in cents."""


ENDED_PRODUCTS = Table(
    "ended_product",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("ended_on", Date, nullable=False),
    Column("order_id", String, nullable=False),
    Column("order_item_id", String, nullable=False),
)
"""A product that an order ended; it is no longer in the inventory."""


DOCUMENTS = Table(
    "document",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("kind", String, nullable=False, index=True),
    Column("body", String, nullable=False),
)
"""A resource without behaviour (a message, a query task) as JSON, without its id."""


LISTENERS = Table(
    "listener",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("callback", String, nullable=False),
    Column("query", String, nullable=False),
    Column("delivered", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    sqlite_autoincrement=True,
)
"""Who is told of events. `delivered` is the number of the last event that they were told, or had no wish for; `refused`
counts those they would not take, `lost` those that were let go before they could be told. `callback` may hold a secret.
"""


EVENTS = Table(
    "event",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("body", String, nullable=False),
    sqlite_autoincrement=True,
)
"""What happened, oldest first: a TMF688 Event as JSON. Only the newest are kept (`placet.sandbox.hub.outbox`)."""


DAYS_TOLD = Table(
    "days_told",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False),
    Column("customers", Integer, nullable=False),
)
"""One row: the day whose bills and usage are being told of, and of how many customers they were."""
