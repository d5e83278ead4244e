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
_VALUE: Final = re.compile(rb'"data_base64"\s*:\s*"([A-Za-z0-9+/]*)')
_PARTIES: Final = (b'"relatedParty"', b'"customer"')


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
    key that they ever had. So does one by a key that others have too: it would become the event of whoever is left.

    Raises:
        UsageError: code `unknown_customer`; nothing is kept of them. Code `malformed`; no reason is given.
    """
    if not reason.strip():
        raise UsageError("write why they are erased: the record keeps it", code="malformed")
    with database.transaction() as tx:
        _fold_keys(tx, tenant, customer_id)
        ever_had = [word.key for word in tx.keys.of_customer(tenant, customer_id)]
    # Not under the lock: it reads all letters of the tenant. At one moment: a page goes on after a letter of the last.
    with database.snapshot() as tx:
        letters = _letters(tx, tenant, customer_id, ever_had)
    with database.transaction() as tx:
        tx.kpis.lock(tenant)  # before any state, as counting does
        # Whoever folds takes this lock first: an aggregate is not written back after it went.
        version = tx.states.lock(tenant, customer_id).version
        # Letters before events: of one that is being taken just now, this waits and then finds the event. By id, as
        # whoever tries letters again does: so neither waits for the other for ever.
        gone = sum(tx.dead_letters.drop(tenant, letter_id) for letter_id in sorted(letters))
        _fold_keys(tx, tenant, customer_id)
        events = tx.events.erase(tenant, customer_id)
        household = tx.states.household(tenant, customer_id)
        tx.states.erase(tenant, customer_id)
        tx.changes.erase(tenant, customer_id)
        forget(tx, tenant, [(customer_id, household)])
        counted = tx.outcomes.forget(tenant, customer_id)
        keys = tx.keys.erase(tenant, customer_id)
        if not (version or events or gone or counted):
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


def _letters(tx: Transaction, tenant: str, customer_id: str, keys: Sequence[str]) -> list[str]:
    """Return the letters that name a customer by their id or by one of their keys."""
    names = (f"{_CUSTOMER}{customer_id}", *keys)
    named = re.compile(b"(?:%b)(?![A-Za-z0-9_.:-])" % b"|".join(re.escape(name.encode()) for name in names))
    party = re.compile(rb'"id"\s*:\s*"%b"' % re.escape(customer_id.encode()))
    found, after = list[str](), None
    while page := tx.dead_letters.list(tenant, code=None, after=after, limit=_PAGE):
        for one in page:
            texts = (one.content, _inner(one.content))
            if any(named.search(text) or _names(text, names, customer_id, party) for text in texts):
                found.append(one.letter_id)
        after = page[-1].letter_id
    return found


def _inner(content: bytes) -> bytes:
    """Return the value of a message that was no event, as far as it is kept: its letter has it in Base64."""
    held = _VALUE.search(content)
    if held is None:
        return b""
    # A letter is cut at the bound of an event, wherever that is; a last digit alone says nothing.
    text = held.group(1)[: -1 if len(held.group(1)) % 4 == 1 else None]
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _names(content: bytes, names: Sequence[str], customer_id: str, party: re.Pattern[bytes]) -> bool:
    """Return whether a letter names a customer in JSON's escapes, or as a notification of a BSS does.

    A notification names a customer by the id alone, in `relatedParty` or as its `customer`. Elsewhere the same text is
    not the customer: an id may be as short as a version number.
    """
    try:
        left: list[Any] = [json.loads(content)]
    except (ValueError, RecursionError):
        return any(one in content for one in _PARTIES) and party.search(content) is not None
    while left:
        one = left.pop()
        if isinstance(one, str) and one in names:
            return True
        if isinstance(one, dict):
            parties = one.get("relatedParty")
            listed = [*(parties if isinstance(parties, list) else [parties]), one.get("customer")]
            if any(isinstance(each, dict) and each.get("id") == customer_id for each in listed):
                return True
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False
