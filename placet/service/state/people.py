"""Which ids are one person, by the merges in force."""

from collections.abc import Sequence
from typing import NamedTuple

from placet.contracts.people.merge import MergeRecord
from placet.contracts.state import OnePerson
from placet.storage.transaction import Transaction


def ids_of(tx: Transaction, tenant: str, customer_id: str) -> tuple[str, ...]:
    """Return all ids of a person, the one that they keep first; of whom nothing is merged, the id alone."""
    merged = one_person(tx, tenant, customer_id)
    return (customer_id,) if merged is None else merged.ids


def one_person(tx: Transaction, tenant: str, customer_id: str) -> OnePerson | None:
    """Return the ids of a person who has several, and since when they are one; None for who has one id."""
    naming = tx.merges.naming(tenant, [customer_id])
    if not naming:
        return None
    kept = naming[0].merge.customer_id
    every = naming if kept == customer_id else tx.merges.naming(tenant, [kept])
    ids = (kept, *sorted(one.merge.merged_id for one in every))
    return OnePerson(ids=ids, since=max(one.taken_at for one in every))


def people_of(tx: Transaction, tenant: str, customers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return all ids of each of some customers, by id, as `ids_of` does; who has one alone is left out."""
    kept = {one.merge.customer_id for one in tx.merges.naming(tenant, customers)} if customers else set()
    return _by_id(tx.merges.naming(tenant, sorted(kept)), kept) if kept else {}


def all_people(tx: Transaction, tenant: str) -> dict[str, tuple[str, ...]]:
    """Return the ids of all people who have several, by each of their ids."""
    standing = tx.merges.standing(tenant)
    return _by_id(standing, {one.merge.customer_id for one in standing})


def _by_id(merges: Sequence[MergeRecord], kept: set[str]) -> dict[str, tuple[str, ...]]:
    people: dict[str, list[str]] = {}
    for one in merges:
        if one.merge.customer_id in kept:
            people.setdefault(one.merge.customer_id, []).append(one.merge.merged_id)
    whole = [(first, *sorted(others)) for first, others in people.items()]
    return {one: ids for ids in whole for one in ids}


class Merged(NamedTuple):
    """The merged ids of a tenant.

    Attributes:
        ids: All ids that belong to a person with several.
        beside: Those of them under which the person is not counted; each person is counted under one.
    """

    ids: frozenset[str]
    beside: frozenset[str]


def counted_as(tx: Transaction, tenant: str, customer_id: str) -> str:
    """Return the id under which the base counts a person: the first of their ids of which an event was folded."""
    ids = ids_of(tx, tenant, customer_id)
    if len(ids) == 1:
        return customer_id
    return next((one for one in ids if tx.states.get(tenant, one) is not None), ids[0])


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
