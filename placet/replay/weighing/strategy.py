"""Whether a proposal follows from the published strategy that it names, decided again from what is stored."""

from collections.abc import Callable, Iterator
from typing import Final

from pydantic import BaseModel

from placet.contracts.billing import Evidence
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Candidate, Proposal
from placet.contracts.state import CustomerState
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.used import StrategyUsed
from placet.decisioning.contact import ContactPolicy, within_contact_policy
from placet.decisioning.next_best_action.proposing import candidates_of, chosen_of, decide_by
from placet.errors import PlacetError, UsageError
from placet.governance.choice import money
from placet.governance.signing.canonical import digest

_PERCENT: Final = 100


def decide_again(
    proposal: Proposal,
    used: StrategyUsed,
    fetch: Callable[[str, type[BaseModel]], BaseModel],
    evidence: Evidence,
    likelihood: Likelihood,
    contact: ContactPolicy | None,
) -> tuple[list[str], str]:
    """Decide by the strategy's text again, on the state that the run saw.

    Args:
        proposal: As the run made it.
        used: What it says of the strategy.
        fetch: Gives a stored document by digest, checked against it.
        evidence: What the run read.
        likelihood: How likely they leave, computed again.
        contact: The contact policy that is installed now; None where none was applied.

    Returns:
        What does not agree, and a note of what was checked.
    """
    installed = None if contact is None else digest(contact)
    if proposal.basis is not None and installed != proposal.basis.contact:
        return [], "the strategy was not asked again: the contact policy that is installed now is not the one applied"
    try:
        strategy = fetch(used.version, Strategy)
        state = fetch(evidence.state.digest, CustomerState) if evidence.state is not None else None
    except UsageError as error:
        return [], f"the strategy was not asked again: {error}"
    except PlacetError as error:
        return [f"what the strategy decided on cannot be read: {error}"], "the strategy was not asked again"
    if not isinstance(strategy, Strategy) or not isinstance(state, CustomerState):
        return ["the proposal names a strategy and no state"], "the strategy was not asked again"
    again = candidates_of(decide_by(strategy, used, state, evidence.read_at), strategy, evidence)
    if contact is not None:
        currency = strategy.market.currency
        again = within_contact_policy(again, contact, evidence.history, currency, evidence.read_at)
    return [
        *_other_chance(used, likelihood),
        *candidate_faults(proposal, again),
        *(() if contact is None else _other_choice(proposal, used, strategy, again)),
    ], "the strategy's text was asked again, and decides as it did"


def _other_choice(
    proposal: Proposal, used: StrategyUsed, strategy: Strategy, again: tuple[Candidate, ...]
) -> Iterator[str]:
    """Yield how the choice among the candidates differs from the one that the text makes, by chance or not."""
    chosen, probability = chosen_of(again, strategy, used.drawn_by)
    said = "nothing" if chosen is None else repr(chosen.treatment)
    if chosen is None or (chosen.treatment, probability) != (proposal.treatment, used.probability):
        yield (
            f"{proposal.treatment!r} is said to be chosen with {used.probability} of 10,000; "
            f"the text chooses {said} with {probability}"
        )


def _other_chance(used: StrategyUsed, read: Likelihood) -> Iterator[str]:
    made = read.probability_bp // _PERCENT
    if used.leaving != made:
        yield f"the strategy was told that they leave with {used.leaving} %; the evidence makes it {made} %"


def candidate_faults(proposal: Proposal, again: tuple[Candidate, ...]) -> list[str]:
    """Return how the candidates of a proposal differ from those that were made again."""
    made = {candidate.treatment: candidate for candidate in again}
    found = []
    pick = made.get(proposal.treatment)
    stated_pick = (proposal.mutation, proposal.cost.amount_minor, proposal.expected_value_minor)
    if pick is None or (pick.mutation, pick.cost_minor, pick.expected_value_minor) != stated_pick:
        found.append(f"what is proposed as {proposal.treatment!r} is not what the evidence makes of it")
    if proposal.candidates == again:
        return found
    for stated in proposal.candidates:
        candidate = made.get(stated.treatment)
        if candidate is None:
            found.append(f"candidate {stated.treatment!r} does not follow from the evidence")
        elif candidate.expected_value_minor != stated.expected_value_minor:
            currency = proposal.cost.currency
            found.append(
                f"candidate {stated.treatment!r} is said to be worth {money(stated.expected_value_minor, currency)}, "
                f"the evidence makes it {money(candidate.expected_value_minor, currency)}"
            )
        elif candidate != stated:
            found.append(f"candidate {stated.treatment!r} is not what the evidence makes of it")
    return found or ["the candidates are not those that the evidence makes, or not in their order"]
