"""Erasing what is kept of customers' events: by age, and of one customer on request.

By age, events go first, and what they had led to stays in their customer's aggregate (`age_out`). The aggregate goes
when the customer's newest event is older than events are kept. So does what could not be taken.

On request everything goes at once that is known to be about the customer, keys among it, and what they add to the key
figures of today. What their runs rested on is evidence of these runs: it goes by the rule of
`placet.governance.retention`.
"""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from placet.decisioning.state.aggregate import micros_of
from placet.errors import StorageError, UsageError
from placet.service.kpis.refreshing import forget
from placet.service.state.current import fold_pending
from placet.service.state.people import ids_of
from placet.storage.database import Database
from placet.storage.sql.reading import pass_on_others
from placet.storage.transaction import Transaction

ERASED: Final = "state.erased"
"""Kind of the entry on the tenant's stream."""

_PAGE = 100
_CUSTOMER: Final = "customer:"
_VALUE: Final = re.compile(rb'"data_base64": "([A-Za-z0-9+/]*)')


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went.

    Attributes:
        letters: Events about the customer that could not be taken.
        state: Whether there was an aggregate.
        keys: Telephone numbers, hashed addresses and devices by which the customer was known.
        others: Other ids that are this person by a merge, of which nothing was erased.
    """

    events: int
    letters: int
    state: bool
    keys: int
    others: tuple[str, ...] = ()


def let_go(database: Database, tenant: str, before: datetime, limit: int = 200) -> int:
    """Erase what is older than events are kept, some of each: dead letters, and aggregates without events.

    Call it after `age_out`. Return the larger number that went: below `limit`, nothing is left to do.
    """
    with database.transaction() as tx:
        letters = tx.dead_letters.let_go(tenant, before, limit)
    with database.transaction() as tx:
        tx.kpis.lock(tenant)  # before any state, as counting does
        states = tx.states.let_go(tenant, micros_of(before), limit)
        tx.keys.erase_all(tenant, [customer_id for customer_id, _ in states])
        forget(tx, tenant, states)
    return max(letters, len(states))


def erase_customer(database: Database, tenant: str, customer_id: str, *, by: str, reason: str, now: datetime) -> Erased:
    """Erase events, aggregate, keys and dead letters of one customer, and put on the record that it was done.

    An event that arrives later counts anew. A letter counts as theirs if it names them by their customer id, or by a
    key that nobody else has: whose an unknown telephone number is, nobody knows here.

    Raises:
        UsageError: code `unknown_customer`; nothing is kept of them. Code `malformed`; no reason is given.
    """
    if not reason.strip():
        raise UsageError("write why they are erased: the record keeps it", code="malformed")
    with database.reading() as tx:
        letters = _letters(
            tx, tenant, (f"{_CUSTOMER}{customer_id}",)
        )  # not under the lock: it reads all letters of the tenant
    with database.transaction() as tx:
        tx.kpis.lock(tenant)  # before any state, as counting does
        # Whoever folds takes this lock first: an aggregate is not written back after it went.
        version = tx.states.lock(tenant, customer_id).version
        # Letters first: of one that is being taken as an event just now, this waits and then finds the event.
        gone = sum(tx.dead_letters.drop(tenant, letter_id) for letter_id in sorted(letters))
        _fold_keys(tx, tenant, customer_id)
        named = _letters(tx, tenant, own) if (own := _own_keys(tx, tenant, customer_id)) else []
        gone += sum(tx.dead_letters.drop(tenant, letter_id) for letter_id in sorted(named))
        events = tx.events.erase(tenant, customer_id)
        household = tx.states.household(tenant, customer_id)
        tx.states.erase(tenant, customer_id)
        forget(tx, tenant, [(customer_id, household)])
        keys = tx.keys.erase(tenant, customer_id)
        if not (version or events or gone):
            raise UsageError(
                f"no event of customer {customer_id!r} is kept; nothing was erased", code="unknown_customer"
            )
        body = {"customer_id": customer_id, "events": events, "letters": gone, "keys": keys, "reason": reason}
        tx.record_act(tenant, ERASED, by, now, f"{now.isoformat()}.{customer_id}", body)
        others = tuple(one for one in ids_of(tx, tenant, customer_id) if one != customer_id)
    return Erased(events, gone, bool(version), keys, others)


def _fold_keys(tx: Transaction, tenant: str, customer_id: str) -> None:
    """Fold what waits, so that keys which were declared just now are known; what cannot be read is erased as well."""
    try:
        with tx.savepoint():
            fold_pending(tx, tenant, customer_id)
    except StorageError as error:
        pass_on_others(error)


def _own_keys(tx: Transaction, tenant: str, customer_id: str) -> list[str]:
    """Return the keys that the customer has and nobody else."""
    held = [word.key for word in tx.keys.of_customer(tenant, customer_id) if word.held]
    others = {word.key for word in tx.keys.of_keys(tenant, held) if word.customer_id != customer_id}
    return [key for key in held if key not in others]


def _letters(tx: Transaction, tenant: str, names: Sequence[str]) -> list[str]:
    named = re.compile(b"(?:%b)(?![A-Za-z0-9_.:-])" % b"|".join(re.escape(name.encode()) for name in names))
    found, after = list[str](), None
    while page := tx.dead_letters.list(tenant, code=None, after=after, limit=_PAGE):
        for one in page:
            inner = _inner(one.content)
            if named.search(one.content) or named.search(inner) or _names(one.content, names):
                found.append(one.letter_id)
        after = page[-1].letter_id
    return found


def _inner(content: bytes) -> bytes:
    """Return the value of a message that was no event, as far as it is kept: its letter has it in Base64."""
    held = _VALUE.search(content)
    if held is None:
        return b""
    text = held.group(1)
    return base64.b64decode(text[: len(text) // 4 * 4])


def _names(content: bytes, names: Sequence[str]) -> bool:
    """Return whether a letter names a customer in JSON's escapes, or as a notification of a BSS does."""
    # A notification names a customer by the id alone.
    said = {*names, *(name.removeprefix(_CUSTOMER) for name in names if name.startswith(_CUSTOMER))}
    try:
        left: list[Any] = [json.loads(content)]
    except (ValueError, RecursionError):
        return any(f'"{name}"'.encode() in content for name in said)
    while left:
        one = left.pop()
        if isinstance(one, str) and one in said:
            return True
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False
