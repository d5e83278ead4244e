"""The gate, the signed decision that passes it, and what review makes of each one received."""

import json
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import AwareDatetime, Field

from placet.contracts.base import Digest, Frozen, PersonName, ReasonCode, RunId, TenantId

Verdict = Literal["approve", "reject", "confirm_executed", "confirm_not_executed"]
"""The first two answer a proposal; the last two settle an outcome that could not be known."""

Phase = Literal["decide", "settle"]
PHASES: tuple[Phase, ...] = get_args(Phase)

MAX_ENVELOPE_BYTES = 16_384
"""A decision is about 1 KB; anything larger is refused unread."""


def envelope_text(values: Sequence[tuple[bytes | None, bytes]]) -> str:
    """What a `decide` signal brought, as text that can be kept, hashed and reviewed, whatever it was.

    Args:
        values: Encoding and bytes of each value the signal carried; one JSON value is expected.

    Returns:
        The envelope's text in one canonical spelling; anything else as a text that is no envelope and will be refused.
    """
    if len(values) != 1:
        return f"{len(values)} values instead of one envelope"
    encoding, data = values[0]
    if encoding != b"json/plain":
        return f"a payload in encoding {encoding!r} instead of JSON"
    try:
        value = json.loads(data)
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):
        return "a payload that is not JSON"
    # A lone surrogate cannot be stored; one byte too many is enough to be refused as too large.
    return text.encode("utf-8", "backslashreplace").decode()[: MAX_ENVELOPE_BYTES + 1]


class Gate(Frozen):
    """What stands between a proposal and its execution.

    Attributes:
        verdict: `denied` by policy, or `human`: a named person must decide.
        policies: Identifiers of the policies that determined the verdict.
        role: Role an approver must hold.
    """

    verdict: Literal["denied", "human"]
    reason: str
    policy_set: Digest | None
    policies: tuple[str, ...]
    role: str
    opened_at: AwareDatetime
    expires_at: AwareDatetime


class DecisionPredicate(Frozen):
    """Predicate of the in-toto statement an approver signs; its subject is the proposal digest.

    `decision_id` is a random nonce: one signature decides once.
    """

    tenant: TenantId
    run_id: RunId
    verdict: Verdict
    approver: PersonName
    decided_at: AwareDatetime
    decision_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    # NUL is text that PostgreSQL cannot store.
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class ReceivedDecision(Frozen):
    """A `decide` signal as it arrived: the envelope's text, untrusted, and when.

    `early` is True when the gate was not yet open.
    """

    envelope: str
    received_at: AwareDatetime
    early: bool


class AcceptedDecision(Frozen):
    """A decision that passed every check. `envelope_digest` addresses the envelope in the artifact store."""

    verdict: Verdict
    approver: PersonName
    key_id: Digest
    decision_id: str
    decided_at: AwareDatetime
    reason: str
    envelope_digest: Digest


class RefusedDecision(Frozen):
    """A decision that did not count, and why. The run keeps waiting."""

    code: ReasonCode
    detail: str
    envelope_digest: Digest


class ReviewResult(Frozen):
    """The outcome of reviewing a batch: at most one accepted decision, all others refused."""

    accepted: AcceptedDecision | None
    refused: int
