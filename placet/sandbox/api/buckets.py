"""TMF654 Prepay Balance Management v4.1, reading: buckets and their accumulated balance."""

from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.bss import Bss
from placet.sandbox.derived.balances import Bucket, bucket_id
from placet.sandbox.errors import not_found
from placet.sandbox.money import CURRENCY, JsonObject, quantity
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import listing, only, select
from placet.sandbox.rest.refs import PREPAY_PATH, account_ref, bucket_ref, customer_ref, simulated

_FILTERS = ("relatedParty.id", "partyAccount.id", "status", "usageType")
_ACCUMULATED = "AB-"


def routes(bss: Bss) -> list[Route]:
    """Make the routes to GET buckets and accumulated balances."""

    def buckets(call: Call) -> Reply:
        held = [bss.buckets.bucket(bucket_id(owner.id)) for owner in bss.selected(call, "partyAccount.id")]
        return listing(call, held, lambda bucket: resource(bucket, call.origin), _FILTERS)

    def bucket(call: Call) -> Reply:
        only(call)
        return Reply(select(call, resource(bss.buckets.bucket(call.id), call.origin)))

    def accumulated(call: Call) -> Reply:
        held = [bss.buckets.bucket(bucket_id(owner.id)) for owner in bss.selected(call, "partyAccount.id")]
        return listing(call, held, lambda bucket: _accumulated(bucket, call.origin), _FILTERS[:2])

    def accumulated_one(call: Call) -> Reply:
        only(call)
        owner = bss.customers.get(call.id.removeprefix(_ACCUMULATED))
        if owner is None or not call.id.startswith(_ACCUMULATED):
            raise not_found("accumulatedBalance", call.id)
        return Reply(select(call, _accumulated(bss.buckets.bucket(bucket_id(owner.id)), call.origin)))

    return [
        route("GET", f"{PREPAY_PATH}/bucket", buckets),
        route("GET", f"{PREPAY_PATH}/bucket/{{id}}", bucket),
        route("GET", f"{PREPAY_PATH}/accumulatedBalance", accumulated),
        route("GET", f"{PREPAY_PATH}/accumulatedBalance/{{id}}", accumulated_one),
    ]


def resource(bucket: Bucket, origin: str) -> JsonObject:
    """Make the Bucket resource."""
    return {
        "id": bucket.id,
        "href": f"{origin}{PREPAY_PATH}/bucket/{bucket.id}",
        "name": bucket.name,
        "description": "Opening balance simulated",
        "isShared": False,
        "status": bucket.status,
        "usageType": CURRENCY,
        "remainingValue": quantity(bucket.remaining),
        "remainingValueName": _named(bucket.remaining),
        "partyAccount": account_ref(bucket.customer_id),
        "relatedParty": [customer_ref(bucket.customer_id, origin)],
        **simulated("Bucket"),
    }


def _accumulated(bucket: Bucket, origin: str) -> JsonObject:
    identifier = _ACCUMULATED + bucket.customer_id
    return {
        "id": identifier,
        "href": f"{origin}{PREPAY_PATH}/accumulatedBalance/{identifier}",
        "name": "Monetary balance",
        "totalBalance": quantity(bucket.remaining),
        "bucket": [bucket_ref(bucket.id, origin)],
        "partyAccount": account_ref(bucket.customer_id),
        "relatedParty": [customer_ref(bucket.customer_id, origin)],
        **simulated("AccumulatedBalance"),
    }


def _named(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d} {CURRENCY}"
