"""TMF654 adjustBalance: what is sent, and how a record there is known to be ours.

The resource has no external identifier, so the effect's key travels in `description` and is found again by
reading the bucket's adjustments.
"""

from placet.contracts.proposal import AdjustBalance
from placet.errors import PluginError
from placet.plugin_api import major_units, money
from plugins.commerce.effect import Progress, Record

ADJUSTMENTS = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
_ADJUST_TYPE = {"credit": "oneTimeChargeCredit", "debit": "oneTimeChargeDebit"}
_DONE = frozenset({"completed", "confirmed"})
_FAILED = frozenset({"failed", "rejected", "cancelled"})


def mark(effect_key: str) -> str:
    """The text in `description` that identifies the effect."""
    return f"placet:{effect_key}"


def creation(mutation: AdjustBalance, effect_key: str) -> Record:
    """The AdjustBalance_Create body for `mutation`.

    Raises:
        PluginError: The amount is not positive or too large to be sent exactly (`bad_mutation`).
    """
    if mutation.amount.amount_minor <= 0:
        raise PluginError(
            f"cannot {mutation.direction} {mutation.amount}; the amount must be positive", code="bad_mutation"
        )
    try:
        amount = major_units(mutation.amount)
    except ValueError as exc:
        raise PluginError(str(exc), code="bad_mutation") from exc
    return {
        "@type": "AdjustBalance",
        "adjustType": _ADJUST_TYPE[mutation.direction],
        "description": mark(effect_key),
        "reason": mutation.reason,
        "amount": {"amount": amount, "units": mutation.amount.currency},
        "bucket": {"id": mutation.bucket_id},
        "relatedParty": [{"id": mutation.customer_id, "role": "customer", "@referredType": "Customer"}],
    }


def is_marked(record: Record, effect_key: str) -> bool:
    """Whether the record carries the effect's key."""
    return record.get("description") == mark(effect_key)


def is_same(record: Record, mutation: AdjustBalance) -> bool:
    """Whether a marked record credits, or debits, the same bucket with the same amount.

    Raises:
        UnreadableError: Its amount cannot be read; also `KeyError` or `TypeError` where a part is missing.
    """
    amount = money(record["amount"]["amount"], record["amount"]["units"])
    kind = record["adjustType"]
    return (record["bucket"]["id"], amount, kind) == (
        mutation.bucket_id,
        mutation.amount,
        _ADJUST_TYPE[mutation.direction],
    )


def progress(record: Record) -> Progress:
    """How far the adjustment got; a system that states no status recorded it done."""
    status = record.get("status")
    if status is None or status in _DONE:
        return "done"
    return "failed" if status in _FAILED else "pending"
