"""The decision of one strategy for a run: made from what the run read, as candidates with their mutations. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from placet.contracts.billing import Balance, Evidence, HeldProduct
from placet.contracts.money import Money
from placet.contracts.mutation import AdjustBalance, Mutation, OrderProduct
from placet.contracts.proposal import NOTHING, Candidate, Reason
from placet.contracts.state import CustomerState, Description
from placet.contracts.strategies.decision import NextBestAction, Weighed
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import CreditBalance, OfferedMove, OrderOffering, StrategyTreatment
from placet.contracts.strategies.used import StrategyUsed
from placet.contracts.strategies.written import WHOLE
from placet.contracts.text import NAME, quoted, shortened
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.flattening import row_of
from placet.decisioning.facts import ACTIVE, bucket_of, held_in
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.next_best_action.exploring import choose
from placet.decisioning.next_best_action.worth import CHURN
from placet.decisioning.preconditions import preconditions

_LABEL: Final = 80
_DETAIL: Final = 160
_SOUND: Final = (None, "outranked")
"""Where what fell may be chosen all the same, by a person."""


def decide_by(strategy: Strategy, used: StrategyUsed, state: CustomerState, at: datetime) -> NextBestAction:
    """Return what one strategy decides for the customer of a run; the same arguments give the same decision.

    Args:
        strategy: Its text; where the run carries out a step of it, only what that step may give is weighed.
        used: What the text and the state do not say. How likely they leave is what the run computed, not a score that
            somebody sent.
        state: Of the customer.
        at: The time of the decision.
    """
    row = row_of(state, used.household_members) | {"customer_id": used.drawn_by, CHURN: used.leaving}
    ready = prepare([Live(strategy.at_step(used.step), used.version, used.reached)], used.channel, at)
    return decide(ready, row, as_of=state.as_of, state_version=state.version, channel=used.channel, at=at)


def state_for(strategy: Strategy | None, state: CustomerState) -> CustomerState:
    """Return what a run may read of a customer: no score that somebody sent, and of who they are what is asked for.

    Only the conditions of a published strategy ask who somebody is, and a person signed them.
    """
    if strategy is None or state.described is None:
        return state.for_decisions()
    asked = _asked(strategy)
    kept = {said: value for said, value in dict(state.described).items() if asked & _SAYS.get(said, frozenset())}
    return state.for_decisions().model_copy(update={"described": Description(**kept) if kept else None})


_SAYS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "birth_year": frozenset({"age_years"}),
        "area": frozenset({"area"}),
        "area_code": frozenset({"area_code"}),
        "customer_since": frozenset({"customer_since_on", "tenure_days"}),
    }
)
"""Which columns each word about a customer is for."""


def unread_by(strategy: Strategy, other: Strategy) -> frozenset[str]:
    """Return the columns that a strategy asks for and that no run of another one reads."""
    described = frozenset[str]().union(*_SAYS.values())
    read = frozenset[str]().union(*(columns for columns in _SAYS.values() if columns & _asked(other)))
    return (_asked(strategy) & described) - read


def _asked(strategy: Strategy) -> frozenset[str]:
    texts = [strategy.cohort]
    for treatment in strategy.treatments:
        texts += [rule.when for _, _, rule in treatment.rules()]
        texts += [because.when for because in treatment.because]
    return frozenset(name for text in texts for name in cohort_of(text).needs)


def candidates_of(
    decision: NextBestAction, strategy: Strategy, evidence: Evidence, stays: Reason | None = None
) -> tuple[Candidate, ...]:
    """Return what was weighed as candidates: what may be proposed first, the most worth of it first of all.

    What is worth something falls here where billing shows nothing that it could be done to. `stays` is what speaks
    against doing nothing, where it is told.
    """
    treatments = {one.code: one for one in strategy.treatments}
    found = [_candidate(one, treatments[one.treatment], evidence) for one in decision.weighed]
    found.append(_nothing(stays))
    return tuple(sorted(found, key=lambda one: (not one.eligible, -(one.expected_value_minor or 0))))


def chosen_of(
    candidates: Sequence[Candidate], strategy: Strategy, drawn_by: str
) -> tuple[Candidate, int] | tuple[None, int]:
    """Return the candidate that a run proposes, and with which probability it is chosen; None where none may be.

    It is chosen among those that passed everything: billing and the tenant's contact policy, too.
    """
    open_ = {one.treatment: one for one in candidates if one.eligible and one.mutation is not None}
    choice = choose(strategy, drawn_by, {code: one.expected_value_minor or 0 for code, one in open_.items()})
    return (None, WHOLE) if choice is None else (open_[choice.treatment], choice.probability)


def _candidate(weighed: Weighed, treatment: StrategyTreatment, evidence: Evidence) -> Candidate:
    cost = weighed.cost
    made: Mutation | Reason | None = None
    if weighed.fell in _SOUND and cost is not None:
        action = treatment.action
        if isinstance(action, CreditBalance):
            made = _credit(treatment.title, cost, evidence)
        else:
            made = _order(action, evidence)
    against = made if isinstance(made, Reason) else weighed.reason if weighed.fell not in _SOUND else None
    mutation = None if made is None or isinstance(made, Reason) else made
    return Candidate(
        treatment=weighed.treatment,
        name=weighed.title,
        eligible=mutation is not None,
        expected_value_minor=None if weighed.value is None else weighed.value.amount_minor,
        cost_minor=0 if cost is None else cost.amount_minor,
        reasons_for=(*weighed.because, *((weighed.reason,) if mutation is not None and weighed.fell is None else ())),
        reasons_against=() if against is None else (against,),
        mutation=mutation,
        preconditions=() if mutation is None else preconditions(mutation, evidence),
    )


def _credit(title: str, amount: Money, evidence: Evidence) -> AdjustBalance | Reason:
    bucket: Balance | None = bucket_of(evidence.balances)
    if bucket is None:
        return Reason(code="no_bucket", detail="has no balance to credit")
    if bucket.status.lower() != ACTIVE:
        stands = f"balance {quoted(bucket.name, NAME)} is {quoted(bucket.status, NAME)}, not active"
        return Reason(code="bucket_not_active", detail=shortened(stands, _DETAIL))
    if bucket.remaining.currency != amount.currency:
        held = f"has a balance in {bucket.remaining.currency}, would be credited in {amount.currency}"
        return Reason(code="bucket_currency", detail=held)
    return AdjustBalance(
        customer_id=evidence.customer.customer_id,
        bucket_id=bucket.bucket_id,
        bucket_name=shortened(bucket.name, _LABEL),
        amount=amount,
        reason=title,
    )


def _order(action: OrderOffering, evidence: Evidence) -> OrderProduct | Reason:
    held = held_in(evidence.products)
    move = move_of(action, held)
    if move is None:
        return Reason(code="no_product_to_move", detail="holds no product this order applies to")
    replaced = min(
        (product for product in held if product.offering_id == move.replaces),
        key=lambda product: product.product_id,
        default=None,
    )
    return OrderProduct(
        customer_id=evidence.customer.customer_id,
        action="modify" if replaced else "add",
        offering_id=move.offering,
        offering_name=move.title,
        product_id=replaced.product_id if replaced else None,
        product_name=shortened(replaced.name, _LABEL) if replaced else "",
    )


def move_of(action: OrderOffering, held: Sequence[HeldProduct]) -> OfferedMove | None:
    """Return the first move whose replaced offering is held and whose own offering is not."""
    offerings = {product.offering_id for product in held}
    for move in action.moves:
        if move.offering not in offerings and (move.replaces is None or move.replaces in offerings):
            return move
    return None


def _nothing(stays: Reason | None) -> Candidate:
    return Candidate(
        treatment=NOTHING,
        name="Nothing",
        eligible=True,
        expected_value_minor=0,
        cost_minor=0,
        reasons_for=(Reason(code="no_cost", detail="gives nothing away"),),
        reasons_against=() if stays is None else (stays,),
    )
