"""What the repositories return: frozen views of rows."""

from typing import Literal, Self

from pydantic import AwareDatetime

from placet.contracts.base import Digest, Frozen, RunId
from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.decision import AcceptedDecision, Phase
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import Receipt
from placet.contracts.run import RunRequest, RunState

EffectStatus = Literal["open", "settled", "failed", "unknown"]
ClaimStatus = Literal["new", "retry", "busy", "settled", "failed", "unknown"]


class RunRecord(RunRequest):
    """A run as people see it: the request, where it stands, and the digests of what it produced.

    Attributes:
        treatment: What its gate was last opened for; None where it never was. So with `cost`.
        reversed_by: The run that took back what this one did; None where none did, or nobody looked.
    """

    updated_at: AwareDatetime
    state: RunState
    code: str | None
    detail: str
    assessment: Digest | None
    evidence: Digest | None
    proposal: Digest | None
    decision: Digest | None
    receipt: Receipt | None
    treatment: str | None = None
    cost: Money | None = None
    reversed_by: RunId | None = None


class Asked(Frozen):
    """What is asked of people before one proposal, as the inbox sorts and filters it."""

    waits_until: AwareDatetime
    quorum: int
    roles: tuple[str, ...]
    escalate_to: str | None
    escalate_at: AwareDatetime | None
    treatment: str
    mutation_kind: str
    cost: Money

    @classmethod
    def of(cls, gate: Gate, proposal: Proposal) -> Self:
        """Return what `gate` asks about `proposal`."""
        return cls(
            waits_until=gate.expires_at,
            quorum=gate.quorum,
            roles=gate.roles,
            escalate_to=gate.escalate_to,
            escalate_at=gate.escalate_at,
            treatment=proposal.treatment,
            mutation_kind=proposal.mutation.kind,
            cost=proposal.cost,
        )


class ProposedRun(Frozen):
    """A run, and what its gate was last opened for; None where it never was."""

    run: RunRecord
    treatment: str | None
    mutation_kind: str | None
    cost: Money | None


class UsedDecision(Frozen):
    """A row that says that a decision counted: in which run and phase, and in which place (from 1) on its proposal.

    `envelope` is what the artifact store holds under the decision's digest; None where it holds no text. Neither is
    trusted: see `placet.gate.deciding.proof`.
    """

    tenant: str
    run_id: str
    phase: Phase
    place: int
    decision: AcceptedDecision
    envelope: str | None = None


class EffectRecord(Frozen):
    """One row of the effect ledger.

    Attributes:
        status: `open` until it is known what happened; `settled` and `failed` are final; `unknown` waits for
            a person.
        holder: The attempt that claimed it last.
        lease_until: Until when that attempt may still be acting.
        attempts: How many attempts claimed it.
        sends: How many times a request was about to leave; those that certainly did not are taken off again.
        resolved_by: The person who settled an unknown outcome.
    """

    effect_key: Digest
    tenant: str
    run_id: str
    proposal: Digest
    status: EffectStatus
    holder: str
    lease_until: AwareDatetime
    attempts: int
    sends: int
    claimed_at: AwareDatetime
    receipt: Receipt | None
    code: str | None
    detail: str
    resolved_by: str | None


class Claim(Frozen):
    """The answer to "may I cause this effect?".

    Attributes:
        status: `new`: nobody tried before, go ahead. `retry`: an earlier attempt left it open, read back
            before sending. `busy`: another attempt may still be acting, come back after `lease_until`.
            `settled`: done, here is the receipt. `failed`: it definitely did not happen and will not.
            `unknown`: a person must settle it.
    """

    status: ClaimStatus
    receipt: Receipt | None
    attempts: int
    sends: int
    claimed_at: AwareDatetime
    lease_until: AwareDatetime
    code: str | None = None
    detail: str = ""
