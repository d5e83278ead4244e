"""What another text, or another rule, would have chosen for whom a published strategy decided. Pure.

Chance has its part in a decision by one draw of the customer. So the other choice is made without that draw: it is what
the other text ranks first. Were both drawn by the same digest, what was tried and what would be chosen hung together,
and weights would say nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import polars as pl

from placet.contracts.billing import Evidence
from placet.contracts.mutation import Mutation
from placet.contracts.proposal import NOTHING, Candidate
from placet.contracts.state import CustomerState
from placet.contracts.strategies.steps import Step, StepName, TreatStep, goes_to, permitted
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import Staying
from placet.contracts.strategies.used import StrategyUsed
from placet.decisioning.next_best_action.exploring import ranked
from placet.decisioning.next_best_action.proposing import candidates_of, chosen_of, decide_by
from placet.decisioning.outcomes.off_policy import RULE

_PERCENT: Final = 100
_WORDS: Final = {"reason", "bucket_name", "offering_name", "product_name"}
"""What people read of a mutation, and what changes nothing."""


class Decided(NamedTuple):
    """One decision of a published strategy, as the record has it, and what it was made of.

    Attributes:
        action: Which treatment chance or rule chose, whatever became of it; `NOTHING` where none passed.
        probability: With which it was chosen, in basis points.
        rule: What is worth most, which is chosen without chance.
        open: The treatments that passed everything, by code.
        barred: What the tenant's contact policy took out.
    """

    customer_id: str
    action: str
    probability: int
    rule: str
    open: dict[str, Candidate]
    barred: frozenset[str]
    used: StrategyUsed
    state: CustomerState
    evidence: Evidence


Chooses = Callable[[Decided], str | None]
"""What is chosen for whom a decision was made; None: nothing that was possible then."""


def decided_of(
    strategy: Strategy,
    customer_id: str,
    used: StrategyUsed,
    stated: Sequence[Candidate],
    state: CustomerState,
    evidence: Evidence,
) -> Decided | None:
    """Return a decision from what the record says of it; None where the text does not make those candidates of it.

    Args:
        strategy: The published text.
        customer_id: For whom.
        used: What the decision was made with.
        stated: Candidates, as the run has them on record: after billing and the tenant's contact policy.
        state: What the run read.
        evidence: What the run read of billing.
    """
    made = {one.treatment: one for one in _passing(strategy, used, state, evidence)}
    open_ = {one.treatment: one for one in stated if one.eligible and one.mutation is not None}
    for code, one in open_.items():
        again = made.get(code)
        figures = (one.mutation, one.cost_minor, one.expected_value_minor)
        if again is None or (again.mutation, again.cost_minor, again.expected_value_minor) != figures:
            return None
    pick, probability = chosen_of(stated, strategy, used.drawn_by)
    worth = {code: one.expected_value_minor or 0 for code, one in open_.items()}
    return Decided(
        customer_id=customer_id,
        action=NOTHING if pick is None else pick.treatment,
        probability=probability,
        rule=next(iter(ranked(strategy, worth)), NOTHING),
        open=open_,
        barred=frozenset(_key(one.mutation) for code, one in made.items() if code not in open_),
        used=used,
        state=state,
        evidence=evidence,
    )


def choice_steps(strategy: Strategy) -> tuple[StepName, ...]:
    """Return the steps of a strategy that may give one of several treatments; none of a strategy without steps."""
    codes = tuple(one.code for one in strategy.treatments)
    treats = (one for one in strategy.steps if isinstance(one, TreatStep))
    return tuple(one.step for one in treats if len(permitted(one, codes)) > 1)


def one_after_another(strategy: Strategy) -> tuple[StepName, StepName] | None:
    """Return two steps with a choice of which one leads to the other; None where each customer comes to one at most.

    The draw of a customer is one for all steps: whoever was drawn at the first is drawn at the second as well, so that
    what one of both brings cannot be told apart.
    """
    choices, steps = choice_steps(strategy), strategy.steps
    reached = {name: _reached(steps, name) for name in choices}
    return next(((one, other) for one in choices for other in choices if other in reached[one]), None)


def _reached(steps: tuple[Step, ...], name: StepName) -> set[StepName]:
    """Return the steps to which a step leads, at once or by others; all lead forward."""
    found = set[StepName]()
    for place, one in enumerate(steps):
        if one.step == name or one.step in found:
            found |= {to for _, to in goes_to(steps, place) if to is not None}
    return found


def by_text(published: Strategy, changed: Strategy) -> Chooses:
    """Return how a changed text chooses for those whom the published one treats, within its term and its stage."""
    kept = {"holdout": published.holdout, "term": published.term, "explore": 0}
    asked = changed.model_copy(update=kept)

    def chooses(one: Decided) -> str | None:
        return _chosen(asked, one, one.used) if one.used.channel in changed.contact.channels else None

    return chooses


def by_propensity(strategy: Strategy) -> Chooses:
    """Return how somebody chooses who asks only how likely a treatment works, not what it is worth or costs."""
    gains = {one.code: one.value for one in strategy.treatments}

    def chance(code: str, leaving: int | None) -> int:
        gain = gains[code]
        return (leaving or 0) * gain.removes // _PERCENT if isinstance(gain, Staying) else gain.chance

    def chooses(one: Decided) -> str | None:
        likely = {code: chance(code, one.used.leaving) for code in one.open}
        return next(iter(ranked(strategy, likely)), NOTHING)

    return chooses


def by_random_score(strategy: Strategy, decided: Sequence[Decided]) -> Chooses:
    """Return how the text chooses with the score of somebody else: everybody's is passed on in an order by digest."""
    kept = strategy.model_copy(update={"explore": 0})
    order = sorted(decided, key=lambda one: _lot(strategy.name, one.customer_id))
    scores = {one.customer_id: order[place - 1].used.leaving for place, one in enumerate(order)}

    def chooses(one: Decided) -> str | None:
        return _chosen(kept, one, one.used.model_copy(update={"leaving": scores[one.customer_id]}))

    return chooses


