"""Erasing what is kept of customers' events: by age, and of one customer on request.

By age, events go first, and what they had led to stays in their customer's aggregate (`age_out`). The aggregate goes
when the customer's newest event is older than events are kept. So does what could not be taken.

On request everything goes at once that is known to be about the customer. What their runs rested on is evidence of
these runs: it goes by the rule of `placet.governance.retention`.
"""

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.decisioning.state.aggregate import micros_of
from placet.errors import UsageError
from placet.storage.database import Database
from placet.storage.transaction import Transaction

ERASED: Final = "state.erased"
"""Kind of the entry on the tenant's stream."""

_PAGE = 100
_VALUE: Final = re.compile(rb'"data_base64": "([A-Za-z0-9+/]*)')


@dataclass(frozen=True, slots=True)
class Erased:
    """How much went.

    Attributes:
        letters: Events about the customer that could not be taken.
        state: Whether there was an aggregate.
    """

    events: int
    letters: int
    state: bool


def let_go(database: Database, tenant: str, before: datetime, limit: int = 200) -> int:
    """Erase what is older than events are kept, some of each: dead letters, and aggregates without events.

    Call it after `age_out`. Return the larger number that went: below `limit`, nothing is left to do.
    """
    with database.transaction() as tx:
        letters = tx.dead_letters.let_go(tenant, before, limit)
    with database.transaction() as tx:
        states = tx.states.let_go(tenant, micros_of(before), limit)
    return max(letters, states)


def erase_customer(database: Database, tenant: str, customer_id: str, *, by: str, reason: str, now: datetime) -> Erased:
    """Erase events, aggregate and dead letters of one customer, and put on the record that it was done.

    An event that arrives later counts anew. A letter counts as theirs if it names them by their customer id: whose an
    unknown telephone number is, nobody knows here.

    Raises:
        UsageError: code `unknown_customer`; nothing is kept of them. Code `malformed`; no reason is given.
    """
    if not reason.strip():
        raise UsageError("write why they are erased: the record keeps it", code="malformed")
    with database.reading() as tx:
        letters = _letters(tx, tenant, customer_id)  # not under the lock: it reads all letters of the tenant
    with database.transaction() as tx:
        # Whoever folds takes this lock first: an aggregate is not written back after it went.
        version = tx.states.lock(tenant, customer_id).version
        # Letters first: of one that is being taken as an event just now, this waits and then finds the event.
        gone = sum(tx.dead_letters.drop(tenant, letter_id) for letter_id in sorted(letters))
        events = tx.events.erase(tenant, customer_id)
        tx.states.erase(tenant, customer_id)
        if not (version or events or gone):
            raise UsageError(
                f"no event of customer {customer_id!r} is kept; nothing was erased", code="unknown_customer"
            )
        body = {"customer_id": customer_id, "events": events, "letters": gone, "reason": reason}
        tx.record_act(tenant, ERASED, by, now, f"{now.isoformat()}.{customer_id}", body)
    return Erased(events, gone, bool(version))


def _letters(tx: Transaction, tenant: str, customer_id: str) -> list[str]:
    named = re.compile(rb"customer:" + re.escape(customer_id.encode()) + rb"(?![A-Za-z0-9_.:-])")
    found, after = list[str](), None
    while page := tx.dead_letters.list(tenant, code=None, after=after, limit=_PAGE):
        for one in page:
            inner = _inner(one.content)
            if named.search(one.content) or named.search(inner) or _subject(one.content) == customer_id:
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


def _subject(content: bytes) -> str | None:
    """Return the customer whom a letter names in JSON's escapes."""
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):
        return None
    subject = event.get("subject") if isinstance(event, dict) else None
    return subject.removeprefix("customer:") if isinstance(subject, str) else None
