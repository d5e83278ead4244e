"""What an application's two steps result in, before any of it is stored."""

from dataclasses import dataclass

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.analysis.inference import ModelUse
from placet.contracts.proposal import Basis, Candidate, Proposal
from placet.contracts.strategies.used import StrategyUsed


@dataclass(frozen=True)
class Exchange:
    """The text of one attempt, for the artifact store.

    SHA-256 of the UTF-8 bytes of each is the digest that `ModelUse` carries.

    Attributes:
        prompt: The request as sent (messages and schema) in JSON; for a model that was skipped, the request it would
            have been sent.
        completion: The raw text of the answer; None where there was none.
    """

    prompt: str
    completion: str | None


@dataclass(frozen=True)
class AnalysisOutcome:
    """Result of (1), with the model's exchanges for the artifact store."""

    assessment: Assessment
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True)
class ProposalOutcome:
    """Result of (3).

    Attributes:
        proposal: The one mutation, or None to do nothing.
        summary: One line: what is proposed, or why nothing is.
        candidates: Everything that was weighed, also where nothing is proposed.
        reason: Why nothing is proposed although something might be: the model's words where they passed every check,
            in quotation marks, else the statement that there are none. Empty otherwise.
        basis: What was computed with; None where nothing was.
        currency: Of the candidates' amounts; empty where there are none.
        model_use: Empty where arithmetic left no choice and no model was asked.
        strategy: What a published strategy chose nothing with; the proposal has it where there is one.
    """

    proposal: Proposal | None
    summary: str
    candidates: tuple[Candidate, ...]
    model_use: tuple[ModelUse, ...]
    exchanges: tuple[Exchange, ...]
    reason: str = ""
    basis: Basis | None = None
    currency: str = ""
    strategy: StrategyUsed | None = None
