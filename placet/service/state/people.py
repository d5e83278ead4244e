"""Which ids are one person, by the merges in force."""

from typing import NamedTuple

from placet.storage.transaction import Transaction


def ids_of(tx: Transaction, tenant: str, customer_id: str) -> tuple[str, ...]:
    """Return all ids of a person, the one that they keep first; of whom nothing is merged, the id alone."""
    naming = tx.merges.naming(tenant, [customer_id])
    if not naming:
        return (customer_id,)
    kept = naming[0].merge.customer_id
    others = naming if kept == customer_id else tx.merges.naming(tenant, [kept])
    return (kept, *sorted(one.merge.merged_id for one in others))


class Merged(NamedTuple):
    """The merged ids of a tenant.

    Attributes:
        ids: All ids that belong to a person with several.
        beside: Those of them under which the person is not counted; each person is counted under one.
    """

    ids: frozenset[str]
    beside: frozenset[str]


def merged_of(tx: Transaction, tenant: str) -> Merged:
    """Return the merged ids. A person is counted under the first of their ids of which an event was folded."""
    people: dict[str, list[str]] = {}
    for one in tx.merges.standing(tenant):
        people.setdefault(one.merge.customer_id, []).append(one.merge.merged_id)
    ids, beside = set[str](), set[str]()
    for kept, others in people.items():
        every = (kept, *sorted(others))
        counted = next((one for one in every if tx.states.get(tenant, one) is not None), kept)
        ids.update(every)
        beside.update(one for one in every if one != counted)
    return Merged(frozenset(ids), frozenset(beside))
