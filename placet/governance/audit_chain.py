"""The arithmetic of the audit chain: link an entry to the one before it, and verify a whole stream.

Invariants of a sound stream:
    (1) every entry names the same stream and tenant;
    (2) `seq` counts 1, 2, 3, … without gaps;
    (3) `prev_hash` is the hash of the entry before, `GENESIS` for the first;
    (4) `hash` is the SHA-256 of the RFC 8785 form of all other fields;
    (5) no `step_key` occurs twice.
A chain cut off at its end still satisfies all five: only a signed checkpoint of the head shows that.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from placet.contracts.audit import GENESIS, AuditEvent
from placet.errors import GovernanceError
from placet.governance.canonical import digest

BROKEN = "audit_broken"
"""Code of the error that a stream which does not verify raises."""


def entry_hash(event: AuditEvent) -> str:
    """SHA-256 over the RFC 8785 form of every field of `event` but `hash`."""
    return digest(event.model_dump(mode="json", exclude={"hash"}))


def link(
    *,
    stream: str,
    seq: int,
    prev_hash: str,
    tenant: str,
    run_id: str | None,
    kind: str,
    actor: str,
    at: datetime,
    step_key: str,
    body: dict[str, Any],
) -> AuditEvent:
    """The entry at `seq` of `stream`, bound to the entry before it by `prev_hash`.

    `at` is taken to UTC, so that the hash does not depend on how a database returns the time.

    Raises:
        ValueError: a field is malformed, or `body` holds what JSON cannot carry exactly.
    """
    if at.tzinfo is None:
        raise ValueError(f"time {at.isoformat()!r} has no UTC offset")
    unhashed = AuditEvent(
        stream=stream,
        seq=seq,
        tenant=tenant,
        run_id=run_id,
        kind=kind,
        actor=actor,
        at=at.astimezone(UTC),
        step_key=step_key,
        body=body,
        prev_hash=prev_hash,
        hash=GENESIS,
    )
    return unhashed.model_copy(update={"hash": entry_hash(unhashed)})


def verify_chain(events: Iterable[AuditEvent]) -> int:
    """Verify one stream from its first entry on; return how many entries it has.

    Raises:
        GovernanceError: code `audit_broken`, naming the first entry that does not fit.
    """
    previous: AuditEvent | None = None
    steps: set[str] = set()
    for position, event in enumerate(events, start=1):
        fault = _fault(event, position, previous)
        if fault is None and event.step_key in steps:
            fault = f"step_key {event.step_key!r} occurs a second time"
        if fault is not None:
            stream = event.stream if previous is None else previous.stream
            raise GovernanceError(f"audit stream {stream!r} is broken at entry {position}: {fault}", code=BROKEN)
        steps.add(event.step_key)
        previous = event
    return 0 if previous is None else previous.seq


def _fault(event: AuditEvent, position: int, previous: AuditEvent | None) -> str | None:
    expected_prev = GENESIS if previous is None else previous.hash
    if previous is not None and (event.stream, event.tenant) != (previous.stream, previous.tenant):
        return f"it belongs to stream {event.stream!r} of tenant {event.tenant!r}"
    if event.seq != position:
        return f"its seq is {event.seq}"
    if event.prev_hash != expected_prev:
        return f"its prev_hash {event.prev_hash!r} is not the hash of the entry before"
    if event.hash != entry_hash(event):
        return f"its content does not match its hash {event.hash!r}"
    return None
