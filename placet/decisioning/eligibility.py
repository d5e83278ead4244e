"""Which conditions of a treatment hold for a customer, and why the others do not."""

from placet.contracts.proposal import Reason
from placet.decisioning.facts import ACTIVE, NO_BUCKET, Facts
from placet.decisioning.treatments import Condition, Credit, Move, Order, Treatment

_DETAIL = 160
_WORDS = {"eq": "is", "ne": "is not", "ge": "is at least", "le": "is at most", "in": "is one of"}


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether `condition` is true of `facts`."""
    actual, value = getattr(facts, condition.fact), condition.value
    if condition.op == "eq":
        return bool(actual == value)
    if condition.op == "ne":
        return bool(actual != value)
    if condition.op == "ge":
        return bool(actual >= value)
    if condition.op == "le":
        return bool(actual <= value)
    return isinstance(value, tuple) and actual in value


def reasons_against(treatment: Treatment, facts: Facts, *, currency: str) -> tuple[Reason, ...]:
    """Every eligibility rule that fails: the catalogue's, then those no catalogue may switch off."""
    failed = [_reason(condition, facts) for condition in treatment.eligibility if not holds(condition, facts)]
    if facts.currency != currency:
        failed.append(Reason(code="currency_mismatch", detail=f"billed in {facts.currency}, catalogue in {currency}"))
    if facts.monthly_charge_minor <= 0:
        failed.append(Reason(code="unknown_monthly_charge", detail="no bill and no priced product was read"))
    if isinstance(treatment.action, Credit):
        failed.extend(_bucket_reasons(facts))
    elif move_for(treatment.action, facts) is None:
        failed.append(Reason(code="no_product_to_move", detail="holds no product this order applies to"))
    return tuple(failed)


def reasons_for(treatment: Treatment, facts: Facts) -> tuple[Reason, ...]:
    """Every suitability condition that holds."""
    return tuple(
        _reason(condition, facts, against=False) for condition in treatment.suitability if holds(condition, facts)
    )


def move_for(order: Order, facts: Facts) -> Move | None:
    """The first move whose replaced offering is held and whose own offering is not; None where there is none."""
    held = {product.offering_id for product in facts.held}
    for move in order.moves:
        if move.offering_id not in held and (move.replaces is None or move.replaces in held):
            return move
    return None


def _bucket_reasons(facts: Facts) -> list[Reason]:
    if facts.bucket_id == NO_BUCKET:
        return [Reason(code="no_bucket", detail="no money bucket was read")]
    if facts.bucket_status != ACTIVE:
        return [Reason(code="bucket_not_active", detail=f"bucket is {facts.bucket_status}"[:_DETAIL])]
    if facts.bucket_currency != facts.currency:
        return [Reason(code="bucket_currency", detail=f"bucket in {facts.bucket_currency}, billed in {facts.currency}")]
    return []


def _reason(condition: Condition, facts: Facts, *, against: bool = True) -> Reason:
    actual = getattr(facts, condition.fact)
    wanted = "/".join(condition.value) if isinstance(condition.value, tuple) else condition.value
    detail = f"{condition.fact} {actual}"
    if against:
        detail += f", needed: {_WORDS[condition.op]} {wanted}"
    return Reason(code=condition.code, detail=detail[:_DETAIL])
