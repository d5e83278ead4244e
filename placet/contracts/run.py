"""A run from request to end, and the small messages that cross Temporal between its steps."""

import hashlib
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AwareDatetime, Field, model_validator

from placet.contracts.analysis.assessment import Risk
from placet.contracts.base import AgentName, CustomerId, Digest, Frozen, PersonName, ReasonCode, RunId, TenantId
from placet.contracts.billing import BillingQuery
from placet.contracts.events.kinds import Channel
from placet.contracts.gate import Gate, Milestone
from placet.contracts.people.decision import AcceptedDecision, Phase, ReceivedDecision
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import Receipt
from placet.contracts.strategies.steps import StepName

EndState = Literal[
    "executed", "no_action", "rejected", "denied", "expired", "halted", "failed", "unknown_outcome", "cancelled"
]
RunState = Literal["analysing", "querying", "proposing", "awaiting_decision", "executing", EndState]
END_STATES: frozenset[str] = frozenset(get_args(EndState)) - {"unknown_outcome"}
"""States a run never leaves. `unknown_outcome` is left when a person settles it."""

_ON_THE_WAY: tuple[RunState, ...] = (
    "analysing",
    "querying",
    "proposing",
    "awaiting_decision",
    "executing",
    "unknown_outcome",
)
RUN_STATES: tuple[RunState, ...] = (*_ON_THE_WAY, *(end for end in get_args(EndState) if end in END_STATES))

OPEN_STATES: frozenset[str] = frozenset(_ON_THE_WAY)
"""The states of a run that is not over."""


def states_before(state: RunState) -> tuple[RunState, ...]:
    """Return the states from which a run may move to `state`: itself and those before it; an end is never left.

    A run only moves forward, in this order. It stays in `awaiting_decision` while its proposal is amended.
    """
    if state in END_STATES:
        return _ON_THE_WAY
    return _ON_THE_WAY[: _ON_THE_WAY.index(state) + 1]


RUN_ID_BEGINNING: Final = r"^run-[0-9a-f]{4,20}$"
"""What a run is searched by: its id, or a beginning of it with four digits or more."""

RunKey = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,120}$")]
"""Printable ASCII: it is compared byte by byte."""


class RunRequest(Frozen):
    """What an operator or an upstream system asks for. `key` makes the request idempotent per tenant.

    Attributes:
        reverses: The executed run whose effect is to be taken back; nothing else is proposed then.
        strategy: Digest of the published strategy that decides; None: the application's own treatments are weighed.
        channel: Where the customer would be told; the strategy's contact rules ask for it.
        step: The step of the customer's journey that it carries out; None where the strategy has no steps.
    """

    run_id: RunId
    tenant: TenantId
    customer_id: CustomerId
    agent: AgentName
    key: RunKey
    requested_by: PersonName
    requested_at: AwareDatetime
    reverses: RunId | None = None
    strategy: Annotated[Digest | None, Field(exclude_if=lambda version: version is None)] = None
    channel: Annotated[Channel | None, Field(exclude_if=lambda channel: channel is None)] = None
    step: Annotated[StepName | None, Field(exclude_if=lambda step: step is None)] = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.strategy is None) != (self.channel is None):
            raise ValueError("a strategy and the channel that its customer is told on are given together")
        if self.strategy is not None and self.reverses is not None:
            raise ValueError("a run that takes back another one carries out no strategy")
        if self.step is not None and self.strategy is None:
            raise ValueError("a step is one of a strategy")
        return self


class Analysed(Frozen):
    """Result of (1): where the assessment is stored, and the reads it asks for."""

    assessment: Digest
    risk: Risk
    queries: tuple[BillingQuery, ...]


class QueryInput(Frozen):
    """Input of (2)."""

    run: RunRequest
    queries: tuple[BillingQuery, ...]


class Queried(Frozen):
    """Result of (2): where the evidence is stored."""

    evidence: Digest


class ProposeInput(Frozen):
    """Input of (3)."""

    run: RunRequest
    assessment: Digest
    evidence: Digest


class Proposed(Frozen):
    """Result of (3): the proposal and its digest, or None with the reason to do nothing.

    The proposal itself crosses, so that an exported history alone lets an auditor derive its digest again.
    """

    proposal: Proposal | None
    digest: Digest | None
    summary: Annotated[str, Field(max_length=300)]


class GateInput(Frozen):
    """Input of (4), opening the gate."""

    run: RunRequest
    proposal: Digest


class ReviewInput(Frozen):
    """Input of (4), reviewing what `decide` signals brought."""

    run: RunRequest
    proposal: Digest
    gate: Gate
    phase: Phase
    received: tuple[ReceivedDecision, ...]

    @property
    def question(self) -> Digest:
        """SHA-256 that tells this review from every other one of its run.

        It is on record in histories: what goes into it may not change.
        """
        asked = [self.phase, self.proposal]
        for one in self.received:
            envelope = hashlib.sha256(one.envelope.encode()).hexdigest()
            asked.append(f"{envelope} {one.received_at.isoformat()} {one.early}")
        return hashlib.sha256("\n".join(asked).encode()).hexdigest()


class MilestoneInput(Frozen):
    """Input of (4), marking that nobody has passed the gate yet."""

    run: RunRequest
    proposal: Digest
    gate: Gate
    milestone: Milestone


class ExecuteInput(Frozen):
    """Input of the effect: only digests cross, the activity fetches and re-checks what they name.

    `decisions` are the envelope digests of the approvals; none where a mandate cleared the proposal.
    """

    run: RunRequest
    proposal: Digest
    decisions: tuple[Digest, ...]


class CloseInput(Frozen):
    """The end of a run (or its parking), with decisions that came too late to count."""

    run: RunRequest
    state: EndState
    code: ReasonCode
    detail: str = ""
    late: tuple[ReceivedDecision, ...] = ()
    settled_by: AcceptedDecision | None = None
    proposal: Digest | None = None


class Closed(Frozen):
    """The end as it stands on the record, where that is another than the workflow came to."""

    state: EndState
    code: ReasonCode
    detail: str


class RunResult(Frozen):
    """What the workflow returns."""

    run_id: RunId
    state: EndState
    code: ReasonCode
    detail: str = ""
    proposal: Digest | None = None
    decisions: tuple[Digest, ...] = ()
    receipt: Receipt | None = None


class RunStatus(Frozen):
    """Answer of the `status` query."""

    run_id: RunId
    state: RunState
    code: ReasonCode | None = None
    detail: str = ""
    proposal: Digest | None = None
    gate: Gate | None = None
    decisions: tuple[AcceptedDecision, ...] = ()
    refused_decisions: int = 0


class Expected(Frozen):
    """What our record expects of the workflow of a run that is not over.

    Attributes:
        due: Since when it has something to do, or will have; None where it waits for a person without an end.
        listens: Whether it waits for people, so that what is sent to it is to be reviewed at once.
    """

    due: AwareDatetime | None
    listens: bool
