"""The signed decision, and what review makes of each one received."""

import json
from collections.abc import Sequence
from typing import Literal, Self, get_args

from pydantic import AwareDatetime, model_validator

from placet.contracts.base import Digest, Frozen, PersonName, ReasonCode, RunId, TenantId
from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.approver import RoleName
from placet.contracts.people.signed import Nonce, Remark
from placet.contracts.proposal import Proposal

Verdict = Literal["approve", "reject", "amend", "confirm_executed", "confirm_not_executed"]
"""The first three answer a proposal, `amend` by approving it as changed; the last two settle an unknown outcome."""

Phase = Literal["decide", "settle"]
PHASES: tuple[Phase, ...] = get_args(Phase)

VERDICTS: dict[Phase, frozenset[Verdict]] = {
    "decide": frozenset({"approve", "reject", "amend"}),
    "settle": frozenset({"confirm_executed", "confirm_not_executed"}),
}
"""What may answer each question: whether the proposal may be executed, or what became of its effect."""

YES: frozenset[Verdict] = frozenset({"approve", "amend"})
"""What approves a proposal, as it is or as changed."""


def phase_of(verdict: Verdict) -> Phase:
    """Return the question that a verdict answers."""
    return "decide" if verdict in VERDICTS["decide"] else "settle"


MAX_ENVELOPE_BYTES = 16_384
"""A decision is about 1 KB; anything larger is refused unread."""


def envelope_text(values: Sequence[tuple[bytes | None, bytes]]) -> str:
    """Return what a `decide` signal brought, as text that can be kept, hashed and reviewed, whatever it was.

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


class Amendment(Frozen):
    """What an approver changes of a proposal: less credit, or another treatment that was weighed and eligible.

    Attributes:
        amends: Digest of the proposal as it was; the statement's subject is the proposal as it becomes.
        amount: A smaller credit.
        treatment: Another candidate of the same proposal.
    """

    amends: Digest
    amount: Money | None = None
    treatment: ReasonCode | None = None

    @model_validator(mode="after")
    def _changes_one_thing(self) -> Self:
        if (self.amount is None) == (self.treatment is None):
            raise ValueError("an amendment names either an amount or another treatment: one of the two, not both")
        return self


class DecisionPredicate(Frozen):
    """Predicate of the in-toto statement an approver signs; its subject is the proposal digest.

    `decision_id` is a random nonce: one signature decides once. `amendment` belongs to the verdict `amend`, whose
    subject is the proposal as amended.
    """

    tenant: TenantId
    run_id: RunId
    verdict: Verdict
    approver: PersonName
    decided_at: AwareDatetime
    decision_id: Nonce
    reason: Remark = ""
    amendment: Amendment | None = None

    @model_validator(mode="after")
    def _amends_when_it_says_so(self) -> Self:
        if (self.verdict == "amend") != (self.amendment is not None):
            raise ValueError(f"verdict {self.verdict!r} and amendment do not fit")
        return self


class ReceivedDecision(Frozen):
    """A `decide` signal as it arrived: the envelope's text, untrusted, and when.

    `early` is True when the gate was not yet open.
    """

    envelope: str
    received_at: AwareDatetime
    early: bool


class AcceptedDecision(Frozen):
    """A decision that passed every check.

    Attributes:
        proposal: Digest of the proposal it is about; for an amendment, the proposal as amended.
        roles: The roles asked for that the approver holds, or was delegated.
        delegated_by: In whose stead it was given.
        delegation_id: Under which delegation.
        batch: Merkle root of the batch it was part of.
        envelope_digest: Addresses the signed envelope in the artifact store.
    """

    verdict: Verdict
    approver: PersonName
    key_id: Digest
    decision_id: str
    decided_at: AwareDatetime
    reason: str
    proposal: Digest
    roles: tuple[RoleName, ...]
    delegated_by: PersonName | None = None
    delegation_id: Nonce | None = None
    batch: Digest | None = None
    envelope_digest: Digest


class Amended(Frozen):
    """The proposal as an approver changed it, and the gate that stands before it."""

    proposal: Proposal
    digest: Digest
    gate: Gate


class ReviewResult(Frozen):
    """The outcome of reviewing a batch of received decisions.

    Attributes:
        verdict: What the pending question is answered with; None while it is open.
        decisions: The accepted decisions on the pending proposal that count: the no that ends it, or the approvals
            so far.
        amended: What is pending from now on, where an approver changed it.
        reviewed: How many of those received were reviewed, the oldest; the others are to be sent again.
        refused: How many of these did not count.
        question: `ReviewInput.question` of what it answers; None of a version that did not say.
    """

    verdict: Verdict | None
    decisions: tuple[AcceptedDecision, ...]
    amended: Amended | None = None
    reviewed: int
    refused: int
    question: Digest | None = None
