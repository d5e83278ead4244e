"""Gathering what an assessment asked for into one piece of evidence, with the exchanges behind it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from placet.contracts.billing import BillingQuery, Evidence
from placet.plugin_api.calls import record_calls
from placet.plugin_api.protocols import ReadPlugin


def _now() -> datetime:
    return datetime.now(UTC)


def gather(
    billing: ReadPlugin,
    customer_id: str,
    queries: Sequence[BillingQuery],
    *,
    clock: Callable[[], datetime] = _now,
) -> Evidence:
    """Read the customer and each operation asked for, once; a repeated operation takes the widest `months`.

    Raises:
        PluginError: As the plugin's methods raise; evidence is whole or not at all.
    """
    months: dict[str, int] = {}
    for query in queries:
        months[query.operation] = max(query.months, months.get(query.operation, 0))
    with record_calls() as calls:
        parts: dict[str, Any] = {"customer": billing.customer(customer_id)}
        if "products" in months:
            parts["products"] = billing.products(customer_id)
        if "bills" in months:
            parts["bills"] = billing.bills(customer_id, months["bills"])
        if "balances" in months:
            parts["balances"] = billing.balances(customer_id)
        if "usage" in months:
            parts["usage"] = billing.usage(customer_id, months["usage"])
    return Evidence(**parts, operations=tuple(months), calls=tuple(calls), read_at=clock())
