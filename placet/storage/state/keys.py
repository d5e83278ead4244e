"""The table of keys: what each customer's aggregate says of them, so that a key is found without reading aggregates."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from placet.contracts.identity.keys import KeyWord
from placet.storage.sql.driver import Connection
from placet.storage.sql.reading import read_as
from placet.storage.tables import CUSTOMER_KEY

_TABLE = CUSTOMER_KEY
_OF_CUSTOMER = (_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id == bindparam("customer"))
_COLUMNS = tuple(_TABLE.c[name] for name in KeyWord.model_fields)
_LIST = select(*_COLUMNS).where(*_OF_CUSTOMER).order_by(_TABLE.c.key)
_BY_KEY = (
    select(*_COLUMNS)
    .where(_TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(_TABLE.c.key, _TABLE.c.customer_id)
)
_ERASE = delete(_TABLE).where(*_OF_CUSTOMER)
_ERASE_ALL = delete(_TABLE).where(
    _TABLE.c.tenant == bindparam("of_tenant"), _TABLE.c.customer_id.in_(bindparam("customers", expanding=True))
)
_ADD = insert(_TABLE)


class KeyRepository:
    """Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, tenant: str, customer_id: str, words: Sequence[KeyWord]) -> None:
        """Write what a customer's aggregate says, in place of what it said before; their row of state is locked."""
        self.erase(tenant, customer_id)
        for word in words:
            self._connection.execute(_ADD, {"tenant": tenant, **dict(word)})

    def of_customer(self, tenant: str, customer_id: str) -> tuple[KeyWord, ...]:
        """Return a customer's keys, those that they gave up among them."""
        return self._read({"of_tenant": tenant, "customer": customer_id}, _LIST)

    def of_keys(self, tenant: str, keys: Sequence[str]) -> tuple[KeyWord, ...]:
        """Return the words of all customers of one tenant on some keys."""
        return self._read({"of_tenant": tenant, "keys": keys}, _BY_KEY) if keys else ()

    def erase(self, tenant: str, customer_id: str) -> int:
        """Take a customer's keys away; return how many there were."""
        return self._connection.execute(_ERASE, {"of_tenant": tenant, "customer": customer_id}).rowcount

    def erase_all(self, tenant: str, customers: Sequence[str]) -> None:
        """Take the keys of some customers away."""
        if customers:
            self._connection.execute(_ERASE_ALL, {"of_tenant": tenant, "customers": customers})

    def _read(self, values: dict[str, Any], query: Any) -> tuple[KeyWord, ...]:
        rows = self._connection.execute(query, values).mappings()
        return tuple(read_as(KeyWord, _TABLE.name, row["key"], row) for row in rows)
