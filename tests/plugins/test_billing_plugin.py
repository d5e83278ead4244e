"""The billing plugin against the sandbox BSS, and against systems that answer something else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from placet.contracts.billing import BillingQuery
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, OrderProduct, Precondition
from placet.errors import NotFound, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import Allowlist, ConnectorContext, Endpoint, gather, record_calls
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeServer
from placet.sandbox.config import SandboxConfig
from plugins.billing import BillingPlugin
from plugins.billing.ownership import check_owner
from plugins.billing.plugin import BILLS, BUCKETS, PRODUCTS, USAGE
from tests.plugins.support import ALLOWLIST, KEY, LIMITS, Bss, answer, bss
from tests.support.guard import GUARD

AS_OF = date(2026, 3, 15)
CUSTOMER = "C00002"
OPERATIONS = ("products", "bills", "balances", "usage")


@pytest.fixture(scope="module")
def system() -> Iterator[Bss]:
    with bss(SandboxConfig(as_of=AS_OF)) as running:
        yield running


def pointed_at(url: str) -> BillingPlugin:
    rules = Allowlist.load(ALLOWLIST).plugins[0]
    return BillingPlugin(ConnectorContext(rules=rules, endpoint=Endpoint.parse("billing", url), limits=LIMITS))


def test_the_customer_is_read_without_protected_attributes(system: Bss) -> None:
    with record_calls() as calls:
        profile = system.plugins.billing.customer(CUSTOMER)
    assert profile == CustomerProfile(
        customer_id=CUSTOMER,
        status="Active",
        tenure_months=34,
        facts=named({"contract": "one_year", "internet_service": "dsl", "payment_method": "Mailed check"}),
        billing_account_id="BA-C00002",
    )
    assert [call.path for call in calls] == [
        "/tmf-api/customerManagement/v4/customer/C00002?fields=status%2Caccount%2Ccharacteristic"
    ]


def test_an_unknown_customer_is_said_to_be_unknown(system: Bss) -> None:
    with pytest.raises(NotFound, match="customer 'C99999' is not known") as unknown:
        system.plugins.billing.customer("C99999")
    assert unknown.value.code == "unknown_customer"


def test_bills_and_usage_are_the_newest_months_newest_first(system: Bss) -> None:
    bills = system.plugins.billing.bills(CUSTOMER, months=3)
    assert len(bills) == 3
    assert [bill.issued_on for bill in bills] == sorted((bill.issued_on for bill in bills), reverse=True)
    assert bills[0].issued_on <= AS_OF
    # The sample row: 56.95 USD a month.
    assert (bills[0].amount.amount_minor, bills[0].amount.currency, bills[0].simulated) == (5695, "USD", True)
    usage = system.plugins.billing.usage(CUSTOMER, months=2)
    assert [(record.month, record.kind) for record in usage] == [
        ("2026-02", "voice"), ("2026-02", "sms"), ("2026-02", "data"),
        ("2026-01", "voice"), ("2026-01", "sms"), ("2026-01", "data"),
    ]  # fmt: skip
    assert {(record.kind, record.unit) for record in usage} == {("data", "MB"), ("voice", "min"), ("sms", "SMS")}


def test_products_add_up_to_the_monthly_charge(system: Bss) -> None:
    products = system.plugins.billing.products(CUSTOMER)
    assert sum(product.monthly_price.amount_minor for product in products if product.monthly_price) == 5695
    assert "PO-internet-dsl" in {product.offering_id for product in products}


def test_a_product_names_the_orders_behind_it(system: Bss) -> None:
    other = "C00003"
    assert {product.order_ids for product in system.plugins.billing.products(other)} == {()}
    new = OrderProduct(customer_id=other, action="add", offering_id="PO-contract-12m")
    order = system.plugins.commerce.perform(new, KEY, timeout_seconds=GUARD)
    ordered = [product for product in system.plugins.billing.products(other) if product.order_ids]
    assert [(product.offering_id, product.order_ids) for product in ordered] == [
        ("PO-contract-12m", (order.external_id,))
    ]


def test_evidence_holds_what_was_asked_for_and_the_exchanges_behind_it(system: Bss) -> None:
    at = datetime(2026, 3, 15, tzinfo=UTC)
    queries = [BillingQuery(operation="bills", months=1), BillingQuery(operation="bills", months=2)]
    evidence = gather(
        system.plugins.billing, CUSTOMER, [*queries, BillingQuery(operation="balances")], clock=lambda: at
    )
    assert evidence.operations == ("bills", "balances")
    assert len(evidence.bills) == 2
    assert [balance.bucket_id for balance in evidence.balances] == ["B-C00002"]
    assert (evidence.products, evidence.usage, evidence.read_at) == ((), (), at)
    assert [(call.api, call.status) for call in evidence.calls] == [("TMF629", 200), ("TMF678", 200), ("TMF654", 200)]


def test_all_reads_of_a_long_history_succeed(system: Bss) -> None:
    queries = [BillingQuery.model_validate({"operation": operation, "months": 12}) for operation in OPERATIONS]
    evidence = gather(system.plugins.billing, "C00036", queries)  # 72 months of tenure
    assert (len(evidence.bills), len(evidence.calls)) == (12, 5)


def precondition(name: str, subject: str) -> Precondition:
    return Precondition.model_validate({"name": name, "subject": subject, "op": "eq", "value": ""})


def credit_to(bucket: str) -> AdjustBalance:
    amount = Money(amount_minor=100, currency="USD")
    return AdjustBalance(customer_id=CUSTOMER, bucket_id=bucket, amount=amount, reason="goodwill")


def move_of(product: str) -> OrderProduct:
    return OrderProduct(customer_id=CUSTOMER, action="modify", offering_id="PO-internet-dsl-saver", product_id=product)


FOLDERS = {"products": PRODUCTS, "bills": BILLS, "balances": BUCKETS, "usage": USAGE}
CREDIT, MOVE = credit_to("B-C00002"), move_of("P-C00002-internet")


def test_precondition_figures_are_read_as_they_are_now_each_resource_once(system: Bss) -> None:
    conditions = [
        precondition("customer_status", CUSTOMER),
        precondition("bucket_status", "B-C00002"),
        precondition("bucket_remaining_minor", "B-C00002"),
        precondition("product_offering", "P-C00002-internet"),
    ]
    bucket = system.get("/tmf-api/prepayBalanceManagement/v4/bucket/B-C00002")
    with record_calls() as calls:
        figures = system.plugins.billing.observe(conditions, target=CREDIT)
    assert figures == {
        ("customer_status", CUSTOMER): "Active",
        ("bucket_status", "B-C00002"): "active",
        ("bucket_remaining_minor", "B-C00002"): round(bucket["remainingValue"]["amount"] * 100),
        ("product_offering", "P-C00002-internet"): "PO-internet-dsl",
    }
    assert len(calls) == 3
    with record_calls() as calls:
        assert system.plugins.billing.observe([], target=CREDIT) == {}
        assert system.plugins.billing.observe([], target=MOVE) == {}
    assert [call.path.rpartition("/")[2] for call in calls] == ["B-C00002", "P-C00002-internet"], "the target is read"


def test_a_precondition_on_something_that_is_gone_is_not_found(system: Bss) -> None:
    with pytest.raises(NotFound):
        system.plugins.billing.observe([precondition("bucket_status", "B-C99999")], target=CREDIT)


@pytest.mark.parametrize(
    ("conditions", "target"),
    [
        ([], credit_to("B-C00003")),
        ([], move_of("P-C00003-internet")),
        ([precondition("bucket_status", "B-C00003")], credit_to("B-C00002")),
        ([precondition("customer_status", "C00003")], credit_to("B-C00002")),
    ],
)
def test_what_is_another_customers_is_no_target_and_no_precondition(
    system: Bss, conditions: list[Precondition], target: AdjustBalance | OrderProduct
) -> None:
    with pytest.raises(UpstreamRejected, match="is not shown to be of customer 'C00002'") as refused:
        system.plugins.billing.observe(conditions, target=target)
    assert refused.value.code == "not_the_customers"


@pytest.mark.parametrize("operation", ["products", "bills", "balances", "usage"])
def test_what_cannot_be_shown_to_be_the_customers_is_no_evidence(system: Bss, operation: str) -> None:
    system.fault("GET", FOLDERS[operation], "stranger=C00003")
    query = BillingQuery.model_validate({"operation": operation, "months": 3})
    with pytest.raises(UpstreamRejected, match="it names nobody in relatedParty; nothing of it is used") as refused:
        gather(system.plugins.billing, CUSTOMER, [query])
    assert refused.value.code == "not_the_customers"


@pytest.mark.parametrize(
    ("parties", "theirs"),
    [
        ([{"id": "C1"}], True),
        ([{"id": "C1", "role": "Customer"}, {"id": "agent-7", "role": "seller"}], True),
        ([{"id": "C2", "role": "owner"}, {"id": "C1", "role": "user"}], False),
        ([{"id": "C1", "role": "seller"}, {"id": "C2", "role": "customer"}], False),
        ([{"id": "C2"}], False),
        ([{"name": "C1"}], False),
        ([], False),
        (None, False),
        ("C1", False),
        (["C1"], False),
    ],
)
def test_whose_a_record_is_stands_in_its_parties(parties: object, theirs: bool) -> None:
    record = {"id": "B-1"} if parties is None else {"id": "B-1", "relatedParty": parties}
    if theirs:
        check_owner(record, "C1", "a test")
        return
    with pytest.raises(UpstreamRejected):
        check_owner(record, "C1", "a test")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("status=503", UpstreamUnavailable),
        ("drop", UpstreamUnavailable),
        ("hang", UpstreamUnavailable),
        ("garbage", UpstreamRejected),
    ],
)
def test_faults_of_the_system_are_told_apart(system: Bss, fault: str, error: type[Exception]) -> None:
    system.fault("GET", "/tmf-api/customerManagement", fault)
    with pytest.raises(error):
        system.plugins.billing.customer(CUSTOMER)
    system.clear_faults()
    assert system.plugins.billing.customer(CUSTOMER).status == "Active"


def test_a_missing_token_is_named(system: Bss) -> None:
    with bss(SandboxConfig(token="t0ken"), token="t0ken") as guarded:
        assert guarded.plugins.billing.customer(CUSTOMER).customer_id == CUSTOMER
        with (
            pointed_at(guarded.url) as plugin,
            pytest.raises(UpstreamRejected, match="check the plugin's token") as refused,
        ):
            plugin.customer(CUSTOMER)
    assert refused.value.code == "unauthorized"


GOOD: dict[str, Any] = {
    "id": "C1",
    "status": "Active",
    "characteristic": [
        {"name": "tenureMonths", "value": 3},
        {"name": "contract", "value": "One year"},
        {"name": "internetService", "value": "No"},
        {"name": "paymentMethod", "value": "Mailed check"},
    ],
}


def changed(name: str, value: object) -> dict[str, Any]:
    rest = [item for item in GOOD["characteristic"] if item["name"] != name]
    return {**GOOD, "characteristic": [*rest, {"name": name, "value": value}]}


@pytest.mark.parametrize(
    "record",
    [
        changed("contract", "Lifetime"),
        changed("internetService", "Satellite"),
        changed("internetService", ["DSL"]),
        changed("paymentMethod", 7),
        changed("paymentMethod", None),
        changed("tenureMonths", -1),
        changed("tenureMonths", "long"),
        {**GOOD, "characteristic": GOOD["characteristic"] * 2},
        {**GOOD, "characteristic": []},
        {**GOOD, "id": "C2"},
        {**GOOD, "status": None},
        {},
        [GOOD],
    ],
)
def test_a_value_nobody_agreed_on_is_refused_and_never_guessed(record: object) -> None:
    with (
        ProbeServer(lambda _: answer(record)) as server,
        pointed_at(server.url) as plugin,
        pytest.raises(UpstreamRejected) as refused,
    ):
        plugin.customer("C1")
    assert refused.value.code == "unreadable_answer"


BUCKET = {
    "id": "B-1",
    "name": "Main",
    "status": "active",
    "remainingValue": {"amount": 12.5, "units": "USD"},
    "relatedParty": [{"id": "C1"}],
}


@pytest.mark.parametrize(
    "record",
    [
        {**BUCKET, "relatedParty": [{"id": "C2"}]},
        {**BUCKET, "remainingValue": {"amount": 12.505, "units": "USD"}},
        {**BUCKET, "remainingValue": {"amount": "12.50", "units": "USD"}},
        {**BUCKET, "remainingValue": {"amount": 12.5, "units": "points"}},
        {**BUCKET, "remainingValue": None},
    ],
)
def test_a_balance_of_another_customer_or_an_inexact_one_is_refused(record: dict[str, Any]) -> None:
    with (
        ProbeServer(lambda _: answer([record], headers={"X-Total-Count": "1"})) as server,
        pointed_at(server.url) as plugin,
        pytest.raises(UpstreamRejected),
    ):
        plugin.balances("C1")


def test_buckets_that_hold_no_money_are_left_out() -> None:
    data = {**BUCKET, "id": "B-2", "usageType": "data", "remainingValue": {"amount": 500, "units": "MB"}}
    page: ProbeAnswer = answer([BUCKET, data], headers={"X-Total-Count": "2"})
    with ProbeServer(lambda _: page) as server, pointed_at(server.url) as plugin:
        assert [balance.bucket_id for balance in plugin.balances("C1")] == ["B-1"]
