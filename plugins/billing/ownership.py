"""Whose a record is: what cannot be shown to belong to the customer is neither evidence nor a target.

A filter in the request proves nothing: a system may ignore it, and answer with everybody's records.
"""

from placet.contracts.text import NAME, quoted
from placet.errors import UpstreamRejected
from plugins.billing.mapping import Record

CODE = "not_the_customers"
_HOLDERS = frozenset({"customer", "owner"})


def check_owner(record: Record, customer_id: str, where: str) -> None:
    """Hold a record's `relatedParty` against the customer asked for; parties of other roles do not count.

    Raises:
        UpstreamRejected: Code `not_the_customers`; it names another one, or nobody.
    """
    parties = record.get("relatedParty")
    named = parties if isinstance(parties, list) and all(isinstance(party, dict) for party in parties) else []
    holders = [party for party in named if str(party.get("role", "")).lower() in _HOLDERS] or named
    if customer_id in {party.get("id") for party in holders}:
        return
    why = "it names another customer" if holders else "it names nobody in relatedParty"
    raise UpstreamRejected(
        f"billing: {where} answered record {quoted(str(record.get('id')), NAME)}, which is not shown to be of customer "
        f"{customer_id!r}: {why}; nothing of it is used",
        code=CODE,
    )
