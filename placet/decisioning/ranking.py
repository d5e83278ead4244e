"""The next best action: every treatment weighed, the eligible first, best first; `nothing` is always among them."""

from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, Mutation, OrderProduct, Reason
from placet.contracts.text import shortened
from placet.decisioning import words
from placet.decisioning.eligibility import move_for, reasons_against, reasons_for
from placet.decisioning.facts import Facts
from placet.decisioning.treatments import NOTHING, Catalogue, Credit, Move, Order, Treatment
from placet.decisioning.value import credit_minor, expected_value_minor, order_cost_minor

_LABEL = 80


def evaluate(catalogue: Catalogue, facts: Facts) -> tuple[Candidate, ...]:
    """Weigh the whole catalogue for one customer.

    Returns:
        One candidate per treatment and one for `nothing`, the eligible before the others, each group by expected value
        (highest first), then cost, then code. An eligible one is worth more than nothing and carries its mutation.
    """
    candidates = [_weigh(treatment, catalogue, facts) for treatment in catalogue.treatments]
    candidates.append(_nothing(facts))
    return tuple(sorted(candidates, key=_order))


def _order(candidate: Candidate) -> tuple[bool, int, int, str]:
    worth = candidate.expected_value_minor or 0
    return not candidate.eligible, -worth, candidate.cost_minor, candidate.treatment


def eligible(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The candidates that may be proposed, in their order."""
    return tuple(candidate for candidate in candidates if candidate.eligible)


def _weigh(treatment: Treatment, catalogue: Catalogue, facts: Facts) -> Candidate:
    move = move_for(treatment.action, facts) if isinstance(treatment.action, Order) else None
    cost = _cost(treatment, move, facts)
    value = expected_value_minor(
        facts, catalogue.assumptions, relative_reduction_bp=treatment.relative_reduction_bp, cost_minor=cost
    )
    against = list(reasons_against(treatment, facts, currency=catalogue.currency))
    if isinstance(treatment.action, Credit) and cost == 0:
        against.append(Reason(code="amount_rounds_to_zero", detail="the credit would be nothing"))
    if cost > catalogue.max_cost_minor:
        cap = words.amount(catalogue.max_cost_minor, catalogue.currency)
        against.append(
            Reason(
                code="above_cap",
                detail=f"costs {words.amount(cost, facts.currency)}, the application's cap is {cap}",
            )
        )
    if value <= 0:
        against.append(Reason(code="no_positive_value", detail=_no_value(value, cost, facts.currency)))
    return Candidate(
        treatment=treatment.code,
        name=treatment.name,
        eligible=not against,
        expected_value_minor=value,
        cost_minor=cost,
        reasons_for=reasons_for(treatment, facts),
        reasons_against=tuple(against),
        mutation=None if against else _mutation(treatment, move, cost, facts),
    )


def _no_value(value: int, cost: int, currency: str) -> str:
    kept, given = words.amount(value + cost, currency), words.amount(cost, currency)
    lost = f"a loss of {words.amount(-value, currency)}" if value < 0 else "nothing is gained"
    return f"is expected to keep {kept} of margin and costs {given}: {lost}"


def _nothing(facts: Facts) -> Candidate:
    leave = Reason(code="churn_risk_stays", detail=words.statement("churn_bp", facts))
    free = Reason(code="no_cost", detail="gives nothing away")
    return Candidate(
        treatment=NOTHING,
        name="Nothing",
        eligible=True,
        expected_value_minor=0,
        cost_minor=0,
        reasons_for=(free,),
        reasons_against=(leave,),
    )


def _cost(treatment: Treatment, move: Move | None, facts: Facts) -> int:
    if isinstance(treatment.action, Credit):
        return credit_minor(treatment.action, facts)
    return order_cost_minor(treatment.action, move, facts) if move is not None else 0


def _mutation(treatment: Treatment, move: Move | None, cost: int, facts: Facts) -> Mutation | None:
    if isinstance(treatment.action, Credit):
        return AdjustBalance(
            customer_id=facts.customer_id,
            bucket_id=facts.bucket_id,
            bucket_name=shortened(facts.bucket_name, _LABEL),
            amount=Money(amount_minor=cost, currency=facts.currency),
            reason=treatment.name,
        )
    if move is None:
        return None
    held = (product for product in facts.held if product.offering_id == move.replaces)
    replaced = min(held, key=lambda product: product.product_id, default=None)
    return OrderProduct(
        customer_id=facts.customer_id,
        action="modify" if replaced else "add",
        offering_id=move.offering_id,
        offering_name=move.name,
        product_id=replaced.product_id if replaced else None,
        product_name=shortened(replaced.name, _LABEL) if replaced else "",
    )
