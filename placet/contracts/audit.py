"""The record: append-only entries, each linked to the one before it in its stream."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, Field

from placet.contracts.base import Digest, Frozen, RunId, TenantId

RecordKind = Literal[
    "run.cancel_requested",
    "run.end_refused",
    "run.ended",
    "run.follow_up_failed",
    "run.parked",
    "run.requested",
    "run.reversal_requested",
    "run.reversed",
    "run.started",
    "analyse.completed",
    "analyse.unanswered",
    "query_billing.completed",
    "propose.completed",
    "propose.unanswered",
    "approve.amended",
    "approve.decided",
    "approve.escalated",
    "approve.lapsed",
    "approve.opened",
    "approve.refused",
    "approve.reminded",
    "approve.seen",
    "approve.settled",
    "execute.doubted",
    "execute.failed",
    "execute.intended",
    "execute.not_sent",
    "execute.refused",
    "execute.sending",
    "execute.settled",
    "execute.unknown",
    "execute.waiting",
    "notice.delivered",
    "notice.failed",
    "mandate.charged",
    "mandate.consumed",
    "mandate.given_back",
    "mandate.passed_over",
    "mandate.refused",
    "mandate.released",
    "mandate.revoked",
    "mandate.signed",
    "mandate.taken",
    "plugin.violation",
    "policy.in_force",
    "policy.kept",
    "policy.signature_refused",
    "policy.signed",
    "policy.withdrawn",
    "delegation.refused",
    "delegation.revoked",
    "delegation.signed",
    "batch.refused",
    "batch.signed",
    "invitation.answered",
    "invitation.made",
    "invitation.withdrawn",
    "halt.lift_refused",
    "halt.lifted",
    "halt.placed",
    "key.enrolled",
    "key.refused",
    "key.revoked",
    "passkey.used",
    "session.began",
    "token.issued",
    "token.refused",
    "token.revoked",
    "token.vouched",
    "control.caught",
    "control.missed",
    "control.seeded",
    "control.undecided",
    "engine.met",
    "journey.ended",
    "journey.entered",
    "journey.moved",
    "log.anchored",
    "log.head_accepted",
    "outcomes.counted",
    "outcomes.reported",
    "retention.applied",
    "retention.completed",
    "rollout.asked",
    "rollout.came",
    "rollout.drawn",
    "rollout.ended",
    "rollout.entered",
    "rollout.held",
    "rollout.looked",
    "rollout.moved",
    "rollout.order_refused",
    "rollout.passed_over",
    "rollout.reminded",
    "rollout.resumed",
    "rollout.started",
    "rollout.waits",
    "record.restored",
    "state.erased",
    "customer.merge_refused",
    "customer.merged",
    "customer.split",
    "customer.split_refused",
    "walkthrough.shared",
    "walkthrough.withdrawn",
]
"""Every kind of entry that is written: `<step, or what it concerns>.<what happened>`."""

RECORD_KINDS: frozenset[str] = frozenset(get_args(RecordKind))

AuditKind = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=64)]
"""A kind as it is read: another version may have written others, and a record is shown whatever stands in it."""

GENESIS: str = "0" * 64
"""`prev_hash` of the first entry of a stream."""

ENDED: RecordKind = "run.ended"
"""Kind, and step key, of the entry that ends a run."""

BESIDES: tuple[RecordKind, ...] = (
    "approve.refused",
    "approve.seen",
    "walkthrough.shared",
    "walkthrough.withdrawn",
)
"""What is added to a run beside its steps, by whoever looks, sends or shares: as often as they like."""

AFTER_THE_END: frozenset[RecordKind] = frozenset(
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
        "walkthrough.shared",  # most runs are shown to others when they are over
        "walkthrough.withdrawn",
    }
)
"""What may still be appended to a run's stream after its end; everything else is refused there."""


class AuditEvent(Frozen):
    """One entry.

    Attributes:
        stream: A run, `tenant/<id>` for what concerns none, `policy/<id>/<agent>`, `journey/<id>`,
            `coming/<id>/<version>`, or `mandate/<id>/<mandate>`.
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


def tenant_stream(tenant: str) -> str:
    """Return the stream of what concerns no single run of `tenant`: keys, mandates, halts, tokens, sessions."""
    return f"tenant/{tenant}"


def policy_stream(tenant: str, agent: str) -> str:
    """Return the stream that says which policies came into force for `tenant` and `agent`, and when."""
    return f"policy/{tenant}/{agent}"


def mandate_stream(tenant: str, mandate_id: str) -> str:
    """Return the stream of a mandate's account: what was taken of it, and given back."""
    return f"mandate/{tenant}/{mandate_id}"


def coming_stream(tenant: str, version: str) -> str:
    """Return the stream that says who came into one version of a strategy as something happened to them."""
    return f"coming/{tenant}/{version}"


def journey_stream(journey: str) -> str:
    """Return the stream of one customer's way through one strategy; `journey` is the id of its workflow."""
    return f"journey/{journey}"
