"""What crosses the API about runs: frozen, exact; an unknown field is refused."""

from typing import Self

from pydantic import model_validator

from placet.contracts.audit import AuditEvent
from placet.contracts.base import AgentName, CustomerId, Digest, Frozen, RunId
from placet.contracts.billing import Evidence, SourceCall
from placet.contracts.events.kinds import Channel
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunKey
from placet.interfaces.http.endpoints.common import StrategyNamed
from placet.service.in_hand import Exchange
from placet.storage.records import RunRecord


# Built at once: FastAPI looks into the body of a request before pydantic would build it, and complains.
class RunOrder(Frozen, defer_build=False):
    """Ask for a run. The same `key` is the same run, however often it is sent; without one each request is new.

    Attributes:
        agent: What proposes; a strategy names its own.
        strategy: The published strategy that decides: its name, a version, or the beginning of one.
        channel: Where the customer would be told; without it the first that the strategy names.
    """

    customer_id: CustomerId
    agent: AgentName | None = None
    key: RunKey | None = None
    strategy: StrategyNamed | None = None
    channel: Channel | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.agent is None and self.strategy is None:
            raise ValueError("name the agent, or a published strategy, which has one")
        if self.channel is not None and self.strategy is None:
            raise ValueError("a channel is of a strategy; name the strategy as well")
        return self


class RunStarted(Frozen):
    """The run a request led to; `new` is False when the same key had started it before."""

    new: bool
    run: RunRecord


class ShownRun(RunRecord):
    """Where a run stands.

    Attributes:
        fault: What its row says otherwise than its record; empty where they agree. Rely on nothing where they do not.
    """

    fault: str


class RunPage(Frozen):
    """A page of runs, newest first."""

    runs: tuple[RunRecord, ...]
    next: RunId | None


class PendingProposal(Frozen):
    """A run's proposal and its digest, the subject of whatever an approver signs."""

    run_id: RunId
    digest: Digest
    proposal: Proposal


class RunAudit(Frozen):
    """A page of the record of one run, in order."""

    run_id: RunId
    events: tuple[AuditEvent, ...]
    next: int | None


class RunEvidence(Frozen):
    """What billing answered; `digest` is None while it was not asked, `fault` says why the facts cannot be shown."""

    run_id: RunId
    digest: Digest | None = None
    fault: str = ""
    facts: Evidence | None = None
    calls: tuple[SourceCall, ...] = ()


class RunExchanges(Frozen):
    """What models were shown and said, in the order of the record; erased texts are None, with the reason."""

    run_id: RunId
    exchanges: tuple[Exchange, ...]


class DecisionDelivered(Frozen):
    """A decision reached its run. Whether it counts is in the record, under this digest of the envelope.

    Attributes:
        envelope: SHA-256 of the envelope; `body.envelope` of the entry that accepts or refuses it.
    """

    run_id: RunId
    envelope: Digest


class CancellationRequested(Frozen):
    """The run was asked to end; an effect under way is settled first."""

    run_id: RunId
