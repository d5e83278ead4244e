"""The whole state of one sandbox, as the APIs see it."""

from datetime import UTC, date, datetime

from placet.sandbox.books.buckets import Buckets
from placet.sandbox.books.documents import Documents
from placet.sandbox.books.inventory import Inventory
from placet.sandbox.books.orders import Orders
from placet.sandbox.books.statuses import Statuses
from placet.sandbox.errors import bad_query, not_found
from placet.sandbox.hub.listeners import Listeners
from placet.sandbox.hub.outbox import Outbox
from placet.sandbox.rest.endpoint import Call
from placet.sandbox.rest.refs import customer_of_account
from placet.sandbox.seed import Customer
from placet.sandbox.store import Database


class Bss:
    """The sample's customers and the books kept about them."""

    def __init__(self, customers: dict[str, Customer], database: Database, as_of: date | None) -> None:
        self.customers = customers
        self.database = database
        self.statuses = Statuses(database)
        self.buckets = Buckets(database, customers)
        self.inventory = Inventory(database)
        self.orders = Orders(database)
        self.messages = Documents(database, "communicationMessage")
        self.consumption_queries = Documents(database, "queryUsageConsumption")
        self.listeners = Listeners(database)
        self.outbox = Outbox(database)
        self._as_of = as_of

    def today(self) -> date:
        """Return the reference day of derived series."""
        return self._as_of or datetime.now(UTC).date()

    def customer(self, identifier: str) -> Customer:
        """Return one customer.

        Raises:
            TmfError: 404 when nobody has that id.
        """
        customer = self.customers.get(identifier)
        if customer is None:
            raise not_found("customer", identifier)
        return customer

    def selected(self, call: Call, account_filter: str | None = None) -> list[Customer]:
        """Return the customer whose derived resources are asked for, by party or by account: one or none.

        Raises:
            TmfError: 400 without either filter: the whole base at once is nothing anybody needs.
        """
        party = call.query.get("relatedParty.id")
        account = call.query.get(account_filter) if account_filter else None
        if party is None and account is None:
            accepted = "relatedParty.id" if account_filter is None else f"relatedParty.id or {account_filter}"
            raise bad_query(f"name one customer with {accepted}")
        owner = party if account is None else customer_of_account(account)
        if owner is None or (party is not None and party != owner) or owner not in self.customers:
            return []
        return [self.customers[owner]]
