"""One run under judgement: what its history tells, put in order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from placet.contracts.gate import Gate
from placet.contracts.people.decision import AcceptedDecision, Phase, ReceivedDecision, ReviewResult
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import ExecuteInput, Proposed, ReviewInput, RunRequest
from placet.governance.signing.canonical import digest, sha256_hex
from placet.replay.retelling import Retelling
from placet.replay.trust import Trusted

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the proposal, the agent's own or an approver's, with the gate before it.

    Attributes:
        digest: Derived again from the proposal.
        said: What the history says it is.
        before: The version that was pending when it was made; None for the agent's own.
    """

    proposal: Proposal
    gate: Gate
    digest: str
    said: str | None
    before: "Version | None" = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One review: what the workflow asked, what it was answered, when, and what was pending by then."""

    asked: ReviewInput
    answer: ReviewResult
    at: datetime
    pending: Version | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A decision that a review told the workflow counts, and what the workflow had of it."""

    decision: AcceptedDecision
    review: Reviewed
    received: ReceivedDecision | None

    @property
    def phase(self) -> Phase:
        """Which question it answers."""
        return self.review.asked.phase

    @property
    def name(self) -> str:
        """How faults speak of it."""
        return f"decision {self.decision.envelope_digest}"


@dataclass
class Case:
    """Everything the checks look at.

    Attributes:
        versions: By derived digest, the newest last.
        received: Every envelope that was reviewed, by its digest, as it first arrived.
        accepted: Every accepted decision, as each review told of it, without repetitions.
        effects: What was to be executed, each with its outcome where there is one.
    """

    request: RunRequest
    trusted: Trusted
    versions: dict[str, Version] = field(default_factory=dict)
    reviews: list[Reviewed] = field(default_factory=list)
    received: dict[str, ReceivedDecision] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    effects: list[tuple[ExecuteInput, ExecutionResult | None]] = field(default_factory=list)

    @property
    def gate(self) -> Gate | None:
        """The first gate, None where none was opened."""
        return next((version.gate for version in self.versions.values()), None)

    def approvals(self, effect: ExecuteInput) -> Sequence[AcceptedDecision]:
        """Return the accepted decisions that `effect` names and that are about its very proposal."""
        named = {one.decision.envelope_digest: one for one in self.accepted if one.phase == "decide"}
        found = [named[envelope].decision for envelope in effect.decisions if envelope in named]
        return [decision for decision in found if decision.proposal == effect.proposal]


def build_case(request: RunRequest, told: Retelling, trusted: Trusted) -> Case:
    """Put in order what the workflow was told; nothing is judged yet."""
    case = Case(request, trusted)
    proposed = next((step.answer for step in told.answered("propose")), None)
    gate = next((step.answer for step in told.answered("open_gate")), None)
    pending: Version | None = None
    if isinstance(proposed, Proposed) and proposed.proposal is not None and isinstance(gate, Gate):
        pending = _version(case, proposed.proposal, gate, proposed.digest, None)
    for step in told.answered("review_decisions"):
        asked, answer = step.asked, step.answer
        if isinstance(asked, ReviewInput) and isinstance(answer, ReviewResult) and step.answered_at is not None:
            for received in asked.received:
                case.received.setdefault(sha256_hex(received.envelope.encode()), received)
            if answer.amended is not None:
                one = answer.amended
                pending = _version(case, one.proposal, one.gate, one.digest, pending)
            _review(case, Reviewed(asked, answer, step.answered_at, pending))
    case.effects = [
        (step.asked, step.answer if isinstance(step.answer, ExecutionResult) else None)
        for step in told.steps
        if step.name == "execute" and isinstance(step.asked, ExecuteInput)
    ]
    return case


def _version(case: Case, proposal: Proposal, gate: Gate, said: str | None, before: Version | None) -> Version:
    derived = digest(proposal)
    version = Version(proposal, gate, derived, said, before)
    return case.versions.setdefault(derived, version)


def _review(case: Case, review: Reviewed) -> None:
    case.reviews.append(review)
    for decision in review.answer.decisions:
        if all(decision != known.decision for known in case.accepted):
            case.accepted.append(Accepted(decision, review, case.received.get(decision.envelope_digest)))
