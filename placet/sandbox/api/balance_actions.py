"""TMF654 Prepay Balance Management v4.1, acting: adjustBalance, topupBalance, and the record of both.

As in the standard there is no idempotency field: the same request sent twice acts twice. A caller that
lost a response can only read back, by the `description` it gave.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.routing import Route

from placet.sandbox.api.routing import route
from placet.sandbox.books.buckets import ActionKind, ActionQuery, Change
from placet.sandbox.bss import Bss
from placet.sandbox.derived.balances import owner_of
from placet.sandbox.errors import bad_body, not_found
from placet.sandbox.hub.kinds import ADJUSTED, TOPPED_UP
from placet.sandbox.ids import number_of, numbered
from placet.sandbox.money import CURRENCY, JsonObject, positive_minor, quantity
from placet.sandbox.rest.body import part, parts, plain, required_text, text
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import only, page, select, window
from placet.sandbox.rest.refs import PREPAY_PATH, account_ref, bucket_ref, customer_ref

_CREDITS = frozenset({"oneTimeChargeCredit", "goodWillCredit"})
_DEBITS = frozenset({"oneTimeChargeDebit", "generalDebit"})
_FILTERS = ("bucket.id", "relatedParty.id", "description")
_ECHOED = ("channel", "requestor", "product", "logicalResource")
"""Attributes all kinds of action share that are kept and returned as they were sent."""

_PREFIX: dict[ActionKind, str] = {"adjust": "ADJ-", "topup": "TOP-"}
_EVENT: dict[ActionKind, str] = {"adjust": ADJUSTED, "topup": TOPPED_UP}
_RESOURCE: dict[ActionKind, str] = {"adjust": "adjustBalance", "topup": "topupBalance"}


def routes(bss: Bss) -> list[Route]:
    """Make the routes to POST and GET adjustBalance and topupBalance, and to GET balanceAction."""
    table = [
        route("GET", f"{PREPAY_PATH}/balanceAction", _collection(bss, None)),
        route("GET", f"{PREPAY_PATH}/balanceAction/{{id}}", _one(bss, None)),
    ]
    kind: ActionKind
    for kind in _PREFIX:
        path = f"{PREPAY_PATH}/{_RESOURCE[kind]}"
        table += [
            route("POST", path, _create(bss, kind)),
            route("GET", path, _collection(bss, kind)),
            route("GET", f"{path}/{{id}}", _one(bss, kind)),
        ]
    return table


def _create(bss: Bss, kind: ActionKind) -> Callable[[Call], Reply]:
    def create(call: Call) -> Reply:
        def tell(connection: Connection, row: Any) -> None:
            resource = _resource(row, kind, call.origin)
            bss.outbox.publish(connection, _EVENT[kind], resource, customer_id=row.customer_id, origin=call.origin)

        return Reply(_resource(bss.buckets.change(_change(kind, call.body), tell), kind, call.origin), status=201)

    return create


def _collection(bss: Bss, kind: ActionKind | None) -> Callable[[Call], Reply]:
    def collection(call: Call) -> Reply:
        only(call, *_FILTERS)
        bucket, party, description = (call.query.get(name) for name in _FILTERS)
        query = ActionQuery(kind=kind, bucket_id=bucket, customer_id=party, description=description)
        total, rows = bss.buckets.actions(query, *window(call))
        return page(call, total, [_resource(row, kind, call.origin) for row in rows])

    return collection


def _one(bss: Bss, kind: ActionKind | None) -> Callable[[Call], Reply]:
    def one(call: Call) -> Reply:
        only(call)
        kinds = _PREFIX if kind is None else (kind,)
        for candidate in kinds:
            number = number_of(_PREFIX[candidate], call.id)
            row = None if number is None else bss.buckets.action(candidate, number)
            if row is not None:
                return Reply(select(call, _resource(row, kind, call.origin)))
        raise not_found("balanceAction" if kind is None else _RESOURCE[kind], call.id)

    return one


def _change(kind: ActionKind, body: JsonObject) -> Change:
    amount = part(body, "amount")
    minor = positive_minor(amount.get("amount"))
    if amount.get("units") != CURRENCY:
        raise bad_body(f"amount.units is {amount.get('units')!r}; the bucket is kept in {CURRENCY!r}")
    adjust_type = required_text(body, "adjustType") if kind == "adjust" else None
    if adjust_type is not None and adjust_type not in _CREDITS | _DEBITS:
        raise bad_body(f"adjustType {adjust_type!r} is not one of {', '.join(sorted(_CREDITS | _DEBITS))}")
    return Change(
        kind=kind,
        bucket_id=_bucket_id(body),
        delta=-minor if adjust_type in _DEBITS else minor,
        adjust_type=adjust_type,
        description=text(body, "description"),
        reason=text(body, "reason"),
        echo=json.dumps(plain({name: body[name] for name in _ECHOED if name in body})),
    )


def _bucket_id(body: JsonObject) -> str:
    """Return the bucket to change; a customer named along with it must own it."""
    identifier = required_text(part(body, "bucket"), "id", "bucket.")
    named = parts(body, "relatedParty") if body.get("relatedParty") else []
    for party in named:
        if party.get("@referredType") == "Customer" and party.get("id") != owner_of(identifier):
            raise bad_body(f"bucket {identifier!r} does not belong to customer {party.get('id')!r}")
    return identifier


def _resource(row: Any, kind: ActionKind | None, origin: str) -> JsonObject:
    """Show one action as `kind` of resource; None is the common BalanceAction, which knows no adjustType."""
    name = "balanceAction" if kind is None else _RESOURCE[kind]
    identifier = numbered(_PREFIX[row.kind], row.number)
    body: JsonObject = {
        "id": identifier,
        "href": f"{origin}{PREPAY_PATH}/{name}/{identifier}",
        "status": "completed",
        "amount": quantity(row.amount_minor),
        "usageType": CURRENCY,
        "bucket": bucket_ref(row.bucket_id, origin),
        "impactedBucket": [_impact(row, origin)],
        "partyAccount": account_ref(row.customer_id),
        "relatedParty": [customer_ref(row.customer_id, origin)],
        "requestedDate": row.at,
        "confirmationDate": row.at,
        "@type": name[0].upper() + name[1:],
    }
    texts = {
        "description": row.description,
        "reason": row.reason,
        "adjustType": row.adjust_type if kind else None,
    }
    body.update({key: value for key, value in texts.items() if value is not None})
    body.update(json.loads(row.echo))
    return body


def _impact(row: Any, origin: str) -> JsonObject:
    item_type = "credit" if row.after_minor > row.before_minor else "debit"
    return {
        "bucket": bucket_ref(row.bucket_id, origin),
        "amountBefore": quantity(row.before_minor),
        "amountAfter": quantity(row.after_minor),
        "item": [{"itemType": item_type, "amount": quantity(row.amount_minor)}],
    }
