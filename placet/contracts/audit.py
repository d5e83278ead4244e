"""The record: append-only entries, each linked to the one before it in its stream."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from placet.contracts.base import Digest, Frozen, RunId, TenantId

AuditKind = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)]
"""`<step>.<what happened>`: the steps are analyse, query_billing, propose, approve, execute; also run, key, plugin."""

GENESIS: str = "0" * 64
"""`prev_hash` of the first entry of a stream."""

ENDED: str = "run.ended"
"""Kind, and step key, of the entry that ends a run."""

AFTER_THE_END: frozenset[str] = frozenset(
    {
        "approve.refused",  # a decision that came too late
        "execute.doubted",  # what became of a request that had left before the end
        "execute.failed",
        "execute.not_sent",
        "execute.refused",
        "execute.settled",
        "execute.unknown",
        "execute.waiting",
        "mandate.released",  # what follows from the end, and what of it could not be done
        "run.end_refused",
        "run.follow_up_failed",
        "notice.delivered",
        "notice.failed",
        "plugin.violation",  # what a step that outlived its run tried to do
        "run.reversal_requested",  # links to runs that take this one back
        "run.reversed",
    }
)
"""What may still be appended to a run's stream after its end; everything else is refused there."""


class AuditEvent(Frozen):
    """One entry. A stream is a run, `tenant/<id>` for what concerns no single run, or `policy/<id>/<agent>`.

    Attributes:
        seq: Position in the stream, from 1 without gaps.
        actor: The named human, or the component (`agent:retention`, `worker`) that acted.
        step_key: Unique in the stream, so that a retried step records itself once.
        hash: SHA-256 over the RFC 8785 form of all other fields.
    """

    stream: str
    seq: Annotated[int, Field(ge=1)]
    tenant: TenantId
    run_id: RunId | None
    kind: AuditKind
    actor: str
    at: AwareDatetime
    step_key: str
    body: dict[str, Any]
    prev_hash: Digest
    hash: Digest