def could_be(published: Strategy, one: Decided, choice: str | None) -> bool:
    """Say whether a choice was possible: what passed, where chance had a part; else what was done."""
    if choice is None:
        return False
    return choice == one.rule or (published.explore > 0 and choice in one.open)


def log_of(decided: Iterable[tuple[Decided, str]]) -> pl.DataFrame:
    """Return the log that `off_policy` reads, without outcomes: decisions, each with the choice that was possible."""
    rows = list(decided)
    return pl.DataFrame(
        {
            "customer_id": [one.customer_id for one, _ in rows],
            # What passed, so that what an action brings is told from customers who had the same choice.
            "context": ["+".join(sorted(one.open)) or NOTHING for one, _ in rows],
            "action": [one.action for one, _ in rows],
            "probability_bp": [one.probability for one, _ in rows],
            RULE: [one.rule for one, _ in rows],
            "new_action": [choice for _, choice in rows],
        },
        schema={
            "customer_id": pl.String,
            "context": pl.String,
            "action": pl.String,
            "probability_bp": pl.Int64,
            RULE: pl.String,
            "new_action": pl.String,
        },
    )


def ruled_out(strategy: Strategy, one: Decided) -> bool:
    """Say whether rules or the tenant's contact policy left a treatment of the strategy out."""
    return len(one.open) < len(strategy.treatments)


def _passing(strategy: Strategy, used: StrategyUsed, state: CustomerState, evidence: Evidence) -> list[Candidate]:
    found = candidates_of(decide_by(strategy, used, state, evidence.read_at), strategy, evidence)
    return [one for one in found if one.eligible and one.mutation is not None]


def _chosen(strategy: Strategy, one: Decided, used: StrategyUsed) -> str | None:
    """Return the treatment of the decision whose change is that which a text ranks first; None where there is none."""
    passing = [
        each
        for each in _passing(strategy, used, one.state, one.evidence)
        if _key(each.mutation) not in one.barred
        or any(_key(each.mutation) == _key(it.mutation) for it in one.open.values())
    ]
    worth = {each.treatment: each.expected_value_minor or 0 for each in passing}
    first = next(iter(ranked(strategy, worth)), None)
    if first is None:
        return None if one.open else NOTHING
    wanted = next(_key(each.mutation) for each in passing if each.treatment == first)
    same = [code for code, each in one.open.items() if _key(each.mutation) == wanted]
    return first if first in same else next(iter(same), None)


def _key(mutation: Mutation | None) -> str:
    """Return what a change does, without the words that people read of it: another amount is another action."""
    return "" if mutation is None else mutation.model_dump_json(exclude=_WORDS)


def _lot(name: str, customer_id: str) -> str:
    """Return a place in an order that hangs on no draw of a strategy."""
    return hashlib.sha256(f"placet/random-score/{name}/{customer_id}".encode()).hexdigest()
