"""TMF654 adjustBalance: what is sent, and how a record there is known to be ours.

The resource has no external identifier, so the effect's key travels in `description` and is found again by
reading the bucket's adjustments.
"""

from placet.contracts.proposal import AdjustBalance
from placet.errors import PluginError
from placet.plugin_api import UnreadableError, major_units, money
from plugins.commerce.effect import Effect, Progress, Record
from plugins.commerce.marks import Mark, find_mark, shortened

ADJUSTMENTS = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
_PREFIX = "placet:"
_ADJUST_TYPE = {"credit": "oneTimeChargeCredit", "debit": "oneTimeChargeDebit"}
_DONE = frozenset({"completed", "confirmed"})
_FAILED = frozenset({"failed", "rejected", "cancelled"})


def effect_of(mutation: AdjustBalance, effect_key: str) -> Effect:
    """Describe the adjustment as an effect."""
    return Effect(
        api="TMF654",
        collection=ADJUSTMENTS,
        creation=lambda: creation(mutation, effect_key),
        scope={"bucket.id": mutation.bucket_id},
        mark=lambda record: _mark(record, effect_key),
        is_same=lambda record: _is_same(record, mutation),
        confirms=lambda record: _confirms(record, mutation),
        words=_words,
        moment=lambda record: record.get("requestedDate", record.get("confirmationDate")),
        progress=_progress,
    )


def creation(mutation: AdjustBalance, effect_key: str) -> Record:
    """Make the AdjustBalance_Create body for `mutation`.

    Raises:
        PluginError: The amount is too large to be sent exactly (`bad_mutation`).
    """
    try:
        amount = major_units(mutation.amount)
    except ValueError as exc:
        raise PluginError(str(exc), code="bad_mutation") from exc
    return {
        "@type": "AdjustBalance",
        "adjustType": _ADJUST_TYPE[mutation.direction],
        "description": f"{_PREFIX}{effect_key}",
        "reason": mutation.reason,
        "amount": {"amount": amount, "units": mutation.amount.currency},
        "bucket": {"id": mutation.bucket_id},
        "relatedParty": [{"id": mutation.customer_id, "role": "customer", "@referredType": "Customer"}],
    }


def _mark(record: Record, effect_key: str) -> Mark:
    return find_mark(record.get("description"), effect_key, _PREFIX)


def _is_same(record: Record, mutation: AdjustBalance) -> bool:
    """Return whether a record credits, or debits, the same bucket with the same amount.

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


def _confirms(record: Record, mutation: AdjustBalance) -> bool:
    """Return whether the answer states our amount, and nothing besides that is another mutation's.

    Raises:
        UnreadableError: Its amount cannot be read; also `KeyError` or `TypeError` where it is missing.
    """
    stated = {
        "adjustType": _ADJUST_TYPE[mutation.direction],
        "bucket": {"id": mutation.bucket_id},
        **record,
    }
    return _is_same(stated, mutation)


def _words(record: Record) -> str:
    amount = record["amount"]
    return (
        f"{shortened(amount['amount'])} {shortened(amount['units'])}, {shortened(record.get('adjustType'))}, "
        f"made {shortened(record.get('requestedDate'))}, description {shortened(record.get('description'))}"
    )


def _progress(record: Record) -> Progress:
    """Return how far the adjustment got; a system that states no status recorded it done."""
    status = record.get("status")
    if status is not None and not isinstance(status, str):
        raise UnreadableError(f"its status is {shortened(status)}, not a word")
    if status is None or status in _DONE:
        return "done"
    return "failed" if status in _FAILED else "pending"
