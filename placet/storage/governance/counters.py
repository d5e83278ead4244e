"""Signature counters of passkeys on the record: each that was accepted is an entry of the tenant's own stream.

The entry's step key ends with the counter, so that a counter stands there once for each key, and the next lower and the
next higher one are found by that index: what a signature costs does not grow with how many there are.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select

from placet.contracts.audit import RecordKind, tenant_stream
from placet.errors import DecisionRefused, GovernanceError, StorageError
from placet.governance.log.chain import BROKEN
from placet.governance.signing.counters import CounterUse, check_counter
from placet.storage.tables import AUDIT
from placet.storage.transaction import Transaction

USED: Final[RecordKind] = "passkey.used"

# A counter has 32 bits: ten digits, so that the order of the text is that of the numbers.
_DIGITS: Final = 10
_MOST: Final = 2**32
_BETWEEN = select(AUDIT.c.step_key).where(
    AUDIT.c.stream == bindparam("stream"),
    AUDIT.c.step_key > bindparam("above"),
    AUDIT.c.step_key < bindparam("below"),
)
_LOWER = _BETWEEN.order_by(AUDIT.c.step_key.desc()).limit(1)
_HIGHER = _BETWEEN.order_by(AUDIT.c.step_key).limit(1)


def check_use(tx: Transaction, tenant: str, use: CounterUse | None) -> None:
    """Check a signature's counter against what the record has of its key; nothing where the key does not count.

    Raises:
        DecisionRefused: code `counter_rolled_back`.
        GovernanceError: code `audit_broken`; an entry beside it cannot be read.
    """
    if use is None:
        return
    stream = tenant_stream(tenant)
    lowest, own, highest = (_step(use.key_id, counter) for counter in (0, use.counter, _MOST))
    lower = tx.connection.scalar(_LOWER, {"stream": stream, "above": lowest, "below": own})
    higher = tx.connection.scalar(_HIGHER, {"stream": stream, "above": own, "below": highest})
    entries = (tx.audit.find(stream, key) for key in (lower, own, higher) if key is not None)
    check_counter(use, [read_use(entry.step_key, entry.body) for entry in entries if entry is not None])


def note_use(tx: Transaction, tenant: str, use: CounterUse | None, actor: str, at: datetime) -> None:
    """Put the counter of an accepted signature on the record, once; one that does not count leaves nothing.

    Raises:
        StorageError: another transaction recorded one meanwhile that this one does not fit; try again.
    """
    if use is None or use.counter == 0:
        return
    stream, step = tenant_stream(tenant), _step(use.key_id, use.counter)
    known = tx.audit.find(stream, step)
    if known is not None and read_use(step, known.body).statement == use.statement:
        return  # of a batch, at another of its runs: thousands of them must not queue at the end of this stream
    body = {
        "key_id": use.key_id,
        "counter": use.counter,
        "statement": use.statement,
        "signed_at": use.signed_at.isoformat(),
    }
    tx.record_act(tenant, USED, actor, at, _use(use.key_id, use.counter), body)
    try:
        # Whoever writes on this stream holds its end: nothing can come between now and the commit.
        check_use(tx, tenant, use)
    except DecisionRefused as error:
        raise StorageError("another signature of this passkey was recorded meanwhile; try again") from error


def check_noted(tx: Transaction, tenant: str, use: CounterUse | None) -> None:
    """Make sure that the counter of a signature that was accepted stands on the record, for this very statement.

    Raises:
        DecisionRefused: code `counter_unrecorded`; it does not.
    """
    if use is None or use.counter == 0:
        return
    entry = tx.audit.find(tenant_stream(tenant), _step(use.key_id, use.counter))
    if entry is None or read_use(entry.step_key, entry.body).statement != use.statement:
        raise DecisionRefused(
            f"counter {use.counter} of key {use.key_id[:16]} is not on the record for this statement",
            code="counter_unrecorded",
        )


def _step(key_id: str, counter: int) -> str:
    return f"{USED}.{_use(key_id, counter)}"


def _use(key_id: str, counter: int) -> str:
    return f"{key_id}.{counter:0{_DIGITS}d}"


def read_use(step_key: str, body: Mapping[str, Any]) -> CounterUse:
    """Read the entry that `note_use` left.

    Raises:
        GovernanceError: code `audit_broken`; it is none, or its step key says another counter.
    """
    try:
        signed_at = datetime.fromisoformat(body["signed_at"])
        use = CounterUse(str(body["key_id"]), int(body["counter"]), str(body["statement"]), signed_at)
    except (KeyError, TypeError, ValueError) as error:
        raise GovernanceError(f"entry {step_key!r} of the record cannot be read", code=BROKEN) from error
    if step_key != _step(use.key_id, use.counter):
        raise GovernanceError(f"entry {step_key!r} of the record says counter {use.counter}", code=BROKEN)
    return use
