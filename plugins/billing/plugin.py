"""The reads of the billing role, each over exactly the requests that the allowlist names."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from placet.contracts.billing import Balance, Bill, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile
from placet.contracts.proposal import Mutation, Precondition
from placet.errors import NotFound
from placet.plugin_api import Answer, Connector, Manifest, UnreadableError, read_all
from placet.plugin_api.protocols import Figures
from plugins.billing import mapping
from plugins.billing.ownership import check_owner

T = TypeVar("T")

CUSTOMER = "/tmf-api/customerManagement/v4/customer/{id}"
PRODUCTS = "/tmf-api/productInventory/v4/product"
BILLS = "/tmf-api/customerBillManagement/v4/customerBill"
BUCKETS = "/tmf-api/prepayBalanceManagement/v4/bucket"
BUCKET, PRODUCT = f"{BUCKETS}/{{id}}", f"{PRODUCTS}/{{id}}"
_PATHS = {"balance": BUCKET, "product": PRODUCT}
USAGE = "/tmf-api/usageManagement/v4/usage"


class BillingPlugin(Connector):
    """Reads one customer's facts; implements `placet.plugin_api.ReadPlugin`."""

    manifest = Manifest(
        name="billing", kind="read", apis=("TMF629", "TMF635", "TMF637", "TMF654", "TMF678"), version="1.1.0"
    )

    def customer(self, customer_id: str) -> CustomerProfile:
        """Return the customer, reduced to what a decision may use; only that is asked for (TMF630 `fields`).

        Raises:
            NotFound: With code `unknown_customer`.
        """
        try:
            return self._one(
                CUSTOMER,
                customer_id,
                lambda answer: mapping.customer_profile(answer.object()),
                query={"fields": "status,account,characteristic"},
            )
        except NotFound as exc:
            raise NotFound(
                f"customer {customer_id!r} is not known to the billing system; check the id",
                code="unknown_customer",
            ) from exc

    def products(self, customer_id: str) -> tuple[HeldProduct, ...]:
        """Return the products that the customer holds."""
        return self._of(customer_id, PRODUCTS, mapping.held_product)

    def bills(self, customer_id: str, months: int) -> tuple[Bill, ...]:
        """Return the last `months` bills, newest first."""
        bills = self._of(customer_id, BILLS, mapping.bill)
        return tuple(sorted(bills, key=lambda bill: (bill.issued_on, bill.bill_id), reverse=True)[:months])

    def balances(self, customer_id: str) -> tuple[Balance, ...]:
        """Return the buckets that hold money."""
        return self._of(customer_id, BUCKETS, mapping.balance)

    def usage(self, customer_id: str, months: int) -> tuple[Usage, ...]:
        """Return the usage of the last `months` months that have any, newest first."""
        records = self._of(customer_id, USAGE, mapping.usage)
        recent = sorted({record.month for record in records}, reverse=True)[:months]
        chosen = [record for record in records if record.month in recent]
        return tuple(sorted(chosen, key=lambda record: (record.month, record.kind), reverse=True))

    def observe(self, preconditions: Sequence[Precondition], *, target: Mutation) -> Figures:
        """Return the current values of the figures that `preconditions` name; read each resource once.

        Raises:
            NotFound: A subject is gone: the precondition cannot hold.
            UpstreamRejected: Code `not_the_customers`; a subject, or what `target` changes, is not shown to be its
                customer's.
        """
        groups: dict[tuple[str, str], list[Precondition]] = {place: [] for place in _changed(target)}
        for condition in preconditions:
            place = (_FIGURES[condition.name][0], condition.subject)
            groups.setdefault(place, []).append(condition)
        figures: dict[tuple[str, str], str | int] = {}
        for (path, subject), conditions in groups.items():
            query = {"fields": "status"} if path == CUSTOMER else {}
            parse = partial(_figures, conditions, target.customer_id, path)
            figures |= self._one(path, subject, parse, query=query)
        return figures

    def _one(
        self, path: str, subject: str, parse: Callable[[Answer], T], *, query: Mapping[str, str] | None = None
    ) -> T:
        def checked(answer: Answer) -> T:
            if answer.object()["id"] != subject:
                raise UnreadableError("the answer is about another resource than the one asked for")
            return parse(answer)

        return self.call("GET", path, ids={"id": subject}, query=query, parse=checked)

    def _of(self, customer_id: str, path: str, item: Callable[[mapping.Record], T | None]) -> tuple[T, ...]:
        def checked(record: mapping.Record, _: Answer) -> T | None:
            check_owner(record, customer_id, path)
            return item(record)

        return tuple(read_all(self, path, query={"relatedParty.id": customer_id}, item=checked))


def _changed(target: Mutation) -> tuple[tuple[str, str], ...]:
    """Return the resource that a mutation changes, as path and id; none where it adds one."""
    return () if target.changed is None else ((_PATHS[target.changed.kind], target.changed.id),)


def _figures(
    conditions: Sequence[Precondition], customer_id: str, path: str, answer: Answer
) -> dict[tuple[str, str], str | int]:
    record = answer.object()
    # A customer is shown by the id, which is checked already; what is somebody's names them.
    owner = record if path != CUSTOMER else {"id": record["id"], "relatedParty": [{"id": record["id"]}]}
    check_owner(owner, customer_id, path)
    return {(condition.name, condition.subject): _FIGURES[condition.name][1](record) for condition in conditions}


def _status(record: mapping.Record) -> str:
    return _text(record["status"])


def _remaining_minor(record: mapping.Record) -> int:
    return mapping.remaining(record).amount_minor


def _offering(record: mapping.Record) -> str:
    return _text(record["productOffering"]["id"])


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnreadableError(f"expected a text, got {type(value).__name__}")
    return value


_FIGURES: dict[str, tuple[str, Callable[[mapping.Record], str | int]]] = {
    "customer_status": (CUSTOMER, _status),
    "bucket_status": (BUCKET, _status),
    "bucket_remaining_minor": (BUCKET, _remaining_minor),
    "product_offering": (PRODUCT, _offering),
}
