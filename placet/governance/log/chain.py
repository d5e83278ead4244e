"""The arithmetic of the audit chain: link an entry to the one before it, and verify a whole stream.

Invariants of a sound stream:
    (1) every entry names the same stream and tenant;
    (2) `seq` counts 1, 2, 3, … without gaps;
    (3) `prev_hash` is the hash of the entry before, `GENESIS` for the first;
    (4) `hash` is the SHA-256 of the RFC 8785 form of all other fields;
    (5) no `step_key` occurs twice.
A chain cut off at its end still satisfies all five: only a signed checkpoint of the head shows that.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from placet.contracts.audit import GENESIS, AuditEvent
from placet.contracts.times import rfc3339
from placet.errors import GovernanceError
from placet.governance.log.body import write_body
from placet.governance.signing.canonical import digest, sha256_hex

BROKEN = "audit_broken"
"""Code of the error that a stream which does not verify raises."""

# What is no text is written all the same, and refused by `AuditEvent` right after.
_TEXT: Final = json.JSONEncoder(ensure_ascii=False, default=str).encode


def entry_hash(event: AuditEvent) -> str:
    """Return the SHA-256 over the RFC 8785 form of every field of `event` but `hash`."""
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
    written: str | None = None,
) -> AuditEvent:
    """Make the entry at `seq` of `stream`, bound to the entry before it by `prev_hash`.

    `at` is taken to UTC, so that the hash does not depend on how a database returns the time.
    `written` is the form of `body` that `write_body` made, where the caller has it already.

    Raises:
        ValueError: a field is malformed, or `body` holds what JSON cannot carry exactly.
    """
    if at.tzinfo is None:
        raise ValueError(f"time {at.isoformat()!r} has no UTC offset")
    if written is None:
        written, body = write_body(body)
    entry: dict[str, Any] = {
        "stream": stream,
        "seq": seq,
        "tenant": tenant,
        "run_id": run_id,
        "kind": kind,
        "actor": actor,
        "at": at.astimezone(UTC),
        "step_key": step_key,
        "body": body,
        "prev_hash": prev_hash,
    }
    return AuditEvent(**entry, hash=sha256_hex(_form(entry, written)))


def _form(entry: dict[str, Any], written: str) -> bytes:
    """Return the RFC 8785 form of an entry, its names in order, around a body that is in that form already.

    All but the body are strings and a counter, which the standard library's encoder writes as RFC 8785 does. A verifier
    does not rely on it: `entry_hash` takes the whole entry through the canonical form.
    """
    at = rfc3339(entry["at"])
    return (
        f'{{"actor":{_TEXT(entry["actor"])},"at":{_TEXT(at)},"body":{written},"kind":{_TEXT(entry["kind"])},'
        f'"prev_hash":{_TEXT(entry["prev_hash"])},"run_id":{_TEXT(entry["run_id"])},"seq":{entry["seq"]},'
        f'"step_key":{_TEXT(entry["step_key"])},"stream":{_TEXT(entry["stream"])},"tenant":{_TEXT(entry["tenant"])}}}'
    ).encode()


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


def entry_fault(event: AuditEvent, previous: AuditEvent | None = None, *, first: bool = False) -> str:
    """Return what is wrong with one entry, empty where nothing is.

    Args:
        event: The entry.
        previous: The one before it in its stream; None: it is not compared with any.
        first: Whether it stands first in its stream.
    """
    if previous is None and not first:
        return _of_content(event) or ""
    position = 1 if previous is None else previous.seq + 1
    return _fault(event, position, previous) or ""


def _of_content(event: AuditEvent) -> str | None:
    return None if event.hash == entry_hash(event) else f"its content does not match its hash {event.hash!r}"


def _fault(event: AuditEvent, position: int, previous: AuditEvent | None) -> str | None:
    expected_prev = GENESIS if previous is None else previous.hash
    if previous is not None and (event.stream, event.tenant) != (previous.stream, previous.tenant):
        return f"it belongs to stream {event.stream!r} of tenant {event.tenant!r}"
    if event.seq != position:
        return f"its seq is {event.seq}"
    if event.prev_hash != expected_prev:
        return f"its prev_hash {event.prev_hash!r} is not the hash of the entry before"
    return _of_content(event)
